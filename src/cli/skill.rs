//! `ai-sdlc skill list | show S | select --for TEXT | new NAME`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::amount::Millis;
use crate::catalog::parameters::parameters;
use crate::catalog::skill::{SkillFolder, SkillManifest};
use crate::catalog::{Catalog, Found, Origin};
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::role::{ListArgs, ShowArgs, broken_json, catalog, no_skill, place, row, with_broken};
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
            let broken = broken_json(&catalog.broken_skills);
            context.terminal.out(&pretty(&json!({ "schema": "ai-sdlc/skills/1", "skills": skills, "broken": broken })));
        }
        Skill::List(_) => {
            let catalog = catalog(context)?;
            let skills = catalog.skills.iter();
            let rows = skills.map(|(name, found)| row(name.to_string(), found, &found.value.description)).collect();
            let rows = with_broken(rows, &catalog.broken_skills);
            context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
            for hint in &hardly_found(&catalog) {
                context.terminal.err(hint);
            }
        }
        Skill::Select(args) => return skill_select::run(args, context),
        Skill::New(args) => return skill_new::run(args, context),
        Skill::Show(args) => {
            let catalog = catalog(context)?;
            let found = catalog.skills.iter().find(|(name, _)| name.as_str() == args.name);
            let (name, found) = found.ok_or_else(|| no_skill(&args.name, &catalog))?;
            let shown = if args.json { pretty(&as_json(name, found)) } else { text(name, found) };
            context.terminal.out(&shown);
        }
    }
    Ok(Exit::Success)
}

/// What is said of a skill of one's own that no role names, no other skill brings, and that is found by nothing but its
/// name and description.
fn hardly_found(catalog: &Catalog) -> Vec<String> {
    let named = |skill: &SkillName| {
        catalog.roles.values().any(|role| role.value.skills.contains(skill))
            || catalog.skills.values().any(|other| other.value.manifest.requires.contains(skill))
    };
    let own = catalog.skills.iter().filter(|(_, found)| found.origin != Origin::BuiltIn);
    let hidden = own.filter(|(name, found)| {
        let SkillManifest { triggers, tags, words, .. } = &found.value.manifest;
        triggers.is_empty() && tags.is_empty() && words.is_empty() && !named(name)
    });
    hidden
        .map(|(name, found)| {
            format!(
                "hint: no role names `{name}`, and it has no triggers and no tags: only tasks whose text says its name or \
                 words of its description are given it. Name it in a role (`skills: [{name}]`), or add `triggers` and \
                 `tags` to {}/skill.toml; `ai-sdlc skill select --for \"…\"` shows what a text is given.",
                found.path
            )
        })
        .collect()
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
        ("words", manifest.words.join(", ")),
        ("triggers", manifest.triggers.join(", ")),
        ("requires", names(&manifest.requires)),
        ("conflicts", names(&manifest.conflicts)),
        ("files", files.join(", ")),
    ]
    .into_iter()
    .chain(run_by(manifest))
    .filter(|(_, value)| !value.is_empty())
    .map(|(title, value)| vec![title.to_owned(), value])
    .collect();
    let body = skill.files.iter().find(|file| file.path == "SKILL.md").map_or("", |file| file.text.as_str());
    format!("{}\n{body}", table(&rows, usize::MAX, crate::report::Look::default()))
}

/// What runs it, with what, and when it may.
fn run_by(manifest: &SkillManifest) -> Vec<(&'static str, String)> {
    let changes = if manifest.side_effects { "it changes something: not for a session that may only read" } else { "" };
    let asks = if manifest.requires_confirmation { "only by a session with `full` permissions" } else { "" };
    let mut rows = vec![("side effects", changes.to_owned()), ("confirmation", asks.to_owned())];
    let Some(handler) = &manifest.handler else { return rows };
    let command = shlex::try_join(handler.command.iter().map(String::as_str));
    let timeout = Millis::from_secs(u64::from(handler.timeout_s));
    rows.push(("runs", command.unwrap_or_else(|_| handler.command.join(" "))));
    rows.push(("timeout", timeout.to_string()));
    rows.extend(manifest.parameters.iter().flat_map(parameters).map(|parameter| {
        let told = [parameter.brief(), parameter.kind.clone(), parameter.description.clone()];
        let told: Vec<String> = told.into_iter().filter(|part| !part.is_empty()).collect();
        ("parameter", told.join("  "))
    }));
    rows
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
