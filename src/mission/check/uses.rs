//! What is declared and never used.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::kinds::Kind;
use crate::mission::check::marker::Marker;
use crate::mission::library::Part;
use crate::name::{LocalTaskId, OutputId};

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
    /// Of tasks, the variables of their instances.
    of_instances: BTreeSet<(LocalTaskId, String)>,
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

    /// Takes note of a variable of the instances of a task.
    pub fn take_variable(&mut self, task: &LocalTaskId, variable: &str) {
        self.of_instances.insert((task.clone(), variable.to_owned()));
    }

    /// True where some text of a task uses a variable of its instances.
    pub fn has_variable(&self, task: &LocalTaskId, variable: &str) -> bool {
        self.of_instances.contains(&(task.clone(), variable.to_owned()))
            || self.variables.contains(&format!("VAR_{}", variable.to_uppercase()))
    }

    /// Takes note of what looks like a variable in a text that cannot be read.
    pub fn scan(&mut self, text: &str) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        for word in text.split(|c: char| !is_part(c)) {
            let path: Vec<String> = word.split('.').map(str::to_owned).collect();
            if path.len() > 1 {
                self.take(&path);
            }
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
        if let Some(part) = scene.parts.get(task_id) {
            of_part(task_id, part, (scene, used), marker);
        }
        // That others have none is told already.
        let own = matches!(Kind::of(task), Some(Kind::Agent | Kind::Command)).then_some(&task.outputs);
        for id in own
            .into_iter()
            .flat_map(|outputs| outputs.keys())
            .filter(|id| !used.has_output(task_id.as_str(), id.as_str()))
            .filter(|id| task.rework.is_empty() || id.as_str() != "verdict")
        {
            let span = marker.key(&format!("/tasks/{task_id}/outputs/{id}"));
            marker
                .warning(codes::UNUSED_OUTPUT, span, format!("nothing takes the output `{id}` of task `{task_id}`"))
                .help(format!("use `{{{{tasks.{task_id}.outputs.{id}}}}}` downstream, or remove it"));
        }
    }
}

/// Outputs of a mission that is used as a task: one is enough that takes it, of all its uses.
fn of_part(task: &LocalTaskId, part: &Rc<Part>, (scene, used): (&Scene<'_>, &Used), marker: &mut Marker<'_>) {
    let uses = || scene.parts.iter().filter(|(_, other)| Rc::ptr_eq(other, part)).map(|(id, _)| id);
    if uses().next() != Some(task) {
        return;
    }
    let file = &part.file;
    let untaken = |id: &&OutputId| uses().all(|task| !used.has_output(task.as_str(), id.as_str()));
    for id in part.outputs.iter().flat_map(|outputs| outputs.keys()).filter(untaken) {
        let span = marker.value(&format!("/tasks/{task}/mission"));
        marker
            .warning(codes::UNUSED_OUTPUT, span, format!("nothing takes the output `{id}` of the mission `{file}`"))
            .help(format!(
                "use `{{{{tasks.{task}.outputs.{id}}}}}` downstream, or remove it from `[outputs]` of `{file}`"
            ));
    }
}

/// Tasks whose handoff document, outputs included, opens the session of another.
fn handed_on<'a>(scene: &Scene<'a>) -> BTreeSet<&'a LocalTaskId> {
    let sessions = scene.file.tasks.values().filter(|task| task.prompt.is_some());
    sessions.flat_map(|task| task.handoff.as_ref().map_or(&task.needs, |handoff| &handoff.from)).collect()
}
