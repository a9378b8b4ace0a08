//! One variable of a template: whether it exists where it is used.

use serde_json::Value;

use crate::catalog::template::{Position, VariableUse};
use crate::diagnostic::{ByteSpan, Code, codes};
use crate::mission::check::graph::which;
use crate::mission::check::templates::Walk;
use crate::mission::file::{InputType, TaskFile};
use crate::mission::nearest::{listed, nearest};
use crate::name::TaskId;

/// What a template may see.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// A prompt: all there is.
    Prompt(&'a TaskId),
    /// An argument of a task's command or check.
    Command(&'a TaskId),
    /// A command of a new worktree, or a check of any task.
    Setup,
    /// A check of merged work.
    Merge,
    /// The name of a task's branch.
    Branch,
    /// What is known when a run begins.
    Run,
    /// Arguments of an agent's program.
    Agent,
}

impl<'a> Sight<'a> {
    fn roots(self) -> &'static [&'static str] {
        match self {
            Self::Prompt(_) => &[
                "inputs",
                "tasks",
                "mission",
                "run",
                "task",
                "role",
                "vars",
                "skills",
                "upstream",
                "attempt",
                "workspace",
            ],
            Self::Command(_) => &["inputs", "tasks", "mission", "run", "task", "attempt", "workspace"],
            Self::Setup => &["inputs", "mission", "run", "task", "attempt", "workspace"],
            Self::Merge | Self::Run => &["inputs", "mission", "run"],
            Self::Branch => &["inputs", "mission", "run", "task"],
            Self::Agent => &["prompt", "prompt_file", "model", "conversation"],
        }
    }

    fn task(self) -> Option<&'a TaskId> {
        match self {
            Self::Prompt(task) | Self::Command(task) => Some(task),
            Self::Setup | Self::Merge | Self::Branch | Self::Run | Self::Agent => None,
        }
    }
}

/// What is below the roots whose parts are known.
const PARTS: [(&str, &[&str]); 5] = [
    ("mission", &["name", "description"]),
    ("run", &["id", "branch"]),
    ("attempt", &["number", "round", "last_failure", "given_back"]),
    ("workspace", &["path", "mode"]),
    ("role", &["name", "description"]),
];

/// True for a variable that only our templates have.
pub fn is_ours(found: &VariableUse) -> bool {
    const OURS: [&str; 5] = ["inputs", "tasks", "run", "task", "mission"];
    found.path.len() > 1 && found.path.first().is_some_and(|root| OURS.contains(&root.as_str()))
}

/// Checks one use, and takes note of it.
pub fn check_use(walk: &mut Walk<'_, '_, '_>, pointer: &str, found: &VariableUse, sight: Sight<'_>) {
    walk.used.take(&found.path);
    let parts: Vec<&str> = found.path.iter().map(String::as_str).collect();
    let Some((root, rest)) = parts.split_first() else { return };
    let mut spot = Spot { walk, pointer, found };
    if !sight.roots().contains(root) {
        spot.unknown_root(root, rest, sight);
    } else if *root == "inputs" {
        spot.input(rest);
    } else if *root == "tasks" {
        spot.task(rest, sight);
    } else if let Some((_, known)) = PARTS.iter().find(|(name, _)| name == root) {
        spot.part(root, rest, known);
    }
}

struct Spot<'u, 'w, 's, 'm, 'd> {
    walk: &'w mut Walk<'s, 'm, 'd>,
    pointer: &'u str,
    found: &'u VariableUse,
}

impl Spot<'_, '_, '_, '_, '_> {
    fn span(&self) -> ByteSpan {
        self.walk.marker.inside(self.pointer, self.found.offset, self.name().len())
    }

    fn name(&self) -> String {
        self.found.path.join(".")
    }

    fn tell(&mut self, code: Code, message: String, help: String) {
        let span = self.span();
        self.walk.marker.error(code, span, message).help(help);
    }

    fn unknown_root(&mut self, root: &str, rest: &[&str], sight: Sight<'_>) {
        let roots = sight.roots();
        let inputs = &self.walk.scene.file.inputs;
        let help = if rest.is_empty() && inputs.contains_key(root) && roots.contains(&"inputs") {
            format!("did you mean `inputs.{root}`?")
        } else if let Some(close) = nearest(root, roots.iter().copied()) {
            format!("did you mean `{}`?", [&[close], rest].concat().join("."))
        } else {
            format!("here are {}", listed(roots.iter().copied()))
        };
        let message = format!("there is no `{}` here", self.name());
        self.tell(codes::UNKNOWN_VARIABLE, message, help);
    }

    fn part(&mut self, root: &str, rest: &[&str], known: &[&str]) {
        let Some(part) = rest.first().filter(|part| !known.contains(part)) else { return };
        let help = nearest(part, known.iter().copied()).map_or_else(
            || format!("`{root}` has {}", listed(known.iter().copied())),
            |close| format!("did you mean `{root}.{close}`?"),
        );
        let message = format!("there is no `{}`", self.name());
        self.tell(codes::UNKNOWN_VARIABLE, message, help);
    }

    fn input(&mut self, rest: &[&str]) {
        let file = self.walk.scene.file;
        let Some((name, deeper)) = rest.split_first() else { return };
        let Some(input) = file.inputs.get(*name) else {
            if self.walk.scene.is_unsure(&format!("/inputs/{name}")) || self.walk.scene.left_out.contains("/inputs") {
                return;
            }
            let known = || file.inputs.keys().map(crate::name::InputId::as_str);
            let help = match nearest(name, known()) {
                Some(close) => format!("did you mean `inputs.{close}`?"),
                None if file.inputs.is_empty() => format!("declare it: `[inputs.{name}]`"),
                None => format!("the inputs are {}; a new one is a table `[inputs.{name}]`", listed(known())),
            };
            return self.tell(codes::UNKNOWN_INPUT, format!("there is no input `{name}`"), help);
        };
        let bare = matches!(input.kind, Some(InputType::Array | InputType::Object));
        if deeper.is_empty() && bare {
            self.bare();
        }
    }

    fn task(&mut self, rest: &[&str], sight: Sight<'_>) {
        let scene = self.walk.scene;
        let (Some((name, deeper)), Some(of)) = (rest.split_first(), sight.task()) else { return };
        let Some((id, task)) = scene.file.tasks.get_key_value(*name) else {
            if !scene.is_unsure(&format!("/tasks/{name}")) {
                let help = which(&scene.file.tasks, name);
                self.tell(codes::UNKNOWN_TASK, format!("there is no task `{name}`"), help);
            }
            return;
        };
        let unsure = scene.left_out.iter().any(|out| out.starts_with("/tasks/") && out.ends_with("/needs"));
        if !unsure && !scene.graph.is_upstream(of, id) {
            let message = if of == id {
                format!("task `{of}` refers to itself")
            } else {
                format!("task `{of}` refers to `{id}`, which does not come before it")
            };
            self.tell(codes::NOT_UPSTREAM, message, format!("add `{id}` to `needs`"));
            return;
        }
        match deeper.split_first() {
            Some((&"outputs", rest)) => self.output(id, task, rest),
            Some((other, _)) => {
                let message = format!("a task has no `{other}` that a template sees");
                self.tell(codes::UNKNOWN_VARIABLE, message, format!("what it hands over is `tasks.{id}.outputs.<id>`"));
            }
            None => {}
        }
    }

    fn output(&mut self, id: &TaskId, task: &TaskFile, rest: &[&str]) {
        let Some((name, deeper)) = rest.split_first() else { return };
        let Some(shape) = task.outputs.get(*name) else {
            if self.walk.scene.is_unsure(&format!("/tasks/{id}/outputs")) {
                return;
            }
            let known = || task.outputs.keys().map(crate::name::OutputId::as_str);
            let help = match nearest(name, known()) {
                Some(close) => format!("did you mean `{close}`?"),
                None if task.outputs.is_empty() => {
                    format!("declare it: `outputs.{name} = \"string\"` in `[tasks.{id}]`")
                }
                None => format!("the outputs of `{id}` are {}", listed(known())),
            };
            return self.tell(codes::UNKNOWN_OUTPUT, format!("task `{id}` has no output `{name}`"), help);
        };
        self.field(&shape.0, deeper);
    }

    /// Follows the fields of a shape as far as it says them.
    fn field(&mut self, shape: &Value, rest: &[&str]) {
        let fields = match shape {
            Value::Object(fields) if !(fields.len() == 1 && fields.contains_key("schema")) => fields,
            Value::Array(_) if rest.is_empty() => return self.bare(),
            Value::String(kind) if rest.is_empty() && kind.trim_end_matches('?') == "object" => return self.bare(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                return;
            }
        };
        let Some((name, deeper)) = rest.split_first() else { return self.bare() };
        if let Some(inner) = fields.get(*name) {
            return self.field(inner, deeper);
        }
        let message = format!("there is no field `{name}` in `{}`", self.name());
        let help = format!("the fields are {}", listed(fields.keys().map(String::as_str)));
        self.tell(codes::UNKNOWN_VARIABLE, message, help);
    }

    fn bare(&mut self) {
        if self.found.position == Position::Printed {
            let name = self.name();
            let message = format!("`{name}` is a list or a table and cannot be printed as text");
            self.tell(codes::UNKNOWN_VARIABLE, message, format!("use `{{{{json {name}}}}}`"));
        }
    }
}
