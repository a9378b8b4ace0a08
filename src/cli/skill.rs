//! `ai-sdlc skill list | show S | select --for TEXT | new NAME`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::catalog::Found;
use crate::catalog::skill::SkillFolder;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::role::{ListArgs, ShowArgs, catalog, place, row, unknown};
use crate::cli::run_list::pretty;
use crate::cli::skill_new::{self, SkillNew};
use crate::cli::skill_select::{self, SkillSelect};
use crate::cli::table::table;
use crate::name::SkillName;

/// Skills.
#[derive(Debug, Subcommand)]
pub(super) enum Skill {
    /// List the skills that sessions here can be given, and where each comes from.
    List(ListArgs),
    /// Show one skill: its text and its files.
    Show(ShowArgs),
    /// Show which skills a session would be given, and why.
    Select(SkillSelect),
    /// Make a skill to begin with; nothing is overwritten.
    New(SkillNew),
}

/// Lists or shows.
pub(super) fn run(skill: &Skill, context: &mut Context) -> Result<Exit, Failure> {
    match skill {
        Skill::List(args) if args.json => {
            let catalog = catalog(context)?;
            let skills: Vec<Value> = catalog.skills.iter().map(|(name, found)| as_json(name, found)).collect();
            context.terminal.out(&pretty(&json!({ "schema": "ai-sdlc/skills/1", "skills": skills })));
        }
        Skill::List(_) => {
            let catalog = catalog(context)?;
            let rows: Vec<Vec<String>> = catalog
                .skills
                .iter()
                .map(|(name, found)| row(name.to_string(), found, &found.value.description))
                .collect();
            context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
        }
        Skill::Select(args) => return skill_select::run(args, context),
        Skill::New(args) => return skill_new::run(args, context),
        Skill::Show(args) => {
            let catalog = catalog(context)?;
            let found = catalog.skills.iter().find(|(name, _)| name.as_str() == args.name);
            let (name, found) =
                found.ok_or_else(|| unknown("skill", &args.name, catalog.skills.keys().map(SkillName::as_str)))?;
            let shown = if args.json { pretty(&as_json(name, found)) } else { text(name, found) };
            context.terminal.out(&shown);
        }
    }
    Ok(Exit::Success)
}

fn text(name: &SkillName, found: &Found<SkillFolder>) -> String {
    let skill = &found.value;
    let names = |names: &[SkillName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let manifest = &skill.manifest;
    let files: Vec<String> = skill.files.iter().map(|file| file.path.clone()).collect();
    let rows: Vec<Vec<String>> = [
        ("skill", name.to_string()),
        ("from", place(found)),
        ("description", skill.description.clone()),
        ("category", manifest.category.clone()),
        ("tags", manifest.tags.join(", ")),
        ("triggers", manifest.triggers.join(", ")),
        ("requires", names(&manifest.requires)),
        ("conflicts", names(&manifest.conflicts)),
        ("files", files.join(", ")),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(title, value)| vec![title.to_owned(), value])
    .collect();
    let body = skill.files.iter().find(|file| file.path == "SKILL.md").map_or("", |file| file.text.as_str());
    format!("{}\n{body}", table(&rows, usize::MAX, crate::report::Look::default()))
}

fn as_json(name: &SkillName, found: &Found<SkillFolder>) -> Value {
    json!({
        "name": name,
        "description": found.value.description,
        "origin": found.origin,
        "path": found.path,
        "sha256": found.sha256,
        "hides": found.hides,
        "manifest": found.value.manifest,
        "files": found.value.files.iter().map(|file| &file.path).collect::<Vec<_>>(),
    })
}
