//! The helpers of our templates.

use std::sync::LazyLock;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, PathAndJson, RenderContext, RenderError, RenderErrorReason, ScopedJson,
    no_escape,
};
use serde_json::Value;

/// The name under which printing a variable is a helper; no template can say it.
pub(super) const PRINT: &str = "print a variable";

/// All helpers, strict, without escaping.
pub(super) static REGISTRY: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(no_escape);
    let makers: [(&str, Make); 4] = [(PRINT, print), ("json", json), ("join", join), ("indent", indent)];
    for (name, make) in makers {
        registry.register_helper(name, Box::new(Text(make)));
    }
    registry
});

type Make = fn(&Helper<'_>) -> Result<String, RenderError>;

/// A helper that makes text of its parameters.
struct Text(Make);

impl HelperDef for Text {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        self.0(helper).map(|text| ScopedJson::Derived(Value::String(text)))
    }
}

fn wrong(message: impl Into<String>) -> RenderError {
    RenderErrorReason::Other(message.into()).into()
}

/// The first parameter; one that is not there at all is an error.
fn first<'a>(helper: &'a Helper<'_>) -> Result<(&'a Value, &'a str), RenderError> {
    let given: &PathAndJson<'_> =
        helper.param(0).ok_or_else(|| wrong(format!("`{}` needs something to work on", helper.name())))?;
    let name = given.relative_path().map_or("it", String::as_str);
    if given.is_value_missing() {
        return Err(RenderErrorReason::MissingVariable(Some(name.to_owned())).into());
    }
    Ok((given.value(), name))
}

/// A value as text: null is nothing, an object or a list has no text.
fn text_of(value: &Value, name: &str) -> Result<String, RenderError> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(_) => {
            Err(wrong(format!("`{name}` is a list: use `{{{{json {name}}}}}` or `{{{{join {name}}}}}`")))
        }
        Value::Object(_) => Err(wrong(format!("`{name}` is an object: use `{{{{json {name}}}}}`"))),
    }
}

fn print(helper: &Helper<'_>) -> Result<String, RenderError> {
    let (value, name) = first(helper)?;
    text_of(value, name)
}

/// `{{json x}}`.
fn json(helper: &Helper<'_>) -> Result<String, RenderError> {
    let (value, _) = first(helper)?;
    Ok(value.to_string())
}

/// `{{join list ", "}}`.
fn join(helper: &Helper<'_>) -> Result<String, RenderError> {
    let (value, name) = first(helper)?;
    let between = helper.param(1).and_then(|given| given.value().as_str()).unwrap_or(", ");
    match value {
        Value::Null => Ok(String::new()),
        Value::Array(items) => {
            let texts: Result<Vec<String>, RenderError> = items
                .iter()
                .map(|item| match item {
                    Value::Array(_) | Value::Object(_) => {
                        Err(wrong(format!("`{name}` holds lists or objects: use `{{{{json {name}}}}}`")))
                    }
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text_of(item, name),
                })
                .collect();
            Ok(texts?.join(between))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(wrong(format!("`join` needs a list, and `{name}` is none")))
        }
    }
}

/// `{{indent text 4}}` or `{{indent text "> "}}`: every line that is not empty.
fn indent(helper: &Helper<'_>) -> Result<String, RenderError> {
    let (value, name) = first(helper)?;
    let before = match helper.param(1).map(PathAndJson::value) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(count)) => {
            " ".repeat(count.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0).min(80))
        }
        None | Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(wrong("`indent` needs a number of spaces or the text to put before each line"));
        }
    };
    let text = text_of(value, name)?;
    let lines: Vec<String> =
        text.split('\n').map(|line| if line.is_empty() { String::new() } else { format!("{before}{line}") }).collect();
    Ok(lines.join("\n"))
}
