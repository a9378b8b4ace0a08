//! `ai-sdlc init [DIR]`: what a project needs to begin with. Nothing is overwritten.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::fresh::{self, Made};
use crate::cli::project::Project;
use crate::cli::templates;

/// Without git, journals and logs lie here; they are nobody's to commit.
const IGNORE: &str = "/runs/\n/locks/\n/worktrees/\n";

/// The name of the first mission.
const FIRST: &str = "hello";

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The project's directory.
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Makes what is not there yet, and says what it made.
pub(super) fn run(args: &Init, context: &mut Context) -> Result<Exit, Failure> {
    let mut directory = context.directory();
    directory.extend(&args.directory);
    let ours = directory.join(".ai-sdlc");
    let schema = |what: &str, folder: &str| fresh::schema_of(what, &directory.join(folder), &directory, &ours);
    let config = templates::with_schema(templates::CONFIG, &schema("config", ".ai-sdlc")?);
    let mission = templates::usual(FIRST, &schema("mission", "missions")?);
    let files = [
        (".ai-sdlc/config.toml", config.as_str()),
        (".ai-sdlc/.gitignore", IGNORE),
        ("missions/hello.toml", mission.as_str()),
    ];
    for (path, text) in files {
        context.terminal.out(&match fresh::make(&directory.join(path), text)? {
            Made::Now => format!("made {path}"),
            Made::Before => format!("kept {path}, which was there"),
        });
    }
    if let Some(lacking) = Project::at(&directory, context)?.lacking() {
        context.terminal.out(&format!("\n{lacking}"));
    }
    let commands = [
        "mission validate".to_owned(),
        format!("mission rehearse {FIRST}"),
        "mission new --list".to_owned(),
        "story new \"What is wanted\"".to_owned(),
    ];
    let typed =
        context.globals.directory.iter().chain(&args.directory).cloned().reduce(|above, below| above.join(below));
    context.terminal.out(&format!("\n{}", fresh::next_in(typed.as_deref(), &commands)));
    Ok(Exit::Success)
}
