//! What a skill that can be run is given, as its JSON Schema says it: for people and agents, in a line each.

use serde_json::Value;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type; empty where any will do.
    pub kind: String,
    /// What it is for.
    pub description: String,
    /// Whether it has to be given.
    pub required: bool,
}

impl Parameter {
    /// `file`, or `file?` where it may be left out.
    pub fn brief(&self) -> String {
        format!("{}{}", self.name, if self.required { "" } else { "?" })
    }
}

/// The parameters that a schema names, those that are required first. Any others it may allow are not told.
pub fn parameters(schema: &Value) -> Vec<Parameter> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.into_iter().flatten().any(|one| one.as_str() == Some(name));
    let properties = schema.get("properties").and_then(Value::as_object);
    let of = |(name, about): (&String, &Value)| Parameter {
        kind: match about.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            one => text(one),
        },
        description: text(about.get("description")),
        required: is_required(name),
        name: name.clone(),
    };
    let mut all: Vec<Parameter> = properties.into_iter().flatten().map(of).collect();
    all.sort_by_key(|parameter| !parameter.required);
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn those_that_are_required_come_first() {
        let schema = json!({
            "required": ["to"],
            "properties": {
                "from": { "type": "string", "description": "Where." },
                "most": { "type": ["integer", "null"] },
                "to": true,
            },
        });
        let all = parameters(&schema);
        assert_eq!(all.iter().map(Parameter::brief).collect::<Vec<_>>(), ["to", "from?", "most?"]);
        assert_eq!((all[1].kind.as_str(), all[1].description.as_str()), ("string", "Where."));
        assert_eq!((all[2].kind.as_str(), all[0].kind.as_str()), ("integer or null", ""));
        for none in [json!({}), json!(true), json!({ "properties": [] })] {
            assert_eq!(parameters(&none), [], "{none}");
        }
    }
}
