//! What the texts of a task see: the names that templates and CEL look up, whichever mission the task belongs to.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::name::{InputId, MissionName, RunId, TaskId};
use crate::plan::branches::RUN_ID;
use crate::plan::instantiate::EndedAs;
use crate::plan::render::Outputs;
use crate::plan::{Plan, Scope, TaskKind};

/// Where the names of one text are looked up.
#[derive(Debug, Clone, Copy)]
pub(in crate::plan) struct View<'a> {
    pub(in crate::plan) plan: &'a Plan,
    /// Of the task; `None`: the mission itself.
    pub(in crate::plan) scope: Option<&'a Scope>,
    /// `None`: there is none yet.
    pub(in crate::plan) run: Option<&'a RunId>,
    pub(in crate::plan) outputs: &'a Outputs,
    /// For conditions; `None`: nobody asks how a task ended.
    pub(in crate::plan) ended: Option<&'a BTreeMap<TaskId, EndedAs>>,
}

impl<'a> View<'a> {
    /// The inputs of the mission that the text belongs to.
    pub(in crate::plan) fn inputs(&self) -> &'a BTreeMap<InputId, Value> {
        self.scope.and_then(|scope| scope.inputs.as_ref()).unwrap_or(&self.plan.inputs)
    }

    /// The variables of its instance.
    pub(in crate::plan) fn variables(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.scope.into_iter().flat_map(|scope| scope.variables.iter()).map(|(id, value)| (id.as_str(), value))
    }

    /// The task that a mission's own id of it means here.
    pub(in crate::plan) fn task(&self, local: &str) -> Option<TaskId> {
        let local = TaskId::parse(local).ok()?;
        let id = match self.scope.and_then(|scope| scope.within.as_ref()) {
            Some(group) => group.child(&local),
            None => local,
        };
        (self.plan.tasks.contains_key(&id) || self.plan.given.contains_key(&id)).then_some(id)
    }

    /// What the mission itself calls a task; `None` for one of another mission.
    pub(in crate::plan) fn local<'t>(&self, task: &'t TaskId) -> Option<&'t str> {
        let rest = match self.scope.and_then(|scope| scope.within.as_ref()) {
            Some(group) => task.as_str().strip_prefix(group.as_str())?.strip_prefix('/')?,
            None => task.as_str(),
        };
        (!rest.contains(['/', '['])).then_some(rest)
    }

    /// The values that texts see which use these variables: of the tasks only those that they name, for a run may
    /// have thousands.
    pub(in crate::plan) fn values<'p>(&self, uses: impl IntoIterator<Item = &'p [String]>) -> Map<String, Value> {
        let mut tasks = Map::new();
        for path in uses {
            match (path.first().map(String::as_str), path.get(1)) {
                (Some("tasks"), Some(local)) => {
                    if let Some(id) = self.task(local) {
                        tasks.insert(local.clone(), self.task_value(&id));
                    }
                }
                (Some("tasks"), None) => {
                    let here = |id: &'a TaskId| Some((self.local(id)?, id));
                    let all = self.plan.tasks.keys().chain(self.plan.given.keys()).filter_map(here);
                    tasks.extend(all.map(|(local, id)| (local.to_owned(), self.task_value(id))));
                }
                _ => {}
            }
        }
        let (name, description) = self.mission();
        let mut values: Map<String, Value> =
            self.variables().map(|(id, value)| (id.to_owned(), value.clone())).collect();
        values.insert("mission".to_owned(), json!({ "name": name, "description": description }));
        values.insert("run".to_owned(), self.run_value());
        values.insert("inputs".to_owned(), json!(self.inputs()));
        values.insert("tasks".to_owned(), Value::Object(tasks));
        values
    }

    /// The mission that the text belongs to.
    fn mission(&self) -> (&'a MissionName, &'a str) {
        let group = self.scope.and_then(|scope| scope.within.as_ref()).and_then(|group| self.plan.tasks.get(group));
        match group.map(|group| &group.kind) {
            Some(TaskKind::Mission(work)) => (&work.name, &work.description),
            Some(TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_)) | None => {
                (&self.plan.mission, &self.plan.description)
            }
        }
    }

    fn run_value(&self) -> Value {
        let run = self.run.map_or(RUN_ID, RunId::as_str);
        json!({ "id": run, "branch": format!("ai-sdlc/{run}/integration") })
    }

    /// What a task has handed over, null where it has not, and how it ended where that is asked for.
    fn task_value(&self, id: &TaskId) -> Value {
        let before = self.plan.given.get(id);
        let given = self.outputs.get(id).or_else(|| before.map(|given| &given.outputs));
        let declared = self.plan.tasks.get(id).map(crate::plan::Task::hands_over).unwrap_or_default();
        let mut outputs: Map<String, Value> = declared.into_iter().map(|id| (id.to_string(), Value::Null)).collect();
        outputs.extend(given.into_iter().flatten().map(|(id, value)| (id.to_string(), value.clone())));
        let mut value = Map::from_iter([("outputs".to_owned(), Value::Object(outputs))]);
        if let Some(ended) = self.ended {
            let status = ended.get(id).copied().or(before.map(|_| EndedAs::Succeeded)).map(EndedAs::word);
            value.insert("status".to_owned(), json!(status));
        }
        Value::Object(value)
    }
}
