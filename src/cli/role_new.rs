//! `ai-sdlc role new NAME`: a role to begin with. Nothing is overwritten.

use std::path::Path;

use clap::Args;

use crate::catalog::Found;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::fresh::{self, Home, Made, Owner};
use crate::cli::project::Project;
use crate::cli::role::{catalog, no_role};
use crate::cli::templates;
use crate::name::RoleName;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RoleNew {
    /// Its name: the file is `roles/<NAME>.md`.
    #[arg(value_name = "NAME")]
    name: String,
    /// What it is responsible for, in one line.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Begin with a copy of this role.
    #[arg(long, value_name = "ROLE")]
    from: Option<String>,
    /// Make it yours, for all projects, in your configuration folder.
    #[arg(long)]
    user: bool,
}

/// Writes it, and says what it hides and what to do next.
pub(super) fn run(args: &RoleNew, context: &mut Context) -> Result<Exit, Failure> {
    let name = fresh::name(&args.name, RoleName::parse)?;
    let project = Project::find(context)?;
    let owner = if args.user { Owner::Person } else { Owner::Project };
    let home = Home::find(&project, owner, "roles", has_roles)?;
    let path = home.folder.join(format!("{name}.md"));
    let shown = project.shown(&path);
    let text = match &args.from {
        None => templates::ROLE.to_owned(),
        Some(from) => source(from, context)?,
    };
    let text = templates::front_matter(&text, name.as_str(), args.description.as_deref());
    if fresh::make(&path, &text)? == Made::Before {
        return Err(fresh::already_there("role", name.as_str(), shown));
    }
    context.terminal.out(&format!("made {shown}"));
    let catalog = catalog(context)?;
    let told = hiding("role", catalog.roles.get(&name), &path, &project);
    if let Some(line) = told {
        context.terminal.out(&line);
    }
    let commands = [format!("role render {name}"), "mission validate".to_owned()];
    context
        .terminal
        .out(&format!("\n{}\n\nA mission names it with `role = \"{name}\"`.", fresh::next(context, &commands)));
    Ok(Exit::Success)
}

fn has_roles(folder: &Path) -> bool {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let is_role = |path: &Path| path.extension().is_some_and(|ending| ending == "md") && !path.ends_with("README.md");
    entries.map(|entry| entry.path()).any(|path| is_role(&path) || path.ends_with("partials"))
}

/// The file of a role that there is.
fn source(from: &str, context: &Context) -> Result<String, Failure> {
    let catalog = catalog(context)?;
    let found = catalog.roles.iter().find(|(name, _)| name.as_str() == from).map(|(_, found)| found);
    let found = found.ok_or_else(|| no_role(from, &catalog))?;
    Ok(catalog.sources.get(&found.path).cloned().unwrap_or_default())
}

/// What a new one hides, or what hides it.
pub(super) fn hiding<T>(what: &str, found: Option<&Found<T>>, made: &Path, project: &Project) -> Option<String> {
    let found = found?;
    let is_it = project.root.join(&found.path) == made;
    match found.hides.as_slice() {
        [] if is_it => None,
        hidden if is_it => Some(format!("It hides {}.", hidden.join(", "))),
        _ => Some(format!("In this project it is hidden by {}: the nearer {what} of that name is taken.", found.path)),
    }
}
