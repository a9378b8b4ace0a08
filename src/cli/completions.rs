//! `ai-sdlc completions SHELL`.

use clap::Args;
use clap_complete::{Shell, generate};

use crate::cli::exit::Exit;
use crate::cli::{Context, command};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

/// Prints a script that the shell reads.
pub(super) fn run(args: &Completions, context: &mut Context) -> Exit {
    let mut script = Vec::new();
    generate(args.shell, &mut command(), "ai-sdlc", &mut script);
    context.terminal.out_raw(&script);
    Exit::Success
}
