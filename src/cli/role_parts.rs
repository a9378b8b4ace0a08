//! A plan as a run would come to hold it, with a placeholder for everything that only a run knows: each group with its
//! parts, those of a list that is not known yet with one element.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::mission::field::shape::Shape;
use crate::mission::model::{Input, Mission};
use crate::name::{OutputId, RunId, TaskId};
use crate::plan::instantiate::{self, EndedAs, Seen};
use crate::plan::render::Outputs;
use crate::plan::{Plan, Task};

/// Most tasks that are made so.
const MOST: usize = 10_000;

/// A plan with the parts of its groups.
#[derive(Debug)]
pub(super) struct Whole {
    /// The plan.
    pub plan: Plan,
    /// What all its tasks would hand over.
    pub outputs: Outputs,
    /// Why parts of a group cannot be made.
    pub failed: Option<String>,
}

/// Makes it.
pub(super) fn whole(plan: Plan, run: &RunId) -> Whole {
    let mut whole = Whole { outputs: plan.tasks.iter().map(sample).collect(), plan, failed: None };
    let mut made: BTreeSet<TaskId> = BTreeSet::new();
    loop {
        // The list of one group may be what the parts of another hand over: whoever cannot be made yet is tried again.
        let before = made.len();
        whole.failed = None;
        let mut at = 0;
        while let Some((id, task)) = whole.plan.tasks.get_index(at).filter(|_| at < MOST) {
            at += 1;
            if task.is_group() && !made.contains(id) {
                let id = id.clone();
                if let Err(why) = whole.expand(&id, run) {
                    whole.failed.get_or_insert(why);
                } else {
                    made.insert(id);
                }
            }
        }
        whole.gather(&made, run);
        if made.len() == before {
            return whole;
        }
    }
}

impl Whole {
    fn expand(&mut self, group: &TaskId, run: &RunId) -> Result<(), String> {
        let ended = ended(&self.plan);
        let seen = Seen { run, outputs: &self.outputs, ended: &ended };
        let parts = instantiate::parts(&self.plan, group, &seen).map_err(|failure| failure.message)?;
        self.outputs.extend(parts.iter().map(|(id, task)| sample((id, task))));
        self.plan.tasks.extend(parts);
        Ok(())
    }

    /// What groups hand over is made of what their parts do: the inner ones come first.
    fn gather(&mut self, made: &BTreeSet<TaskId>, run: &RunId) {
        let ended = ended(&self.plan);
        for group in made.iter().rev() {
            let seen = Seen { run, outputs: &self.outputs, ended: &ended };
            if let Ok(outputs) = instantiate::outputs(&self.plan, group, &seen) {
                self.outputs.insert(group.clone(), outputs);
            }
        }
    }
}

fn ended(plan: &Plan) -> BTreeMap<TaskId, EndedAs> {
    plan.tasks.keys().map(|id| (id.clone(), EndedAs::Succeeded)).collect()
}

/// Values of the declared shapes that say where they stand.
fn sample<'p>((id, task): (&'p TaskId, &'p Task)) -> (TaskId, BTreeMap<OutputId, serde_json::Value>) {
    let named = |output: &OutputId| format!("<tasks.{id}.outputs.{output}>");
    let values = task.outputs.iter().map(|(output, shape)| (output.clone(), shape.sample(&named(output))));
    (id.clone(), values.collect())
}

/// Gives inputs that are required and not given a value that shows where they stand.
pub(super) fn stand_in(mission: &mut Mission, given: &[&str]) {
    for (id, input) in &mut mission.inputs {
        if input.default.is_none() && !given.contains(&id.as_str()) {
            let Input { schema, .. } = &*input;
            let word = format!("<inputs.{id}>");
            let list = json!([word]);
            let bare = schema.get("type") == Some(&json!("array")) && schema.get("items").is_none();
            input.default = Some(if bare { list } else { Shape::Schema(schema.clone()).sample(&word) });
        }
    }
}

/// The id of a task without the keys of instances: `feature/spec` of `feature[auth]/spec`.
pub(super) fn plain(id: &TaskId) -> String {
    let mut depth = 0_usize;
    let mut plain = String::new();
    for c in id.as_str().chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}
