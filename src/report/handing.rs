//! How a task is handed from one session to the next.

use crate::amount::WallTime;
use crate::handoff::Source;
use crate::kernel::event::{Event, HandOffWhy, HandoffStep};
use crate::kernel::fact::EndKind;
use crate::name::{Attempt, RoleName, SessionNo};
use crate::report::Report;
use crate::report::line::{Line, Tone};
use crate::report::task::{TaskReport, Worker};

/// One handing on of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoffReport {
    /// Why.
    pub why: HandOffWhy,
    /// Who asked for it; `None`: nobody.
    pub by: Option<String>,
    /// The role that goes on with it, where that is another.
    pub to: Option<RoleName>,
    /// Where what was handed over came from.
    pub source: Source,
    /// In which attempt.
    pub attempt: Attempt,
    /// The session that went on with it, once it began.
    pub session: Option<SessionNo>,
}

/// What is being done to hand a task on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handing {
    why: HandOffWhy,
    by: Option<String>,
    to: Option<RoleName>,
    step: &'static str,
}

impl Handing {
    pub(super) fn words(&self) -> String {
        format!("handing off: {}", self.step)
    }
}

impl TaskReport {
    /// A session begins: where the task was handed on, it is the one that goes on with it.
    pub(super) fn goes_on_in(&mut self, attempt: Attempt, session: SessionNo) {
        if self.handing.take().is_some()
            && let Some(last) = self.handoffs.last_mut()
        {
            (last.attempt, last.session) = (attempt, Some(session));
        }
    }

    /// A session ended: one that did what it was asked has nothing to hand on.
    pub(super) fn ends_itself(&mut self, how: &EndKind) {
        if matches!(how, EndKind::Completed | EndKind::Refused { .. } | EndKind::NotStarted { .. }) {
            self.handing = None;
        }
    }

    fn handoff_step(&mut self, attempt: Attempt, step: &HandoffStep) {
        let Some(handing) = &mut self.handing else { return };
        match step {
            HandoffStep::Document { source } => {
                handing.step = "commit";
                let Handing { why, by, to, .. } = handing.clone();
                self.handoffs.push(HandoffReport { why, by, to, source: *source, attempt, session: None });
            }
            HandoffStep::Commit { .. } | HandoffStep::Next => handing.step = "next session",
        }
    }
}

impl Report {
    /// Takes in an event of that.
    pub(super) fn fold_handing(&mut self, event: &Event) {
        if let Event::HandingOff { task, why, by, to, .. } = event {
            self.with(task, |t| {
                let step = if *why == HandOffWhy::Asked || *why == HandOffWhy::Budget { "stop" } else { "document" };
                t.handing = Some(Handing { why: *why, by: by.clone(), to: to.clone(), step });
            });
        } else if let Event::HandoffStep { task, attempt, step } = event {
            self.with(task, |t| t.handoff_step(*attempt, step));
        } else if let Event::TaskGiven { task, role, agent, .. } = event {
            self.with(task, |t| t.worker = Worker::Agent { role: role.to_string(), agent: agent.to_string() });
        }
    }
}

/// The line about such an event, or about the session that goes on.
pub(super) fn line(at: WallTime, event: &Event, report: &Report) -> Option<Line> {
    let new = |tone, word, text: String| Line::new(at, tone, word, text);
    if let Event::HandingOff { task, why, by, to, .. } = event {
        return Some(new(Tone::Careful, "handing-off", begins(*why, by.as_deref(), to.as_ref())).of(task));
    }
    if let Event::HandoffStep { task, step, .. } = event {
        return Some(new(Tone::Busy, "handing-off", step_words(step)).of(task).without_panel());
    }
    if let Event::TaskGiven { task, by, role, agent, .. } = event {
        let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        return Some(new(Tone::Careful, "given", format!("to {role} ({agent}){by}")).of(task));
    }
    let Event::SessionStarted { task, attempt, session, role, .. } = event else { return None };
    let last = report.tasks.get(task)?.handoffs.last()?;
    let role = role.as_ref().map(|role| format!(", as {role}")).unwrap_or_default();
    (last.session == Some(*session) && last.attempt == *attempt)
        .then(|| new(Tone::Busy, "handed-off", format!("session {session} goes on with it{role}")).of(task))
}

fn begins(why: HandOffWhy, by: Option<&str>, to: Option<&RoleName>) -> String {
    let to = to.map(|role| format!(" to {role}")).unwrap_or_default();
    match why {
        HandOffWhy::Asked => format!("{} hands it off{to}: its session is stopped", by.unwrap_or("a person")),
        HandOffWhy::Context => "its conversation cannot go on: a next session goes on in one of its own".to_owned(),
        HandOffWhy::Share => "its part of the budget is used up: a next session goes on with another".to_owned(),
        HandOffWhy::Budget => "the budget is used up: what it hands over is kept for when there is more".to_owned(),
    }
}

fn step_words(step: &HandoffStep) -> String {
    match step {
        HandoffStep::Document { source } => format!("document: {}", source_words(*source)),
        HandoffStep::Commit { handoff } => match &handoff.facts.commit {
            Some(commit) => format!("commit: {}", commit.short()),
            None => "commit: nothing to record".to_owned(),
        },
        HandoffStep::Next => "next session, in a conversation of its own".to_owned(),
    }
}

fn source_words(source: Source) -> &'static str {
    match source {
        Source::Structured => "told by its session",
        Source::File => "left by its session",
        Source::Message => "in the last message of its session",
        Source::Synthesised => "its session left none, the engine writes one",
    }
}
