//! What is declared and never used.

use std::collections::BTreeSet;

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::name::TaskId;

/// What templates and commands of a mission use.
#[derive(Debug, Default)]
pub struct Used {
    inputs: BTreeSet<String>,
    outputs: BTreeSet<(String, String)>,
    /// Names of environment variables of ours that some text mentions, without their prefix.
    variables: BTreeSet<String>,
    all_inputs: bool,
    /// Tasks whose outputs are used as a whole.
    whole: BTreeSet<String>,
    all_outputs: bool,
}

impl Used {
    /// Takes note of a variable of a template.
    pub fn take(&mut self, path: &[String]) {
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["inputs"] => self.all_inputs = true,
            ["inputs", input, ..] => drop(self.inputs.insert((*input).to_owned())),
            ["tasks"] | ["upstream", ..] => self.all_outputs = true,
            ["tasks", task] | ["tasks", task, "outputs"] => drop(self.whole.insert((*task).to_owned())),
            ["tasks", task, "outputs", output, ..] => {
                self.outputs.insert(((*task).to_owned(), (*output).to_owned()));
            }
            _ => {}
        }
    }

    /// Takes note of environment variables of ours in a text.
    pub fn mentions(&mut self, text: &str) {
        for part in text.split("AI_SDLC_").skip(1) {
            let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(part.len());
            self.variables.insert(part.get(..end).unwrap_or_default().to_owned());
        }
    }

    fn has_input(&self, id: &str) -> bool {
        self.all_inputs || self.inputs.contains(id) || self.variables.contains(&format!("INPUT_{}", id.to_uppercase()))
    }

    fn has_output(&self, task: &str, id: &str) -> bool {
        self.all_outputs
            || self.whole.contains(task)
            || self.outputs.contains(&(task.to_owned(), id.to_owned()))
            || self.variables.contains(&format!("OUT_{}_{}", task.to_uppercase(), id.to_uppercase()))
    }
}

/// Checks that every input and every output is used.
pub fn check(scene: &Scene<'_>, used: &Used, marker: &mut Marker<'_>) {
    for id in scene.file.inputs.keys().filter(|id| !used.has_input(id.as_str())) {
        let span = marker.key(&format!("/inputs/{id}"));
        marker
            .warning(codes::UNUSED_INPUT, span, format!("the input `{id}` is never used"))
            .help(format!("use `{{{{inputs.{id}}}}}` in a prompt, or remove it"));
    }
    let handed_on = handed_on(scene);
    for (task_id, task) in &scene.file.tasks {
        if handed_on.contains(task_id) {
            continue;
        }
        for id in task.outputs.keys().filter(|id| !used.has_output(task_id.as_str(), id.as_str())) {
            let span = marker.key(&format!("/tasks/{task_id}/outputs/{id}"));
            marker
                .warning(codes::UNUSED_OUTPUT, span, format!("nothing takes the output `{id}` of task `{task_id}`"))
                .help(format!("use `{{{{tasks.{task_id}.outputs.{id}}}}}` downstream, or remove it"));
        }
    }
}

/// Tasks whose handoff document, outputs included, opens the session of another.
fn handed_on<'a>(scene: &Scene<'a>) -> BTreeSet<&'a TaskId> {
    let sessions = scene.file.tasks.values().filter(|task| task.prompt.is_some());
    sessions.flat_map(|task| task.handoff.as_ref().map_or(&task.needs, |handoff| &handoff.from)).collect()
}
