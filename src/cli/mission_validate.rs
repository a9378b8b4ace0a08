//! `ai-sdlc mission validate [M…]`: every finding of every file at once.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Loading, finding_look};
use crate::cli::project::{MissionText, Project};
use crate::cli::run_list::pretty;
use crate::cli::settings::Settings;
use crate::diagnostic::{self, Finding, Severity, Sources};
use crate::report::plural;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionValidate {
    /// Missions: names under `missions/`, or paths. Left out: all of the project, its roles, skills and configuration.
    #[arg(value_name = "MISSION")]
    missions: Vec<String>,
    /// How findings are shown.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Take warnings for errors.
    #[arg(long)]
    deny_warnings: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines they are about, and carets.
    Human,
    /// One line each.
    Short,
    /// One JSON document.
    Json,
}

/// Shows what was found; 2 if anything of it keeps a mission from running.
pub(super) fn run(args: &MissionValidate, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let texts: Vec<Result<MissionText, Failure>> = if args.missions.is_empty() {
        project.missions().iter().map(|named| project.read(&named.path)).collect()
    } else {
        args.missions.iter().map(|given| project.mission(given)).collect()
    };
    let count = texts.len();
    let mut findings: Vec<Finding> = Vec::new();
    let mut sources = Sources::new();
    let mut unreadable = Vec::new();
    for text in texts {
        match text {
            Ok(text) => {
                let loading = Loading::of(context, &project, text)?;
                findings.extend(loading.findings());
                sources.extend(loading.sources());
            }
            Err(failure) => unreadable.push(failure),
        }
    }
    if args.missions.is_empty() {
        of_project(context, &project, (&mut findings, &mut sources))?;
    }
    diagnostic::sort(&mut findings);
    show(args.format, (&findings, &unreadable), &sources, context);
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error) + unreadable.len(), of(Severity::Warning));
    if args.format == Format::Human && !context.globals.quiet {
        let told = format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
        context.terminal.err(&format!("{} checked: {told}.", plural(count, "mission")));
    }
    Ok(if errors > 0 || (args.deny_warnings && warnings > 0) { Exit::Usage } else { Exit::Success })
}

/// Roles, skills and configuration, which are checked also where no mission uses them.
fn of_project(context: &Context, project: &Project, into: (&mut Vec<Finding>, &mut Sources)) -> Result<(), Failure> {
    let (findings, sources) = into;
    let settings = Settings::load(context, project)?;
    let catalog = Catalog::load(&project.places(None));
    findings.extend(settings.findings);
    findings.extend(catalog.findings);
    sources.extend(settings.sources);
    sources.extend(catalog.sources);
    Ok(())
}

/// Shows what was found; of files that could not even be read it is said on stderr, but in the JSON document.
fn show(format: Format, found: (&[Finding], &[Failure]), sources: &Sources, context: &mut Context) {
    let (findings, unreadable) = found;
    let text = match format {
        Format::Human => {
            let look = finding_look(context.terminal.out_look, context);
            diagnostic::human(findings, sources, look)
        }
        Format::Short => diagnostic::short(findings, sources),
        Format::Json => {
            let mut all = diagnostic::json(findings, sources);
            if let Some(list) = all.get_mut("findings").and_then(Value::as_array_mut) {
                list.extend(unreadable.iter().map(as_finding));
            }
            pretty(&all)
        }
    };
    context.terminal.out(&text);
    if format != Format::Json {
        for failure in unreadable {
            context.terminal.err(&failure.text(context.terminal.err_look));
        }
    }
}

/// A file that could not be read, as findings are written.
fn as_finding(failure: &Failure) -> Value {
    json!({
        "code": failure.code,
        "severity": "error",
        "message": failure.what,
        "file": failure.place,
        "line": 1,
        "column": 1,
        "end_line": 1,
        "end_column": 1,
        "help": failure.help,
        "related": [],
    })
}
