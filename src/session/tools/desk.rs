//! What the host answers: the operations themselves, held to what the session may.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

use crate::agent::tools::SkillTool;
use crate::agent::{Judges, MAX_HANDOFF, SessionSpec, bounded};
use crate::catalog::choose::likeness;
use crate::handoff::parse::{Asked, Expect, parse};
use crate::mission::model::Permissions;
use crate::name::SkillName;
use crate::plan::SkillHandler;
use crate::session::host::exchange;
use crate::session::tools::protocol::{Answer, Document, Offered, Outcome, Ran, Request};
use crate::session::tools::skill;

/// Calls that a session may make.
const MAX_CALLS: u32 = 5_000;
/// Of those, how many may run a skill.
const MAX_RUNS: u32 = 500;
/// Skills that run at once.
const RUNS_AT_ONCE: usize = 4;
/// Longest text of a progress report that is looked at.
const MAX_PROGRESS: usize = 4 << 10;

/// What the host is told of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::session) enum Called {
    /// The session says what it does.
    Progress(String),
    /// A skill is about to be run.
    Runs(SkillName),
    /// It asked for something.
    Asked,
}

/// How many skills run at this moment, for those who look for signs of life.
#[derive(Debug, Clone, Default)]
pub(in crate::session) struct Running(Arc<AtomicU32>);

impl Running {
    pub(in crate::session) fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn one(&self) -> One {
        self.0.fetch_add(1, Ordering::Relaxed);
        One(Arc::clone(&self.0))
    }
}

struct One(Arc<AtomicU32>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a session asks.
#[derive(Debug)]
pub(in crate::session) struct Desk {
    spec: Arc<SessionSpec>,
    calls: AtomicU32,
    runs: AtomicU32,
    seats: Semaphore,
    running: Running,
}

impl Desk {
    pub(in crate::session) fn new(spec: Arc<SessionSpec>, running: Running) -> Self {
        let (calls, runs) = (AtomicU32::new(0), AtomicU32::new(0));
        Self { spec, calls, runs, seats: Semaphore::new(RUNS_AT_ONCE), running }
    }

    /// Whether it answers at all any more.
    pub(super) fn has_calls_left(&self) -> bool {
        self.calls.load(Ordering::Relaxed) < MAX_CALLS
    }

    /// Does what is asked.
    pub(super) async fn answer(&self, request: Request, called: &UnboundedSender<Called>) -> Answer {
        if self.calls.fetch_add(1, Ordering::Relaxed) >= MAX_CALLS {
            return Answer::Refused(format!("this session has made {MAX_CALLS} calls, which is the most"));
        }
        let _host_ends = called.send(Called::Asked);
        let done = match request {
            Request::DiscoverSkills { about } => Ok(self.discover(about.as_deref().unwrap_or_default())),
            Request::RunSkill { name, parameters } => self.run(&name, &parameters, called).await.map(Outcome::Ran),
            Request::ReportProgress { text } => progress(&text, called),
            Request::WriteHandoff { text } => self.write(&text),
            Request::ReadHandoff { task } => self.read(task.as_deref()),
        };
        match done {
            Ok(outcome) => Answer::Done(outcome),
            Err(why) => Answer::Refused(self.spec.mask.text(&why).into_owned()),
        }
    }

    fn discover(&self, about: &str) -> Outcome {
        let mut skills: Vec<&SkillTool> = self.spec.tools.skills.iter().collect();
        let fits =
            |skill: &SkillTool| likeness(about, &format!("{} {} {}", skill.name, skill.description, skill.about));
        skills.sort_by_key(|skill| std::cmp::Reverse(fits(skill)));
        let offered = skills.into_iter().map(|skill| {
            let allowed = skill.handler.as_ref().map(|handler| self.may(skill, handler));
            Offered {
                name: skill.name.to_string(),
                description: skill.description.clone(),
                read: skill.path.clone(),
                runs: allowed == Some(Ok(())),
                refused: allowed.and_then(Result::err),
                parameters: skill.handler.as_ref().and_then(|handler| handler.parameters.clone()),
            }
        });
        Outcome::Skills { skills: offered.collect() }
    }

    /// Whether this session may run a skill.
    fn may(&self, skill: &SkillTool, handler: &SkillHandler) -> Result<(), String> {
        let name = &skill.name;
        let permissions = self.spec.permissions;
        if handler.requires_confirmation && permissions != Permissions::Full {
            return Err(format!(
                "`{name}` wants a person's confirmation, and nobody is there to give it: only a task with `permissions \
                 = \"full\"` may run it; read {} and do what it says as far as you may",
                skill.path
            ));
        }
        if handler.side_effects && permissions == Permissions::Read {
            return Err(format!("`{name}` changes things, and this session may only read"));
        }
        Ok(())
    }

    async fn run(
        &self,
        name: &str,
        parameters: &Map<String, Value>,
        called: &UnboundedSender<Called>,
    ) -> Result<Ran, String> {
        let skill = self.spec.tools.skill(name).ok_or_else(|| {
            let all: Vec<&str> = self.spec.tools.skills.iter().map(|skill| skill.name.as_str()).collect();
            let there = if all.is_empty() { "it has none".to_owned() } else { format!("it has {}", all.join(", ")) };
            format!("this session was given no skill `{}`: {there}", bounded(name, 100))
        })?;
        let handler = skill
            .handler
            .as_ref()
            .ok_or_else(|| format!("`{}` has nothing to run: read {} and do what it says", skill.name, skill.path))?;
        self.may(skill, handler)?;
        fits(handler, parameters)?;
        let Ok(_seat) = self.seats.try_acquire() else {
            return Err(format!("{RUNS_AT_ONCE} skills run already: wait for one to end"));
        };
        if self.runs.fetch_add(1, Ordering::Relaxed) >= MAX_RUNS {
            return Err(format!("this session has run skills {MAX_RUNS} times, which is the most"));
        }
        let _host_ends = called.send(Called::Runs(skill.name.clone()));
        let _busy = self.running.one();
        skill::run(&self.spec, skill, handler, parameters).await
    }

    fn write(&self, text: &str) -> Result<Outcome, String> {
        let spec = &self.spec;
        if text.len() > MAX_HANDOFF {
            return Err(format!("a handoff is at most {} KiB long, this is {}", MAX_HANDOFF >> 10, text.len()));
        }
        if text.trim().is_empty() {
            return Err("the handoff is empty".to_owned());
        }
        let no_place = || "this session has no place for a handoff".to_owned();
        let path = &spec.handoff_out;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(no_place)?;
        let text = spec.mask.text(text);
        exchange(spec, path).ok_or_else(no_place)?.write(name, &text).map_err(|error| error.to_string())?;
        let verdict = match spec.judges {
            Judges::Yes => Asked::Yes,
            Judges::No => Asked::No,
        };
        let problems = match parse(&text, &Expect { outputs: &spec.outputs, verdict }) {
            Ok(parsed) => parsed.problems,
            Err(why) => why,
        };
        Ok(Outcome::Written { written: path.display().to_string(), problems })
    }

    fn read(&self, task: Option<&str>) -> Result<Outcome, String> {
        let all = &self.spec.tools.handoffs;
        let documents: Vec<Document> = all
            .iter()
            .filter(|(from, _)| task.is_none_or(|task| from.as_str() == task))
            .map(|(from, text)| Document { task: from.to_string(), text: text.clone() })
            .collect();
        match task {
            Some(task) if documents.is_empty() => {
                let from: Vec<&str> = all.iter().map(|(from, _)| from.as_str()).collect();
                let there =
                    if from.is_empty() { "nothing was".to_owned() } else { format!("from {}", from.join(", ")) };
                Err(format!("nothing was handed over to this task from `{}`: {there}", bounded(task, 100)))
            }
            Some(_) | None => Ok(Outcome::Documents { documents }),
        }
    }
}

fn progress(text: &str, called: &UnboundedSender<Called>) -> Result<Outcome, String> {
    let text = bounded(text.trim(), MAX_PROGRESS);
    if text.is_empty() {
        return Err("say in a few words what you are doing".to_owned());
    }
    let _host_ends = called.send(Called::Progress(text.to_owned()));
    Ok(Outcome::Noted { noted: text.to_owned() })
}

/// Whether parameters are what the skill's schema asks for.
fn fits(handler: &SkillHandler, parameters: &Map<String, Value>) -> Result<(), String> {
    const NAMED: usize = 10;
    let Some(schema) = &handler.parameters else { return Ok(()) };
    let validator = jsonschema::options()
        .offline()
        .build(schema)
        .map_err(|error| format!("the skill's `parameters` cannot be used: {error}"))?;
    let value = Value::Object(parameters.clone());
    let wrong: Vec<String> = validator
        .iter_errors(&value)
        .take(NAMED)
        .map(|error| {
            let at = error.instance_path().to_string();
            let what = error.to_string();
            let what = bounded(&what, 300);
            if at.is_empty() { what.to_owned() } else { format!("`{at}`: {what}") }
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("the parameters do not fit: {}", wrong.join("; "))) }
}
