//! What a person wishes of a run while it is live: pauses, a task cancelled, a task tried again.

use super::plans::{agent, argv, command, gate, id, plan};
use std::collections::BTreeSet;

use super::play::Play;
use super::world::World;
use crate::handoff::CheckVerdict;
use crate::kernel::effect::Effect;
use crate::kernel::event::{CancelWhy, Event, NoteAbout, Outcome, RunOutcome};
use crate::kernel::fact::{Again, Answer, Attended, Fact};
use crate::mission::model::WorkspaceMode;
use crate::name::{Attempt, TaskId};
use crate::plan::{Plan, Task};

impl World {
    /// Now and then a person wishes something.
    pub(super) fn wish_something(&mut self) {
        if self.run.is_over() || self.rng.u32(0..40) > 0 {
            return;
        }
        let (task, by) = (self.some_task(), "ada".to_owned());
        match self.rng.u32(0..9) {
            0 => drop(self.tell(Fact::Pause { by })),
            5..=8 => {
                let to = [None, Some("worker"), Some("tester"), Some("nobody")][self.rng.usize(0..4)];
                let to = to.map(|role| crate::name::RoleName::parse(role).unwrap());
                self.tell(Fact::HandOff { task, to, by });
            }
            1 | 2 => drop(self.tell(Fact::Cancel { task, by })),
            _ => drop(self.tell(Fact::Retry { task, by })),
        }
    }

    fn some_task(&mut self) -> TaskId {
        let tasks = &self.run.plan().tasks;
        let at = self.rng.usize(0..tasks.len());
        tasks.get_index(at).unwrap().0.clone()
    }

    /// Now and then somebody takes worktrees away while no engine drives.
    pub(super) fn taken_away(&mut self) -> BTreeSet<(TaskId, Attempt)> {
        let open = self.run.open_worktrees();
        open.into_iter().filter(|_| self.rng.u32(0..10) == 0).collect()
    }

    /// What a later engine tries again.
    pub(super) fn again(&mut self) -> Again {
        if self.rng.u32(0..4) == 0 { Again::Only(self.some_task()) } else { Again::All }
    }

    /// What the engine runs for a task itself is ended.
    pub(super) fn stop_commands(&mut self, of: &TaskId, soon: u64) {
        let is_of = |fact: &Fact| match fact {
            Fact::SetupEnded { task, .. } | Fact::CheckEnded { task, .. } => task == of,
            _ => false,
        };
        let at = self.answers.iter().find(|(_, fact)| is_of(fact)).map(|(at, _)| *at);
        let mut fact = self.answers.remove(&at.expect("something of it runs")).unwrap();
        if let Fact::SetupEnded { verdict, .. } | Fact::CheckEnded { verdict, .. } = &mut fact {
            *verdict = CheckVerdict::Signalled(15);
        }
        self.later(soon, fact);
    }
}

fn ada() -> String {
    "ada".to_owned()
}

fn play(max: u32, tasks: Vec<(&str, Task)>) -> Play {
    Play::of(plan(WorkspaceMode::Worktree, max, tasks), Attended::No)
}

fn of(plan: Plan) -> Play {
    Play::of(plan, Attended::No)
}

fn quick() -> Task {
    command().touching(&[])
}

impl Play {
    fn cancel(&mut self, task: &str) {
        self.tell(Fact::Cancel { task: id(task), by: ada() });
    }

    fn retry(&mut self, task: &str) {
        self.tell(Fact::Retry { task: id(task), by: ada() });
    }

    fn is_cancelled(&self, task: &str) -> bool {
        *self.outcome(task) == Outcome::Cancelled { why: CancelWhy::Aborted, by: Some(ada()) }
    }
}

#[test]
fn a_pause_lets_what_runs_end_and_begins_nothing() {
    let tasks = vec![("a", agent()), ("b", agent()), ("c", agent().needing(&["a"])), ("g", gate("Go?"))];
    let mut play = play(2, tasks);
    play.asked("g");
    play.tell(Fact::Pause { by: ada() });
    play.tell(Fact::Pause { by: ada() });
    assert_eq!(play.count(|event| matches!(event, Event::RunPausing { .. })), 1);
    play.done("a");
    assert_eq!(play.run.outcome(), None, "b runs");
    assert_eq!(play.why("c"), format!("ready, but the run is paused; `ai-sdlc run resume {}` goes on", play.run.id()));
    play.done("b");
    assert!(play.succeeded("a") && play.succeeded("b"), "what was under way was merged");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Paused));
    play.resume(Attended::No, Vec::new());
    play.done("c");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Waiting), "the gate is still open");
}

#[test]
fn a_gate_does_not_open_while_the_run_is_paused_and_an_answer_still_counts() {
    let mut play = Play::of(
        plan(WorkspaceMode::Worktree, 2, vec![("a", agent()), ("g", gate("?")), ("h", gate("?").needing(&["g", "a"]))]),
        Attended::Yes,
    );
    play.tell(Fact::Pause { by: ada() });
    play.answer("g", Answer::Approve, "");
    play.done("a");
    assert!(play.succeeded("g"));
    assert_eq!(play.run.outcome(), Some(RunOutcome::Paused));
    play.resume(Attended::Yes, Vec::new());
    play.answer("h", Answer::Approve, "");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_pause_of_a_run_that_ends_by_itself_changes_nothing() {
    let mut play = play(1, vec![("a", agent())]);
    play.tell(Fact::Pause { by: ada() });
    play.done("a");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_cancelled_session_is_recorded_and_what_needs_it_is_blocked() {
    let mut play = play(2, vec![("a", agent()), ("b", agent().needing(&["a"])), ("c", agent())]);
    play.cancel("a");
    assert!(play.is_cancelled("a"));
    assert_eq!(play.count(|event| matches!(event, Event::Snapshot { .. })), 1, "what it did is a commit");
    assert_eq!(*play.outcome("b"), Outcome::Blocked { by: id("a") });
    play.done("c");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Cancelled), "the run went on");
    assert!(play.why("a").starts_with("cancelled by `ada`"), "{}", play.why("a"));
    play.resume(Attended::No, Vec::new());
    play.done("a");
    play.done("b");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn what_has_not_begun_is_cancelled_at_once_and_an_optional_task_harms_nothing() {
    let mut play = play(1, vec![("a", agent()), ("b", agent().optional()), ("g", gate("Go?"))]);
    play.cancel("b");
    play.cancel("g");
    assert!(play.is_cancelled("b") && play.is_cancelled("g"));
    play.cancel("b");
    play.done("a");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Cancelled), "the gate counts");
}

#[test]
fn a_cancelled_check_is_stopped() {
    let mut play = play(1, vec![("a", Task { checks: vec![argv(&["sleep", "900"])], ..agent() })]);
    play.done("a");
    let (task, attempt, round) = play.take(|effect| match effect {
        Effect::Check { task, attempt, round, .. } => Some((task.clone(), *attempt, *round)),
        _ => None,
    });
    play.cancel("a");
    assert_eq!(play.run.outcome(), None, "it is not taken out from under its check");
    play.take(|effect| (*effect == Effect::StopCommands { task: id("a") }).then_some(()));
    let (verdict, duration) = (CheckVerdict::Signalled(15), crate::amount::Millis(1));
    play.tell(Fact::CheckEnded {
        task,
        attempt,
        round,
        index: 0,
        verdict,
        duration,
        tail: String::new(),
        changed: Vec::new(),
    });
    assert!(play.is_cancelled("a"), "and not sent into another round");
}

#[test]
fn work_is_cancelled_until_the_branch_is_moved_to_it() {
    let mut with_checks = plan(WorkspaceMode::Worktree, 2, vec![("a", agent()), ("b", agent())]);
    with_checks.merge.checks = vec![argv(&["test"])];
    let mut play = of(with_checks);
    play.done("a");
    play.done("b");
    play.cancel("b");
    assert!(play.is_cancelled("b"), "it waited for its merge");
    play.cancel("a");
    let candidate = play.take(|effect| match effect {
        Effect::PrepareCandidate { candidate } => Some(candidate.clone()),
        _ => None,
    });
    play.tell(Fact::CandidateReady { candidate, prepared: Ok(()) });
    assert!(play.is_cancelled("a"));
    assert_eq!(play.count(|event| matches!(event, Event::Merged { .. })), 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Cancelled));
}

#[test]
fn one_task_is_tried_again_with_what_it_held_back_and_no_other() {
    let tasks = vec![
        ("a", quick()),
        ("b", quick()),
        ("x", quick().needing(&["a"])),
        ("y", quick().needing(&["a", "b"])),
        ("z", quick()),
    ];
    let mut play = Play::of(plan(WorkspaceMode::Directory, 5, tasks), Attended::No);
    play.exit("a", 1);
    play.exit("b", 1);
    play.retry("a");
    let told = play.last(|event| match event {
        Event::TaskRetried { retried, freed, .. } => Some((retried.clone(), freed.clone())),
        _ => None,
    });
    assert_eq!(told, Some((vec![id("a")], vec![id("x")])), "y stays blocked by b");
    play.exit("a", 0);
    play.exit("x", 0);
    assert_eq!(play.run.outcome(), None, "z goes on meanwhile");
    play.exit("z", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Failed));
    assert!(play.succeeded("x") && matches!(play.outcome("b"), Outcome::Failed { .. }));
    let only = |play: &Play, task: &str| {
        let mut later = Play::of(play.run.plan().clone(), Attended::No);
        later.events.clone_from(&play.events);
        later.resume_only(task);
        let resumed = later.last(|event| match event {
            Event::RunResumed { retried, freed, .. } => Some((retried.clone(), freed.clone())),
            _ => None,
        });
        resumed.unwrap()
    };
    assert_eq!(only(&play, "y"), (vec![id("b")], vec![id("y")]), "what blocks it is tried too");
    assert_eq!(only(&play, "a"), (Vec::new(), Vec::new()), "finished work never runs again");
}

#[test]
fn what_cannot_be_tried_again_is_told() {
    let mut play = play(2, vec![("a", agent()), ("b", agent())]);
    play.done("a");
    play.retry("a");
    assert_eq!(play.count(|event| matches!(event, Event::TaskRetried { .. })), 0);
    assert_eq!(play.count(|event| matches!(event, Event::Note { about: Some(NoteAbout::RetryRefused), .. })), 1);
}
