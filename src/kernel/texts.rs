//! What the kernel has others write and read: prompts and commands out of the plan, handoffs out of what a session
//! left, and reasons in words.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::handoff::parse::{Asked, Expect, outputs, parse};
use crate::handoff::verify::contradictions;
use crate::handoff::{CheckVerdict, Facts, Narrative, Source, Status, synthesise};
use crate::kernel::event::{Outcome, RoundReason};
use crate::kernel::fact::WorkEnd;
use crate::kernel::graph::TaskNo;
use crate::kernel::step::Turn;
use crate::mission::model::CommandLine;
use crate::name::{OutputId, TaskId};
use crate::plan::Task;
use crate::plan::argv::Argv;
use crate::plan::render::{self, CommandContext, PromptContext, ReviewContext, Upstream};
use crate::plan::upstream::opening;

/// What was read of what a session or command left.
pub(crate) struct Read {
    pub(crate) narrative: Narrative,
    pub(crate) source: Source,
    pub(crate) outputs: BTreeMap<OutputId, Value>,
    pub(crate) problems: Vec<String>,
}

/// Takes the best handoff that can be understood; where none can, one is written out of the facts and the last words.
pub(crate) fn read_handoff(task: &Task, end: &WorkEnd, facts: impl FnOnce() -> Facts) -> Read {
    let verdict = if task.rework.is_empty() { Asked::No } else { Asked::Yes };
    read(&Expect { outputs: &task.outputs, verdict }, end, facts)
}

/// A reviewer hands over its verdict, and nothing else that is asked for.
pub(crate) fn read_review(end: &WorkEnd, facts: impl FnOnce() -> Facts) -> Read {
    read(&Expect { outputs: &IndexMap::new(), verdict: Asked::Yes }, end, facts)
}

fn read(expect: &Expect<'_>, end: &WorkEnd, facts: impl FnOnce() -> Facts) -> Read {
    let mut problems = Vec::new();
    for (source, text) in &end.handoffs {
        match parse(text, expect) {
            Ok(parsed) => {
                problems.splice(0..0, parsed.problems);
                return Read { narrative: parsed.narrative, source: *source, outputs: parsed.outputs, problems };
            }
            Err(why) => problems.extend(why),
        }
    }
    problems.extend(expect.outputs.keys().map(|id| format!("the output `{id}` is missing: there is no handoff")));
    let narrative = synthesise(&facts(), &end.tail);
    Read { narrative, source: Source::Synthesised, outputs: BTreeMap::new(), problems }
}

/// A command hands over its declared outputs; its narrative is written for it.
pub(crate) fn read_outputs(task: &Task, end: &WorkEnd, facts: impl FnOnce() -> Facts) -> Read {
    let read = outputs(end.outputs.as_deref().unwrap_or_default(), &task.outputs);
    let problems = read.lacking.into_iter().chain(read.unknown).collect();
    let narrative = synthesise(&facts(), &end.tail);
    Read { narrative, source: Source::Synthesised, outputs: read.values, problems }
}

/// A narrative for work of which nothing is known.
pub(crate) fn no_words(summary: &str) -> Narrative {
    Narrative {
        status: Status::Partial,
        summary: summary.to_owned(),
        decisions: Vec::new(),
        remaining: Vec::new(),
        questions: Vec::new(),
        notes: BTreeMap::new(),
        outputs: BTreeMap::new(),
        verdict: None,
        reasons: Vec::new(),
        text: String::new(),
    }
}

/// Whether a check lets work pass; one that a rehearsal does not run does.
pub(crate) fn passes(verdict: CheckVerdict) -> bool {
    matches!(verdict, CheckVerdict::Passed | CheckVerdict::NotRun)
}

/// A verdict in words, after the name of a command.
pub(crate) fn verdict(verdict: CheckVerdict) -> String {
    match verdict {
        CheckVerdict::Passed => "passed".to_owned(),
        CheckVerdict::Exited(code) => format!("exited with {code}"),
        CheckVerdict::Signalled(signal) => format!("was ended by signal {signal}"),
        CheckVerdict::TimedOut => "took longer than its limit".to_owned(),
        CheckVerdict::NotStarted => "could not be started".to_owned(),
        CheckVerdict::NotRun => "was not run".to_owned(),
    }
}

/// A reason in one line, and the output that belongs to it.
pub(crate) fn reason(reason: &RoundReason) -> (String, String) {
    let none = String::new;
    match reason {
        RoundReason::Check { command, verdict: v, tail } => {
            (format!("check `{command}` {}", verdict(*v)), tail.clone())
        }
        RoundReason::Outputs { problems } => {
            (format!("its outputs are not as declared: {}", problems.join("; ")), none())
        }
        RoundReason::Touches { files } => {
            (format!("it changed files outside what it may change: {}", files.join(", ")), none())
        }
        RoundReason::Denied { what } => (format!("it was denied what it needed: {}", what.join("; ")), none()),
        RoundReason::Conflict { files } => {
            (format!("its work conflicts with what was merged meanwhile, in {}", files.join(", ")), none())
        }
        RoundReason::MergeCheck { command, verdict: v, tail } => {
            (format!("merge check `{command}` {} on the merged tree", verdict(*v)), tail.clone())
        }
        RoundReason::NotDone { summary } => (format!("it says that it is not done: {summary}"), none()),
        RoundReason::Review { role, reasons } => {
            (format!("the review by `{role}` gave it back: {}", reasons.join("; ")), none())
        }
        RoundReason::SentBack { by, reason } => (format!("`{by}` sent it back: {reason}"), none()),
        RoundReason::OutOfTurns { why } => {
            (format!("it ran out of turns or of room before it was done ({why}); go on where it stopped"), none())
        }
    }
}

/// A command as its author wrote it, for people.
pub(crate) fn command_line(line: &CommandLine) -> String {
    match line {
        CommandLine::Argv(argv) => Argv::Exec(argv.clone()).to_string(),
        CommandLine::Shell(text) => text.clone(),
    }
}

/// Files that package managers write as a side effect: outside `touches` they are told and let pass.
const LOCK_FILES: [&str; 16] = [
    "Cargo.lock",
    "Gemfile.lock",
    "Pipfile.lock",
    "Podfile.lock",
    "bun.lock",
    "bun.lockb",
    "composer.lock",
    "deno.lock",
    "flake.lock",
    "go.sum",
    "mix.lock",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
];

pub(crate) fn is_lock_file(path: &str) -> bool {
    LOCK_FILES.contains(&path.rsplit('/').next().unwrap_or(path))
}

impl Turn<'_> {
    /// What the session that starts now is told.
    pub(crate) fn prompt(&self, t: TaskNo) -> Result<String, String> {
        let running = self.running(t).ok_or_else(|| "it is not running".to_owned())?;
        let given_back = running.given_back.as_ref().map(|given| {
            let (what, tail) = reason(given);
            if tail.is_empty() { what } else { format!("{what}\n{tail}") }
        });
        let last_failure = self.run.state.task(t).past.as_ref().and_then(|past| past.last_failure.clone());
        let workspace = running.workspace.as_ref().map_or(&self.run.place.directory, |made| &made.path);
        let handed = self.handed_over(t);
        let upstream: Vec<Upstream<'_>> = handed
            .iter()
            .map(|(task, facts, narrative, problems)| Upstream { task, facts, narrative, problems })
            .collect();
        let id = self.id(t);
        let past = self.run.state.task(t).past.as_ref();
        let before = past.and_then(|past| past.handed.as_deref()).map(|before| Upstream {
            task: &id,
            facts: &before.facts,
            narrative: &before.narrative,
            problems: &before.problems,
        });
        let context = PromptContext {
            run: &self.run.id,
            task: &id,
            attempt: running.attempt,
            round: running.round,
            workspace,
            upstream: &upstream,
            before,
            outputs: &self.run.state.outputs,
            last_failure: last_failure.as_deref(),
            given_back: given_back.as_deref(),
            resumed: running.conversation.is_some(),
        };
        render::prompt(&self.run.plan, &context).map_err(|failure| failure.message)
    }

    /// What the reviewer of this round's work is told. `diff`: what that work changes.
    pub(crate) fn review_prompt(&self, t: TaskNo, diff: Option<&str>) -> Result<String, String> {
        let running = self.running(t).ok_or_else(|| "it is not running".to_owned())?;
        let end = running.end.as_ref().ok_or_else(|| "there is no work to review".to_owned())?;
        let facts = self.facts(t);
        let mut problems = end.problems.clone();
        problems.extend(contradictions(&end.narrative, &facts));
        let context = ReviewContext {
            run: &self.run.id,
            task: &facts.task,
            attempt: running.attempt,
            round: running.round,
            workspace: running.workspace.as_ref().map_or(&self.run.place.directory, |made| &made.path),
            work: Upstream { task: &facts.task, facts: &facts, narrative: &end.narrative, problems: &problems },
            diff,
            made: &end.outputs,
            outputs: &self.run.state.outputs,
            asked_again: running.review.as_ref().is_some_and(|review| review.conversation.is_some()),
        };
        render::review_prompt(&self.run.plan, &context).map_err(|failure| failure.message)
    }

    /// What a gate asks.
    pub(crate) fn question(&self, t: TaskNo) -> Result<String, String> {
        let question = render::question(&self.run.plan, &self.run.id, &self.id(t), &self.run.state.outputs);
        question.map_err(|failure| failure.message)
    }

    /// The handoffs that open a task's sessions, with what they say that the facts do not.
    fn handed_over(&self, t: TaskNo) -> Vec<(TaskId, &Facts, &Narrative, Vec<String>)> {
        let from = opening(&self.run.plan, self.task(t)).into_iter();
        from.filter_map(|id| {
            let record = self.run.state.task(self.find(&id)?);
            let told = record.past.as_ref()?.told.as_ref()?;
            let Some(Outcome::Succeeded { facts, .. }) = record.outcome() else { return None };
            let mut problems = told.problems.clone();
            problems.extend(contradictions(&told.narrative, facts));
            Some((id, facts.as_ref(), &told.narrative, problems))
        })
        .collect()
    }

    /// A command of a task with its templates rendered.
    pub(crate) fn final_command(&self, t: TaskNo, line: &CommandLine) -> Result<Argv, String> {
        let id = self.id(t);
        self.render_command(Some(&id), line)
    }

    /// A merge check with its templates rendered.
    pub(crate) fn merge_command(&self, line: &CommandLine) -> Result<Argv, String> {
        self.render_command(None, line)
    }

    fn render_command(&self, task: Option<&TaskId>, line: &CommandLine) -> Result<Argv, String> {
        let context = CommandContext { run: &self.run.id, task, outputs: &self.run.state.outputs };
        render::command(&self.run.plan, line, &context).map_err(|failure| failure.message)
    }
}
