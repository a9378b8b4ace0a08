//! The command line: one file a command; the only place that prints or reads a terminal.
//!
//! A command reads its arguments, calls the library and shows the result; it decides nothing. What the environment
//! says is read once ([`environment`]) and passed on; everything is printed by [`terminal`].

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub mod args;
mod carry_out;
mod clearing;
pub mod codes;
mod completions;
mod config;
pub mod confirm;
mod detach;
mod doctor;
mod documents;
pub mod environment;
pub mod exit;
pub mod failure;
mod fresh;
mod gate_prompt;
mod github;
mod given;
mod hidden;
mod init;
mod keyboard;
mod leftovers;
mod live;
pub mod loading;
mod locked;
mod making;
mod man;
mod mcp;
mod mission_diff;
mod mission_graph;
mod mission_list;
mod mission_new;
mod mission_plan;
mod mission_rehearse;
mod mission_run;
mod mission_show;
mod mission_validate;
mod other_runs;
mod overview;
pub mod painter;
pub mod plan_view;
mod planning;
mod preflight;
pub mod project;
mod project_commands;
mod project_files;
pub mod reference;
mod role;
mod role_new;
mod role_parts;
mod role_render;
mod run_abort;
mod run_answer;
mod run_choice;
mod run_cleanup;
mod run_diff;
mod run_events;
mod run_handoff;
mod run_list;
mod run_logs;
mod run_pause;
mod run_recover;
mod run_report;
mod run_resume;
mod run_retry;
mod run_show;
mod run_watch;
mod run_why;
mod sandbox;
mod saved_plan;
pub mod schema;
mod secrets;
pub mod settings;
mod since;
mod skill;
mod skill_new;
mod skill_ranking;
mod skill_select;
mod story;
mod story_list;
mod story_mark;
mod story_new;
mod story_run;
mod story_runs;
mod table;
mod templates;
pub mod terminal;
mod tidying;
mod tool;
mod tool_text;
mod trace;
mod waiting;
mod wishing;
mod worktree;

pub use crate::cli::hidden::hidden;

use crate::cli::args::{
    Globals, MissionRehearse, MissionRun, RunAbort, RunAnswer, RunHandoff, RunResume, RunRetry, RunWatch, WhichRun,
};
use crate::cli::environment::Environment;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::{ColorChoice, Terminal};
use crate::kernel::fact::Answer;
use crate::report::Typed;

/// Runs missions: DAGs of AI coding agents and commands, each task in a git worktree of its own, merged only when
/// green.
#[derive(Debug, Parser)]
#[command(name = "ai-sdlc", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Without a command: the missions of this project, its last run, and what to do next.")]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make `.ai-sdlc/config.toml`, `missions/` and ignore rules; nothing is overwritten.
    Init(init::Init),
    /// Missions: list, check, plan, rehearse, run.
    #[command(subcommand)]
    Mission(Mission),
    /// Runs: list, look into, resume.
    #[command(subcommand)]
    Run(Run),
    /// The worktrees of runs: list, remove.
    #[command(subcommand)]
    Worktree(worktree::Worktree),
    /// Whether runs can work here, and what to do where not.
    Doctor(doctor::Doctor),
    /// Roles that missions can name.
    #[command(subcommand)]
    Role(role::Role),
    /// Skills that sessions can be given.
    #[command(subcommand)]
    Skill(skill::Skill),
    /// Stories: list, make, run.
    #[command(subcommand)]
    Story(story::StoryCommand),
    /// For sessions: what an agent asks of the engine that started it.
    #[command(subcommand)]
    Tool(tool::Tool),
    /// Print the JSON Schemas, for editors.
    Schema(schema::Schema),
    /// What configuration says.
    #[command(subcommand)]
    Config(config::Config),
    /// The project itself: prepare a checkout, run its tests; for the checks of missions.
    #[command(subcommand)]
    Project(project_commands::ProjectCommand),
    /// Print completions for a shell.
    Completions(completions::Completions),
    /// Print the manual page.
    Man,
}

#[derive(Debug, Subcommand)]
enum Mission {
    /// List the missions of this project.
    List(mission_list::MissionList),
    /// Make a mission to begin with; nothing is overwritten.
    New(mission_new::MissionNew),
    /// Show what a mission wants and may use.
    Show(mission_show::MissionShow),
    /// Check missions, roles, skills and configuration: all findings at once.
    Validate(mission_validate::MissionValidate),
    /// Show what a run would do.
    Plan(mission_plan::MissionPlan),
    /// Show what has changed since a plan was saved.
    Diff(mission_diff::MissionDiff),
    /// Show the graph of a mission's tasks.
    Graph(mission_graph::MissionGraph),
    /// Run a mission: shows the plan, asks, and works in worktrees of this repository.
    Run(MissionRun),
    /// The whole run with the embedded agent in a scratch clone: no model, no cost, nothing of yours touched.
    Rehearse(MissionRehearse),
}

#[derive(Debug, Subcommand)]
enum Run {
    /// List the runs of this repository, the latest first.
    List(run_list::RunList),
    /// Show where a run stands, or how it ended.
    Show(run_show::RunShow),
    /// Say why tasks stand where they stand.
    Why(run_why::RunWhy),
    /// Print the journal as JSON lines.
    Events(run_events::RunEvents),
    /// Print what sessions and commands printed.
    Logs(run_logs::RunLogs),
    /// Print the report as Markdown, JSON or `JUnit` XML.
    Report(run_report::RunReport),
    /// Show what a run, or one task of it, changed.
    Diff(run_diff::RunDiff),
    /// Show a live run until it ends; Ctrl-C leaves the watching only.
    Watch(RunWatch),
    /// Stop a live run, or one task of it.
    Abort(RunAbort),
    /// Let what is under way end, begin nothing new, and stand still.
    Pause(WhichRun),
    /// Answers a gate with yes.
    Approve(RunAnswer),
    /// Answers a gate with no; the reason goes back with the work.
    Reject(RunAnswer),
    /// Go on with a run that was interrupted, or try again what failed.
    Resume(RunResume),
    /// List unsaved work that was salvaged, and give it back.
    Recover(run_recover::RunRecover),
    /// Remove worktrees and other leftovers of runs; nothing that is saved nowhere else.
    Cleanup(run_cleanup::RunCleanup),
    /// Try one task again that failed, and free what it blocks.
    Retry(RunRetry),
    /// Stop a session in the middle and let a next one go on with what it hands over.
    Handoff(RunHandoff),
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// What the environment says.
    pub environment: Environment,
    /// What takes output and gives answers.
    pub terminal: Terminal,
    /// Flags that every command takes.
    pub globals: Globals,
}

impl Context {
    /// The directory to work in.
    pub fn directory(&self) -> PathBuf {
        let cwd = &self.environment.cwd;
        self.globals.directory.as_ref().map_or_else(|| cwd.clone(), |directory| cwd.join(directory))
    }

    /// How the person typed this command, so that the next ones can be typed as they are told.
    fn typed(&self, inputs: &[(String, String)]) -> Typed {
        let directory = self.globals.directory.as_ref().map(|directory| directory.display().to_string());
        Typed { directory, inputs: inputs.to_vec(), run_folder: None }
    }
}

/// Runs the program: what `main` does.
pub fn main() -> ExitCode {
    #[cfg(debug_assertions)]
    environment::arm_fail_point();
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = hidden(args.get(1..).unwrap_or_default()) {
        return code;
    }
    let (environment, trouble) = match Environment::read() {
        Ok(environment) => (environment, None),
        Err(error) => (Environment::default(), Some(error)),
    };
    let mut terminal = Terminal::new(&environment, ColorChoice::Auto, false);
    if let Some(error) = trouble {
        let failure = Failure::new(Exit::Environment, "cli::no-directory", "the present directory cannot be read");
        terminal.err(&failure.because(&error).help("change to a directory that is there").text(terminal.err_look));
        return Exit::Environment.into();
    }
    let cli = match parse(args, &terminal) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &mut terminal).into(),
    };
    trace::start(&environment, cli.globals.verbose, &terminal);
    let terminal = Terminal::new(&environment, cli.globals.color, cli.globals.ascii);
    let mut context = Context { environment, terminal, globals: cli.globals };
    let ended = dispatch(cli.command, &mut context).unwrap_or_else(|failure| tell(&failure, &mut context.terminal));
    printed(ended, &mut context.terminal).into()
}

/// A result that could not be printed is no success: the disk that stdout goes to may be full.
fn printed(ended: Exit, terminal: &mut Terminal) -> Exit {
    let Some(why) = terminal.out_trouble().map(str::to_owned).filter(|_| ended == Exit::Success) else { return ended };
    let failure = Failure::new(Exit::Environment, "cli::cannot-print", "the result could not be printed")
        .at("standard output")
        .because_of([why])
        .help("send it somewhere else");
    tell(&failure, terminal)
}

fn dispatch(command: Option<Command>, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        None => overview::run(context),
        Some(Command::Init(args)) => init::run(&args, context),
        Some(Command::Mission(mission)) => of_missions(&mission, context),
        Some(Command::Run(run)) => of_runs(&run, context),
        Some(Command::Worktree(worktree)) => worktree::run(&worktree, context),
        Some(Command::Doctor(args)) => doctor::run(&args, context),
        Some(Command::Config(config)) => config::run(&config, context),
        Some(Command::Project(command)) => project_commands::run(&command, context),
        Some(Command::Role(role)) => role::run(&role, context),
        Some(Command::Skill(skill)) => skill::run(&skill, context),
        Some(Command::Story(story)) => story::run(&story, context),
        Some(Command::Tool(tool)) => tool::run(&tool, context),
        Some(Command::Schema(args)) => schema::run(&args, context),
        Some(Command::Completions(args)) => Ok(completions::run(&args, context)),
        Some(Command::Man) => man::run(context),
    }
}

fn of_missions(mission: &Mission, context: &mut Context) -> Result<Exit, Failure> {
    match mission {
        Mission::List(args) => mission_list::run(args, context),
        Mission::New(args) => mission_new::run(args, context),
        Mission::Show(args) => mission_show::run(args, context),
        Mission::Validate(args) => mission_validate::run(args, context),
        Mission::Plan(args) => mission_plan::run(args, context),
        Mission::Diff(args) => mission_diff::run(args, context),
        Mission::Graph(args) => mission_graph::run(args, context),
        Mission::Run(args) => mission_run::run(args, context),
        Mission::Rehearse(args) => mission_rehearse::run(args, context),
    }
}

fn of_runs(run: &Run, context: &mut Context) -> Result<Exit, Failure> {
    match run {
        Run::List(args) => run_list::run(args, context),
        Run::Show(args) => run_show::run(args, context),
        Run::Why(args) => run_why::run(args, context),
        Run::Events(args) => run_events::run(args, context),
        Run::Logs(args) => run_logs::run(args, context),
        Run::Report(args) => run_report::run(args, context),
        Run::Diff(args) => run_diff::run(args, context),
        Run::Abort(args) => run_abort::run(args, context),
        Run::Approve(args) => run_answer::run(Answer::Approve, args, context),
        Run::Reject(args) => run_answer::run(Answer::Reject, args, context),
        Run::Watch(args) => run_watch::run(args, context),
        Run::Pause(args) => run_pause::run(args, context),
        Run::Retry(args) => run_retry::run(args, context),
        Run::Handoff(args) => run_handoff::run(args, context),
        Run::Resume(args) => run_resume::run(args, context),
        Run::Recover(args) => run_recover::run(args, context),
        Run::Cleanup(args) => run_cleanup::run(args, context),
    }
}

/// Says why a command could not do what was asked.
fn tell(failure: &Failure, terminal: &mut Terminal) -> Exit {
    terminal.err(&failure.text(terminal.err_look));
    failure.exit
}

fn parse(args: Vec<OsString>, terminal: &Terminal) -> Result<Cli, clap::Error> {
    let matches = command().term_width(terminal.size().columns.min(100)).try_get_matches_from(as_meant(args))?;
    Cli::from_arg_matches(&matches)
}

/// The whole command line, for completions and the manual.
fn command() -> clap::Command {
    Cli::command()
}

/// Help and version are results; everything else is a usage error.
fn usage(error: &clap::Error, terminal: &mut Terminal) -> Exit {
    let rendered = error.render();
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let look = if asked_for { terminal.out_look } else { terminal.err_look };
    let text = if look.color { rendered.ansi().to_string() } else { rendered.to_string() };
    if asked_for {
        terminal.out(&text);
        return Exit::Success;
    }
    terminal.err(&text);
    Exit::Usage
}

/// `ai-sdlc run M.toml` is taken as `ai-sdlc mission run M.toml`.
fn as_meant(mut args: Vec<OsString>) -> Vec<OsString> {
    let run = args.iter().position(|arg| arg == "run");
    let known: Vec<String> = Run::augment_subcommands(clap::Command::new("run"))
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .chain(["help".to_owned()])
        .collect();
    let is_known = |arg: &OsString| known.iter().any(|name| arg == OsStr::new(name));
    if let Some(run) = run
        && args.iter().take(run).all(|arg| arg != "mission" && arg != "story")
    {
        let after = args.get(run + 1..).unwrap_or_default();
        let is_mission = after.iter().any(|arg| arg.to_string_lossy().ends_with(".toml"));
        if is_mission && !after.iter().any(is_known) {
            args.insert(run, OsString::from("mission"));
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn run_with_a_file_is_taken_as_mission_run() {
        let meant = |line: &str| {
            let args = line.split(' ').map(OsString::from).collect();
            as_meant(args).join(OsStr::new(" ")).into_string().unwrap()
        };
        assert_eq!(meant("ai-sdlc run a.toml -y"), "ai-sdlc mission run a.toml -y");
        assert_eq!(meant("ai-sdlc -C x run -y a.toml"), "ai-sdlc -C x mission run -y a.toml");
        assert_eq!(meant("ai-sdlc run resume"), "ai-sdlc run resume");
        assert_eq!(meant("ai-sdlc run"), "ai-sdlc run");
        assert_eq!(meant("ai-sdlc mission run a.toml"), "ai-sdlc mission run a.toml");
        assert_eq!(meant("ai-sdlc story run --scenario a.toml"), "ai-sdlc story run --scenario a.toml");
    }
}
