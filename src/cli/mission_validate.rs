//! `ai-sdlc mission validate [M…]`: every finding of every file at once.

use std::fs;
use std::path::Path;

use clap::{Args, ValueEnum};

use crate::catalog::Catalog;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Loading, finding_look};
use crate::cli::project::{MissionText, Project};
use crate::cli::reference;
use crate::cli::run_list::pretty;
use crate::cli::settings::Settings;
use crate::cli::story::usual_board;
use crate::diagnostic::{self, ByteSpan, Code, Finding, Severity, Sources};
use crate::mission::model::Mission;
use crate::plan::scenario;
use crate::report::plural;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct MissionValidate {
    /// Missions: names under `missions/`, or paths. Left out: all of the project, its roles, skills, configuration and stories.
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
    /// Workflow commands, which GitHub Actions shows beside the lines of a change.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
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
    let mut found = Found::default();
    for text in texts {
        match text.and_then(|text| Loading::of(context, &project, text)) {
            Ok(loading) => found.of_mission(&project, &loading),
            Err(failure) => found.findings.push(as_finding(failure)),
        }
    }
    if args.missions.is_empty() {
        found.of_project(context, &project);
    }
    diagnostic::sort(&mut found.findings);
    show(args.format, &found, &project, context);
    let of = |severity| found.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    if args.format == Format::Human && !context.globals.quiet {
        let told = format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
        context.terminal.err(&format!("{} checked: {told}.", plural(count, "mission")));
    }
    Ok(if errors > 0 || (args.deny_warnings && warnings > 0) { Exit::Usage } else { Exit::Success })
}

/// What was found, and the texts it is about.
#[derive(Debug, Default)]
struct Found {
    findings: Vec<Finding>,
    sources: Sources,
}

impl Found {
    fn of_mission(&mut self, project: &Project, loading: &Loading) {
        self.findings.extend(loading.findings());
        self.sources.extend(loading.sources());
        let beside = loading.text.path.with_extension("scenario.toml");
        if beside.is_file() {
            self.of_scenario(project, &beside, loading.loaded.mission.as_ref());
        }
    }

    /// The scenario that lies beside a mission.
    fn of_scenario(&mut self, project: &Project, path: &Path, mission: Option<&Mission>) {
        let file = project.shown(path);
        match fs::read_to_string(path) {
            Ok(text) => {
                self.findings.extend(scenario::load(&file, &text, mission).findings);
                self.sources.insert(file, text);
            }
            Err(error) => {
                let failure = Failure::new(Exit::Usage, "cli::unreadable-file", "the scenario cannot be read");
                self.findings.push(as_finding(failure.at(file).because(&error)));
            }
        }
    }

    /// Roles, skills, configuration and stories, which are checked also where no mission uses them.
    fn of_project(&mut self, context: &Context, project: &Project) {
        match Settings::load(context, project) {
            Ok(settings) => {
                self.findings.extend(settings.findings);
                self.sources.extend(settings.sources);
            }
            Err(failure) => self.findings.push(as_finding(failure)),
        }
        let catalog = Catalog::load(&project.places(None));
        self.findings.extend(catalog.findings);
        self.sources.extend(catalog.sources);
        match usual_board(context, project) {
            Ok(board) => {
                self.findings.extend(board.findings);
                self.sources.extend(board.sources);
            }
            Err(failure) => self.findings.push(as_finding(failure)),
        }
    }

    /// The same with files named from the root of the checkout, as programs that read it there expect.
    fn seen_from_root(&self, project: &Project) -> Self {
        let named = |file: &str| {
            let path = project.directory.join(file);
            let inner = if path.exists() { path.strip_prefix(&project.root).ok() } else { None };
            inner.map_or_else(|| file.to_owned(), |inner| inner.display().to_string())
        };
        let findings = self.findings.iter().cloned().map(|finding| Finding { file: named(&finding.file), ..finding });
        let sources = self.sources.iter().map(|(file, text)| (named(file), text.clone()));
        Self { findings: findings.collect(), sources: sources.collect() }
    }
}

fn show(format: Format, found: &Found, project: &Project, context: &mut Context) {
    let Found { findings, sources } = found;
    let text = match format {
        Format::Human => {
            let look = finding_look(context.terminal.out_look, context);
            diagnostic::human(findings, sources, look)
        }
        Format::Short => diagnostic::short(findings, sources),
        Format::Json => pretty(&diagnostic::json(findings, sources)),
        Format::Github => {
            let Found { findings, sources } = found.seen_from_root(project);
            diagnostic::github(&findings, &sources)
        }
        Format::Sarif => {
            let Found { findings, sources } = found.seen_from_root(project);
            pretty(&diagnostic::sarif(&findings, &sources, reference::entries()))
        }
    };
    context.terminal.out(&text);
}

/// A file that could not even be read, as findings are told.
fn as_finding(failure: Failure) -> Finding {
    let message = std::iter::once(failure.what).chain(failure.causes).collect::<Vec<_>>().join(": ");
    let file = failure.place.unwrap_or_else(|| ".".to_owned());
    let finding = Finding::error(Code(failure.code), &file, ByteSpan::default(), message);
    failure.help.into_iter().fold(finding, Finding::with_help)
}
