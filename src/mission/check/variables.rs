//! One variable of a template: whether it exists where it is used.

use crate::catalog::template::{Position, VariableUse};
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{ByteSpan, Code, codes};
use crate::expression::{Others, Type};
use crate::mission::check::graph::which;
use crate::mission::check::kinds::Kind;
use crate::mission::check::templates::Walk;
use crate::mission::check::types::described;
use crate::name::LocalTaskId;

/// What a template, or CEL, may see.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// A prompt: all there is.
    Prompt(&'a LocalTaskId),
    /// An argument of a task's command or check.
    Command(&'a LocalTaskId),
    /// The question of a gate, an input of a mission used as a task.
    Value(&'a LocalTaskId),
    /// CEL of a task, or of the mission.
    Cel(Option<&'a LocalTaskId>),
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
            Self::Value(_) => &["inputs", "tasks", "mission", "run", "task"],
            Self::Cel(_) => &["inputs", "tasks"],
            Self::Setup => &["inputs", "mission", "run", "task", "attempt", "workspace"],
            Self::Merge | Self::Run => &["inputs", "mission", "run"],
            Self::Branch => &["inputs", "mission", "run", "task"],
            Self::Agent => &["prompt", "prompt_file", "model", "conversation"],
        }
    }

    /// The task that a text belongs to.
    pub fn task(self) -> Option<&'a LocalTaskId> {
        match self {
            Self::Prompt(task) | Self::Command(task) | Self::Value(task) => Some(task),
            Self::Cel(task) => task,
            Self::Setup | Self::Merge | Self::Branch | Self::Run | Self::Agent => None,
        }
    }

    fn is_cel(self) -> bool {
        matches!(self, Self::Cel(_))
    }
}

/// Names that templates and CEL have of their own: no variable can have them.
pub const TAKEN: [&str; 11] =
    ["inputs", "tasks", "mission", "run", "task", "role", "vars", "skills", "upstream", "attempt", "workspace"];

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

/// Checks one use, and takes note of it; false where something is wrong with it.
pub fn check_use(walk: &mut Walk<'_, '_, '_>, pointer: &str, found: &VariableUse, sight: Sight<'_>) -> bool {
    walk.used.take(&found.path);
    let parts: Vec<&str> = found.path.iter().map(String::as_str).collect();
    let Some((root, rest)) = parts.split_first() else { return true };
    let mut spot = Spot { walk, pointer, found, sight, is_sound: true };
    if let Some(of) = spot.variable(root) {
        if let Some(task) = sight.task() {
            spot.walk.used.take_variable(task, root);
        }
        spot.field(&of, rest);
    } else if !sight.roots().contains(root) {
        spot.unknown_root(root, rest);
    } else if *root == "inputs" {
        spot.input(rest);
    } else if *root == "tasks" {
        spot.task(rest);
    } else if let Some((_, known)) = PARTS.iter().find(|(name, _)| name == root) {
        spot.part(root, rest, known);
    }
    spot.is_sound
}

struct Spot<'u, 'w, 's, 'm, 'd> {
    walk: &'w mut Walk<'s, 'm, 'd>,
    pointer: &'u str,
    found: &'u VariableUse,
    sight: Sight<'u>,
    is_sound: bool,
}

impl Spot<'_, '_, '_, '_, '_> {
    fn span(&self) -> ByteSpan {
        self.walk.marker.inside(self.pointer, self.found.offset, self.name().len())
    }

    fn name(&self) -> String {
        self.found.path.join(".")
    }

    fn tell(&mut self, code: Code, message: String, help: String) {
        self.is_sound = false;
        let span = self.span();
        self.walk.marker.error(code, span, message).help(help);
    }

    /// The type of a variable of the task's instances.
    fn variable(&self, root: &str) -> Option<Type> {
        self.walk.types.variables.get(self.sight.task()?)?.get(root).cloned()
    }

    fn unknown_root(&mut self, root: &str, rest: &[&str]) {
        let types = &self.walk.types;
        let own = self.sight.task().and_then(|task| types.variables.get(task)).into_iter().flatten();
        let roots: Vec<&str> = self.sight.roots().iter().copied().chain(own.map(|(id, _)| id.as_str())).collect();
        let file = self.walk.scene.file;
        let meant = if rest.is_empty() && file.inputs.contains_key(root) && roots.contains(&"inputs") {
            Some(vec!["inputs", root])
        } else if file.tasks.contains_key(root) && roots.contains(&"tasks") {
            Some([&["tasks", root], rest].concat())
        } else {
            nearest(root, roots.iter().copied()).map(|close| [&[close], rest].concat())
        };
        let help = if let Some(meant) = &meant {
            format!("did you mean `{}`?", meant.join("."))
        } else if self.sight.is_cel() {
            format!("here are {}; a text is written in quotes", listed(roots.iter().copied()))
        } else {
            format!("here are {}", listed(roots.iter().copied()))
        };
        let meant: Option<Vec<String>> = meant.map(|path| path.into_iter().map(str::to_owned).collect());
        let message = format!("there is no `{}` here", self.name());
        self.tell(codes::UNKNOWN_VARIABLE, message, help);
        self.meant(&meant.unwrap_or_default());
    }

    /// What was meant counts as used: one mistake is told once.
    fn meant(&mut self, path: &[String]) {
        self.walk.used.take(path);
        if let (Some(task), Some(root)) = (self.sight.task(), path.first()) {
            self.walk.used.take_variable(task, root);
        }
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
        let scene = self.walk.scene;
        let Some((name, deeper)) = rest.split_first() else { return };
        let Some(of) = self.walk.types.inputs.get(*name).cloned() else {
            if scene.is_unsure(&format!("/inputs/{name}")) || scene.left_out.contains("/inputs") {
                return;
            }
            let known = || scene.file.inputs.keys().map(crate::name::InputId::as_str);
            let close = nearest(name, known());
            if let Some(close) = close {
                self.meant(&["inputs".to_owned(), close.to_owned()]);
            }
            let help = match close {
                Some(close) => format!("did you mean `inputs.{close}`?"),
                None if scene.file.inputs.is_empty() => format!("declare it: `[inputs.{name}]`"),
                None => format!("the inputs are {}; a new one is a table `[inputs.{name}]`", listed(known())),
            };
            return self.tell(codes::UNKNOWN_INPUT, format!("there is no input `{name}`"), help);
        };
        self.field(&of, deeper);
    }

    fn task(&mut self, rest: &[&str]) {
        let scene = self.walk.scene;
        let Some((name, deeper)) = rest.split_first() else { return };
        let Some((id, _)) = scene.file.tasks.get_key_value(*name) else {
            if !scene.is_unsure(&format!("/tasks/{name}")) {
                let help = which(&scene.file.tasks, name);
                self.tell(codes::UNKNOWN_TASK, format!("there is no task `{name}`"), help);
            }
            return;
        };
        if let Some(of) = self.sight.task()
            && !scene.has_unsure_needs()
            && !scene.graph.is_upstream(of, id)
        {
            let message = if of == id {
                format!("task `{of}` refers to itself")
            } else {
                format!("task `{of}` refers to `{id}`, which does not come before it")
            };
            let help = if of == id || scene.graph.is_upstream(id, of) {
                "refer to a task that comes before it".to_owned()
            } else {
                format!("add `{id}` to `needs`")
            };
            return self.tell(codes::NOT_UPSTREAM, message, help);
        }
        match deeper.split_first() {
            Some((&"outputs", rest)) => self.output(id, rest),
            Some((&"status", [])) if self.sight.is_cel() => {}
            Some((other, _)) => {
                let (what, help) = if self.sight.is_cel() {
                    ("a task has no", format!("a task has `tasks.{id}.status` and `tasks.{id}.outputs.<id>`"))
                } else {
                    ("a template sees of a task no", format!("what it hands over is `tasks.{id}.outputs.<id>`"))
                };
                self.tell(codes::UNKNOWN_VARIABLE, format!("{what} `{other}`"), help);
            }
            None => {}
        }
    }

    fn output(&mut self, id: &LocalTaskId, rest: &[&str]) {
        let scene = self.walk.scene;
        let Some((name, deeper)) = rest.split_first() else { return };
        let Some(outputs) = self.walk.types.outputs(scene, id) else { return };
        if let Some(of) = outputs.get(*name).cloned() {
            return self.field(&of, deeper);
        }
        let known = || outputs.keys().map(String::as_str);
        let kind = scene.file.tasks.get(id).and_then(Kind::of);
        let close = nearest(name, known());
        // Where no name is near, any of them may be meant.
        let meant: Vec<String> =
            ["tasks", id.as_str(), "outputs"].into_iter().chain(close).map(str::to_owned).collect();
        let help = match (close, kind) {
            (Some(close), _) => format!("did you mean `{close}`?"),
            (None, Some(Kind::Mission)) => {
                let file = scene.parts.get(id).map_or("the mission", |part| part.file.as_str());
                format!("add it to `[outputs]` of `{file}`")
            }
            (None, _) if outputs.is_empty() => format!("declare it: `outputs.{name} = \"string\"` in `[tasks.{id}]`"),
            (None, _) => format!("the outputs of `{id}` are {}", listed(known())),
        };
        self.tell(codes::UNKNOWN_OUTPUT, format!("task `{id}` has no output `{name}`"), help);
        self.meant(&meant);
    }

    /// Follows the fields of a type as far as it says them; CEL checks those itself.
    fn field(&mut self, of: &Type, rest: &[&str]) {
        if self.sight.is_cel() {
            return;
        }
        let Some((name, deeper)) = rest.split_first() else {
            if matches!(of.present(), Type::List(_) | Type::Object { .. }) {
                self.bare();
            }
            return;
        };
        match of.present() {
            Type::Object { fields, others } => match fields.get(*name) {
                Some(inner) => self.field(&inner.clone(), deeper),
                None if *others == Others::Possible => {}
                None => {
                    let known = || fields.keys().map(String::as_str);
                    let help = nearest(name, known()).map_or_else(
                        || format!("the fields are {}", listed(known())),
                        |close| format!("did you mean `{close}`?"),
                    );
                    self.tell(
                        codes::UNKNOWN_VARIABLE,
                        format!(
                            "there is no field `{name}` in `{}`",
                            self.found.path.get(..self.found.path.len() - rest.len()).unwrap_or_default().join(".")
                        ),
                        help,
                    );
                }
            },
            Type::Bool | Type::Int | Type::Double | Type::Text { .. } => {
                let whole = self.found.path.len() - rest.len();
                let of_what = self.found.path.get(..whole).unwrap_or_default().join(".");
                let message = format!("`{of_what}` is {} and has no fields", described(of));
                self.tell(codes::UNKNOWN_VARIABLE, message, format!("use `{{{{{of_what}}}}}`"));
            }
            Type::Any | Type::Null | Type::List(_) | Type::Nullable(_) => {}
        }
    }

    fn bare(&mut self) {
        if self.found.position == Position::Printed {
            let name = self.name();
            let message = format!("`{name}` is a list or a table and cannot be printed as text");
            self.tell(codes::UNKNOWN_VARIABLE, message, format!("use `{{{{json {name}}}}}`"));
        }
    }
}
