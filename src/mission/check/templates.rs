//! Every text that is a template, with what it may see; and the texts that are none.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::template::Template;
use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::check::roles;
use crate::mission::check::uses::Used;
use crate::mission::check::variables::{Sight, check_use, is_ours};
use crate::mission::field::command::{CommandText, script_argument};
use crate::mission::file::TaskFile;
use crate::mission::model::{CommandLine, PromptVia};
use crate::mission::nearest::{listed, nearest};
use crate::name::{RoleName, TaskId};

/// A walk over all templates of a mission.
#[derive(Debug)]
pub struct Walk<'s, 'm, 'd> {
    /// The mission.
    pub scene: &'s Scene<'s>,
    /// The pen.
    pub marker: &'m mut Marker<'d>,
    /// What has been used.
    pub used: Used,
}

/// Checks all templates; returns what they use.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) -> Used {
    let mut walk = Walk { scene, marker, used: Used::default() };
    walk.tables();
    for (id, task) in &scene.file.tasks {
        walk.task(id, task);
    }
    walk.role_templates();
    walk.used
}

impl Walk<'_, '_, '_> {
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

    fn task(&mut self, id: &TaskId, task: &TaskFile) {
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
        self.texts(&format!("{place}/touches"), task.touches.as_deref().unwrap_or_default(), Sight::Run);
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

    fn text(&mut self, pointer: &str, text: &str, sight: Sight<'_>) {
        self.used.mentions(text);
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(error) => {
                let span = self.marker.inside(pointer, error.offset, 2);
                let message = format!("a template that cannot be read: {}", error.message);
                self.marker.error(codes::BAD_TEMPLATE, span, message).help("`\\{{` writes two braces as they are");
                return;
            }
        };
        for partial in template.partials() {
            self.partial(pointer, &partial.name, partial.offset);
        }
        for found in template.uses() {
            check_use(self, pointer, found, sight);
        }
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
        let mut users: BTreeMap<&RoleName, Vec<&TaskId>> = BTreeMap::new();
        for (id, task) in &scene.file.tasks {
            if let Some(role) = scene.role_of(task) {
                users.entry(role).or_default().push(id);
            }
        }
        for (role, tasks) in users {
            let mut told = BTreeSet::new();
            for found in roles::variables(scene, role) {
                self.used.take(&found.path);
                if told.insert(found.path.clone()) && roles::is_wanted(&found) {
                    self.role_variable(role, &found.path, &tasks);
                }
            }
        }
    }

    fn role_variable(&mut self, role: &RoleName, path: &[String], tasks: &[&TaskId]) {
        let file = self.scene.file;
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let (what, help) = match parts.as_slice() {
            ["inputs", input, ..] if !file.inputs.contains_key(*input) => {
                (format!("the input `{input}`"), format!("declare `[inputs.{input}]`"))
            }
            ["vars", var, ..] if !file.roles.get(role).is_some_and(|table| table.vars.contains_key(*var)) => {
                (format!("`vars.{var}`"), format!("set it: `vars = {{ {var} = … }}` in `[roles.{role}]`"))
            }
            _ => return,
        };
        let pointer = match tasks.first() {
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
}
