//! `ai-sdlc role list | show R | render R | new NAME`.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use crate::catalog::role::{Body, Permissions, RoleTemplate};
use crate::catalog::{Broken, Catalog, Found};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::role_new::{self, RoleNew};
use crate::cli::role_render::{self, RoleRender};
use crate::cli::run_list::pretty;
use crate::cli::table::table;
use crate::diagnostic::Finding;
use crate::diagnostic::nearest::{listed, nearest};
use crate::name::{RoleName, SkillName};

/// Roles.
#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// List the roles that missions here can name, and where each comes from.
    List(ListArgs),
    /// Show one role, whole.
    Show(ShowArgs),
    /// Show exactly what a session of it would be told.
    Render(RoleRender),
    /// Make a role to begin with; nothing is overwritten.
    New(RoleNew),
}

/// Arguments of a list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Arguments of what shows one.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Lists or shows.
pub(super) fn run(role: &Role, context: &mut Context) -> Result<Exit, Failure> {
    match role {
        Role::List(args) if args.json => {
            let catalog = catalog(context)?;
            let roles: Vec<Value> = catalog.roles.iter().map(|(name, found)| as_json(name, found)).collect();
            let broken = broken_json(&catalog.broken_roles);
            context.terminal.out(&pretty(&json!({ "schema": "ai-sdlc/roles/1", "roles": roles, "broken": broken })));
        }
        Role::List(_) => {
            let catalog = catalog(context)?;
            let roles = catalog.roles.iter();
            let rows = roles.map(|(name, found)| row(name.to_string(), found, &found.value.description)).collect();
            let rows = with_broken(rows, &catalog.broken_roles);
            context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
        }
        Role::Show(args) => show(args, &catalog(context)?, context)?,
        Role::Render(args) => return role_render::run(args, context),
        Role::New(args) => return role_new::run(args, context),
    }
    Ok(Exit::Success)
}

/// All that can be named from where the person stands.
pub(super) fn catalog(context: &Context) -> Result<Catalog, Failure> {
    let project = Project::find(context)?;
    let missions = project.root.join("missions");
    let beside = missions.is_dir().then_some(missions);
    Ok(Catalog::load(&project.places(beside)))
}

/// Where something was found, and what it hides.
pub(super) fn place<T>(found: &Found<T>) -> String {
    let place = format!("{}: {}", found.origin.words(), found.path);
    match found.hides.as_slice() {
        [] => place,
        hidden => format!("{place} (hides {})", hidden.join(", ")),
    }
}

/// One of a list: its name, where it comes from with what it hides, what it is.
pub(super) fn row<T>(name: String, found: &Found<T>, description: &str) -> Vec<String> {
    let path = found.path.strip_prefix("built-in:").unwrap_or(&found.path);
    let place = match found.hides.as_slice() {
        [] => path.to_owned(),
        [only] => format!("{path} (hides {only})"),
        [nearest, more @ ..] => format!("{path} (hides {nearest} and {} more)", more.len()),
    };
    vec![name, found.origin.words().to_owned(), place, description.to_owned()]
}

/// The rows of a list with those of what is broken among them, by name.
pub(super) fn with_broken<N: ToString>(mut rows: Vec<Vec<String>>, broken: &BTreeMap<N, Broken>) -> Vec<Vec<String>> {
    rows.extend(broken.iter().map(|(name, broken)| {
        let origin = broken.origin.words().to_owned();
        vec![name.to_string(), origin, broken.path.clone(), format!("broken: {}", broken.finding.message)]
    }));
    rows.sort();
    rows
}

/// What is broken, for programs.
pub(super) fn broken_json<N: Serialize>(broken: &BTreeMap<N, Broken>) -> Vec<Value> {
    let told = |(name, broken): (&N, &Broken)| json!({ "name": name, "origin": broken.origin, "path": broken.path, "finding": broken.finding });
    broken.iter().map(told).collect()
}

/// There is no such role that can be used: none of this name, or a broken one.
pub(super) fn no_role(given: &str, catalog: &Catalog) -> Failure {
    let broken = catalog.broken_roles.iter().find(|(name, _)| name.as_str() == given);
    broken.map_or_else(
        || unknown("role", given, catalog.roles.keys().map(RoleName::as_str)),
        |(_, broken)| is_broken("role", given, (broken, catalog)),
    )
}

/// There is no such skill that can be used: none of this name, or a broken one.
pub(super) fn no_skill(given: &str, catalog: &Catalog) -> Failure {
    let broken = catalog.broken_skills.iter().find(|(name, _)| name.as_str() == given);
    broken.map_or_else(
        || unknown("skill", given, catalog.skills.keys().map(SkillName::as_str)),
        |(_, broken)| is_broken("skill", given, (broken, catalog)),
    )
}

fn is_broken(what: &str, given: &str, (broken, catalog): (&Broken, &Catalog)) -> Failure {
    let Finding { file, message, span, .. } = &broken.finding;
    let before = catalog.sources.get(file).and_then(|text| text.get(..span.start));
    let place = match before {
        Some(before) => format!("{file}:{}", before.matches('\n').count() + 1),
        None => file.clone(),
    };
    Failure::new(Exit::Usage, "cli::broken-file", format!("the {what} `{given}` is broken"))
        .at(place)
        .because_of([message.clone()])
        .help(broken.remedy())
}

/// Nothing of this name.
fn unknown<'a>(what: &str, given: &str, names: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let help = match nearest(given, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", listed(names)),
    };
    Failure::new(Exit::Usage, "cli::unknown-name", format!("there is no {what} `{given}`")).help(help)
}

fn show(args: &ShowArgs, catalog: &Catalog, context: &mut Context) -> Result<(), Failure> {
    let found = catalog.roles.iter().find(|(name, _)| name.as_str() == args.name);
    let (name, found) = found.ok_or_else(|| no_role(&args.name, catalog))?;
    let text = match &found.value.body {
        Body::Template(text) | Body::Text(text) => text,
    };
    if args.json {
        let mut all = as_json(name, found);
        if let Value::Object(all) = &mut all {
            all.insert("schema".to_owned(), json!("ai-sdlc/role/1"));
            all.insert("body".to_owned(), json!(text));
        }
        context.terminal.out(&pretty(&all));
    } else {
        context.terminal.out(&format!("{}\n\n{text}", head(name, found)));
    }
    Ok(())
}

fn head(name: &RoleName, found: &Found<RoleTemplate>) -> String {
    let role = &found.value;
    let mut rows = vec![
        vec!["role".to_owned(), name.to_string()],
        vec!["from".to_owned(), place(found)],
        vec!["description".to_owned(), role.description.clone()],
    ];
    let mut more = |title: &str, value: String| {
        if !value.is_empty() {
            rows.push(vec![title.to_owned(), value]);
        }
    };
    more("agent", role.agent.as_ref().map(ToString::to_string).unwrap_or_default());
    more("model", role.model.clone().unwrap_or_default());
    more(
        "permissions",
        match role.permissions {
            Some(permissions) => permissions.as_str().to_owned(),
            None => format!("{}, where the mission says nothing else", Permissions::default().as_str()),
        },
    );
    more("capabilities", role.capabilities.join(", "));
    more("skills", role.skills.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    more("touches", role.touches.as_deref().unwrap_or_default().join(", "));
    if let Body::Text(_) = &role.body {
        more("body", "text made for another tool, taken as it is: no template".to_owned());
    }
    table(&rows, usize::MAX, crate::report::Look::default()).trim_end().to_owned()
}

fn as_json(name: &RoleName, found: &Found<RoleTemplate>) -> Value {
    let role = &found.value;
    json!({
        "name": name,
        "description": role.description,
        "origin": found.origin,
        "path": found.path,
        "sha256": found.sha256,
        "hides": found.hides,
        "agent": role.agent,
        "model": role.model,
        "permissions": role.permissions,
        "capabilities": role.capabilities,
        "skills": role.skills,
        "touches": role.touches,
        "kind": role.kind,
    })
}
