//! Roles and skills: names that exist, and skills that go together.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::role::{Body, Capability, RoleTemplate};
use crate::catalog::template::{Position, Template, VariableUse};
use crate::catalog::{Broken, Found};
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{ByteSpan, Code, Severity, codes};
use crate::mission::check::Scene;
use crate::mission::check::kinds::Kind;
use crate::mission::check::marker::Marker;
use crate::mission::file::TaskFile;
use crate::name::{LocalTaskId, RoleName, SkillName};

impl<'a> Scene<'a> {
    /// The role of an agent task; `None` for all others, where there is none, and where it is chosen by what it can do.
    pub fn role_of(&self, task: &'a TaskFile) -> Option<&'a RoleName> {
        task.prompt.as_ref()?;
        if task.role.is_none() && !task.capabilities.is_empty() {
            return None;
        }
        task.role.as_ref().or_else(|| self.file.defaults.as_ref()?.role.as_ref())
    }

    /// The template of a role: the mission may name another one.
    pub fn template_of(&self, role: &RoleName) -> Option<&'a RoleTemplate> {
        let name = self.file.roles.get(role).and_then(|table| table.template.as_ref()).unwrap_or(role);
        self.against.catalog.roles.get(name).map(|found: &'a Found<RoleTemplate>| &found.value)
    }
}

/// Checks every name of a role and of a skill.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (name, table) in &scene.file.roles {
        let (pointer, wanted) = match &table.template {
            Some(template) => (format!("/roles/{name}/template"), template),
            None => (format!("/roles/{name}"), name),
        };
        if !scene.against.catalog.roles.contains_key(wanted) {
            let span = if table.template.is_some() { marker.value(&pointer) } else { marker.key(&pointer) };
            no_role(scene, marker, span, (wanted, format!("there is no role template `{wanted}`")));
        }
        skills(scene, marker, &format!("/roles/{name}/skills"), &table.skills);
    }
    let defaults = scene.file.defaults.as_ref();
    if let Some(role) = defaults.and_then(|defaults| defaults.role.as_ref()) {
        exists(scene, marker, "/defaults/role", role);
    }
    if let Some(defaults) = defaults {
        skills(scene, marker, "/defaults/skills", &defaults.skills);
    }
    let mut together = BTreeSet::new();
    for (id, task) in &scene.file.tasks {
        // That others have none of this is told already.
        if matches!(Kind::of(task), Some(Kind::Command | Kind::Gate | Kind::Mission)) {
            continue;
        }
        if let Some(role) = &task.role {
            exists(scene, marker, &format!("/tasks/{id}/role"), role);
        }
        if let Some(role) = &task.review {
            exists(scene, marker, &format!("/tasks/{id}/review"), role);
        }
        if task.role.is_none() && task.prompt.is_some() && !task.capabilities.is_empty() {
            able(scene, marker, id, task);
        }
        skills(scene, marker, &format!("/tasks/{id}/skills"), &task.skills);
        if let Some(role) = scene.role_of(task)
            && together.insert((role, &task.skills))
        {
            conflicts(scene, marker, id, task, role);
        }
    }
}

fn exists(scene: &Scene<'_>, marker: &mut Marker<'_>, pointer: &str, role: &RoleName) {
    let in_mission = scene.file.roles.contains_key(role) || scene.left_out.contains(&format!("/roles/{role}"));
    if !in_mission && !scene.against.catalog.roles.contains_key(role) {
        let span = marker.value(pointer);
        no_role(scene, marker, span, (role, format!("unknown role `{role}`")));
    }
}

/// Tells that a role is not there, unless its file is and is broken: then that is what is told.
fn no_role(scene: &Scene<'_>, marker: &mut Marker<'_>, span: ByteSpan, (role, message): (&RoleName, String)) {
    match scene.against.catalog.broken_roles.get(role) {
        Some(broken) => cannot_be_used(marker, (codes::UNKNOWN_ROLE, span), &format!("the role `{role}`"), broken),
        None => {
            marker.error(codes::UNKNOWN_ROLE, span, message).help(which_role(scene, role.as_str()));
        }
    }
}

/// What is broken has an error of its own; only what is another tool's has none.
fn cannot_be_used(marker: &mut Marker<'_>, (code, span): (Code, ByteSpan), what: &str, broken: &Broken) {
    if broken.finding.severity == Severity::Warning {
        marker.error(code, span, format!("{what} cannot be used: {}", broken.words())).help(broken.remedy());
    }
}

/// Some role of the mission can do what a task asks for.
fn able(scene: &Scene<'_>, marker: &mut Marker<'_>, id: &LocalTaskId, task: &TaskFile) {
    if scene.left_out.iter().any(|out| out.starts_with("/roles")) {
        return;
    }
    let can = |wanted: Capability| {
        let mut templates = scene.file.roles.keys().filter_map(|role| scene.template_of(role));
        templates.any(|template| template.capabilities.iter().any(|one| one == wanted.as_str()))
    };
    let missing: Vec<&str> =
        task.capabilities.iter().filter(|wanted| !can(**wanted)).map(|wanted| wanted.as_str()).collect();
    let span = marker.value(&format!("/tasks/{id}/capabilities"));
    let help = "add a role that is to `[roles.<name>]`, or name one with `role`";
    if missing.len() == task.capabilities.len() {
        let message = if scene.file.roles.is_empty() {
            "the mission has no `[roles]` to choose from".to_owned()
        } else {
            format!("no role of this mission is able to do {}", listed(missing))
        };
        marker.error(codes::CAPABILITIES, span, message).help(help);
    } else if !missing.is_empty() {
        let message = format!("no role of this mission is able to do {}", listed(missing));
        marker.warning(codes::CAPABILITIES, span, message).help(help);
    }
}

fn which_role(scene: &Scene<'_>, given: &str) -> String {
    let known = || scene.file.roles.keys().chain(scene.against.catalog.roles.keys()).map(RoleName::as_str);
    let others = || known().filter(|name| *name != given);
    nearest(given, others()).map_or_else(
        || {
            let all: BTreeSet<&str> = others().collect();
            format!("the roles are {}; a new one is a file `roles/{given}.md`", listed(all))
        },
        |close| format!("did you mean `{close}`?"),
    )
}

fn skills(scene: &Scene<'_>, marker: &mut Marker<'_>, pointer: &str, skills: &[SkillName]) {
    let known = &scene.against.catalog.skills;
    for (at, skill) in skills.iter().enumerate() {
        if known.contains_key(skill) {
            continue;
        }
        let span = marker.value(&format!("{pointer}/{at}"));
        if let Some(broken) = scene.against.catalog.broken_skills.get(skill) {
            cannot_be_used(marker, (codes::UNKNOWN_SKILL, span), &format!("the skill `{skill}`"), broken);
            continue;
        }
        let names = || known.keys().map(SkillName::as_str);
        let help = nearest(skill.as_str(), names()).map_or_else(
            || format!("the skills are {}; a new one is a folder `skills/{skill}/`", listed(names())),
            |close| format!("did you mean `{close}`?"),
        );
        marker.error(codes::UNKNOWN_SKILL, span, format!("unknown skill `{skill}`")).help(help);
    }
}

/// Skills that a session would be given by name, with what they require, must go together.
fn conflicts(scene: &Scene<'_>, marker: &mut Marker<'_>, id: &LocalTaskId, task: &TaskFile, role: &RoleName) {
    let catalog = &scene.against.catalog.skills;
    let named = task
        .skills
        .iter()
        .chain(scene.file.defaults.iter().flat_map(|defaults| &defaults.skills))
        .chain(scene.file.roles.get(role).into_iter().flat_map(|table| &table.skills))
        .chain(scene.template_of(role).into_iter().flat_map(|template| &template.skills));
    let mut open: Vec<(&SkillName, String)> = named.map(|skill| (skill, format!("`{skill}`"))).collect();
    let mut all: BTreeMap<&SkillName, String> = BTreeMap::new();
    while let Some((skill, why)) = open.pop() {
        let Some(found) = catalog.get(skill) else { continue };
        if all.contains_key(skill) {
            continue;
        }
        for required in &found.value.manifest.requires {
            open.push((required, format!("`{required}` (required by `{skill}`)")));
        }
        all.insert(skill, why);
    }
    for (skill, why) in &all {
        let Some(found) = catalog.get(*skill) else { continue };
        for other in found.value.manifest.conflicts.iter().filter(|other| skill < other || !mutual(scene, skill, other))
        {
            let Some(other_why) = all.get(other) else { continue };
            let pointer = format!("/tasks/{id}");
            let span =
                if task.skills.is_empty() { marker.key(&pointer) } else { marker.value(&format!("{pointer}/skills")) };
            marker
                .error(codes::SKILL_CONFLICT, span, format!("the skills {why} and {other_why} cannot be used together"))
                .help(format!("leave one of them out of the task or of the role `{role}`"));
        }
    }
}

fn mutual(scene: &Scene<'_>, one: &SkillName, other: &SkillName) -> bool {
    let catalog = &scene.against.catalog.skills;
    catalog.get(other).is_some_and(|found| found.value.manifest.conflicts.contains(one))
}

/// The variables that a role's template uses, those of its partials included.
pub fn variables(scene: &Scene<'_>, role: &RoleName) -> Vec<VariableUse> {
    let Some(RoleTemplate { body: Body::Template(body), .. }) = scene.template_of(role) else { return Vec::new() };
    let mut uses = Vec::new();
    let mut open = vec![(body.clone(), true)];
    let mut seen = BTreeSet::new();
    while let Some((source, own)) = open.pop() {
        let Ok(template) = Template::parse(&source) else { continue };
        for partial in template.partials() {
            if let Some(found) = scene.against.catalog.partials.get(&partial.name)
                && seen.insert(partial.name.clone())
            {
                open.push((found.value.clone(), false));
            }
        }
        // What a partial is handed over as parameters looks like a variable of its own: only the body's own are sure.
        let certain = |found: &&VariableUse| own || found.path.first().is_some_and(|root| root == "inputs");
        uses.extend(template.uses().iter().filter(certain).cloned());
    }
    uses
}

/// True where a variable must have a value for the template to be rendered.
pub fn is_wanted(found: &VariableUse) -> bool {
    !matches!(found.position, Position::Tested)
}
