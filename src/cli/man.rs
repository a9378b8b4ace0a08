//! `ai-sdlc man`.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::{Context, command};

/// Prints the manual page, for `man -l -`.
pub(super) fn run(context: &mut Context) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command()).render(&mut page).map_err(|error| {
        Failure::new(Exit::Internal, "cli::no-manual", "the manual page could not be made").because(&error)
    })?;
    context.terminal.out_raw(&page);
    Ok(Exit::Success)
}
