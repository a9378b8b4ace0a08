//! `ai-sdlc run report [R] [--format md|text|json|junit]`.

use clap::{Args, ValueEnum};

use crate::cli::Context;
use crate::cli::args::WhichRun;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run_choice::told;
use crate::cli::run_list::pretty;
use crate::report::end;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunReport {
    #[command(flatten)]
    which: WhichRun,
    /// In which format.
    #[arg(long, value_name = "FORMAT", default_value = "md")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Markdown.
    Md,
    /// Plain text: what a run shows at its end, and what was used.
    Text,
    /// One JSON document.
    Json,
    /// `JUnit` XML.
    Junit,
}

/// Prints the report.
pub(super) fn run(args: &RunReport, context: &mut Context) -> Result<Exit, Failure> {
    let told = told(context, &args.which.run)?;
    context.terminal.out(&match args.format {
        Format::Md => end::markdown(&told.report),
        Format::Text => {
            let look = context.terminal.out_look;
            end::text(&told.report, look) + &end::used(&told.report, look) + &end::skills(&told.report, look)
        }
        Format::Json => pretty(&end::json(&told.report)),
        Format::Junit => end::junit(&told.report),
    });
    Ok(Exit::Success)
}
