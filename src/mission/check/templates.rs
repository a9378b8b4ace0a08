//! Every text that is a template, with what it may see; and the texts that are none.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::template::{Template, TemplateError};
use crate::diagnostic::codes;
use crate::diagnostic::nearest::{listed, nearest};
use crate::mission::check::Scene;
use crate::mission::check::fields::globs_of;
use crate::mission::check::marker::Marker;
use crate::mission::check::roles;
use crate::mission::check::types::Types;
use crate::mission::check::uses::Used;
use crate::mission::check::variables::{Sight, TAKEN, check_use, is_ours};
use crate::mission::field::command::{CommandText, script_argument};
use crate::mission::file::TaskFile;
use crate::mission::library::Outputs;
use crate::mission::model::{CommandLine, PromptVia};
use crate::name::{LocalTaskId, RoleName};

/// The first block that is opened and not closed again: where, and its name.
fn unclosed(text: &str) -> Option<(usize, &str)> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (at, _) in text.match_indices("{{") {
        let tag = text.get(at + 2..)?.trim_start_matches('~');
        let name = |rest: &'_ str| rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if let Some(rest) = tag.strip_prefix('#') {
            open.push((at, rest.get(..name(rest))?));
        } else if let Some(rest) = tag.strip_prefix('/') {
            let closed = rest.get(..name(rest))?;
            open.pop().filter(|(_, block)| *block == closed)?;
        }
    }
    open.first().copied()
}

/// A walk over all templates of a mission.
#[derive(Debug)]
pub struct Walk<'s, 'm, 'd> {
    /// The mission.
    pub scene: &'s Scene<'s>,
    /// The pen.
    pub marker: &'m mut Marker<'d>,
    /// What has been used.
    pub used: Used,
    /// What is known of values.
    pub types: Types<'s>,
}

/// What a walk over all texts of a mission has found out.
#[derive(Debug)]
pub struct Walked {
    /// What they use.
    pub used: Used,
    /// What the mission hands over.
    pub outputs: Outputs,
}

/// Checks all templates and all CEL.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) -> Walked {
    let mut walk = Walk { scene, marker, used: Used::default(), types: Types::new(scene) };
    walk.tables();
    walk.lists();
    for (id, task) in &scene.file.tasks {
        walk.task(id, task);
        walk.conditions(id, task);
        walk.given(id, task);
    }
    let outputs = walk.outputs();
    walk.role_templates();
    Walked { used: walk.used, outputs }
}

impl<'s> Walk<'s, '_, '_> {
    fn tables(&mut self) {
        let file = self.scene.file;
        for (name, agent) in &file.agents {
            let place = format!("/agents/{name}");
            if let Some(PromptVia::Arguments(arguments)) = agent.prompt.as_ref().map(|prompt| &prompt.0) {
                self.texts(&format!("{place}/prompt"), arguments, Sight::Agent);
            }
            self.texts(&format!("{place}/resume"), agent.resume.as_deref().unwrap_or_default(), Sight::Agent);
        }
        if let Some(workspace) = &file.workspace {
            for (key, text, sight) in
                [("base", &workspace.base, Sight::Run), ("branch", &workspace.branch, Sight::Branch)]
            {
                if let Some(text) = text {
                    self.text(&format!("/workspace/{key}"), text, sight);
                }
            }
            self.commands("/workspace/setup", &workspace.setup, Sight::Setup);
        }
        if let Some(merge) = &file.merge {
            if let Some(into) = &merge.into {
                self.text("/merge/into", into, Sight::Run);
            }
            self.commands("/merge/checks", &merge.checks, Sight::Merge);
        }
        if let Some(checks) = file.defaults.as_ref().and_then(|defaults| defaults.checks.as_ref()) {
            self.commands("/defaults/checks", checks, Sight::Setup);
        }
        for (name, role) in &file.roles {
            self.texts(&format!("/roles/{name}/touches"), role.touches.as_deref().unwrap_or_default(), Sight::Run);
        }
    }

    fn task(&mut self, id: &'s LocalTaskId, task: &TaskFile) {
        let place = format!("/tasks/{id}");
        if let Some(prompt) = &task.prompt {
            self.text(&format!("{place}/prompt"), prompt, Sight::Prompt(id));
        }
        if let Some(run) = &task.run {
            self.command(&format!("{place}/run"), run, Sight::Command(id));
        }
        if let Some(checks) = &task.checks {
            self.commands(&format!("{place}/checks"), checks, Sight::Command(id));
        }
        if let Some(question) = &task.gate {
            self.text(&format!("{place}/gate"), question, Sight::Value(id));
        }
        self.texts(&format!("{place}/touches"), globs_of(task), Sight::Value(id));
        for value in task.env.values() {
            self.used.mentions(value);
        }
    }

    fn texts(&mut self, place: &str, texts: &[String], sight: Sight<'_>) {
        for (at, text) in texts.iter().enumerate() {
            self.text(&format!("{place}/{at}"), text, sight);
        }
    }

    fn commands(&mut self, place: &str, commands: &[CommandText], sight: Sight<'_>) {
        for (at, command) in commands.iter().enumerate() {
            self.command(&format!("{place}/{at}"), command, sight);
        }
    }

    fn command(&mut self, pointer: &str, command: &CommandText, sight: Sight<'_>) {
        match &command.0 {
            CommandLine::Shell(text) => self.shell(pointer, text, false),
            CommandLine::Argv(argv) => {
                let script = script_argument(argv);
                for (at, text) in argv.iter().enumerate() {
                    let pointer = format!("{pointer}/{at}");
                    if script == Some(at) {
                        self.shell(&pointer, text, true);
                    } else {
                        self.text(&pointer, text, sight);
                    }
                }
            }
        }
    }

    /// Text for a shell: no template. Braces that are not for us (`docker inspect -f '{{.Id}}'`) stay as they are.
    fn shell(&mut self, pointer: &str, text: &str, in_list: bool) {
        self.used.mentions(text);
        if !text.contains("{{") {
            return;
        }
        let Ok(template) = Template::parse(text) else { return };
        let Some(found) = template.uses().iter().find(|found| is_ours(found)) else { return };
        let span = self.marker.inside(pointer, found.offset, found.path.join(".").len());
        let what = if in_list { "the script of a shell" } else { "text for the shell" };
        let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
        let instead = match path.as_slice() {
            ["inputs", input, ..] => format!("\"$AI_SDLC_INPUT_{}\"", input.to_uppercase()),
            ["tasks", task, "outputs", output, ..] => {
                format!("\"$AI_SDLC_OUT_{}_{}\"", task.to_uppercase(), output.to_uppercase())
            }
            _ => "an `AI_SDLC_…` variable".to_owned(),
        };
        for found in template.uses() {
            self.used.take(&found.path);
        }
        self.marker
            .error(codes::TEMPLATE_IN_SHELL, span, format!("a template in {what}: its value could run as a command"))
            .help(format!("read it from the environment: {instead}; or write the command as a list of arguments"));
    }

    /// Checks a template.
    pub fn text(&mut self, pointer: &str, text: &str, sight: Sight<'_>) {
        self.used.mentions(text);
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => {
                self.used.scan(text);
                self.any_variable(sight.task());
                return self.unreadable(pointer, text, &error);
            }
        };
        for partial in template.partials() {
            self.partial(pointer, &partial.name, partial.offset);
            self.any_variable(sight.task());
        }
        for found in template.uses() {
            check_use(self, pointer, found, sight);
        }
    }

    /// Takes note that some text of a task may use any variable of its instances.
    pub fn any_variable(&mut self, task: Option<&LocalTaskId>) {
        let Some((id, lists)) = task.and_then(|id| Some((id, self.scene.file.tasks.get(id)?.for_each.as_ref()?)))
        else {
            return;
        };
        for variable in lists.keys() {
            self.used.take_variable(id, variable.as_str());
        }
    }

    fn unreadable(&mut self, pointer: &str, text: &str, error: &TemplateError) {
        if let Some((offset, block)) = unclosed(text) {
            let span = self.marker.inside(pointer, offset, 3 + block.len());
            let message = format!("`{{{{#{block}` is never closed");
            self.marker.error(codes::BAD_TEMPLATE, span, message).help(format!("close it: `{{{{/{block}}}}}`"));
            return;
        }
        let span = self.marker.inside(pointer, error.offset, 2);
        let message = format!("a template that cannot be read: {}", error.message);
        self.marker.error(codes::BAD_TEMPLATE, span, message).help("`\\{{` writes two braces as they are");
    }

    fn partial(&mut self, pointer: &str, name: &str, offset: usize) {
        let partials = &self.scene.against.catalog.partials;
        if partials.contains_key(name) {
            return;
        }
        let span = self.marker.inside(pointer, offset, name.len());
        let known = || partials.keys().map(String::as_str);
        let help = nearest(name, known()).map_or_else(
            || format!("the partials are {}", listed(known())),
            |close| format!("did you mean `{close}`?"),
        );
        self.marker.error(codes::UNKNOWN_PARTIAL, span, format!("unknown partial `{name}`")).help(help);
    }

    /// The templates of the roles in use: what they want of this mission must be there.
    fn role_templates(&mut self) {
        let scene = self.scene;
        let mut users: BTreeMap<&RoleName, Vec<&LocalTaskId>> = BTreeMap::new();
        for (id, task) in &scene.file.tasks {
            if let Some(role) = scene.role_of(task) {
                users.entry(role).or_default().push(id);
            }
        }
        for (role, tasks) in users {
            let mut told = BTreeSet::new();
            for found in roles::variables(scene, role) {
                self.used.take(&found.path);
                for (root, task) in
                    found.path.first().into_iter().flat_map(|root| tasks.iter().map(move |id| (root, id)))
                {
                    self.used.take_variable(task, root);
                }
                if told.insert(found.path.clone()) && roles::is_wanted(&found) {
                    self.role_variable(role, &found.path, &tasks);
                }
            }
        }
    }

    fn role_variable(&mut self, role: &RoleName, path: &[String], tasks: &[&LocalTaskId]) {
        let file = self.scene.file;
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let (what, help, at) = match parts.as_slice() {
            ["inputs", input, ..] if !file.inputs.contains_key(*input) => {
                (format!("the input `{input}`"), format!("declare `[inputs.{input}]`"), tasks.first())
            }
            ["vars", var, ..] if !file.roles.get(role).is_some_and(|table| table.vars.contains_key(*var)) => {
                let help = format!("set it: `vars = {{ {var} = … }}` in `[roles.{role}]`");
                (format!("`vars.{var}`"), help, tasks.first())
            }
            ["tasks", task, "outputs", output, ..] => {
                let Some(at) = tasks.iter().find(|id| !self.hands_over(task, output, id)) else { return };
                let help = format!("let `{task}` come before `{at}` and hand it over, or take another role");
                (format!("the output `{output}` of a task `{task}`"), help, Some(at))
            }
            [root, ..] if !TAKEN.contains(root) => {
                let has = |id: &LocalTaskId| self.types.variables.get(id).is_some_and(|own| own.contains_key(*root));
                let Some(at) = tasks.iter().find(|id| !has(id)) else { return };
                (
                    format!("the variable `{root}`"),
                    format!("add `for_each = {{ {root} = … }}` to task `{at}`"),
                    Some(at),
                )
            }
            _ => return,
        };
        let pointer = match at {
            Some(id) if file.tasks.get(*id).is_some_and(|task| task.role.is_some()) => format!("/tasks/{id}/role"),
            Some(_) | None => "/defaults/role".to_owned(),
        };
        let span = self.marker.value(&pointer);
        self.marker
            .error(
                codes::UNKNOWN_VARIABLE,
                span,
                format!("the role `{role}` wants {what}, which this mission does not give"),
            )
            .help(help);
    }

    /// True where a task hands over an output that another one sees.
    fn hands_over(&self, task: &str, output: &str, to: &LocalTaskId) -> bool {
        let Some((id, _)) = self.scene.file.tasks.get_key_value(task) else { return false };
        let has = self.types.outputs(self.scene, id).is_none_or(|outputs| outputs.contains_key(output));
        has && self.scene.graph.is_upstream(to, id)
    }
}
