//! What limits and failures of agents lead to: waits that cost nothing, an agent that is taken out, and the pace.

use super::missions::{each_seed, play_in, plays, random_plan};
use super::plans::{agent, id, plan, review};
use super::play::Play;
use crate::amount::{At, Ceiling, Cost, Millis, TokenUse, Tokens, Usage, Usd, WallTime};
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, FailureClass, LimitBy, Outcome, RoundReason, RunOutcome};
use crate::kernel::fact::{Attended, EndKind, Fact, Fault, Reset, StopCause};
use crate::mission::model::{OnExceeded, Pace, Retry, RetryFrom, WorkspaceMode};
use crate::plan::{Plan, Task};

fn of(max: u32, tasks: Vec<(&str, Task)>) -> Plan {
    plan(WorkspaceMode::Worktree, max, tasks)
}

fn play(max: u32, tasks: &[&str]) -> Play {
    Play::of(of(max, tasks.iter().map(|task| (*task, agent().touching(&[]))).collect()), Attended::No)
}

fn failed(fault: Fault) -> EndKind {
    EndKind::Failed { fault, why: "the service says so".to_owned() }
}

fn limited(reset: Reset) -> EndKind {
    failed(Fault::Limited { reset })
}

fn after(secs: u64) -> Reset {
    Reset::After { wait: Millis::from_secs(secs) }
}

fn end(play: &mut Play, task: &str, how: EndKind) {
    let start = play.session(task);
    play.tell(Fact::Conversation { key: start.key.clone(), conversation: format!("talk of {task}") });
    play.end_session(&start, how, &[]);
}

fn sessions(play: &Play) -> Vec<String> {
    let open = play.open.iter().filter_map(|effect| match effect {
        Effect::StartSession(start) => Some(start.key.task.to_string()),
        _ => None,
    });
    open.collect()
}

fn class(play: &Play, task: &str) -> FailureClass {
    match play.outcome(task) {
        Outcome::Failed { failure } => failure.class,
        other => panic!("{task} is {other:?}"),
    }
}

#[test]
fn a_limit_stops_all_sessions_of_its_agent_until_it_ends_and_costs_nothing() {
    let mut play = play(1, &["a", "b"]);
    end(&mut play, "a", limited(after(90)));
    assert_eq!(sessions(&play), Vec::<String>::new(), "the slot that is free helps nobody");
    let why = play.why("a");
    assert!(why.contains("waits for `robot`, which is limited") && why.contains("1m30s"), "{why}");
    assert!(play.why("b").contains("ready; waits for `robot`, which is limited"), "{}", play.why("b"));
    play.wait(Millis::from_secs(89));
    assert_eq!(sessions(&play), Vec::<String>::new());
    play.wait(Millis::from_secs(1));
    let again = play.session("a");
    assert_eq!((again.key.attempt.get(), again.key.round.get(), again.key.session.get()), (1, 1, 2));
    assert_eq!(again.conversation.as_deref(), Some("talk of a"));
    play.end_session(&again, EndKind::Completed, &[r#"{"status": "done", "summary": "s"}"#]);
    assert!(play.succeeded("a"));
    play.done("b");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
    assert_eq!(play.count(|event| matches!(event, Event::TaskStarted { .. })), 2, "each had one attempt");
    assert_eq!(play.count(|event| matches!(event, Event::RoundFailed { .. } | Event::BackingOff { .. })), 0);
    assert!(play.run.state().agents.is_empty(), "{:?}", play.run.state().agents);
}

#[test]
fn a_task_that_waits_keeps_its_locks_and_gives_its_slot_to_others() {
    let mut locked = agent().touching(&["a/**"]);
    locked.locks = vec!["db".to_owned()];
    let other = Task { locks: vec!["db".to_owned()], ..super::plans::command() };
    let mut play = Play::of(of(1, vec![("a", locked), ("b", other), ("c", super::plans::command())]), Attended::No);
    end(&mut play, "a", limited(after(60)));
    play.exit("c", 0);
    assert!(play.why("b").contains("the lock `db`, which `a` has"), "{}", play.why("b"));
    play.wait(Millis::from_secs(60));
    play.done("a");
    play.exit("b", 0);
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_limit_of_which_nobody_says_how_long_it_lasts_is_waited_for_longer_each_time() {
    let mut play = play(1, &["a"]);
    let mut waits = Vec::new();
    for _ in 0..10 {
        end(&mut play, "a", limited(Reset::Untold));
        let until = play.last(|event| match event {
            Event::Limited { until, by: LimitBy::BackOff, .. } => Some(*until),
            _ => None,
        });
        let wait = until.unwrap().since(play.now.wall);
        waits.push(wait.0 / 1_000);
        play.wait(wait);
    }
    assert!((11..=19).contains(&waits[0]), "{waits:?}");
    assert!((22..=38).contains(&waits[1]) && (45..=75).contains(&waits[2]), "{waits:?}");
    assert_eq!(waits.last(), Some(&900), "{waits:?}");
    play.done("a");
    assert!(play.succeeded("a"));
}

#[test]
fn a_limit_that_is_over_at_once_is_not_run_into_again_and_again() {
    let mut play = play(1, &["a"]);
    for wait in [1, 2, 4, 8] {
        end(&mut play, "a", limited(Reset::At { wall: WallTime(0) }));
        play.wait(Millis::from_secs(wait).saturating_sub(Millis(1)));
        assert_eq!(sessions(&play), Vec::<String>::new(), "after {wait} s");
        play.wait(Millis(1));
    }
    assert_eq!(sessions(&play), ["a"]);
}

#[test]
fn sessions_that_run_into_one_limit_together_count_once_and_the_longest_wait_holds() {
    let mut play = play(3, &["a", "b", "c"]);
    end(&mut play, "a", limited(Reset::Untold));
    end(&mut play, "b", limited(Reset::Untold));
    end(&mut play, "c", limited(after(300)));
    let times: Vec<u32> = play
        .events
        .iter()
        .filter_map(|(_, event)| if let Event::Limited { times, .. } = event { Some(*times) } else { None })
        .collect();
    assert_eq!(times, [1, 1, 1]);
    play.wait(Millis::from_secs(299));
    assert_eq!(sessions(&play), Vec::<String>::new());
    play.wait(Millis::from_secs(1));
    assert_eq!(sessions(&play), ["a", "b", "c"]);
}

#[test]
fn what_the_program_says_of_a_limit_keeps_others_from_beginning_and_its_session_goes_on() {
    let mut play = play(2, &["a", "b", "c"]);
    let start = play.session("a");
    let fault = Fault::Limited { reset: after(30) };
    for _ in 0..3 {
        play.tell(Fact::Retrying { key: start.key.clone(), fault, why: "429".to_owned() });
    }
    assert_eq!(play.count(|event| matches!(event, Event::Limited { .. })), 1, "the same is told once");
    play.done("b");
    assert_eq!(sessions(&play), Vec::<String>::new(), "c waits");
    play.end_session(&start, EndKind::Completed, &[r#"{"status": "done", "summary": "s"}"#]);
    assert!(play.succeeded("a"));
    play.wait(Millis::from_secs(30));
    play.done("c");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_limit_lasts_over_a_restart_and_no_longer_for_a_clock_that_is_set_back() {
    let mut play = play(1, &["a"]);
    end(&mut play, "a", limited(after(100)));
    play.now = At { mono: Millis(3), wall: play.now.wall.plus(Millis::from_secs(40)) };
    play.resume(Attended::No, Vec::new());
    play.wait(Millis::from_secs(59));
    assert_eq!(sessions(&play), Vec::<String>::new());
    play.now.wall = play.now.wall.shifted(-36_000_000);
    play.resume(Attended::No, Vec::new());
    play.wait(Millis::from_secs(99));
    assert_eq!(sessions(&play), Vec::<String>::new());
    play.wait(Millis::from_secs(1));
    assert_eq!(play.session("a").conversation.as_deref(), Some("talk of a"));
}

#[test]
fn a_moment_that_the_service_named_has_come_also_where_the_machine_slept() {
    let mut play = play(1, &["a"]);
    let wall = play.now.wall.plus(Millis::from_mins(300));
    end(&mut play, "a", limited(Reset::At { wall }));
    play.wait(Millis::from_mins(1));
    assert_eq!(sessions(&play), Vec::<String>::new());
    play.now.wall = wall;
    play.wait(Millis::from_mins(1));
    assert_eq!(sessions(&play), ["a"]);
}

#[test]
fn waiting_for_an_agent_uses_no_time_up() {
    let mut plan = of(1, vec![("a", agent())]);
    plan.budget.ceiling = Ceiling { time: Some(Millis::from_mins(10)), ..Ceiling::NONE };
    let mut play = Play::of(plan, Attended::No);
    for _ in 0..5 {
        end(&mut play, "a", limited(after(3_600)));
        play.wait(Millis::from_mins(60));
    }
    play.done("a");
    assert!(play.run.state().ledger.time < Millis::from_mins(1), "{:?}", play.run.state().ledger.time);
}

#[test]
fn a_run_that_is_stopped_or_paused_does_not_wait_for_a_limit() {
    for fact in [Fact::Stop(StopCause::Interrupted), Fact::Pause { by: "ada".to_owned() }] {
        let mut play = play(1, &["a"]);
        end(&mut play, "a", limited(after(100)));
        play.tell(fact.clone());
        assert!(play.run.is_over(), "{fact:?}");
        play.resume(Attended::No, Vec::new());
        assert!(!play.run.is_over());
        play.wait(Millis::from_secs(100));
        play.done("a");
        assert!(play.succeeded("a"));
        assert_eq!(play.count(|event| matches!(event, Event::TaskStarted { .. })), 1);
    }
}

#[test]
fn a_task_that_waits_for_its_agent_can_be_cancelled() {
    let mut play = play(1, &["a"]);
    end(&mut play, "a", limited(after(100)));
    play.tell(Fact::Cancel { task: id("a"), by: "ada".to_owned() });
    assert_eq!(play.run.outcome(), Some(RunOutcome::Cancelled));
}

#[test]
fn a_review_waits_for_its_agent_and_the_work_is_not_done_again() {
    let mut task = agent();
    task.review = Some(Box::new(review("other")));
    let mut plan = of(1, vec![("a", task), ("b", agent())]);
    plan.agents.insert(crate::name::AgentName::parse("other").unwrap(), super::plans::robot(None));
    let mut play = Play::of(plan, Attended::No);
    play.done("a");
    end(&mut play, "a", limited(after(100)));
    play.done("b");
    assert!(play.succeeded("b"), "its agent is another");
    play.wait(Millis::from_secs(100));
    let again = play.judge("a", "approve");
    assert_eq!(again.conversation.as_deref(), Some("talk of a"));
    assert!(play.succeeded("a"));
    assert_eq!(play.count(|event| matches!(event, Event::Reviewed { .. })), 1, "no verdict was lost by it");
}

#[test]
fn a_service_that_fails_is_asked_again_three_times_and_then_the_attempt_has_failed() {
    let mut play = play(1, &["a"]);
    for times in 1..=3 {
        end(&mut play, "a", failed(Fault::Transient));
        assert_eq!(sessions(&play), Vec::<String>::new(), "not at once, {times}");
        play.wait(Millis::from_mins(1));
    }
    let fourth = play.session("a");
    assert_eq!((fourth.key.attempt.get(), fourth.key.round.get(), fourth.key.session.get()), (1, 1, 4));
    play.end_session(&fourth, failed(Fault::Transient), &[]);
    assert_eq!(class(&play, "a"), FailureClass::Transient);
}

#[test]
fn a_session_that_ends_well_begins_the_count_anew() {
    let mut task = agent();
    task.rounds = std::num::NonZeroU32::new(9).unwrap();
    let mut play = Play::of(of(1, vec![("a", task)]), Attended::No);
    for _ in 0..5 {
        for _ in 0..2 {
            end(&mut play, "a", failed(Fault::Transient));
            play.wait(Millis::from_mins(1));
        }
        play.hand_over("a", r#"{"status": "partial", "summary": "more"}"#);
    }
    assert_eq!(play.count(|event| matches!(event, Event::AgentSuspended { .. })), 0);
    play.done("a");
    assert!(play.succeeded("a"));
}

#[test]
fn an_agent_that_fails_three_times_in_a_row_is_taken_out_and_tried_with_one_session() {
    let mut play = play(1, &["a", "b", "c", "d", "e", "f"]);
    for task in ["a", "b", "c"] {
        end(&mut play, task, EndKind::Signalled { signal: 11 });
    }
    assert_eq!(sessions(&play), Vec::<String>::new());
    assert_eq!(play.count(|event| matches!(event, Event::AgentSuspended { until: Some(_), .. })), 1);
    assert!(play.why("f").contains("which is taken out: it is tried again in"), "{}", play.why("f"));
    play.wait(Millis::from_mins(1));
    assert_eq!(sessions(&play), ["d"]);
    let one = sessions(&play).remove(0);
    end(&mut play, &one, EndKind::Signalled { signal: 11 });
    assert_eq!(play.count(|event| matches!(event, Event::AgentSuspended { .. })), 2);
    assert_eq!(sessions(&play), Vec::<String>::new());
    play.wait(Millis::from_secs(44));
    assert_eq!(sessions(&play), Vec::<String>::new(), "twice as long");
    play.wait(Millis::from_mins(1));
    let one = sessions(&play).remove(0);
    play.done(&one);
    assert_eq!(play.count(|event| matches!(event, Event::AgentBack { .. })), 1);
    let next = sessions(&play);
    assert_eq!(next.len(), 1, "the last of those that had not begun: {next:?}");
    assert!(play.run.state().agents.is_empty());
}

#[test]
fn who_is_tried_and_gives_its_slot_back_lets_another_be_tried() {
    let mut play = play(1, &["a", "b", "c", "d", "e"]);
    for task in ["a", "b", "c"] {
        end(&mut play, task, EndKind::Exited { code: 1 });
    }
    play.wait(Millis::from_mins(1));
    assert_eq!(sessions(&play), ["d"]);
    play.tell(Fact::Cancel { task: id("d"), by: "ada".to_owned() });
    assert_eq!(sessions(&play), ["d", "e"], "the first was stopped, and the next one tries it");
}

#[test]
fn a_login_that_is_wrong_ends_what_needs_it_and_a_resume_tries_it_with_one() {
    let mut play = play(1, &["a", "b", "c", "d", "e"]);
    for task in ["a", "b", "c"] {
        end(&mut play, task, failed(Fault::Misconfigured));
        assert_eq!(class(&play, task), FailureClass::Misconfigured);
    }
    assert_eq!(class(&play, "d"), FailureClass::Misconfigured);
    let Outcome::Failed { failure } = play.outcome("e") else { panic!() };
    assert!(failure.message.contains("`robot` is taken out") && failure.message.contains("run resume"), "{failure:?}");
    assert_eq!(play.run.outcome(), Some(RunOutcome::Failed));
    play.resume(Attended::No, Vec::new());
    assert_eq!(sessions(&play), ["a"]);
    play.done("a");
    for task in ["b", "c", "d", "e"] {
        play.done(task);
    }
    assert_eq!(play.run.outcome(), Some(RunOutcome::Succeeded));
}

#[test]
fn a_retry_by_a_person_tries_what_was_taken_out() {
    let mut play = Play::of(
        of(2, vec![("a", agent()), ("b", agent()), ("c", agent()), ("z", super::plans::command())]),
        Attended::No,
    );
    for task in ["a", "b", "c"] {
        end(&mut play, task, failed(Fault::Misconfigured));
    }
    play.tell(Fact::Retry { task: id("b"), by: "ada".to_owned() });
    assert_eq!(sessions(&play), ["b"]);
    play.done("b");
    assert!(play.succeeded("b"));
}

#[test]
fn out_of_turns_is_a_round_in_the_same_conversation() {
    let mut task = agent();
    task.rounds = std::num::NonZeroU32::new(2).unwrap();
    let mut play = Play::of(of(1, vec![("a", task)]), Attended::No);
    end(&mut play, "a", failed(Fault::OutOfTurns));
    assert_eq!(
        play.count(|event| matches!(event, Event::RoundFailed { reason: RoundReason::OutOfTurns { .. }, .. })),
        1
    );
    let second = play.session("a");
    assert_eq!((second.key.attempt.get(), second.key.round.get()), (1, 2));
    assert_eq!(second.conversation.as_deref(), Some("talk of a"));
    assert!(second.prompt.contains("ran out of turns"), "{}", second.prompt);
    play.end_session(&second, failed(Fault::OutOfTurns), &[]);
    assert_eq!(class(&play, "a"), FailureClass::OutOfTurns);
}

fn spent(usd: u64, input: u64) -> Usage {
    Usage { tokens: Some(TokenUse { input, ..TokenUse::default() }), cost: Cost::Reported(Usd(usd)) }
}

#[test]
fn a_part_of_the_budget_that_is_used_up_is_followed_by_another() {
    let mut plan = of(2, vec![("a", agent()), ("b", agent())]);
    plan.budget.ceiling.usd = Some(Usd(1_000_000));
    plan.budget.on_exceeded = OnExceeded::Pause;
    let mut play = Play::of(plan, Attended::No);
    let start = play.session("a");
    let cap = start.cap.usd.unwrap();
    assert!(cap < Usd(1_000_000), "{cap}");
    play.tell(Fact::Used { key: start.key.clone(), usage: spent(cap.0, 10) });
    play.tell(Fact::Conversation { key: start.key.clone(), conversation: "talk of a".to_owned() });
    play.end_session(&start, failed(Fault::OutOfBudget), &[]);
    assert_eq!(sessions(&play), ["b"], "as long as the other holds the rest");
    play.done("b");
    let again = play.session("a");
    assert_eq!((again.key.attempt.get(), again.key.round.get(), again.key.session.get()), (1, 1, 2));
    assert_eq!((&again.conversation, again.counted), (&None, Usage::NONE), "it is handed on");
    // A program that stops short of its part says what the ledger does not.
    play.end_session(&again, failed(Fault::OutOfBudget), &[]);
    assert_eq!(class(&play, "a"), FailureClass::OutOfBudget);
}

#[test]
fn a_budget_of_its_own_that_is_used_up_fails_a_task() {
    let mut task = agent();
    task.budget.tokens = Some(Tokens(5_000));
    let mut play = Play::of(of(1, vec![("a", task)]), Attended::No);
    let start = play.session("a");
    play.tell(Fact::Conversation { key: start.key.clone(), conversation: "talk of a".to_owned() });
    let key = start.key.clone();
    let mut ended = play.run.step(Fact::Used { key, usage: spent(1, 4_000) }, play.now);
    assert!(ended.effects.is_empty(), "{:?}", ended.effects);
    play.events.extend(ended.events.drain(..).map(|event| (play.now.wall, event)));
    play.end_session(&start, limited(after(10)), &[]);
    play.wait(Millis::from_secs(10));
    let again = play.session("a");
    assert_eq!(again.cap.tokens, Some(Tokens(1_000)));
    assert_eq!(again.counted.tokens.unwrap().input, 4_000);
}

#[test]
fn the_pace_is_halved_by_a_limit_beside_others_and_each_change_is_told() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut plan = of(4, names.iter().map(|task| (*task, agent().touching(&[]))).collect());
    plan.pace = Pace::Auto;
    let mut play = Play::of(plan, Attended::No);
    for task in ["a", "b", "c", "d"] {
        end(&mut play, task, limited(after(10)));
    }
    let paces = |play: &Play| -> Vec<u32> {
        let told = play.events.iter().filter_map(|(_, event)| match event {
            Event::PaceChanged { at_once, .. } => Some(*at_once),
            _ => None,
        });
        told.collect()
    };
    assert_eq!(paces(&play), [2], "they ran into it together");
    play.wait(Millis::from_secs(10));
    assert_eq!(sessions(&play), ["a", "b"]);
    play.done("a");
    play.done("b");
    assert_eq!(paces(&play), [2, 3]);
    assert_eq!(play.run.state().pace, Some(3));
    play.resume(Attended::No, Vec::new());
    assert_eq!(play.run.state().pace, None, "a resume is a new chance");
    // Alone, a limit says nothing of how many may run.
    let mut alone = of(4, vec![("a", agent())]);
    alone.pace = Pace::Auto;
    let mut play = Play::of(alone, Attended::No);
    end(&mut play, "a", limited(after(10)));
    assert_eq!(paces(&play), Vec::<u32>::new());
}

#[test]
fn what_a_conversation_used_is_counted_on_over_its_sessions_and_anew_in_another() {
    let mut task = agent();
    task.retry = Retry { max: 1, backoff: Millis(1), from: RetryFrom::Base, model: None };
    task.rounds = std::num::NonZeroU32::new(2).unwrap();
    let mut play = Play::of(of(1, vec![("a", task)]), Attended::No);
    for (round, before) in [(1, 0), (2, 7)] {
        let start = play.session("a");
        assert_eq!(start.key.round.get(), round);
        assert_eq!(start.counted, spent(before, before));
        play.tell(Fact::Used { key: start.key.clone(), usage: spent(7, 7) });
        play.tell(Fact::Conversation { key: start.key.clone(), conversation: "talk".to_owned() });
        play.end_session(&start, EndKind::Completed, &[r#"{"status": "partial", "summary": "s"}"#]);
    }
    play.wait(Millis::from_secs(1));
    let second = play.session("a");
    assert_eq!((second.key.attempt.get(), second.counted), (2, Usage::NONE));
}

#[test]
fn random_missions_run_into_limits_and_lose_no_attempt() {
    let (mut limits, mut suspended, mut waited) = (0, 0, 0);
    each_seed(4_000_000, plays(60), |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let plan = random_plan(&mut rng);
        let world = play_in(rng, plan, |world| world.trouble = 45);
        for (_, event) in &world.records {
            match event {
                Event::Limited { .. } => limits += 1,
                Event::AgentSuspended { .. } => suspended += 1,
                Event::AgentAwaited { .. } => waited += 1,
                _ => {}
            }
        }
    });
    assert!(limits > 0 && suspended > 0 && waited > 0, "{limits} {suspended} {waited}: nothing is shown");
    println!("{limits} limits, {suspended} suspensions, {waited} waits of tasks");
}
