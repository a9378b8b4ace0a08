//! Pages of the manual that are made of the program: all commands with their options, and the error index.

use std::fmt::Write as _;

use crate::cli::command;

mod errors;

pub use errors::{entries, errors};

/// `docs/cli.md`: the help of each command.
pub fn command_line() -> String {
    let mut whole = command().term_width(100);
    whole.build();
    let mut page = String::from("# Commands\n\nMade of the program; `--help` says the same.\n");
    write_command(&mut page, &mut whole);
    page
}

fn write_command(page: &mut String, command: &mut clap::Command) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a string cannot fail.
    let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim());
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help" && !below.is_hide_set()) {
        write_command(page, below);
    }
}
