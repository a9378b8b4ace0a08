//! The program and the library from outside: the real binary on real repositories in temporary folders.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "what tests share may do what tests may: fail loudly, start programs, look at the clock, say that they are skipped"
)]

mod agents;
mod always;
mod artifacts;
mod authoring;
#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is a library of its own for the fuzzer")]
mod bodies;
mod bounds;
mod broken_files;
mod cache;
mod ci;
mod cli;
mod cli_runs;
mod control;
mod costs;
mod defaults;
mod docs_examples;
mod editor;
mod errors;
mod extremes;
mod faulty;
mod forecast;
mod formats;
mod gates;
mod generated;
mod handing_off;
mod journal;
mod kinds;
mod language;
mod layers;
mod limits;
mod locks;
mod mutations;
mod notify;
mod parts;
mod plans;
mod preflight;
mod process;
mod project_commands;
mod promises;
mod reviews;
mod roster;
mod run_acp;
mod run_basics;
mod run_budget;
mod run_chaos;
mod run_failures;
mod run_interrupted;
mod run_language;
mod run_merging;
mod run_ranking;
mod run_repositories;
mod run_scale;
mod run_sessions;
mod run_shipped;
mod run_workspaces;
mod salvage_commands;
mod sandbox;
mod secrets;
mod shipped;
mod skills;
mod stories;
mod team;
mod tools;
mod workspace;
mod world;
