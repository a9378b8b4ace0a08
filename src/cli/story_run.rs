//! `ai-sdlc story run [ID…]`: one run of the stories that are ready, or of those that are named.
//!
//! It composes a mission with a task for each and runs that as `mission run` would: what holds for a run holds here.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use crate::amount::Usd;
use crate::cli::args::{Inputs, MissionRun, Ui, usd};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::{Ask, By, Loading, Planned, scenario};
use crate::cli::planning::{ForRun, known, overrides};
use crate::cli::project::{MissionText, Project};
use crate::cli::story::{Where, id, sound, tell};
use crate::cli::story_runs::{Said, said};
use crate::cli::{Context, mission_run, preflight, templates};
use crate::mission::library::Known;
use crate::mission::model::WorkspaceMode;
use crate::name::StoryId;
use crate::plan::build::Overrides;
use crate::report::safe;
use crate::story::board::Why;
use crate::story::compose::{Composed, Order, PART, compose};
use crate::story::{Board, Status, Story};
use crate::workspace::Beside;

/// Where the embedded mission of a story is said to lie.
const SHIPPED: &str = "built-in:missions/story.toml";

/// Arguments.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are on or off")]
pub(super) struct StoryRun {
    /// The stories; left out: all that are ready.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    place: Where,
    /// Stories that are worked on at once, at most; left out: as `missions/story.toml` says.
    #[arg(short = 'c', long = "concurrent", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,
    /// The branch that all of it goes into once a person agrees; left out: it ends on the run's own branch.
    #[arg(long, value_name = "BRANCH")]
    into: Option<String>,
    /// The agent of all tasks that do not name one themselves.
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// What the run may cost at most, in US dollars; left out: what `missions/story.toml` allows, for each story.
    #[arg(long, value_name = "X", value_parser = usd)]
    budget_usd: Option<Usd>,
    /// Begin without asking.
    #[arg(short, long)]
    yes: bool,
    /// Show the plan and stop there.
    #[arg(long)]
    dry_run: bool,
    /// What the rehearsal agent plays.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// How the run is shown.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    ui: Ui,
    /// Go on in the background once it is confirmed; `run watch` shows it.
    #[arg(long, conflicts_with = "dry_run")]
    detach: bool,
    /// Write the report as JUnit XML to this file too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Run even inside of another run.
    #[arg(long)]
    nested: bool,
    /// Go on beside another run that is in the way, and run stories that another run is at or has done; asks first.
    #[arg(long)]
    force: bool,
}

impl StoryRun {
    /// The same as a mission's run.
    fn as_mission(&self) -> MissionRun {
        MissionRun {
            mission: None,
            inputs: Inputs::default(),
            plan: None,
            task: Vec::new(),
            from: None,
            max: self.max,
            agent: self.agent.clone(),
            budget_usd: self.budget_usd,
            yes: self.yes,
            dry_run: self.dry_run,
            scenario: self.scenario.clone(),
            ui: self.ui,
            detach: self.detach,
            junit: self.junit.clone(),
            nested: self.nested,
            force: self.force,
        }
    }

    /// What was typed that the same run needs again.
    fn typed(&self) -> String {
        let into = self.into.as_ref().map(|into| format!("--into {into} ")).unwrap_or_default();
        format!("{}{into}", self.place.typed())
    }
}

/// Drives it.
pub(super) fn run(args: &StoryRun, context: &mut Context) -> Result<Exit, Failure> {
    let mission = args.as_mission();
    let project = mission_run::may_begin(&mission, context)?;
    preflight::discover(context, &project.directory)?;
    let board = args.place.board(context, &project)?;
    tell(&board, context);
    sound(&board)?;
    let said = if args.force { BTreeMap::new() } else { said(context, &project, &board) };
    let Some(stories) = chosen(args, context, (&board, &said))? else { return Ok(Exit::Success) };
    let (loading, ask) = loaded(args, context, &project, &stories)?;
    let prepared = ForRun::of(context, &project, (loading, ask))?;
    committed(context, &project, (&stories, &prepared.planned))?;
    mission_run::begin(&mission, context, &project, prepared)
}

/// Which are run; `None` where all are done. Why the others are not is told.
fn chosen<'b>(
    args: &StoryRun,
    context: &mut Context,
    (board, said): (&'b Board, &BTreeMap<StoryId, Said>),
) -> Result<Option<Vec<&'b Story>>, Failure> {
    let ids: Vec<StoryId> = args.ids.iter().map(|given| id(board, given)).collect::<Result<_, _>>()?;
    let taken = |story: &Story| said.get(&story.id).filter(|said| said.how.is_taken());
    if !ids.is_empty() {
        let mut wrong: Vec<String> =
            ids.iter().filter_map(|id| taken(board.find(id)?).map(|said| format!("{id}: {}", said.words))).collect();
        match board.named(&ids) {
            Ok(stories) if wrong.is_empty() => return Ok(Some(stories)),
            Ok(_) => {}
            Err(reasons) => wrong.extend(reasons.iter().map(|(story, why)| reason(story, why))),
        }
        let what = format!("{} cannot be run now", counted(wrong.len()));
        let failure = Failure::new(Exit::Usage, "cli::nothing-ready", what).because_of(wrong);
        return Err(failure.help("name the stories it waits for as well, or see to what is told; `ai-sdlc story list`"));
    }
    all_ready(context, (board, said))
}

/// All that are ready, but for what another run is at or has not delivered yet.
fn all_ready<'b>(
    context: &mut Context,
    (board, said): (&'b Board, &BTreeMap<StoryId, Said>),
) -> Result<Option<Vec<&'b Story>>, Failure> {
    let taken = |story: &Story| said.get(&story.id).filter(|said| said.how.is_taken());
    let (mut ready, left) = board.ready();
    let mut reasons: Vec<String> = left.iter().map(|(story, why)| reason(story, why)).collect();
    // What is taken, and what waits for it.
    while let Some(at) = ready.iter().position(|story| {
        let waits = |id: &StoryId| board.find(id).is_some_and(|other| other.status != Status::Done);
        let inside = |id: &StoryId| ready.iter().any(|other| other.id == *id);
        taken(story).is_some() || story.dependencies.iter().any(|id| waits(id) && !inside(id))
    }) {
        let story = ready.remove(at);
        reasons.push(match taken(story) {
            Some(said) => format!("{}: {}", story.id, said.words),
            None => format!("{}: waits for what another run has not delivered yet", story.id),
        });
    }
    if !ready.is_empty() {
        if !reasons.is_empty() && !context.globals.quiet {
            let rows: Vec<String> = reasons.iter().map(|reason| format!("  {}", safe(reason))).collect();
            context.terminal.err(&format!("Not run:\n{}", rows.join("\n")));
        }
        return Ok(Some(ready));
    }
    if reasons.is_empty() && !board.stories.is_empty() {
        context.terminal.err("Every story is done.");
        return Ok(None);
    }
    let failure = Failure::new(Exit::Usage, "cli::nothing-ready", "no story is ready to be run").because_of(reasons);
    Err(failure.help(if board.stories.is_empty() {
        "`ai-sdlc story new TITLE` makes one"
    } else {
        "a story runs once it says `status: ready` and what it depends on is done"
    }))
}

fn counted(stories: usize) -> String {
    if stories == 1 { "1 story".to_owned() } else { format!("{stories} stories") }
}

/// Why a story is not run.
fn reason(story: &Story, why: &Why) -> String {
    let id = &story.id;
    match why {
        Why::Is(Status::Draft) => format!("{id}: it is a draft: `status: ready` in {} makes it one to run", story.file),
        Why::Is(Status::Ready) => format!("{id}: it is ready"),
        Why::Is(Status::InProgress) => {
            format!("{id}: somebody is at it (`in-progress`): `ai-sdlc story run {id}` runs it all the same")
        }
        Why::Is(Status::Done) => {
            format!("{id}: it is done: `status: ready` in {} makes it one to run again", story.file)
        }
        Why::WaitsFor(open) => {
            let open: Vec<String> = open.iter().map(|(id, status)| format!("{id} ({})", status.as_str())).collect();
            format!("{id}: waits for {}", open.join(", "))
        }
    }
}

/// The composed mission, checked.
fn loaded(
    args: &StoryRun,
    context: &mut Context,
    project: &Project,
    stories: &[&Story],
) -> Result<(Loading, Ask), Failure> {
    let part = part(project)?;
    let order = Order {
        stories,
        part: &part.text,
        options: &args.typed(),
        max: args.max.and_then(NonZeroU32::new),
        into: args.into.as_deref(),
    };
    let Composed { file, text, values } = compose(&order);
    // It lies, so to speak, beside the mission that it uses.
    let path = part.path.parent().map_or_else(|| project.root.join("missions"), PathBuf::from).join(".stories");
    let loading = Loading::composed(context, project, MissionText { file, path, text }, (PART, part))?;
    loading.sound(context)?;
    let mission = args.as_mission();
    let scenario =
        args.scenario.as_deref().map(|path| scenario(project, &context.directory().join(path))).transpose()?;
    let overrides = Overrides { scenario, ..overrides(&mission)? };
    known(overrides.agent.as_ref(), &loading)?;
    Ok((loading, Ask { values, overrides, ..Ask::default() }))
}

/// The mission of one story: the project's own, else the one that ships.
fn part(project: &Project) -> Result<Known, Failure> {
    let own = project.missions().into_iter().find(|named| named.name == "story");
    if let Some(named) = own {
        let MissionText { file, path, text } = project.read(&named.path)?;
        return Ok(Known { file, path: fs::canonicalize(&path).unwrap_or(path), text });
    }
    let text = templates::shipped("story").unwrap_or_default().to_owned();
    Ok(Known { file: SHIPPED.to_owned(), path: project.root.join("missions").join(PART), text })
}

/// Refuses stories that are not in the commit the run begins at as they are here: a worktree would not have them so.
fn committed(context: &Context, project: &Project, (stories, planned): (&[&Story], &Planned)) -> Result<(), Failure> {
    let plan = &planned.plan;
    if plan.workspace.mode == WorkspaceMode::Directory {
        return Ok(());
    }
    let repository = preflight::discover(context, &project.directory)?;
    let revision = plan.workspace.base.clone().unwrap_or_else(|| repository.default_base(plan.merge.into.as_deref()));
    let base = repository.resolve(&revision).ok();
    // What is wrong with the base is told with all else that stands in the way of a run.
    if base.is_none() && planned.by == By::Agents {
        return Ok(());
    }
    let mut wrong = Vec::new();
    for story in stories {
        let beside = base.as_ref().map_or(Ok(Beside::Missing), |base| repository.beside(base, &story.path));
        let beside = beside.map_err(|error| {
            Failure::new(Exit::Environment, "git::refused", "git does not tell what is committed").because(&error)
        })?;
        match beside {
            Beside::Same => {}
            Beside::Changed => wrong.push((story, format!("{} is otherwise in `{revision}`", story.file))),
            Beside::Missing => wrong.push((story, format!("{} is not in `{revision}`", story.file))),
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let paths: Vec<String> = wrong.iter().map(|(story, _)| story.file.clone()).collect();
    let quoted = shlex::try_join(paths.iter().map(String::as_str)).unwrap_or_else(|_| paths.join(" "));
    let what = "what is not committed is in no worktree, and so are these stories";
    Err(Failure::new(Exit::Usage, "cli::not-committed", what)
        .because_of(wrong.into_iter().map(|(_, why)| why))
        .help(format!("git add -- {quoted} && git commit -m \"Write stories\" -- {quoted}")))
}
