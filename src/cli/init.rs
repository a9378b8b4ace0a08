//! `ai-sdlc init [DIR]`: what a project needs to begin with. Nothing is overwritten.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

const CONFIG: &str = "\
# What holds for all missions of this project. The mission's own tables and flags win over it.
#
# [agents.mine]
# backend = \"command\"
# command = [\"my-agent\", \"--print\"]
# prompt = \"stdin\"
";

const MISSION: &str = "\
version = 1

[mission]
name = \"hello\"
description = \"The smallest mission: one command, and one that follows it.\"

[tasks.greet]
run = [\"echo\", \"hello\"]

[tasks.part]
needs = [\"greet\"]
run = [\"echo\", \"goodbye\"]
";

/// Without git, journals and logs lie here; they are nobody's to commit.
const IGNORE: &str = "/runs/\n/locks/\n/worktrees/\n";

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
    let files = [(".ai-sdlc/config.toml", CONFIG), (".ai-sdlc/.gitignore", IGNORE), ("missions/hello.toml", MISSION)];
    for (path, text) in files {
        let made = make(&directory.join(path), text).map_err(|error| {
            Failure::new(Exit::Environment, "cli::cannot-write", format!("`{path}` could not be written"))
                .at(directory.display().to_string())
                .because(&error)
        })?;
        context.terminal.out(&match made {
            Made::Now => format!("made {path}"),
            Made::Before => format!("kept {path}, which was there"),
        });
    }
    context.terminal.out("\nNext:\n  ai-sdlc mission validate\n  ai-sdlc mission rehearse hello");
    Ok(Exit::Success)
}

enum Made {
    Now,
    Before,
}

fn make(path: &Path, text: &str) -> io::Result<Made> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| Made::Now),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Made::Before),
        Err(error) => Err(error),
    }
}
