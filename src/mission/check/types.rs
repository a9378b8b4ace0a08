//! What is known of values before they exist: types of inputs, of what tasks hand over, of the variables of instances.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::expression::{Others, Type};
use crate::mission::check::Scene;
use crate::mission::check::fields::schema_file;
use crate::mission::check::inputs::schema_of;
use crate::mission::check::kinds::Kind;
use crate::mission::field::shape::Shape;
use crate::mission::file::TaskFile;
use crate::mission::model::Join;
use crate::name::{LocalTaskId, OutputId, VarId};

/// How a task can have ended, as `tasks.<id>.status` says it.
pub const STATUS: [&str; 6] = ["succeeded", "failed", "skipped", "blocked", "cancelled", "conflict"];

/// What the tasks of a mission hand over, by the names of their outputs.
pub type Outputs = BTreeMap<String, Type>;

/// The types of a mission.
#[derive(Debug)]
pub struct Types<'a> {
    /// Of inputs.
    pub inputs: BTreeMap<&'a str, Type>,
    /// Of what tasks hand over as a whole; `None` where it cannot be known.
    outputs: Vec<Option<Outputs>>,
    /// Of the variables of their instances.
    pub variables: BTreeMap<&'a LocalTaskId, BTreeMap<VarId, Type>>,
}

impl<'a> Types<'a> {
    /// Of inputs and outputs; those of variables are found out when their lists are checked.
    pub fn new(scene: &Scene<'a>) -> Self {
        let inputs = scene.file.inputs.iter().map(|(id, input)| {
            let schema = schema_of(scene, input).unwrap_or_default();
            (id.as_str(), Type::of_schema(&schema))
        });
        let outputs = scene.file.tasks.iter().map(|(id, task)| outputs(scene, id, task));
        Self { inputs: inputs.collect(), outputs: outputs.collect(), variables: BTreeMap::new() }
    }

    /// What a task hands over; `None` where it cannot be known.
    pub fn outputs(&self, scene: &Scene<'_>, id: &LocalTaskId) -> Option<&Outputs> {
        self.outputs.get(scene.file.tasks.get_index_of(id)?)?.as_ref()
    }

    /// What is known of a task's end when one starts that needs it to have succeeded.
    pub fn succeeded(&self, scene: &Scene<'_>, id: &LocalTaskId, by: &LocalTaskId) -> Type {
        let Type::Object { mut fields, others } = self.task(scene, id, Some(by)) else { return Type::Any };
        if is_sure(scene, id, by) {
            fields.insert("status".to_owned(), Type::one_of(["succeeded"]));
        }
        Type::Object { fields, others }
    }

    /// A task as conditions of another one see it, or as those of the mission do.
    pub fn task(&self, scene: &Scene<'_>, id: &LocalTaskId, by: Option<&LocalTaskId>) -> Type {
        let outputs = match self.outputs(scene, id) {
            None => Type::Any,
            Some(outputs) if by.is_some_and(|by| is_sure(scene, id, by)) => Type::object(outputs.clone()),
            Some(outputs) => Type::object(outputs.iter().map(|(name, of)| (name.clone(), of.clone().nullable()))),
        };
        Type::object([("status", Type::one_of(STATUS)), ("outputs", outputs)])
    }
}

/// Whether a task has succeeded for sure when one that needs it starts.
fn is_sure(scene: &Scene<'_>, id: &LocalTaskId, by: &LocalTaskId) -> bool {
    scene.file.tasks.get(by).is_some_and(|by| by.join == Join::AllSuccess && by.needs.contains(id))
}

fn outputs(scene: &Scene<'_>, id: &LocalTaskId, task: &TaskFile) -> Option<Outputs> {
    let own: Outputs = match Kind::of(task)? {
        Kind::Gate => Outputs::from([("message".to_owned(), Type::text())]),
        Kind::Mission => named(scene.parts.get(id)?.outputs.as_ref()?),
        Kind::Agent | Kind::Command => {
            if scene.is_unsure(&format!("/tasks/{id}/outputs")) {
                return None;
            }
            let read = |shape| Shape::parse(shape, &|path| schema_file(scene, path)).ok();
            let of = |shape| read(shape).map_or(Type::Any, |shape| of_shape(&shape));
            task.outputs.iter().map(|(id, shape)| (id.to_string(), of(&shape.0))).collect()
        }
    };
    if task.for_each.is_none() {
        return Some(own);
    }
    // Null stands for an instance that was skipped or failed.
    Some(own.into_iter().map(|(name, of)| (name, Type::list(of.nullable()))).collect())
}

fn named(outputs: &BTreeMap<OutputId, Type>) -> Outputs {
    outputs.iter().map(|(id, of)| (id.to_string(), of.clone())).collect()
}

fn of_shape(shape: &Shape) -> Type {
    match shape {
        Shape::String => Type::text(),
        Shape::Integer => Type::Int,
        Shape::Number => Type::Double,
        Shape::Boolean => Type::Bool,
        Shape::Object => Type::Object { fields: BTreeMap::new(), others: Others::Possible },
        Shape::List(of) => Type::list(of_shape(of)),
        Shape::Record(fields) => Type::object(fields.iter().map(|(name, field)| {
            let of = of_shape(&field.shape);
            (name.clone(), if field.optional { of.nullable() } else { of })
        })),
        Shape::Schema(schema) => Type::of_schema(schema),
    }
}

/// The type of what stands in a list.
pub fn of_elements(values: &[Value]) -> Type {
    values.iter().map(of_value).reduce(Type::or).unwrap_or(Type::Any)
}

fn of_value(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Number(number) if number.is_f64() => Type::Double,
        Value::Number(_) => Type::Int,
        Value::String(text) => Type::one_of([text.as_str()]),
        Value::Array(list) => Type::list(of_elements(list)),
        Value::Object(fields) => Type::object(fields.iter().map(|(name, value)| (name.clone(), of_value(value)))),
    }
}

/// Whether a value of one type can be what another one asks for. Where in doubt it can.
pub fn fits(given: &Type, wanted: &Type) -> bool {
    match (given.present(), wanted.present()) {
        (Type::Text { options: Some(given) }, Type::Text { options: Some(wanted) }) => {
            given.iter().any(|option| wanted.contains(option))
        }
        (Type::Any, _)
        | (_, Type::Any)
        | (Type::Int | Type::Double, Type::Int | Type::Double)
        | (Type::Text { .. }, Type::Text { .. }) => true,
        (Type::List(given), Type::List(wanted)) => fits(given, wanted),
        (Type::Object { fields: given, .. }, Type::Object { fields: wanted, .. }) => {
            wanted.iter().all(|(name, wanted)| given.get(name).is_none_or(|given| fits(given, wanted)))
        }
        (given, wanted) => given == wanted,
    }
}

/// A type in words for people: "a list of texts".
pub fn described(of: &Type) -> String {
    match of {
        Type::Any => "any value".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Bool => "true or false".to_owned(),
        Type::Int => "a whole number".to_owned(),
        Type::Double => "a number".to_owned(),
        Type::Text { .. } => "text".to_owned(),
        Type::List(of) => match of.present() {
            Type::Text { .. } => "a list of texts".to_owned(),
            Type::Int | Type::Double => "a list of numbers".to_owned(),
            Type::List(_) => "a list of lists".to_owned(),
            Type::Object { .. } => "a list of objects".to_owned(),
            Type::Any | Type::Null | Type::Bool | Type::Nullable(_) => "a list".to_owned(),
        },
        Type::Object { .. } => "an object".to_owned(),
        Type::Nullable(of) => described(of),
    }
}
