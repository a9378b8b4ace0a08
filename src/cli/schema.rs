//! `ai-sdlc schema [WHAT] [--out DIR] [--check]`: the published JSON Schemas, for editors.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::catalog::schema::schema_of;
use crate::catalog::{role_schema, skill_schema};
use crate::cli::Context;
use crate::cli::doctor::DoctorDocument;
use crate::cli::documents::{CleanupDocument, RecoverDocument, StoriesDocument, WorktreesDocument};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::diagnostic::FindingsDocument;
use crate::handoff;
use crate::mission::schema::{config_schema, mission_schema, prices_schema};
use crate::plan::{plan_schema, scenario_schema};
use crate::report::end::report_schema;
use crate::report::event_schema;
use crate::story::story_schema;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Which one; left out: all, with `--out` or `--check`.
    #[arg(value_name = "WHAT", required_unless_present_any = ["out", "check"])]
    what: Option<What>,
    /// Write `<what>.schema.json` into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Compare with the files in `--out` (or `schema/`) and change nothing.
    #[arg(long)]
    check: bool,
}

/// The schemas there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// A mission's file.
    Mission,
    /// `.ai-sdlc/config.toml`.
    Config,
    /// `prices.toml`.
    Prices,
    /// Front matter of a role.
    Role,
    /// `skill.toml`.
    Skill,
    /// Front matter of a story.
    Story,
    /// A plan, as `mission plan --json` prints it.
    Plan,
    /// A handoff's narrative.
    Handoff,
    /// What the rehearsal agent plays.
    Scenario,
    /// A line of `run events` and of `--ui json`.
    Event,
    /// What `run report --format json` prints.
    Report,
    /// What `mission validate --format json` prints.
    Findings,
    /// What `doctor --json` prints.
    Doctor,
    /// What `run recover --json` prints.
    Recover,
    /// What `run cleanup --json` prints.
    Cleanup,
    /// What `worktree list --json` prints.
    Worktrees,
    /// What `story list --json` prints.
    Stories,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Mission => "mission",
            Self::Config => "config",
            Self::Prices => "prices",
            Self::Role => "role",
            Self::Skill => "skill",
            Self::Story => "story",
            Self::Plan => "plan",
            Self::Handoff => "handoff",
            Self::Scenario => "scenario",
            Self::Event => "event",
            Self::Report => "report",
            Self::Findings => "findings",
            Self::Doctor => "doctor",
            Self::Recover => "recover",
            Self::Cleanup => "cleanup",
            Self::Worktrees => "worktrees",
            Self::Stories => "stories",
        }
    }

    fn text(self) -> String {
        match self {
            Self::Mission => mission_schema(),
            Self::Config => config_schema(),
            Self::Prices => prices_schema(),
            Self::Role => role_schema(),
            Self::Skill => skill_schema(),
            Self::Story => story_schema(),
            Self::Plan => plan_schema(),
            Self::Handoff => handoff::schema(),
            Self::Scenario => scenario_schema(),
            Self::Event => event_schema(),
            Self::Report => report_schema(),
            Self::Findings => schema_of::<FindingsDocument<'_>>("findings"),
            Self::Doctor => schema_of::<DoctorDocument<'_>>("doctor"),
            Self::Recover => schema_of::<RecoverDocument>("recover"),
            Self::Cleanup => schema_of::<CleanupDocument>("cleanup"),
            Self::Worktrees => schema_of::<WorktreesDocument>("worktrees"),
            Self::Stories => schema_of::<StoriesDocument>("stories"),
        }
    }

    fn file(self) -> String {
        format!("{}.schema.json", self.name())
    }
}

/// All schemas: file name and text.
pub fn all() -> Vec<(String, String)> {
    What::value_variants().iter().map(|what| (what.file(), what.text())).collect()
}

/// Prints, writes or compares.
pub(super) fn run(args: &Schema, context: &mut Context) -> Result<Exit, Failure> {
    let chosen: Vec<What> = args.what.map_or_else(|| What::value_variants().to_vec(), |what| vec![what]);
    let folder = context.directory().join(args.out.as_deref().unwrap_or(Path::new("schema")));
    if args.check {
        return check(&chosen, &folder, context);
    }
    for what in chosen {
        if args.out.is_none() {
            context.terminal.out(&what.text());
            continue;
        }
        let path = folder.join(what.file());
        fs::create_dir_all(&folder).and_then(|()| fs::write(&path, what.text())).map_err(|error| {
            Failure::new(Exit::Environment, "cli::cannot-write", "a schema could not be written")
                .at(path.display().to_string())
                .because(&error)
        })?;
    }
    Ok(Exit::Success)
}

fn check(chosen: &[What], folder: &Path, context: &mut Context) -> Result<Exit, Failure> {
    let differs = |what: &&What| fs::read_to_string(folder.join(what.file())).ok().as_deref() != Some(&what.text());
    let stale: Vec<String> = chosen.iter().filter(differs).map(|what| what.file()).collect();
    if stale.is_empty() {
        context.terminal.err("The schemas are as this program makes them.");
        return Ok(Exit::Success);
    }
    let what = format!("{} differ from what this program makes", stale.join(", "));
    let folder = folder.display().to_string();
    Err(Failure::new(Exit::Failed, "cli::stale-schema", what)
        .help(format!("`ai-sdlc schema --out {folder}` writes them anew"))
        .at(folder))
}
