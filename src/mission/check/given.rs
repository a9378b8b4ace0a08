//! Missions that are used as tasks: what they are told fits what they may be told.

use serde_json::Value;

use crate::catalog::template::Template;
use crate::diagnostic::codes;
use crate::diagnostic::nearest::{listed, nearest};
use crate::expression::Type;
use crate::mission::check::templates::Walk;
use crate::mission::check::types::{described, fits};
use crate::mission::check::variables::Sight;
use crate::mission::file::TaskFile;
use crate::mission::library::{Need, Part, PartInput};
use crate::mission::spans::escape;
use crate::name::{InputId, LocalTaskId};

impl<'s> Walk<'s, '_, '_> {
    /// What a task tells its mission.
    pub fn given(&mut self, id: &'s LocalTaskId, task: &TaskFile) {
        let part = self.scene.parts.get(id);
        for (input, value) in &task.with {
            let pointer = format!("/tasks/{id}/with/{input}");
            let wanted = part.and_then(|part| part.inputs.as_ref()?.get(input));
            if let Some(text) = value.cel() {
                self.computed(&pointer, id, (input, wanted), text);
                continue;
            }
            let is_template = self.texts_of(&pointer, &value.0, id);
            if let Some(wanted) = wanted {
                self.value_fits(&pointer, (input, wanted), (&value.0, is_template));
            }
        }
        if let Some(part) = part
            && task.mission.is_some()
        {
            self.names_fit(id, task, part);
        }
    }

    fn names_fit(&mut self, id: &LocalTaskId, task: &TaskFile, part: &Part) {
        let Some(inputs) = &part.inputs else { return };
        for input in task.with.keys().filter(|input| !inputs.contains_key(*input)) {
            let span = self.marker.key(&format!("/tasks/{id}/with/{input}"));
            let known = || inputs.keys().map(InputId::as_str);
            let help = match nearest(input.as_str(), known()) {
                Some(close) => format!("did you mean `{close}`?"),
                None if inputs.is_empty() => "remove it: that mission has no inputs".to_owned(),
                None => format!("its inputs are {}", listed(known())),
            };
            let message = format!("the mission `{}` has no input `{input}`", part.file);
            self.marker.error(codes::UNKNOWN_INPUT, span, message).help(help);
        }
        let unsure = self.scene.is_unsure(&format!("/tasks/{id}/with"));
        for (input, _) in inputs.iter().filter(|(_, input)| input.need == Need::Required && !unsure) {
            if !task.with.contains_key(input) {
                let span = self.marker.value(&format!("/tasks/{id}/mission"));
                let message = format!("task `{id}` does not give `{}` its input `{input}`", part.file);
                self.marker.error(codes::MISSING_INPUT, span, message).help(format!("add `with.{input} = …`"));
            }
        }
    }

    fn computed(&mut self, pointer: &str, id: &LocalTaskId, input: (&InputId, Option<&PartInput>), text: &str) {
        let Some(of) = self.value(&format!("{pointer}/cel"), id, text) else { return };
        let (name, Some(schema)) = (input.0, input.1.and_then(|wanted| wanted.schema.as_ref())) else { return };
        let wanted = Type::of_schema(schema);
        if !fits(&of, &wanted) {
            let span = self.marker.inside(&format!("{pointer}/cel"), 0, text.len());
            let message = format!("the input `{name}` is {}, and this is {}", described(&wanted), described(&of));
            self.marker.error(codes::WRONG_INPUT, span, message).help(format!("give it {}", described(&wanted)));
        }
    }

    /// Checks the templates in a value; true where there are any.
    fn texts_of(&mut self, pointer: &str, value: &Value, id: &'s LocalTaskId) -> bool {
        match value {
            Value::String(text) => {
                self.text(pointer, text, Sight::Value(id));
                Template::parse(text).is_ok_and(|template| !template.uses().is_empty())
            }
            Value::Array(list) => {
                let mut any = false;
                for (at, item) in list.iter().enumerate() {
                    any |= self.texts_of(&format!("{pointer}/{at}"), item, id);
                }
                any
            }
            Value::Object(fields) => {
                let mut any = false;
                for (key, item) in fields {
                    any |= self.texts_of(&format!("{pointer}/{}", escape(key)), item, id);
                }
                any
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn value_fits(
        &mut self,
        pointer: &str,
        (name, wanted): (&InputId, &PartInput),
        (value, is_template): (&Value, bool),
    ) {
        let Some(schema) = &wanted.schema else { return };
        let span = self.marker.value(pointer);
        if is_template {
            let wanted = Type::of_schema(schema);
            if value.is_string() && !fits(&Type::text(), &wanted) {
                let message = format!("a template makes text, and the input `{name}` is {}", described(&wanted));
                let help = "compute it instead: `{ cel = \"…\" }`";
                self.marker.error(codes::WRONG_INPUT, span, message).help(help);
            }
            return;
        }
        let Ok(validator) = jsonschema::options().offline().build(schema) else { return };
        if let Some(error) = validator.iter_errors(value).next() {
            let message = format!("this does not fit the input `{name}`: {error}");
            let help = format!("give it {}", described(&Type::of_schema(schema)));
            self.marker.error(codes::WRONG_INPUT, span, message).help(help);
        }
    }
}
