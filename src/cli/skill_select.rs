//! `ai-sdlc skill select --for TEXT`: the skills that a session with such a text is given, and why.

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::catalog::choose::{By, Chooser, Refusal, Selection};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::role::{catalog, no_role, no_skill};
use crate::cli::table::table;
use crate::cli::{Context, run_list::pretty};
use crate::name::SkillName;
use crate::report::safe;

/// Most skills that are told as near.
const MOST_NEAR: usize = 6;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct SkillSelect {
    /// What the task says: its title and its prompt.
    #[arg(long = "for", value_name = "TEXT")]
    text: String,
    /// The role that does it: its skills come first.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Say why each was chosen, and why those that were near were not.
    #[arg(long)]
    explain: bool,
    /// Print JSON, the reasons included.
    #[arg(long)]
    json: bool,
}

/// Shows them.
pub(super) fn run(args: &SkillSelect, context: &mut Context) -> Result<Exit, Failure> {
    let catalog = catalog(context)?;
    let of_role = of_role(args.role.as_deref(), &catalog)?;
    let asked: Vec<(By, &SkillName)> = of_role.iter().map(|skill| (By::Role, skill)).collect();
    let selection =
        Chooser::new(&catalog).select(&asked, &args.text, None).map_err(|refusal| refused(&refusal, &catalog))?;
    if args.json {
        context.terminal.out(&pretty(&as_json(args, &selection)));
        return Ok(Exit::Success);
    }
    if selection.chosen.is_empty() {
        context.terminal.err("No skill: the text speaks of none. `ai-sdlc skill list` shows those there are.");
    }
    let text = if args.explain {
        explained(&selection)
    } else {
        let describe = |name: &SkillName| catalog.skills.get(name).map(|found| found.value.description.clone());
        let names = selection.names();
        let rows: Vec<Vec<String>> =
            names.iter().map(|name| vec![name.to_string(), describe(name).unwrap_or_default()]).collect();
        table(&rows, context.terminal.table_columns(), context.terminal.out_look)
    };
    context.terminal.out(&text);
    Ok(Exit::Success)
}

fn of_role(role: Option<&str>, catalog: &Catalog) -> Result<Vec<SkillName>, Failure> {
    let Some(given) = role else { return Ok(Vec::new()) };
    let found = catalog.roles.iter().find(|(name, _)| name.as_str() == given).map(|(_, found)| found);
    let found = found.ok_or_else(|| no_role(given, catalog))?;
    Ok(found.value.skills.clone())
}

fn refused(refusal: &Refusal, catalog: &Catalog) -> Failure {
    if let Refusal::Missing(name) = refusal
        && catalog.broken_skills.contains_key(name)
    {
        return no_skill(name.as_str(), catalog);
    }
    let help = match refusal {
        Refusal::Missing(name) => format!("`ai-sdlc skill new {name}` makes one, or take it from the role"),
        Refusal::Conflict(_, _) => "leave one of them out of the role".to_owned(),
    };
    Failure::new(Exit::Usage, "cli::no-selection", refusal.to_string()).help(help)
}

fn explained(selection: &Selection) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for chosen in &selection.chosen {
        let _ = writeln!(text, "{}", chosen.skill);
        for why in &chosen.why {
            let _ = writeln!(text, "  {}", safe(&why.to_string()));
        }
    }
    if !selection.passed_over.is_empty() {
        let _ = writeln!(text, "\nNear, and not chosen:");
        for left in selection.passed_over.iter().take(MOST_NEAR) {
            let _ =
                writeln!(text, "  {}: {} (text rank {}, score {:.2})", left.skill, left.why, left.place, left.score);
        }
        let more = selection.passed_over.len().saturating_sub(MOST_NEAR);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more that are further off (`--json` has them)");
        }
    }
    text
}

fn as_json(args: &SkillSelect, selection: &Selection) -> Value {
    let mut all = json!(selection);
    if let Value::Object(all) = &mut all {
        all.insert("schema".to_owned(), json!("ai-sdlc/selection/1"));
        all.insert("role".to_owned(), json!(args.role));
        all.insert("for".to_owned(), json!(args.text));
    }
    all
}
