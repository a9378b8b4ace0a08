//! `ai-sdlc role list | show R | render R | new NAME`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::catalog::role::{Body, RoleTemplate};
use crate::catalog::{Catalog, Found};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::role_new::{self, RoleNew};
use crate::cli::role_render::{self, RoleRender};
use crate::cli::run_list::pretty;
use crate::cli::table::table;
use crate::diagnostic::nearest::{listed, nearest};
use crate::name::RoleName;

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
            context.terminal.out(&pretty(&json!({ "schema": "ai-sdlc/roles/1", "roles": roles })));
        }
        Role::List(_) => {
            let catalog = catalog(context)?;
            let rows: Vec<Vec<String>> = catalog
                .roles
                .iter()
                .map(|(name, found)| row(name.to_string(), found, &found.value.description))
                .collect();
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

/// Nothing of this name.
pub(super) fn unknown<'a>(what: &str, given: &str, names: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let help = match nearest(given, names.clone()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", listed(names)),
    };
    Failure::new(Exit::Usage, "cli::unknown-name", format!("there is no {what} `{given}`")).help(help)
}

fn show(args: &ShowArgs, catalog: &Catalog, context: &mut Context) -> Result<(), Failure> {
    let found = catalog.roles.iter().find(|(name, _)| name.as_str() == args.name);
    let (name, found) = found.ok_or_else(|| unknown("role", &args.name, catalog.roles.keys().map(RoleName::as_str)))?;
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
    more("capabilities", role.capabilities.join(", "));
    more("skills", role.skills.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    more("touches", role.touches.as_deref().unwrap_or_default().join(", "));
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
