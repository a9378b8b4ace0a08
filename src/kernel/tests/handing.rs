//! Tasks handed from one session to the next in the middle.

use std::num::NonZeroU32;

use super::plans::{agent, command, gate, id, plan, robot, role};
use super::play::Play;
use super::world::World;
use crate::amount::{Ceiling, Cost, Millis, TokenUse, Usage, Usd};
use crate::handoff::Source;
use crate::kernel::effect::{Effect, StartSession};
use crate::kernel::event::{CancelWhy, Event, FailureClass, HandoffStep, Outcome};
use crate::kernel::fact::{Attended, Began, EndKind, Fact, Fault, Reset};
use crate::mission::model::{RetryFrom, WorkspaceMode};
use crate::name::{AgentName, Attempt, RoleName, Round};
use crate::plan::{Plan, Task, TaskKind};

const GOES_ON: &str = "What was done so far on your own task";

fn a_role(name: &str) -> RoleName {
    RoleName::parse(name).unwrap()
}

/// `a`, and `b` in another role by another agent, of which one works at once.
fn cast(max: u32, tasks: Vec<(&str, Task)>) -> Plan {
    let mut plan = plan(WorkspaceMode::Worktree, max, tasks);
    plan.roles = [("worker", None), ("tester", Some(1))].map(|(name, max)| (a_role(name), role(max))).into();
    plan.agents = ["robot", "other"].map(|name| (AgentName::parse(name).unwrap(), robot(None))).into();
    plan
}

fn tester() -> Task {
    let mut task = agent();
    let TaskKind::Agent(work) = &mut task.kind else { panic!() };
    (work.role, work.agent) = (a_role("tester"), AgentName::parse("other").unwrap());
    work.model = Some("big".to_owned());
    task
}

impl Play {
    fn hand_off(&mut self, task: &str, to: Option<&str>) {
        self.tell(Fact::HandOff { task: id(task), to: to.map(a_role), by: "ada".to_owned() });
    }

    fn begins(&mut self, task: &str) -> StartSession {
        let start = self.session(task);
        let conversation = format!("talk {}", start.key.session);
        self.tell(Fact::Conversation { key: start.key.clone(), conversation });
        start
    }

    fn fails(&mut self, task: &str, fault: Fault) {
        let start = self.begins(task);
        let left: &[&str] = &[r#"{"status": "partial", "summary": "half of it"}"#];
        self.end_session(&start, EndKind::Failed { fault, why: "so it is".to_owned() }, left);
    }

    fn refusals(&self) -> Vec<String> {
        let notes = self.events.iter().filter_map(|(_, event)| match event {
            Event::Note { text, .. } => text.split_once("cannot be now: ").map(|(_, why)| why.to_owned()),
            _ => None,
        });
        notes.collect()
    }

    fn steps(&self) -> Vec<&'static str> {
        let steps = self.events.iter().filter_map(|(_, event)| match event {
            Event::HandingOff { .. } => Some("stop"),
            Event::HandoffStep { step: HandoffStep::Document { .. }, .. } => Some("document"),
            Event::HandoffStep { step: HandoffStep::Commit { .. }, .. } => Some("commit"),
            Event::HandoffStep { step: HandoffStep::Next, .. } => Some("next"),
            Event::SessionStarted { .. } => Some("session"),
            Event::Snapshot { .. } => Some("snapshot"),
            _ => None,
        });
        steps.collect()
    }
}

#[test]
fn a_next_session_goes_on_with_what_the_one_before_left() {
    let mut play = Play::of(cast(1, vec![("a", agent())]), Attended::No);
    play.begins("a");
    play.leaves = Some(r#"{"status": "partial", "summary": "half of it", "remaining": ["the other half"]}"#.to_owned());
    play.hand_off("a", None);
    assert_eq!(play.steps(), ["session", "stop", "document", "snapshot", "commit", "next", "session"]);
    let next = play.done("a");
    assert_eq!(next.conversation, None, "a conversation of its own");
    assert_eq!((next.key.attempt, next.key.round, next.key.session.get()), (Attempt::FIRST, Round::FIRST, 2));
    assert!(next.prompt.contains(GOES_ON) && next.prompt.contains("> - the other half"), "{}", next.prompt);
    assert!(next.prompt.contains("added a.txt"), "what it changed is told: {}", next.prompt);
    assert!(next.prompt.contains("Do it."), "the whole prompt");
    assert!(play.succeeded("a"));
}

#[test]
fn where_a_session_leaves_nothing_the_engine_writes_and_says_so() {
    let mut play = Play::of(cast(1, vec![("a", agent())]), Attended::No);
    play.begins("a");
    play.hand_off("a", None);
    let source = play.last(|event| match event {
        Event::HandoffStep { step: HandoffStep::Document { source }, .. } => Some(*source),
        _ => None,
    });
    assert_eq!(source, Some(Source::Synthesised));
    let next = play.begins("a");
    assert!(next.prompt.contains("left no handoff; the engine wrote this one. It changed 1 file"), "{}", next.prompt);
    assert!(next.prompt.contains("> status: partial"), "{}", next.prompt);
}

#[test]
fn any_prefix_goes_on_with_it() {
    let mut whole = Play::of(cast(2, vec![("a", agent()), ("b", tester())]), Attended::No);
    whole.begins("a");
    whole.hand_off("a", Some("tester"));
    whole.done("b");
    whole.begins("a");
    let is_asked = |event: &Event| matches!(event, Event::HandingOff { .. });
    let asked = whole.events.iter().position(|(_, event)| is_asked(event)).unwrap();
    for length in asked + 1..=whole.events.len() {
        let mut play = Play::of(cast(2, vec![("a", agent()), ("b", tester())]), Attended::No);
        play.events = whole.events[..length].to_vec();
        play.resume(Attended::No, Vec::new());
        if !play.succeeded("b") {
            play.done("b");
        }
        let next = play.done("a");
        assert!(next.conversation.is_some() || next.prompt.contains(GOES_ON), "{length}: {}", next.prompt);
        let told =
            play.count(|event| matches!(event, Event::SessionStarted { prompt, .. } if prompt.contains(GOES_ON)));
        assert!(told > 0, "{length}");
        assert_eq!(next.key.attempt, Attempt::FIRST, "{length}");
        let who = play.last(|event| match event {
            Event::SessionStarted { task, role, agent, model, .. } if *task == id("a") => {
                Some((role.clone().unwrap(), agent.clone().unwrap().to_string(), model.clone()))
            }
            _ => None,
        });
        assert_eq!(who, Some((a_role("tester"), "other".to_owned(), Some("big".to_owned()))), "{length}");
        assert!(play.succeeded("a"), "{length}");
    }
}

#[test]
fn another_role_waits_for_its_own_limits() {
    let mut play = Play::of(cast(3, vec![("a", agent()), ("b", tester())]), Attended::No);
    play.begins("a");
    play.hand_off("a", Some("tester"));
    assert_eq!(play.count(|event| matches!(event, Event::SessionStarted { .. })), 2, "b is the only tester at once");
    play.done("b");
    let next = play.done("a");
    assert_eq!(next.model.as_deref(), Some("big"));
    assert!(play.succeeded("a"));
}

#[test]
fn a_full_conversation_is_handed_on_and_not_for_ever() {
    let retry = |task: Task| Task { rounds: NonZeroU32::MIN, ..task };
    let mut play = Play::of(cast(1, vec![("a", retry(agent())), ("b", retry(agent().touching(&[])))]), Attended::No);
    for _ in 0..5 {
        play.fails("a", Fault::OutOfContext);
    }
    let last = play.done("a");
    assert!(last.prompt.contains("half of it") && last.conversation.is_none(), "{}", last.prompt);
    assert!(play.succeeded("a"), "each of them changed something");
    for _ in 0..4 {
        play.fails("b", Fault::OutOfContext);
    }
    let Outcome::Failed { failure } = play.outcome("b") else { panic!("{:?}", play.outcome("b")) };
    assert_eq!(failure.class, FailureClass::OutOfTurns);
    assert!(failure.message.contains("3 times in a row"), "{}", failure.message);
}

#[test]
fn a_share_that_is_used_up_is_followed_by_another() {
    let mut plan = cast(2, vec![("a", agent()), ("b", agent())]);
    plan.budget.ceiling = Ceiling { usd: Some(Usd(1_000_000)), ..Ceiling::NONE };
    let mut play = Play::of(plan, Attended::No);
    let start = play.begins("a");
    assert_eq!(start.cap.usd, Some(Usd(500_000)));
    let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(500_000)) };
    play.tell(Fact::Used { key: start.key.clone(), usage });
    play.done("b");
    play.end_session(&start, EndKind::Failed { fault: Fault::OutOfBudget, why: "capped".to_owned() }, &[]);
    let next = play.done("a");
    assert_eq!((next.conversation, next.cap.usd), (None, Some(Usd(500_000))));
    assert!(next.prompt.contains(GOES_ON) && play.succeeded("a"));
}

#[test]
fn a_used_up_budget_keeps_what_was_handed_over_for_a_larger_one() {
    for from in [RetryFrom::Base, RetryFrom::LastWork] {
        let mut task = agent();
        task.retry.from = from;
        let mut plan = cast(1, vec![("a", task)]);
        plan.budget.ceiling = Ceiling { usd: Some(Usd(100)), ..Ceiling::NONE };
        let mut play = Play::of(plan, Attended::No);
        let start = play.begins("a");
        play.leaves = Some(r#"{"status": "partial", "summary": "half of it"}"#.to_owned());
        let usage = Usage { tokens: Some(TokenUse::default()), cost: Cost::Reported(Usd(100)) };
        play.tell(Fact::Used { key: start.key, usage });
        assert_eq!(play.steps(), ["session", "stop", "document", "snapshot", "commit"]);
        assert_eq!(*play.outcome("a"), Outcome::Cancelled { why: CancelWhy::Budget, by: None });
        play.resume_with(Ceiling { usd: Some(Usd(10_000)), ..Ceiling::NONE });
        let next = play.done("a");
        assert!(next.prompt.contains(GOES_ON) && next.prompt.contains("half of it"), "{}", next.prompt);
        assert!(play.succeeded("a"));
    }
}

#[test]
fn a_task_whose_agent_is_limited_goes_on_by_another() {
    let mut play = Play::of(cast(2, vec![("a", agent()), ("b", tester().needing(&["a"]))]), Attended::No);
    play.fails("a", Fault::Limited { reset: Reset::After { wait: Millis::from_mins(90) } });
    assert!(play.open.iter().all(|effect| !matches!(effect, Effect::StartSession(_))), "it waits");
    play.hand_off("a", None);
    assert!(play.open.iter().all(|effect| !matches!(effect, Effect::StartSession(_))), "it waits for the same agent");
    play.hand_off("a", Some("tester"));
    let next = play.done("a");
    assert!(next.prompt.contains(GOES_ON) && next.prompt.contains("half of it"), "{}", next.prompt);
    assert_eq!(next.key.attempt, Attempt::FIRST);
    assert!(play.succeeded("a"));
}

#[test]
fn what_cannot_be_handed_off_says_why() {
    let mut checked = agent();
    checked.checks = vec![super::plans::argv(&["true"])];
    let tasks =
        vec![("a", checked), ("c", command()), ("g", gate("Go?").needing(&["a"])), ("w", agent().needing(&["a"]))];
    let mut play = Play::of(cast(2, tasks), Attended::No);
    play.hand_off("a", Some("nobody"));
    for task in ["c", "g", "w"] {
        play.hand_off(task, None);
    }
    play.done("a");
    play.hand_off("a", None);
    play.exit("c", 0);
    play.hand_off("c", None);
    assert_eq!(
        play.refusals(),
        [
            "no task of this run has the role `nobody`; those of its plan are `worker`",
            "`c` is a command: it has no sessions",
            "`g` is a gate: it has no sessions",
            "`w` has not begun",
            "`a` is being judged: its session has ended",
            "`c` is a command: it has no sessions",
        ]
    );
    assert_eq!(play.count(|event| matches!(event, Event::HandingOff { .. } | Event::TaskGiven { .. })), 0);
}

#[test]
fn a_handoff_under_way_is_not_asked_for_twice_and_a_session_that_ends_itself_is_judged() {
    let mut play = Play::of(cast(1, vec![("a", agent())]), Attended::No);
    let start = play.begins("a");
    // The session has ended before it heard of it.
    let step = play.run.step(Fact::HandOff { task: id("a"), to: None, by: "ada".to_owned() }, play.now);
    play.events.extend(step.events.into_iter().map(|event| (play.now.wall, event)));
    play.hand_off("a", None);
    assert_eq!(play.refusals(), ["`a` is being handed off already"]);
    assert!(
        play.why("a").contains("is handed off, as `ada` wants it: its session is being stopped"),
        "{}",
        play.why("a")
    );
    play.end_session(&start, EndKind::Completed, &[r#"{"status": "done", "summary": "all of it"}"#]);
    assert!(play.succeeded("a"));
    assert_eq!(play.count(|event| matches!(event, Event::HandoffStep { .. })), 0);
}

#[test]
fn what_another_role_takes_over_counts_against_it_from_then_on() {
    let mut given = 0;
    for seed in 0..20 {
        // Both have worked at once, in two roles, when `a` is given to the one that does one task at a time.
        let plan = cast(2, vec![("a", agent().touching(&[])), ("b", tester().touching(&[]))]);
        let mut world = World::new(plan, 0, fastrand::Rng::with_seed(seed));
        world.tell(Fact::Began(Began::New { attended: Attended::No }));
        while !world.rules.ended.contains_key(&id("b")) && world.pass() {}
        world.tell(Fact::HandOff { task: id("a"), to: Some(a_role("tester")), by: "ada".to_owned() });
        let is_given = |world: &World| world.records.iter().any(|(_, event)| matches!(event, Event::TaskGiven { .. }));
        while !is_given(&world) && world.pass() {}
        given += u64::from(is_given(&world));
        world.die_and_resume(None);
        world.play_out();
    }
    assert!(given > 5, "{given}: nothing is shown");
}
