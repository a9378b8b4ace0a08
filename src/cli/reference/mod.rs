//! Pages of the manual that are made of the program: all commands with their options, the error index, and every key
//! of the files that people write.

use std::fmt::Write as _;

use crate::catalog::{role_schema, skill_schema};
use crate::cli::command;
use crate::cli::reference::keys::{Notation, Page};
use crate::handoff;
use crate::mission::schema::{config_schema, mission_schema, prices_schema};
use crate::plan::scenario_schema;

mod errors;
mod keys;
mod kind;

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

const PAGES: [Page; 7] = [
    Page {
        name: "mission",
        heading: "Missions",
        introduction: "Every key of a mission's file. `docs/missions.md` tells how they work together.",
        notation: Notation::Toml,
        schema: mission_schema,
    },
    Page {
        name: "config",
        heading: "Configuration",
        introduction: "Every key of `.ai-sdlc/config.toml` and of your own `config.toml`; the project's wins, key by key.",
        notation: Notation::Toml,
        schema: config_schema,
    },
    Page {
        name: "prices",
        heading: "Prices",
        introduction: "Every key of `.ai-sdlc/prices.toml` and of your own `prices.toml`; the project's win, model by model.",
        notation: Notation::Toml,
        schema: prices_schema,
    },
    Page {
        name: "role",
        heading: "Roles",
        introduction: "Every key of the front matter of `roles/<name>.md`. Other keys are a warning.",
        notation: Notation::Yaml,
        schema: role_schema,
    },
    Page {
        name: "skill",
        heading: "Skills",
        introduction: "Every key of `skills/<name>/skill.toml`, which stands beside `SKILL.md`.",
        notation: Notation::Toml,
        schema: skill_schema,
    },
    Page {
        name: "scenario",
        heading: "Scenarios",
        introduction: "Every key of a scenario, which the rehearsal agent plays.",
        notation: Notation::Toml,
        schema: scenario_schema,
    },
    Page {
        name: "handoff",
        heading: "Handoffs",
        introduction: "Every key of the front matter of what a session hands over.",
        notation: Notation::Yaml,
        schema: handoff::schema,
    },
];

/// The pages of `docs/reference/`: file name and text.
pub fn pages() -> Vec<(String, String)> {
    let mut index = String::from("# Reference\n\nEvery key, its type, its default and an example.\n\n");
    for Page { name, heading, introduction, .. } in &PAGES {
        let _ = writeln!(index, "- [{heading}]({name}.md): {introduction}");
    }
    let pages = PAGES.iter().map(|page| (format!("{}.md", page.name), page.text()));
    pages.chain([("README.md".to_owned(), index)]).collect()
}
