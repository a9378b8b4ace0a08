//! What a schema takes, in words.

use serde_json::{Map, Value};

/// A schema with its definitions, to which references lead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root<'s>(pub(super) &'s Value);

/// The keys of a table.
pub(super) fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    let all = schema.get("properties").and_then(Value::as_object);
    all.into_iter().flatten().filter_map(|(name, property)| Some((name, property.as_object()?)))
}

impl<'s> Root<'s> {
    /// The schema that a reference leads to, or itself.
    fn resolved<'a>(self, schema: &'a Map<String, Value>) -> &'a Map<String, Value>
    where
        's: 'a,
    {
        let alone = schema.get("allOf").and_then(Value::as_array).and_then(|all| match all.as_slice() {
            [only] => only.as_object(),
            [] | [_, ..] => None,
        });
        let reference = alone.unwrap_or(schema).get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|reference| self.0.pointer(reference.strip_prefix('#')?)?.as_object());
        target.map_or(schema, |target| self.resolved(target))
    }

    /// The tables that a key holds, with the keys that lead to them.
    pub(super) fn below<'a>(self, path: &str, schema: &'a Map<String, Value>) -> Vec<(String, &'a Map<String, Value>)>
    where
        's: 'a,
    {
        let schema = self.resolved(schema);
        if schema.contains_key("properties") {
            return vec![(path.to_owned(), schema)];
        }
        let inner = |key: &str| schema.get(key).and_then(Value::as_object);
        if let Some(entry) = inner("additionalProperties") {
            return self.below(&format!("{path}.{}", placeholder(schema)), entry);
        }
        if let Some(item) = inner("items") {
            return self.below(&format!("{path}[]"), item);
        }
        let branches = ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
        branches.filter_map(Value::as_object).flat_map(|branch| self.below(path, branch)).collect()
    }

    /// What it takes, in words.
    pub(super) fn kind(self, schema: &Map<String, Value>) -> String {
        let schema = self.resolved(schema);
        if !self.words(schema).is_empty() {
            return "one of".to_owned();
        }
        if let Some(Value::Array(options)) = schema.get("enum") {
            let options: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
            return options.join(" or ");
        }
        if let Some(only) = schema.get("const") {
            return format!("`{only}`");
        }
        if let Some(branches) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)?.as_array()) {
            let mut kinds: Vec<String> =
                branches.iter().filter_map(Value::as_object).map(|one| self.kind(one)).collect();
            kinds.dedup();
            return kinds.join(", or ") + &hint(schema);
        }
        let types = schema.get("type").and_then(Value::as_array);
        if let Some(types) = types {
            let simple = types.iter().map(|kind| self.simple(kind.as_str(), schema));
            return simple.collect::<Vec<_>>().join(", or ") + &hint(schema);
        }
        self.simple(schema.get("type").and_then(Value::as_str), schema) + &hint(schema)
    }

    fn simple(self, kind: Option<&str>, schema: &Map<String, Value>) -> String {
        match kind {
            Some("string") => "text".to_owned(),
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("integer") => format!("a whole number{}", range(schema)),
            Some("number") => format!("a number{}", range(schema)),
            Some("array") => self.list(schema),
            Some("object") => self.map(schema),
            Some(other) => other.to_owned(),
            None => "any value".to_owned(),
        }
    }

    fn list(self, schema: &Map<String, Value>) -> String {
        match schema.get("items").and_then(Value::as_object) {
            Some(items) if !self.words(items).is_empty() => "a list of".to_owned(),
            Some(items) => format!("a list, each {}", self.kind(items)),
            None => "a list".to_owned(),
        }
    }

    fn map(self, schema: &Map<String, Value>) -> String {
        match schema.get("additionalProperties").and_then(Value::as_object) {
            Some(entry) if schema.get("properties").is_none() => {
                format!("a table of {}, each {}", placeholder(schema), self.kind(entry))
            }
            Some(_) | None => "a table".to_owned(),
        }
    }

    /// The words it takes, each with its meaning; also those of a list's items.
    pub(super) fn words<'a>(self, schema: &'a Map<String, Value>) -> Vec<(&'a str, &'a str)>
    where
        's: 'a,
    {
        let schema = self.resolved(schema);
        if let Some(items) = schema.get("items").and_then(Value::as_object) {
            return self.words(items);
        }
        let word = |branch: &'a Value| Some((branch.get("const")?.as_str()?, branch.get("description")?.as_str()?));
        let branches = schema.get("oneOf").and_then(Value::as_array);
        branches.and_then(|branches| branches.iter().map(word).collect()).unwrap_or_default()
    }

    /// What it can be.
    pub(super) fn example(self, schema: &Map<String, Value>, default: Option<&Value>) -> Option<Value> {
        let first = |schema: &Map<String, Value>| schema.get("examples")?.as_array()?.first().cloned();
        let target = self.resolved(schema);
        let is_flag = target.get("type").is_some_and(|kind| kind == "boolean");
        let flag = || is_flag.then(|| Value::Bool(default != Some(&Value::Bool(true))));
        first(schema).or_else(|| first(target)).or_else(flag).or_else(|| {
            let mut words = self.words(schema).into_iter().map(|(word, _)| Value::from(word));
            let other = words.rfind(|word| Some(word) != default)?;
            Some(if target.contains_key("items") { Value::Array(vec![other]) } else { other })
        })
    }
}

/// What stands for the name of an entry.
fn placeholder(schema: &Map<String, Value>) -> &'static str {
    let names = schema.get("propertyNames").and_then(|names| names.get("pattern")).and_then(Value::as_str);
    match names {
        Some(pattern) if pattern.contains("-]") => "<name>",
        Some(_) => "<id>",
        None => "<key>",
    }
}

fn range(schema: &Map<String, Value>) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) if most.as_f64().is_some_and(|most| most < 1e6) => format!(", {least} to {most}"),
        (Some(least), _) if least.as_f64().is_some_and(|least| least > -1e6) => format!(", at least {least}"),
        (Some(_) | None, Some(_) | None) => String::new(),
    }
}

fn hint(schema: &Map<String, Value>) -> String {
    schema.get("x-hint").and_then(Value::as_str).map(|hint| format!(" ({hint})")).unwrap_or_default()
}
