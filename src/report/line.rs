//! One line a change, in two styles: for a terminal, and plain.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::amount::{Millis, WallTime};
use crate::handoff::Verdict;
use crate::kernel::event::{CacheFound, Event, Failure, Instance, Outcome, RoundReason, RunOutcome};
use crate::kernel::fact::{Answer, Delivered};
use crate::name::{Attempt, CommitId, Round, TaskId};
use crate::report::end::cache_words;
use crate::report::judged::{GateAnswered, ReviewReport};
use crate::report::look::{Look, Paint, pad, plural, safe};
use crate::report::task::{TaskReport, Worker, brief, few, is_bad, message, round_reason, verdict};
use crate::report::words::{
    cancel_words, cause_words, ids, outcome_words, sandbox_words, session_words, settled_words, stop_words,
};
use crate::report::{Report, Spent};
use crate::report::{agents, collisions, handing};

/// One line about one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: WallTime,
    /// Whether it is shown where a panel shows the same.
    pub shown: Shown,
    /// How it is to be taken.
    pub tone: Tone,
    /// What happened, in one word.
    pub word: &'static str,
    /// To which task.
    pub task: Option<TaskId>,
    /// Time, cost and lines, where it tells them.
    pub facts: Option<LineFacts>,
    /// The rest of it, safe to show.
    pub text: String,
    /// Columns that names of tasks take.
    name_columns: usize,
}

/// Time, cost and lines of a task that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFacts {
    /// Time.
    pub time: Millis,
    /// Cost.
    pub spent: Spent,
    /// Lines added and removed.
    pub lines: Option<(u64, u64)>,
}

/// Whether a line is shown where a panel shows the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// In any case.
    Always,
    /// Only where there is no panel.
    WithoutPanel,
}

/// How a line is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something went well.
    Good,
    /// Something went wrong.
    Bad,
    /// Something to look at.
    Careful,
    /// Something began or goes on.
    Busy,
    /// Something will not happen.
    Idle,
}

impl Tone {
    /// Its mark.
    pub(crate) fn mark(self, look: Look) -> &'static str {
        match self {
            Self::Good => look.or("✓", "+"),
            Self::Bad => look.or("✗", "x"),
            Self::Careful => "!",
            Self::Busy => look.or("●", "*"),
            Self::Idle => look.or("◌", "-"),
        }
    }

    /// Its mark in its colour.
    pub(crate) fn painted(self, look: Look) -> String {
        let paint = match self {
            Self::Good => Paint::Good,
            Self::Bad => Paint::Bad,
            Self::Careful => Paint::Careful,
            Self::Busy => Paint::Busy,
            Self::Idle => Paint::Dim,
        };
        look.paint(paint, self.mark(look))
    }
}

impl Line {
    pub(super) fn new(at: WallTime, tone: Tone, word: &'static str, text: impl AsRef<str>) -> Self {
        let text = safe(text.as_ref());
        Self { at, shown: Shown::Always, tone, word, task: None, facts: None, text, name_columns: 0 }
    }

    pub(super) fn of(mut self, task: &TaskId) -> Self {
        self.task = Some(task.clone());
        self
    }

    pub(super) fn without_panel(mut self) -> Self {
        self.shown = Shown::WithoutPanel;
        self
    }

    fn with_facts(mut self, facts: LineFacts) -> Self {
        self.facts = Some(facts);
        self
    }

    /// For programs and logs: `2026-11-21T12:04:10Z done schema 4m02s $0.31 +118 -12`.
    pub fn plain(&self) -> String {
        let mut parts = vec![self.at.to_string(), self.word.to_owned()];
        parts.extend(self.task.as_ref().map(ToString::to_string));
        if let Some(facts) = &self.facts {
            parts.extend([facts.time.to_string(), facts.spent.to_string()]);
            parts.extend(facts.lines.map(|(added, removed)| format!("+{added} -{removed}")));
        }
        // What nothing was done about is told by the word already: `blocked ui by api`.
        let told = self.text.strip_prefix(self.word).filter(|_| self.tone == Tone::Idle);
        let text = told.map_or(self.text.as_str(), |rest| rest.trim_start_matches([',', ' ']));
        if !text.is_empty() {
            parts.push(text.to_owned());
        }
        parts.join(" ")
    }

    /// For people: `12:04:10 ✓ schema   4m02s  $0.31  +118 −12   merged, handed to api, ui`.
    pub fn pretty(&self, zone: &TimeZone, look: Look) -> String {
        let mut parts = Vec::new();
        if let Some(task) = &self.task {
            parts.push(pad(task.as_str(), self.name_columns));
        }
        if let Some(facts) = &self.facts {
            let mut shown = vec![facts.time.to_string(), facts.spent.to_string()];
            shown.extend(facts.lines.map(|(added, removed)| look.lines(added, removed)));
            parts.push(format!("{} ", shown.join("  ")));
        }
        parts.push(self.text.clone());
        let clock = look.paint(Paint::Dim, &clock(self.at, zone));
        format!("{clock} {} {}", self.tone.painted(look), parts.join(" ").trim_end())
    }
}

/// The time of day where the person is.
pub(crate) fn clock(at: WallTime, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(at.0) {
        Ok(stamp) => stamp.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
        Err(_) => at.to_string(),
    }
}

/// The line about an event, if it deserves one. `report` has taken the event in already.
pub fn line(at: WallTime, event: &Event, report: &Report) -> Option<Line> {
    let mut line = make(at, event, report)?;
    line.name_columns = report.tasks.keys().map(|id| id.as_str().len()).max().unwrap_or(0).clamp(8, 24);
    Some(line)
}

#[expect(clippy::too_many_lines, reason = "one arm an event")]
fn make(at: WallTime, event: &Event, report: &Report) -> Option<Line> {
    let new = |tone, word, text: String| Line::new(at, tone, word, text);
    let bad = |word, text: String| Line::new(at, Tone::Bad, word, text);
    let careful = |word, text: String| Line::new(at, Tone::Careful, word, text);
    Some(match event {
        Event::RunStarted { .. } => started(at, report),
        Event::RunResumed { retried, freed, .. } => new(Tone::Busy, "resumed", resumed(retried, freed)),
        Event::TaskStarted { task, attempt, .. } => {
            new(Tone::Busy, "started", again(*attempt)).of(task).without_panel()
        }
        Event::Expanded { .. }
        | Event::GateOpened { .. }
        | Event::GateAnswered { .. }
        | Event::SentBack { .. }
        | Event::Reviewed { .. }
        | Event::CacheLookedUp { .. }
        | Event::ArtifactsKept { .. } => judged(at, event, report)?,
        Event::SetupFinished { task, verdict: how, .. } if is_bad(*how) => {
            bad("setup", format!("a setup command {}", verdict(*how))).of(task)
        }
        Event::Stopping { task, why, .. } => careful("stopping", stop_words(*why).to_owned()).of(task).without_panel(),
        Event::SessionEnded { task, end, .. } => careful("note", session_words(end)?).of(task),
        Event::CheckFinished { task, command, changed, .. } if !changed.is_empty() => {
            careful("note", format!("check `{}` changed {}; thrown away", brief(command), few(changed))).of(task)
        }
        Event::RoundFailed { task, round, reason, .. } => {
            bad("round", round_failed(report.tasks.get(task), *round, reason)).of(task)
        }
        Event::BackingOff { task, attempt, failure, until } => {
            careful("retry", backing_off(failure, *attempt, until.since(at))).of(task)
        }
        Event::MergeCheckFinished { command, verdict: how, .. } if is_bad(*how) => {
            bad("merge-check", format!("`{}` {} on the merged tree", brief(command), verdict(*how)))
        }
        Event::MergeRequeued { batch, why } => careful("merge", format!("{} merged again: {why}", ids(batch))),
        Event::TaskFinished { task, outcome } => finished(at, task, outcome, report)?,
        Event::WorkspaceClosed { task, kept, .. } => {
            new(Tone::Idle, "kept", format!("worktree {}", kept.as_ref()?.display())).of(task).without_panel()
        }
        Event::BudgetWarning { percent, settled } => {
            careful("budget", format!("{percent}% of the budget used: {}", settled_words(settled)))
        }
        Event::BudgetExceeded { settled } => {
            bad("budget", format!("used up: {}; nothing more starts", settled_words(settled)))
        }
        Event::TaskRetried { task, by, retried, freed } => {
            new(Tone::Busy, "retried", tried_again(by, task, retried, freed)).of(task)
        }
        Event::TaskCancelling { task, by } => careful("cancelling", format!("{by} cancels it")).of(task),
        Event::RunPausing { by } => {
            careful("pausing", format!("{by} pauses the run: nothing new begins, what is under way goes to its end"))
        }
        Event::RunStopping { cause } => careful("stopping", cause_words(*cause).to_owned()),
        Event::EngineFault { why } => bad("fault", why.clone()),
        Event::Delivered { into, commit, delivered } => delivery(at, into, commit, delivered),
        Event::DeliveryFailed { into, why, .. } => bad("delivery", format!("{into} was left as it was: {why}")),
        Event::ClockJumped { by } => careful("clock", jumped(*by)),
        Event::Sandboxed { sandbox } => careful("sandbox", sandbox_words(sandbox).careful?),
        Event::Limited { .. }
        | Event::AgentFaltered { .. }
        | Event::AgentReady { .. }
        | Event::AgentSuspended { .. }
        | Event::AgentTried { .. }
        | Event::AgentBack { .. }
        | Event::AgentAwaited { .. }
        | Event::GoesOn { .. }
        | Event::PaceChanged { .. } => agents::line(at, event, report)?,
        Event::HandingOff { .. }
        | Event::HandoffStep { .. }
        | Event::TaskGiven { .. }
        | Event::SessionStarted { .. } => handing::line(at, event, report)?,
        Event::CollisionForeseen { .. } | Event::CollisionGone { .. } => collisions::line(at, event)?,
        Event::Note { task, text, about: _ } => Line { task: task.clone(), ..careful("note", text.clone()) },
        Event::RunFinished { outcome } => ended(at, *outcome, report),
        // The panel shows these while they last, and the line at the end of their task tells what came of them.
        Event::TouchesKnown { .. }
        | Event::OutputsKnown { .. }
        | Event::TaskReady { .. }
        | Event::WorkspaceReady { .. }
        | Event::SetupFinished { .. }
        | Event::CommandStarted { .. }
        | Event::ConversationNamed { .. }
        | Event::Progress { .. }
        | Event::SkillUsed { .. }
        | Event::Usage { .. }
        | Event::Snapshot { .. }
        | Event::CheckFinished { .. }
        | Event::MergeQueued { .. }
        | Event::MergeStarted { .. }
        | Event::CandidateMade { .. }
        | Event::MergeCheckFinished { .. }
        | Event::Merged { .. }
        | Event::DeliveryStarted { .. } => return None,
    })
}

/// Lines about parts, gates, reviews, and what need not run again.
fn judged(at: WallTime, event: &Event, report: &Report) -> Option<Line> {
    let new = |tone, word, text: String| Line::new(at, tone, word, text);
    if let Event::Expanded { task, tasks } = event {
        return Some(expanded(at, task, tasks));
    }
    if let Event::GateOpened { task, question, .. } = event {
        return Some(new(Tone::Careful, "gate", asked(report, task, question)).of(task));
    }
    if let Event::GateAnswered { task, answer, message, by } = event {
        return Some(answered(at, *answer, (message, by)).of(task));
    }
    if let Event::SentBack { by, tasks, reason, .. } = event {
        let names: Vec<String> = tasks.iter().map(ToString::to_string).collect();
        let text = format!("sends {} round again: {reason}", few(&names));
        return Some(new(Tone::Careful, "sent-back", text).of(by));
    }
    if let Event::Reviewed { task, verdict, reasons, .. } = event {
        return Some(reviewed(at, *verdict, reasons)?.of(task));
    }
    if let Event::CacheLookedUp { task, found, .. } = event {
        let text = cache_words(found);
        return Some(match found {
            CacheFound::Hit { .. } => new(Tone::Good, "cached", text).of(task),
            CacheFound::Miss { .. } => new(Tone::Idle, "not-cached", text).of(task).without_panel(),
        });
    }
    let Event::ArtifactsKept { task, artifacts, .. } = event else { return None };
    let text = format!("kept {}", plural(artifacts.len(), "file"));
    (!artifacts.is_empty()).then(|| new(Tone::Idle, "artifacts", text).of(task).without_panel())
}

fn expanded(at: WallTime, group: &TaskId, parts: &[Instance]) -> Line {
    let is_instance = |part: &Instance| part.id.as_str().starts_with(&format!("{group}["));
    let line = match parts {
        [] => Line::new(at, Tone::Careful, "expanded", "nothing to do: its list is empty"),
        parts if parts.iter().all(is_instance) => {
            Line::new(at, Tone::Busy, "expanded", plural(parts.len(), "instance"))
        }
        parts => Line::new(at, Tone::Busy, "expanded", plural(parts.len(), "task")),
    };
    line.of(group)
}

fn asked(report: &Report, gate: &TaskId, question: &str) -> String {
    let run = report.run.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{question} (ai-sdlc run approve {run} {}, or reject)", gate.quoted())
}

fn answered(at: WallTime, answer: Answer, said: (&str, &str)) -> Line {
    let (message, by) = said;
    let given = GateAnswered { answer, message: message.to_owned(), by: by.to_owned() };
    match answer {
        Answer::Approve => Line::new(at, Tone::Good, "approved", given.words()),
        Answer::Reject => Line::new(at, Tone::Bad, "rejected", given.words()),
    }
}

/// A review that gives work back is told with the round that begins of it.
fn reviewed(at: WallTime, verdict: Option<Verdict>, reasons: &[String]) -> Option<Line> {
    let words = ReviewReport { verdict, reasons: reasons.to_vec() }.words();
    match verdict {
        Some(Verdict::Approve) => Some(Line::new(at, Tone::Good, "review", words)),
        Some(Verdict::Rework) => None,
        None => Some(Line::new(at, Tone::Careful, "review", words)),
    }
}

fn round_failed(task: Option<&TaskReport>, round: Round, reason: &RoundReason) -> String {
    let rounds = task.map_or(1, |task| task.rounds);
    let next = round.next();
    if next.get() > rounds {
        return format!("{}; that was the last round", round_reason(reason));
    }
    format!("{}; round {next} of {rounds}", round_reason(reason))
}

fn jumped(by: i64) -> String {
    let length = Millis(by.unsigned_abs());
    if by < 0 {
        format!("was set back by {length}; no deadline moves")
    } else {
        format!("went on by {length} at once: it was set, or the machine slept; no deadline moves")
    }
}

fn backing_off(failure: &Failure, attempt: Attempt, wait: Millis) -> String {
    format!("{}; attempt {} in {wait}", message(failure), attempt.next())
}

fn again(attempt: Attempt) -> String {
    if attempt.get() > 1 { format!("attempt {attempt}") } else { String::new() }
}

fn delivery(at: WallTime, into: &str, commit: &CommitId, delivered: &Delivered) -> Line {
    match delivered {
        Delivered::Moved => Line::new(at, Tone::Good, "delivered", format!("{into} is at {}", commit.short())),
        Delivered::Left { why, command } => {
            let text = format!("{into} was left as it was, as {why}; to go on: {command}");
            Line::new(at, Tone::Careful, "delivery", text)
        }
        Delivered::Raced => {
            Line::new(at, Tone::Careful, "delivery", format!("{into} got new commits; merging them first"))
        }
    }
}

/// A sign of life for where nothing is repainted.
pub fn heartbeat(report: &Report, now: WallTime) -> Line {
    let counts = report.counts();
    let agents =
        report.agent_rows(now).iter().map(|(agent, words)| format!("; {agent}: {words}")).collect::<Vec<_>>().concat();
    let text = format!(
        "{}/{} done, {} running, {} waiting, {}, {}{agents}",
        counts.done,
        counts.total,
        counts.running,
        counts.waiting,
        report.spent,
        report.live(now)
    );
    Line::new(now, Tone::Busy, "running", text)
}

fn started(at: WallTime, report: &Report) -> Line {
    let run = report.run.as_ref().map(ToString::to_string).unwrap_or_default();
    let tasks = plural(report.tasks.len(), "task");
    let what = format!("{}, run {run}: {tasks}, at most {} at once", report.mission, report.max);
    if report.is_rehearsal() {
        let text = format!("in a scratch clone, nothing of yours is touched; {what}");
        Line::new(at, Tone::Careful, "rehearsal", text)
    } else {
        Line::new(at, Tone::Busy, "started", what)
    }
}

fn resumed(retried: &[TaskId], freed: &[TaskId]) -> String {
    match (retried.len(), freed.len()) {
        (0, 0) => "the run goes on".to_owned(),
        (_, 0) => format!("the run goes on; again: {}", ids(retried)),
        (0, _) => format!("the run goes on; freed: {}", ids(freed)),
        (_, _) => format!("the run goes on; again: {}; freed: {}", ids(retried), ids(freed)),
    }
}

fn tried_again(by: &str, task: &TaskId, retried: &[TaskId], freed: &[TaskId]) -> String {
    let others: Vec<TaskId> = retried.iter().filter(|other| *other != task).cloned().collect();
    let with = if others.is_empty() { String::new() } else { format!(", with {}", ids(&others)) };
    let freed = if freed.is_empty() { String::new() } else { format!("; freed: {}", ids(freed)) };
    format!("{by} has it tried again{with}{freed}")
}

fn finished(at: WallTime, task: &TaskId, outcome: &Outcome, report: &Report) -> Option<Line> {
    let of = report.tasks.get(task)?;
    let line = match outcome {
        Outcome::Succeeded { merged, .. } => {
            let handed: Vec<String> = of.feeds.iter().map(ToString::to_string).collect();
            let mut words = Vec::new();
            words.extend(merged.is_some().then(|| "merged".to_owned()));
            words.extend((!handed.is_empty()).then(|| format!("handed to {}", few(&handed))));
            if of.worker == Worker::Parts {
                words.insert(0, report.parts_words(of));
                Line::new(at, Tone::Good, "done", words.join(", "))
            } else {
                Line::new(at, Tone::Good, "done", words.join(", ")).with_facts(facts(of, at))
            }
        }
        Outcome::Failed { failure } => Line::new(at, Tone::Bad, "failed", message(failure)).with_facts(facts(of, at)),
        Outcome::Skipped { because: Some(because) } => {
            Line::new(at, Tone::Idle, "skipped", format!("skipped, because {because} was"))
        }
        Outcome::Skipped { because: None } => {
            Line::new(at, Tone::Idle, "skipped", "skipped, because its `when` is false")
        }
        Outcome::Blocked { by } => Line::new(at, Tone::Idle, "blocked", format!("blocked by {by}")),
        Outcome::Cancelled { why, by } => Line::new(at, Tone::Idle, "cancelled", cancel_words(*why, by.as_deref())),
        Outcome::Conflict { files, .. } => {
            let text = format!("conflicts with what was merged: {}", few(files));
            Line::new(at, Tone::Bad, "conflict", text).with_facts(facts(of, at))
        }
    };
    Some(line.of(task))
}

fn facts(task: &TaskReport, at: WallTime) -> LineFacts {
    let lines = (task.files > 0).then_some((task.added, task.removed));
    LineFacts { time: task.worked(at), spent: task.spent, lines }
}

fn ended(at: WallTime, outcome: RunOutcome, report: &Report) -> Line {
    let tone = match outcome {
        RunOutcome::Succeeded => Tone::Good,
        RunOutcome::Waiting | RunOutcome::Paused => Tone::Careful,
        RunOutcome::EngineFault
        | RunOutcome::Stopped { .. }
        | RunOutcome::Failed
        | RunOutcome::Cancelled
        | RunOutcome::Conflict
        | RunOutcome::OutOfBudget => Tone::Bad,
    };
    let text = format!("{} after {}, {}", outcome_words(outcome), report.live(at), report.spent);
    Line::new(at, tone, "finished", text)
}
