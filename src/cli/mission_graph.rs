//! `ai-sdlc mission graph M`: the graph of a mission's tasks.

use clap::{Args, ValueEnum};

use crate::cli::Context;
use crate::cli::args::Inputs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::mission_plan::planned;
use crate::cli::run_list::pretty;
use crate::plan::graph::{ascii, dot, json, mermaid};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionGraph {
    /// The mission: its name under `missions/`, or the path of its file.
    #[arg(value_name = "MISSION")]
    mission: String,
    #[command(flatten)]
    inputs: Inputs,
    /// In which format.
    #[arg(long, value_name = "FORMAT", default_value = "ascii")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Ascii,
    /// A Mermaid flow chart.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// One JSON document.
    Json,
}

/// Shows the graph.
pub(super) fn run(args: &MissionGraph, context: &mut Context) -> Result<Exit, Failure> {
    let plan = planned(&args.mission, &args.inputs, context)?.plan;
    context.terminal.out(&match args.format {
        Format::Ascii => ascii(&plan),
        Format::Mermaid => mermaid(&plan),
        Format::Dot => dot(&plan),
        Format::Json => pretty(&json(&plan)),
    });
    Ok(Exit::Success)
}
