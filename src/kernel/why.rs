//! Why a task is where it is: one line that a person can act on.

use crate::amount::{At, WallTime};
use crate::kernel::Run;
use crate::kernel::event::{CancelWhy, HandOffWhy, Outcome, SessionKind};
use crate::kernel::fact::Answer;
use crate::kernel::graph::{Graph, LockNo, TaskNo};
use crate::kernel::limits::Fit;
use crate::kernel::order::Hold;
use crate::kernel::state::{Gated, HandStep, Handing, Phase, Running, Status};
use crate::name::TaskId;

/// Of the parts that a group waits for, so many are named.
const NAMED: usize = 5;

impl Run {
    /// Why a task is where it is, in one line.
    pub fn why(&self, task: &TaskId, now: At) -> String {
        let Some(t) = Graph::find(&self.plan, task) else { return format!("`{task}` is no task of this run") };
        if let Some(gated) = self.state.task(t).gated() {
            return self.why_gated(t, gated);
        }
        if self.is_over() && self.state.task(t).outcome().is_none() {
            if let Some(by) = &self.state.pausing {
                return format!("paused by `{by}`; `ai-sdlc run resume {}` goes on with it", self.id);
            }
            return format!("the run stands still; `ai-sdlc run resume {}` goes on with it", self.id);
        }
        match &self.state.task(t).status {
            Status::Waiting => self.why_waiting(t),
            Status::Ready => self.why_ready(t, now.wall),
            Status::Gated(gated) => self.why_gated(t, gated),
            Status::Expanded { open } => self.why_expanded(t, *open),
            Status::Running(running) => self.why_running(t, running, now) + &self.why_collides(t),
            Status::BackingOff { until } => self.why_backing_off(t, *until, now.wall) + &self.why_collides(t),
            Status::Finished(outcome) => why_ended(outcome) + self.excuse(t, outcome) + &self.why_not_cached(t),
        }
    }

    fn name(&self, t: TaskNo) -> &TaskId {
        self.task(t).0
    }

    fn why_expanded(&self, t: TaskNo, open: u32) -> String {
        let parts = self.graph.parts(t).unwrap_or_default();
        let left = parts.iter().filter(|part| self.state.task(**part).outcome().is_none());
        let mut names: Vec<String> = left.take(NAMED).map(|part| format!("`{}`", self.name(*part))).collect();
        if names.len() < usize::try_from(open).unwrap_or(usize::MAX) {
            names.push("…".to_owned());
        }
        format!("waits for {open} of its {}: {}", self.so_many_parts(t, parts.len()), names.join(", "))
    }

    fn why_waiting(&self, t: TaskNo) -> String {
        if let Some(group) = self.graph.group(t)
            && !matches!(self.state.task(group).status, Status::Expanded { .. })
        {
            return format!("waits until `{}` begins again", self.name(group));
        }
        let open = self.graph.needs(t).iter().filter(|need| self.state.task(**need).outcome().is_none());
        let names: Vec<String> = open.map(|need| format!("`{}`", self.name(*need))).collect();
        format!("waits for {}", names.join(", "))
    }

    /// What a failure means that does not count.
    fn excuse(&self, t: TaskNo, outcome: &Outcome) -> &'static str {
        let harmless = match outcome {
            Outcome::Failed { .. } | Outcome::Conflict { .. } | Outcome::Cancelled { .. } => self.graph.is_excused(t),
            Outcome::Succeeded { .. } | Outcome::Skipped { .. } | Outcome::Blocked { .. } => false,
        };
        if harmless { "; optional: it does not count" } else { "" }
    }

    fn why_not_cached(&self, t: TaskNo) -> String {
        let past = self.state.task(t).past.as_ref();
        let why = past.and_then(|past| past.not_cached.as_ref());
        why.map(|why| format!("; not taken from the cache: {why}")).unwrap_or_default()
    }

    fn why_gated(&self, t: TaskNo, gated: &Gated) -> String {
        let (run, task) = (&self.id, self.name(t).quoted());
        match &gated.given {
            None => format!(
                "waits for an answer: {} (`ai-sdlc run approve {run} {task}`, or `ai-sdlc run reject {run} {task} -m …`)",
                gated.question.trim_end()
            ),
            Some(given) => {
                let answer = match given.answer {
                    Answer::Approve => "approved",
                    Answer::Reject => "rejected",
                };
                format!("{answer} by `{}`; the run has yet to go on", given.by)
            }
        }
    }

    fn why_ready(&self, t: TaskNo, now: WallTime) -> String {
        if (self.state.stopping.is_some() && !self.graph.is_always(t)) || self.state.fault.is_some() {
            return "ready, but the run is stopping".to_owned();
        }
        if self.state.exceeded && !self.graph.is_always(t) {
            return self.out_of_budget();
        }
        let slots = self.state.slots;
        let max = self.at_once();
        if slots >= max && max < self.plan.max.get() {
            return format!(
                "ready; waits for one of {max} slots for now, fewer since sessions broke down or ran into limits (`concurrency.auto`)"
            );
        }
        if slots >= max {
            return format!("ready; waits for one of {max} slots, all taken (`concurrency.max`, or `-c`)");
        }
        if self.state.pauses() {
            return self.why_held(Hold::Pause);
        }
        if let Some(agent) = self.away(t) {
            return format!("ready; waits for {}", self.why_away(agent, now));
        }
        match self.fits(t) {
            Fit::Fits => "ready; starts next".to_owned(),
            Fit::Held { by, .. } => self.why_held(by),
        }
    }

    fn out_of_budget(&self) -> String {
        format!("the budget is used up; `ai-sdlc run resume {}` with a larger one goes on", self.id)
    }

    fn why_held(&self, hold: Hold) -> String {
        match hold {
            Hold::Nothing => "ready; starts next".to_owned(),
            Hold::Limit(limit) => match self.graph.limits().get(limit) {
                Some(limit) => format!("ready; waits for {}, which works {} at once (`max`)", limit.what, limit.max),
                None => "ready; waits for a limit".to_owned(),
            },
            Hold::Kept(lock, holder) => self.why_locked(lock, holder),
            Hold::Lock(lock) => match self.state.holds.of(lock).next().or(self.inflight.ready.next) {
                Some(holder) => self.why_locked(lock, holder),
                None => format!("ready; waits for the {}", self.graph.lock_name(lock)),
            },
            Hold::Touches(other) => {
                format!("ready; waits for `{}`, which may change the same files (`touches`)", self.name(other))
            }
            Hold::Budget => "ready; waits until a running session leaves some of the budget".to_owned(),
            Hold::Pot(group) => {
                format!("ready; waits until a running session leaves some of the budget of `{}`", self.name(group))
            }
            Hold::Agent(_) => "ready; waits for its agent".to_owned(),
            Hold::Pause => format!("ready, but the run is paused; `ai-sdlc run resume {}` goes on", self.id),
            Hold::Stop => "ready, but the run is stopping".to_owned(),
        }
    }

    fn why_locked(&self, lock: LockNo, holder: TaskNo) -> String {
        format!("ready; waits for the {}, which `{}` has", self.graph.lock_name(lock), self.name(holder))
    }

    fn why_running(&self, t: TaskNo, running: &Running, now: At) -> String {
        let Running { attempt, round, .. } = running;
        let task = self.task(t).1;
        if let Some(handing) = &running.handing {
            return format!("attempt {attempt}, round {round}: {}", why_handed_on(running, handing));
        }
        match &running.phase {
            Phase::Preparing => format!("attempt {attempt}: its workspace is being made"),
            Phase::SettingUp(index) => {
                let of = self.plan.workspace.setup.len();
                format!("attempt {attempt}: setup command {} of {of} runs", index.saturating_add(1).min(of))
            }
            Phase::Starting if self.inflight.unfunded.contains(&t) => {
                format!("attempt {attempt}, round {round}: waits until a running session leaves some of the budget")
            }
            Phase::Starting => format!("attempt {attempt}, round {round}: about to start"),
            Phase::Working => {
                let works = match running.kind {
                    SessionKind::Work => "works",
                    SessionKind::Review => "is being reviewed",
                };
                let deadline = self.inflight.deadline_of.get(&t);
                let left = deadline.map(|at| format!(", stopped in {} at the latest", at.saturating_sub(now.mono)));
                let left = left.unwrap_or_default();
                format!("attempt {attempt}, round {round}: {works}{left}{}", self.why_not_cached(t))
            }
            Phase::Ended => format!("attempt {attempt}, round {round}: its work is being recorded"),
            Phase::Snapshotted | Phase::Checking(_) => {
                let done = running.checks.len().saturating_add(1).min(task.checks.len());
                format!("attempt {attempt}, round {round}: check {done} of {} runs", task.checks.len())
            }
            Phase::Reviewing => format!("attempt {attempt}, round {round}: is about to be reviewed"),
            Phase::Queued { .. } => {
                let place = self.state.queue.iter().position(|queued| *queued == t).unwrap_or_default();
                format!("accepted; number {} in the merge queue", place.saturating_add(1))
            }
            Phase::Merging { .. } => "accepted; is being merged".to_owned(),
            Phase::Merged(commit) => format!("merged as {}", commit.short()),
            Phase::Resting(_) => match self.away(t) {
                Some(agent) => {
                    let why = self.why_away(agent, now.wall);
                    format!("attempt {attempt}, round {round}: waits for {why}; it goes on where it stopped")
                }
                None => format!("attempt {attempt}, round {round}: goes on where it stopped, waits for a slot"),
            },
            Phase::Reworking => format!("round {round} on top of what was merged meanwhile: waits for a slot"),
        }
    }

    fn why_backing_off(&self, t: TaskNo, until: WallTime, now: WallTime) -> String {
        let failure = self.state.task(t).past.as_ref().and_then(|past| past.last_failure.as_deref());
        let failure = failure.and_then(|words| words.lines().next()).unwrap_or("it failed");
        format!("tries again in {}: {failure}", until.since(now))
    }
}

fn why_handed_on(running: &Running, handing: &Handing) -> String {
    let why = match handing.why {
        HandOffWhy::Asked => format!("`{}` wants it", handing.by.as_deref().unwrap_or("a person")),
        HandOffWhy::Context => "its conversation cannot go on".to_owned(),
        HandOffWhy::Share => "its part of the budget is used up".to_owned(),
        HandOffWhy::Budget => "the budget is used up".to_owned(),
    };
    let to = handing.to.as_ref().map(|role| format!(" to `{role}`")).unwrap_or_default();
    let step = match (handing.step, running.phase == Phase::Working) {
        (HandStep::Asked, true) => "its session is being stopped",
        (HandStep::Asked, false) => "its document is looked for",
        (HandStep::Document(_), _) => "its work is being recorded",
        (HandStep::Committed, _) => "the next session is about to begin",
    };
    format!("is handed off{to}, as {why}: {step}")
}

fn why_ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded { merged: Some(commit), .. } => format!("succeeded, merged as {}", commit.short()),
        Outcome::Succeeded { merged: None, .. } => "succeeded".to_owned(),
        Outcome::Failed { failure } => format!("failed: {}", failure.message),
        Outcome::Skipped { because: Some(because) } => format!("skipped, as `{because}` was"),
        Outcome::Skipped { because: None } => "skipped: its `when` is false".to_owned(),
        Outcome::Blocked { by } => format!("blocked: `{by}` did not succeed; a resume tries it again"),
        Outcome::Cancelled { why: CancelWhy::Stopped, .. } => "cancelled: the run was stopped".to_owned(),
        Outcome::Cancelled { why: CancelWhy::Budget, .. } => "cancelled: the budget is used up".to_owned(),
        Outcome::Cancelled { why: CancelWhy::Aborted, by } => {
            let who = by.as_deref().unwrap_or("a person");
            format!("cancelled by `{who}`; a retry or a resume tries it again")
        }
        Outcome::Conflict { files, branch } => {
            let kept = branch.as_ref().map(|branch| format!("; its work is on `{branch}`")).unwrap_or_default();
            format!("conflicts with what was merged in {}{kept}", files.join(", "))
        }
    }
}
