//! `ai-sdlc skill new NAME`: a skill to begin with. Nothing is overwritten.

use std::path::Path;

use clap::Args;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::fresh::{self, Home, Made, Owner};
use crate::cli::project::Project;
use crate::cli::role::catalog;
use crate::cli::role_new::hiding;
use crate::cli::templates;
use crate::name::SkillName;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct SkillNew {
    /// Its name: the folder is `skills/<NAME>/`.
    #[arg(value_name = "NAME")]
    name: String,
    /// What it teaches, and when to use it.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Make it yours, for all projects, in your configuration folder.
    #[arg(long)]
    user: bool,
}

/// Writes it, and says what it hides and what to do next.
pub(super) fn run(args: &SkillNew, context: &mut Context) -> Result<Exit, Failure> {
    let name = fresh::name(&args.name, SkillName::parse)?;
    let project = Project::find(context)?;
    let owner = if args.user { Owner::Person } else { Owner::Project };
    let home = Home::find(&project, owner, "skills", has_skills)?;
    let folder = home.folder.join(name.as_str());
    if folder.exists() {
        return Err(fresh::already_there("skill", name.as_str(), project.shown(&folder)));
    }
    let schema = fresh::schema_of("skill", &folder, &home.root, &home.ours)?;
    let files = [
        ("SKILL.md", templates::front_matter(templates::SKILL, name.as_str(), args.description.as_deref())),
        ("skill.toml", templates::with_schema(templates::SKILL_MANIFEST, &schema)),
    ];
    for (file, text) in files {
        let path = folder.join(file);
        if fresh::make(&path, &text)? == Made::Before {
            return Err(fresh::already_there("skill", name.as_str(), project.shown(&path)));
        }
        context.terminal.out(&format!("made {}", project.shown(&path)));
    }
    let catalog = catalog(context)?;
    let told = hiding("skill", catalog.skills.get(&name), &folder, &project);
    if let Some(line) = told {
        context.terminal.out(&line);
    }
    let commands = ["skill select --explain --for \"what a task says\"".to_owned(), "mission validate".to_owned()];
    let named = format!("A role or task names it with `skills = [\"{name}\"]`.");
    context.terminal.out(&format!("\n{}\n\n{named}", fresh::next(context, &commands)));
    Ok(Exit::Success)
}

fn has_skills(folder: &Path) -> bool {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.join("SKILL.md").is_file())
}
