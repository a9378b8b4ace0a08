use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use indexmap::IndexMap;
use jiff::tz::TimeZone;

use crate::amount::{Ceiling, Cost, Millis, TokenUse, Usage, Usd, WallTime};
use crate::handoff::{Change, CheckVerdict, Facts, FileChange, Narrative, Source, Status};
use crate::kernel::event::{
    Ended, Event, Failure, FailureClass, Outcome, Place, PlaceKind, RoundReason, RunOutcome, SessionKind, WorkspaceFrom,
};
use crate::kernel::fact::{Delivered, EndKind, WorkspaceMade};
use crate::mission::model::{
    CommandLine, Deliver, Importance, Join, Keep, MergeCommit, MergePolicy, OnConflict, OnExceeded, Pace, Permissions,
    Retry, RetryFrom, RunBudget, Strategy, TaskWorkspace, UnknownUse, WorkspaceMode, WorkspacePolicy,
};
use crate::mission::sandbox::SandboxPolicy;
use crate::name::{Attempt, CommitId, Round, RunId, SessionNo, TaskId};
use crate::plan::{AgentWork, Plan, Task, TaskKind};
use crate::price::Prices;
use crate::report::{Line, Look, Report, Shown, end, event_json, heartbeat, line, panel, safe, shorten, width};

const PLAIN: Look = Look { color: false, ascii: false };
/// 2026-11-21T12:00:00Z.
const NOON: i64 = 1_795_262_400_000;

fn at(secs: i64) -> WallTime {
    WallTime(NOON + secs * 1_000)
}

fn id(text: &str) -> TaskId {
    TaskId::parse(text).unwrap()
}

fn commit(digit: char) -> CommitId {
    CommitId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn argv(words: &[&str]) -> CommandLine {
    CommandLine::Argv(words.iter().map(|word| (*word).to_owned()).collect())
}

fn task(needs: &[&str], checks: &[&[&str]]) -> Task {
    Task {
        title: "A task".to_owned(),
        kind: TaskKind::Agent(AgentWork {
            prompt: "Do it.".to_owned(),
            role: "backend-dev".parse().unwrap(),
            agent: "rehearsal".parse().unwrap(),
            model: None,
            permissions: Permissions::Edit,
            skills: Vec::new(),
        }),
        needs: needs.iter().map(|need| id(need)).collect(),
        scope: None,
        when: None,
        importance: Importance::Required,
        review: None,
        rework: Vec::new(),
        late_touches: None,
        secrets: Vec::new(),
        artifacts: Vec::new(),
        cache: None,
        join: Join::AllSuccess,
        priority: 0,
        estimate: Millis::from_mins(10),
        touches: None,
        fence: None,
        locks: Vec::new(),
        checks: checks.iter().map(|words| argv(words)).collect(),
        rounds: NonZeroU32::new(3).unwrap(),
        retry: Retry { max: 1, backoff: Millis::from_secs(10), from: RetryFrom::LastWork, model: None },
        timeout: Millis::from_mins(30),
        idle_timeout: Millis::from_mins(10),
        check_timeout: Millis::from_mins(10),
        budget: Ceiling::NONE,
        outputs: IndexMap::new(),
        handoff_from: Vec::new(),
        workspace: TaskWorkspace::Own,
        branch: Some("ai-sdlc/{{run.id}}/x".to_owned()),
        env: BTreeMap::new(),
    }
}

fn plan(into: Option<&str>) -> Plan {
    let mut tasks = IndexMap::new();
    tasks.insert(id("schema"), task(&[], &[&["npm", "test"]]));
    tasks.insert(id("docs"), task(&[], &[&["npm", "test"]]));
    tasks.insert(id("api"), task(&["schema"], &[]));
    tasks.insert(id("ui"), task(&["schema"], &[]));
    tasks.insert(id("end_to_end"), task(&["api", "ui"], &[]));
    Plan {
        mission: "web-app".parse().unwrap(),
        description: "Builds it.".to_owned(),
        file: "missions/web-app.toml".to_owned(),
        inputs: BTreeMap::new(),
        budget: RunBudget {
            ceiling: Ceiling { usd: Some(Usd(20_000_000)), tokens: None, time: Some(Millis::from_mins(240)) },
            warn_percent: 80,
            on_exceeded: OnExceeded::Stop,
            unknown: UnknownUse::Refuse,
        },
        max: NonZeroU32::new(3).unwrap(),
        pace: Pace::Fixed,
        secrets: Vec::new(),
        notify: Vec::new(),
        agents: BTreeMap::new(),
        roles: BTreeMap::new(),
        partials: BTreeMap::new(),
        skills: BTreeMap::new(),
        prices: Prices::default(),
        workspace: WorkspacePolicy {
            mode: WorkspaceMode::Worktree,
            base: None,
            branch: "ai-sdlc/{{run.id}}/{{task.id}}".to_owned(),
            copy: Vec::new(),
            link: Vec::new(),
            setup: vec![argv(&["npm", "ci"])],
            pass: Vec::new(),
            keep: Keep::Failed,
            root: None,
            sandbox: SandboxPolicy::default(),
            max_disk: None,
            max_worktrees: None,
            keep_for: None,
        },
        merge: MergePolicy {
            into: into.map(str::to_owned),
            deliver: Deliver::End,
            strategy: Strategy::Squash,
            commit: MergeCommit::Task,
            checks: vec![argv(&["npm", "test"])],
            on_conflict: OnConflict::Escalate,
        },
        tasks,
        given: BTreeMap::new(),
        ranking: None,
        sources: Vec::new(),
    }
}

fn run() -> RunId {
    RunId::parse("bcdfghjk").unwrap()
}

fn began(kind: PlaceKind, into: Option<&str>) -> Event {
    let place = Place { directory: PathBuf::from("/repo"), base: Some(commit('b')), kind };
    Event::RunStarted { run: run(), plan: Box::new(plan(into)), place }
}

fn started(task: &str) -> [Event; 3] {
    let (task, attempt) = (id(task), Attempt::FIRST);
    [
        Event::TaskStarted { task: task.clone(), attempt, from: WorkspaceFrom::Integration },
        Event::WorkspaceReady {
            task: task.clone(),
            attempt,
            workspace: WorkspaceMade { path: PathBuf::from("/w"), base: None, branch: None, notes: Vec::new() },
        },
        session(task, Round::FIRST),
    ]
}

fn session(task: TaskId, round: Round) -> Event {
    Event::SessionStarted {
        task,
        attempt: Attempt::FIRST,
        round,
        session: SessionNo::FIRST,
        prompt: "Do it.".to_owned(),
        kind: SessionKind::Work,
        conversation: None,
        reserved: Ceiling::NONE,
        role: None,
        agent: None,
        model: None,
    }
}

fn used(task: &str, micro: u64) -> Event {
    let tokens = Some(TokenUse { input: 1_000, output: 200, ..TokenUse::default() });
    Event::Usage {
        task: id(task),
        attempt: Attempt::FIRST,
        session: SessionNo::FIRST,
        usage: Usage { tokens, cost: Cost::Reported(Usd(micro)) },
    }
}

fn ended(task: &str) -> Event {
    Event::SessionEnded {
        task: id(task),
        attempt: Attempt::FIRST,
        round: Round::FIRST,
        session: SessionNo::FIRST,
        end: Box::new(Ended {
            how: EndKind::Completed,
            duration: Millis::from_secs(60),
            usage: Usage::NONE,
            narrative: Narrative {
                status: Status::Done,
                summary: "Done.".to_owned(),
                decisions: Vec::new(),
                remaining: Vec::new(),
                questions: Vec::new(),
                notes: BTreeMap::new(),
                outputs: BTreeMap::new(),
                verdict: None,
                reasons: Vec::new(),
                text: String::new(),
            },
            source: Source::File,
            outputs: BTreeMap::new(),
            problems: Vec::new(),
            tail: "bye".to_owned(),
            denied: Vec::new(),
            truncated: false,
            swept: 2,
            model: None,
            version: None,
        }),
    }
}

fn succeeded(task: &str) -> Event {
    let facts = Facts {
        task: id(task),
        attempt: Attempt::FIRST,
        branch: Some(format!("ai-sdlc/bcdfghjk/{task}")),
        commit: Some(commit('c')),
        files: vec![FileChange { path: "src/a.rs".to_owned(), change: Change::Modified, added: 118, removed: 12 }],
        checks: Vec::new(),
        usage: Usage::NONE,
        duration: Millis::from_secs(242),
    };
    Event::TaskFinished {
        task: id(task),
        outcome: Outcome::Succeeded { facts: Box::new(facts), merged: Some(commit('d')) },
    }
}

fn failed(task: &str, tail: &str) -> Event {
    let failure = Failure {
        class: FailureClass::OutOfRounds,
        message: "check `npm test` exited 1 in the last of 3 rounds".to_owned(),
        tail: tail.to_owned(),
    };
    Event::TaskFinished { task: id(task), outcome: Outcome::Failed { failure } }
}

fn round_failed(task: &str) -> Event {
    Event::RoundFailed {
        task: id(task),
        attempt: Attempt::FIRST,
        round: Round::FIRST,
        reason: RoundReason::Check {
            command: "npm test".to_owned(),
            verdict: CheckVerdict::Exited(1),
            tail: "1 failing".to_owned(),
        },
    }
}

/// Twelve minutes of a run: one task done, one failed, two at work.
fn story() -> Vec<(WallTime, Event)> {
    let mut events = vec![(at(0), began(PlaceKind::Repository, None))];
    events.extend(started("schema").map(|event| (at(8), event)));
    events.extend(started("docs").map(|event| (at(8), event)));
    events.push((at(100), used("schema", 310_000)));
    events.push((at(200), ended("schema")));
    events.push((at(249), Event::Merged { batch: vec![id("schema")], commit: commit('d') }));
    events.push((at(250), succeeded("schema")));
    events.extend(started("api").map(|event| (at(251), event)));
    events.extend(started("ui").map(|event| (at(251), event)));
    events.push((at(391), round_failed("docs")));
    events.push((at(391), session(id("docs"), Round::FIRST.next())));
    events.push((at(500), used("ui", 1_900_000)));
    events.push((
        at(510),
        Event::Progress { task: id("api"), attempt: Attempt::FIRST, text: "edit src/\u{1b}[31musers.rs\n".to_owned() },
    ));
    events.push((at(600), failed("docs", "\u{1b}[31mFAIL\u{1b}[0m users\n  expected 1\n  got 2\u{202e}\n")));
    events
}

fn fold(events: &[(WallTime, Event)]) -> (Report, Vec<Line>) {
    let mut report = Report::default();
    let mut lines = Vec::new();
    for (at, event) in events {
        report.fold(*at, event);
        lines.extend(line(*at, event, &report));
    }
    (report, lines)
}

fn pretty(lines: &[Line], look: Look) -> String {
    let shown = lines.iter().filter(|line| line.shown == Shown::Always);
    shown.map(|line| line.pretty(&TimeZone::UTC, look)).collect::<Vec<_>>().join("\n")
}

#[test]
fn lines_for_a_terminal_and_for_a_log() {
    let (report, lines) = fold(&story());
    insta::assert_snapshot!("lines_pretty", pretty(&lines, PLAIN));
    let mut plain: Vec<String> = lines.iter().map(Line::plain).collect();
    plain.push(heartbeat(&report, at(660)).plain());
    insta::assert_snapshot!("lines_plain", plain.join("\n"));
}

#[test]
fn the_panel_at_three_widths() {
    let (report, _) = fold(&story());
    let shown = [80, 44, 12].map(|columns| {
        let rows = panel::frame(&report, at(720), columns, PLAIN);
        assert!(rows.iter().all(|row| width(row) <= columns), "a row is wider than {columns}: {rows:#?}");
        rows.join("\n")
    });
    insta::assert_snapshot!("panel", shown.join("\n\n"));
}

#[test]
fn without_colour_and_beyond_ascii_nothing_is_shown() {
    let look = Look { color: false, ascii: true };
    let (report, lines) = fold(&story());
    let all = format!(
        "{}\n{}\n{}",
        pretty(&lines, look),
        panel::frame(&report, at(720), 80, look).join("\n"),
        end::text(&report, look)
    );
    let stray: Vec<char> = all.chars().filter(|c| !(' '..='~').contains(c) && *c != '\n').collect();
    assert_eq!(stray, ['\u{fffd}'], "only what an agent printed may be beyond ASCII");
}

#[test]
fn many_running_tasks_do_not_fill_the_terminal() {
    let mut plan = plan(None);
    plan.tasks = (0..40).map(|n| (id(&format!("t{n}")), task(&[], &[]))).collect();
    let place = Place { directory: PathBuf::from("/repo"), base: None, kind: PlaceKind::Repository };
    let mut events = vec![(at(0), Event::RunStarted { run: run(), plan: Box::new(plan), place })];
    for n in 0..40 {
        events.extend(started(&format!("t{n}")).map(|event| (at(1), event)));
    }
    let rows = panel::frame(&fold(&events).0, at(2), 80, PLAIN);
    assert_eq!(rows.len(), 15);
    assert_eq!(rows[13], "  and 28 more running");
}

/// The story to its end: blocked, in conflict, failed.
fn ended_badly() -> Vec<(WallTime, Event)> {
    let mut events = story();
    let conflict =
        Outcome::Conflict { files: vec!["src/a.rs".to_owned()], branch: Some("ai-sdlc/bcdfghjk/ui".to_owned()) };
    events.push((at(700), Event::TaskFinished { task: id("ui"), outcome: conflict }));
    let kept = Some(PathBuf::from("/state/bcdfghjk/ui-1"));
    events.push((at(700), Event::WorkspaceClosed { task: id("ui"), attempt: Attempt::FIRST, kept }));
    events.push((at(710), succeeded("api")));
    events.push((at(710), Event::TaskFinished { task: id("end_to_end"), outcome: Outcome::Blocked { by: id("ui") } }));
    events.push((at(711), Event::RunFinished { outcome: RunOutcome::Failed }));
    events
}

#[test]
fn the_final_report_in_every_format() {
    let (report, _) = fold(&ended_badly());
    insta::assert_snapshot!("end_text", end::text(&report, PLAIN));
    insta::assert_snapshot!("end_markdown", end::markdown(&report));
    insta::assert_snapshot!("end_junit", end::junit(&report));
    insta::assert_snapshot!("end_json", serde_json::to_string_pretty(&end::json(&report)).unwrap());
}

#[test]
fn a_rehearsal_says_so_first_and_lists_what_it_did_not_run() {
    let mut events = vec![(at(0), began(PlaceKind::ScratchWithoutChecks, Some("main")))];
    for task in ["schema", "docs", "api", "ui", "end_to_end"] {
        events.extend(started(task).map(|event| (at(1), event)));
        events.push((at(3), succeeded(task)));
    }
    events.push((at(4), Event::RunFinished { outcome: RunOutcome::Succeeded }));
    let (report, lines) = fold(&events);
    assert!(lines[0].plain().contains("rehearsal in a scratch clone"), "{}", lines[0].plain());
    insta::assert_snapshot!("rehearsal", end::text(&report, PLAIN));
}

#[test]
fn a_delivery_that_was_left_prints_its_command() {
    let mut events = vec![(at(0), began(PlaceKind::Repository, Some("main")))];
    let delivered = Delivered::Left {
        why: "it is checked out with changes".to_owned(),
        command: "git merge --ff-only ai-sdlc/bcdfghjk/integration".to_owned(),
    };
    events.push((at(4), Event::Delivered { into: "main".to_owned(), commit: commit('e'), delivered }));
    events.push((at(4), Event::RunFinished { outcome: RunOutcome::Conflict }));
    let text = end::text(&fold(&events).0, PLAIN);
    assert!(text.contains("Not delivered: main was left as it was, as it is checked out with changes."), "{text}");
    assert!(text.contains("  git merge --ff-only ai-sdlc/bcdfghjk/integration  # delivers what was merged"), "{text}");
}

#[test]
fn a_resume_goes_on_counting_live_time_only() {
    let mut events = story();
    events.push((
        at(86_400),
        Event::RunResumed {
            retried: vec![id("docs")],
            freed: vec![id("end_to_end")],
            ceiling: Ceiling { usd: Some(Usd(30_000_000)), ..Ceiling::NONE },
        },
    ));
    let (report, _) = fold(&events);
    assert_eq!(report.live(at(86_460)), Millis::from_secs(660));
    assert_eq!(report.budget.usd, Some(Usd(30_000_000)));
    assert_eq!(report.budget.time, Some(Millis::from_mins(240)), "a ceiling that was not raised stays");
    assert_eq!(report.tasks["docs"].stage, crate::report::Stage::Waiting);
    assert_eq!(report.tasks["api"].worked(at(86_460)), Millis::from_secs(349 + 60));
}

#[test]
fn what_is_left_is_the_longer_of_path_and_work() {
    let (report, _) = fold(&[(at(0), began(PlaceKind::Repository, None))]);
    // schema, then api, then end_to_end: 30 minutes; five tasks by three slots would be less.
    assert_eq!(report.left(at(0)), Some(Millis::from_mins(30)));
    let done = fold(&ended_badly()).0;
    assert_eq!(done.left(at(800)), None);
}

#[test]
fn an_event_for_programs_has_no_prompts_of_the_whole_plan() {
    let started = event_json(1, at(0), &run(), &began(PlaceKind::Repository, None));
    let keys: Vec<&String> = started.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["seq", "at", "run", "type", "mission", "file", "tasks", "place", "plan_sha256"]);
    insta::assert_snapshot!(
        event_json(7, at(1), &run(), &round_failed("docs")).to_string(),
        @r#"{"seq":7,"at":"2026-11-21T12:00:01.000Z","run":"bcdfghjk","type":"round-failed","task":"docs","attempt":1,"round":1,"reason":{"kind":"check","command":"npm test","verdict":{"exited":1},"tail":"1 failing"}}"#
    );
}

#[test]
fn a_cost_nobody_knows_is_never_nothing() {
    let mut spent = crate::report::Spent::default();
    assert_eq!(spent.to_string(), "$0.00");
    spent.add(&Usage { tokens: None, cost: Cost::Unknown });
    assert_eq!(spent.to_string(), "cost unknown");
    spent.add(&Usage { tokens: Some(TokenUse { output: 2_000, ..TokenUse::default() }), cost: Cost::Unknown });
    assert_eq!(spent.to_string(), "2.0k tokens");
    spent.add(&Usage { tokens: None, cost: Cost::Reported(Usd(500_000)) });
    assert_eq!(spent.to_string(), "$0.50+?");
}

#[test]
fn text_of_agents_is_made_safe() {
    assert_eq!(safe("a\u{1b}[2Jb\u{1b}]0;title\u{7}c\u{1b}(Bd"), "abcd");
    assert_eq!(safe("\u{9b}2J\u{0}\u{7f}"), "\u{fffd}\u{fffd}");
    assert_eq!(safe("one\r\ntwo\tthree"), "one two three");
    assert_eq!(safe("\u{1b}"), "");
    assert_eq!(shorten("日本語のテキスト", 7, PLAIN), "日本語…");
    assert_eq!(shorten("abc", 0, PLAIN), "");
}
