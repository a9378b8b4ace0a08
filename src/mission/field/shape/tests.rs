use super::*;

fn shape(value: &Value) -> Result<Shape, BadShape> {
    Shape::parse(value, &|path| Err(format!("the JSON Schema `{path}` cannot be read")))
}

fn parts() -> Shape {
    shape(&json!([{ "name": "string", "risk": "integer?", "tags": ["string"] }])).unwrap()
}

const NONE: [&str; 0] = [];

#[test]
fn shapes_are_read_and_described() {
    assert_eq!(shape(&json!("string")), Ok(Shape::String));
    assert_eq!(parts().describe(), "list of { name: string, risk?: integer, tags: list of string }");
    assert_eq!(shape(&json!({ "schema": { "type": "string" } })), Ok(Shape::Schema(json!({ "type": "string" }))));
    let field_called_schema = shape(&json!({ "schema": "string", "name": "string" })).unwrap();
    assert_eq!(field_called_schema.describe(), "{ schema: string, name: string }");
}

#[test]
fn what_is_no_shape_is_told_with_its_place() {
    for (value, pointer) in [
        (json!("strnig"), ""),
        (json!("string?"), ""),
        (json!([]), ""),
        (json!(["string", "string"]), ""),
        (json!([{ "a/b": "nothing" }]), "/0/a~1b"),
        (json!({ "a": 5 }), "/a"),
        (json!({ "schema": { "type": "nothing" } }), ""),
        (json!({ "schema": "missing.json" }), ""),
    ] {
        assert_eq!(shape(&value).map_err(|bad| bad.pointer), Err(pointer.to_owned()), "{value}");
    }
    let deep = (0..100).fold(json!("string"), |inner, _| json!([inner]));
    assert!(shape(&deep).is_err());
}

#[test]
fn values_are_compared() {
    let parts = parts();
    assert_eq!(parts.problems(&json!([]), "it"), NONE);
    assert_eq!(parts.problems(&json!([{ "name": "a", "tags": [], "risk": 2.0 }]), "it"), NONE);
    assert_eq!(
        parts.problems(&json!([{ "nmae": "a", "tags": "x", "risk": "high" }]), "the value"),
        [
            "the value[0] lacks `name`, a string",
            "the value[0].risk must be an integer, not a string",
            "the value[0].tags must be a list of string, not a string",
            "the value[0] has an unknown field `nmae`",
        ]
    );
    assert_ne!(parts.problems(&Value::Null, "it"), NONE);
}

#[test]
fn samples_fit_their_shapes() {
    let schema = json!({ "type": "object", "required": ["a", "b"], "properties": {
        "a": { "enum": ["x", "y"] }, "b": { "type": "array", "items": { "type": "integer", "minimum": 3 } } } });
    for shape in
        [Shape::String, Shape::Integer, Shape::Number, Shape::Boolean, Shape::Object, parts(), Shape::Schema(schema)]
    {
        assert_eq!(shape.problems(&shape.sample("word"), "it"), NONE, "{shape:?}");
    }
}
