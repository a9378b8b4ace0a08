//! The events of a journal, a line each, of a run of one of our plans (its number is the first line): folded, shown in
//! every way there is, and gone on with. Lines that begin with `>` are what sessions say afterwards.

use std::collections::{BTreeSet, VecDeque};
use std::sync::OnceLock;

use ai_sdlc::amount::{At, Cost, Millis, TokenUse, Usage, Usd, WallTime};
use ai_sdlc::handoff::{Change, CheckVerdict, FileChange, Source};
use ai_sdlc::kernel::Run;
use ai_sdlc::kernel::effect::Effect;
use ai_sdlc::kernel::event::{CacheFound, Event};
use ai_sdlc::kernel::fact::{
    Activity, Again, Answer, Attended, Began, CandidateResult, Delivered, DeliveryCandidate, EndKind, Fact, Moved,
    Snapshot, StopCause, StopWhy, WorkEnd, WorkKey, WorkspaceMade,
};
use ai_sdlc::name::CommitId;
use ai_sdlc::report::{self, Look, Report, end, event_json, event_schema, heartbeat, panel, visible_width};

use super::plans::{base, place, run_id};

/// Events of a run.
pub fn journal(data: &[u8]) -> Option<bool> {
    let text = str::from_utf8(data).ok()?;
    let mut lines = text.lines();
    let plan = base(lines.next()?.trim().parse().ok()?);
    let mut records =
        vec![(WallTime(0), Event::RunStarted { run: run_id(), plan: Box::new(plan.clone()), place: place(plan) })];
    let mut said = Vec::new();
    for line in lines {
        if let Some(text) = line.strip_prefix('>') {
            said.push(text.to_owned());
            continue;
        }
        // `<when> {…}`, or the event alone.
        let (at, body) = line.split_once(" {").map_or((None, line), |(at, _)| (at.parse().ok(), &line[at.len() + 1..]));
        if let Ok(event) = serde_json::from_str::<Event>(body) {
            records.push((WallTime(at.unwrap_or_default()), event));
        }
    }
    let given = records.len() > 1;
    let report = shown(&records);
    all_of(&report);
    let run = Run::fold(records.clone()).expect("it begins with its beginning");
    for task in run.plan().tasks.keys() {
        let _why = run.why(task, At::default());
    }
    let mut played = Played::new(run, records, data);
    played.said = said;
    let began = Began::Resumed {
        attended: Attended::Yes,
        answers: Vec::new(),
        adopted: BTreeSet::new(),
        ceiling: None,
        again: Again::All,
        gone: BTreeSet::new(),
    };
    played.tell(Fact::Began(began));
    played.play(60);
    let mut report = shown(&played.records);
    report.loses_its_engine();
    all_of(&report);
    Some(given)
}

/// Folds events, showing each.
fn shown(records: &[(WallTime, Event)]) -> Report {
    let mut report = Report::default();
    for (seq, (at, event)) in (1_u64..).zip(records) {
        report.fold(*at, event);
        if let Some(line) = report::line(*at, event, &report) {
            safe(&line.plain());
            safe(&line.pretty(&jiff::tz::TimeZone::UTC, PLAIN));
        }
        let told = event_json(seq, *at, &run_id(), event);
        assert!(schema().is_valid(&told), "not as the schema has it: {told}");
    }
    report
}

const PLAIN: Look = Look { color: false, ascii: true };

fn schema() -> &'static jsonschema::Validator {
    static ONCE: OnceLock<jsonschema::Validator> = OnceLock::new();
    ONCE.get_or_init(|| {
        let schema = serde_json::from_str(&event_schema()).expect("it is JSON");
        jsonschema::draft7::new(&schema).expect("the schema is sound")
    })
}

/// All that can be made of a report.
fn all_of(report: &Report) {
    let now = report.last();
    safe(&end::text(report, PLAIN));
    safe(&end::markdown(report));
    safe(&heartbeat(report, now).plain());
    let json = end::json(report);
    let text = json.to_string();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    assert_eq!(report_schema().iter_errors(&json).next().map(|error| error.to_string()), None, "{text}");
    well_formed(&end::junit(report));
    for columns in [20, 80] {
        for row in panel::frame(report, now, columns, PLAIN) {
            safe(&row);
            assert!(visible_width(&row) <= columns, "{row:?} is wider than {columns}");
        }
    }
    for task in report.tasks.keys() {
        safe(&report.why(task));
    }
    for next in end::next(report) {
        let _command = format!("{next:?}");
    }
}

fn report_schema() -> &'static jsonschema::Validator {
    static ONCE: OnceLock<jsonschema::Validator> = OnceLock::new();
    ONCE.get_or_init(|| {
        let schema = serde_json::from_str(&end::report_schema()).expect("it is JSON");
        jsonschema::draft7::new(&schema).expect("the schema is sound")
    })
}

/// Nothing in it commands a terminal.
pub(super) fn safe(shown: &str) {
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!shown.contains(bad), "{shown:?}");
}

/// XML: one root, elements closed in order, nothing raw where it must be escaped.
fn well_formed(xml: &str) {
    let body = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").expect("a declaration");
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(body.chars().all(legal), "{body:?}");
    let mut open: Vec<&str> = Vec::new();
    let mut parts = body.split('<');
    assert_eq!(parts.next(), Some(""));
    for part in parts {
        let (tag, text) = part.split_once('>').expect("a tag is closed");
        escaped(text);
        assert!(!text.contains('>') && (open.len() > 1 || text.trim().is_empty() || !tag.starts_with('/')), "{part}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{part}");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        let attributes: Vec<&str> = tag[name.len()..].trim_end_matches('/').split('"').collect();
        assert!(attributes.len() % 2 == 1, "quotes are paired: {tag}");
        for (at, piece) in attributes.iter().enumerate() {
            escaped(piece);
            assert!(at % 2 == 1 || piece.is_empty() || (piece.starts_with(' ') && piece.ends_with('=')), "{tag}");
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

fn escaped(text: &str) {
    for after in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;", "apos;"].iter().any(|name| after.starts_with(name)), "{text}");
    }
}

/// A run that goes on: what it asks for is done, well or badly as the bytes have it.
pub(super) struct Played<'d> {
    pub(super) run: Run,
    pub(super) records: Vec<(WallTime, Event)>,
    pub(super) said: Vec<String>,
    luck: std::iter::Cycle<std::slice::Iter<'d, u8>>,
    open: VecDeque<Fact>,
    now: At,
    wake: Option<At>,
    commits: u32,
}

impl<'d> Played<'d> {
    pub(super) fn new(run: Run, records: Vec<(WallTime, Event)>, data: &'d [u8]) -> Self {
        let now = At { mono: Millis(5), wall: records.last().map_or(WallTime(0), |(at, _)| *at) };
        let (luck, open) = (data.iter().cycle(), VecDeque::new());
        Self { run, records, said: Vec::new(), luck, open, now, wake: None, commits: 0 }
    }

    fn luck(&mut self, of: u8) -> u8 {
        self.luck.next().copied().unwrap_or(0) % of
    }

    pub(super) fn tell(&mut self, fact: Fact) {
        let step = self.run.step(fact, self.now);
        self.records.extend(step.events.into_iter().map(|event| (self.now.wall, event)));
        for effect in step.effects {
            self.answer(effect);
        }
    }

    /// Until nothing happens any more, so many things at most; then the fold of the events is the state.
    pub(super) fn play(&mut self, most: usize) {
        for _ in 0..most {
            let passed = Millis(u64::from(self.luck(250)) * 100);
            self.now = At { mono: self.now.mono + passed, wall: self.now.wall.plus(passed) };
            match (self.open.pop_front(), self.wake.take()) {
                (Some(fact), wake) => {
                    self.wake = wake;
                    self.tell(fact);
                }
                (None, Some(wake)) => {
                    self.now = self.now.max(wake);
                    self.tell(Fact::Tick);
                }
                (None, None) => break,
            }
            self.meddle();
        }
        let folded = Run::fold(self.records.clone()).expect("it has a beginning");
        assert_eq!(folded.plan(), self.run.plan(), "the fold does not add the same tasks");
        assert_eq!(folded.state(), self.run.state(), "the fold of the events is not the state");
    }

    /// A person may ask for something at any time.
    fn meddle(&mut self) {
        let number = usize::from(self.luck(255));
        let Some(task) = self.run.plan().tasks.get_index(number % self.run.plan().tasks.len().max(1)) else { return };
        let (task, by) = (task.0.clone(), "me".to_owned());
        match self.luck(128) {
            0 => self.tell(Fact::Stop(StopCause::Interrupted)),
            1 => self.tell(Fact::Pause { by }),
            2 => self.tell(Fact::Cancel { task, by }),
            3 | 4 => self.tell(Fact::Retry { task, by }),
            _ => {}
        }
    }

    fn commit(&mut self) -> CommitId {
        self.commits += 1;
        CommitId::parse(&format!("{:040x}", self.commits)).expect("an id")
    }

    fn verdict(&mut self) -> CheckVerdict {
        match self.luck(8) {
            0 => CheckVerdict::Exited(1),
            1 => CheckVerdict::TimedOut,
            2 => CheckVerdict::NotStarted,
            _ => CheckVerdict::Passed,
        }
    }

    fn text(&mut self) -> String {
        let at = usize::from(self.luck(255));
        if self.said.is_empty() { String::new() } else { self.said[at % self.said.len()].clone() }
    }

    fn end(&mut self, stopped: Option<StopWhy>) -> Box<WorkEnd> {
        let how = match (stopped, self.luck(8)) {
            (Some(why), _) => EndKind::Stopped { why },
            (None, 0) => EndKind::Exited { code: 1 },
            (None, 1) => EndKind::Refused { why: self.text() },
            (None, 2) => EndKind::Lost { why: self.text() },
            (None, _) => EndKind::Completed,
        };
        let (handoff, outputs, tail) = (self.text(), self.text(), self.text());
        Box::new(WorkEnd {
            how,
            duration: Millis(u64::from(self.luck(250))),
            usage: Usage::NONE,
            conversation: (self.luck(2) == 0).then(|| "c".to_owned()),
            handoffs: if handoff.is_empty() { Vec::new() } else { vec![(Source::File, handoff)] },
            outputs: (!outputs.is_empty()).then_some(outputs),
            tail,
            denied: Vec::new(),
            activity: Activity::Acted,
            truncated: false,
            swept: 0,
            model: None,
            version: None,
        })
    }

    fn use_of(&mut self, key: &WorkKey) -> Fact {
        let number = |luck: u8| if luck == 0 { u64::MAX } else { u64::from(luck) * 1_000 };
        let tokens = TokenUse { output: number(self.luck(16)), ..TokenUse::default() };
        let cost = Cost::Reported(Usd(number(self.luck(16))));
        Fact::Used { key: key.clone(), usage: Usage { tokens: Some(tokens), cost } }
    }

    fn answer(&mut self, effect: Effect) {
        let fact = match effect {
            Effect::PrepareWorkspace { task, attempt, .. } if self.luck(16) == 0 => {
                Fact::WorkspaceFailed { task, attempt, why: self.text() }
            }
            Effect::PrepareWorkspace { task, attempt, .. } => {
                let base = self.run.place().base.clone();
                let workspace =
                    WorkspaceMade { path: "/w".into(), base, branch: Some("b".to_owned()), notes: Vec::new() };
                Fact::WorkspaceReady { task, attempt, workspace }
            }
            Effect::Setup { task, attempt, index } => {
                let (verdict, tail) = (self.verdict(), self.text());
                Fact::SetupEnded { task, attempt, index, verdict, duration: Millis(1), tail }
            }
            Effect::StartSession(start) => {
                let used = self.use_of(&start.key);
                let text = self.text();
                self.open.push_back(used);
                self.open.push_back(Fact::Progress { key: start.key.clone(), text });
                Fact::WorkEnded { end: self.end(None), key: start.key }
            }
            Effect::StartCommand { key, .. } => Fact::WorkEnded { key, end: self.end(None) },
            Effect::StopWork { key, why } => Fact::WorkEnded { key, end: self.end(Some(why)) },
            Effect::ShowDiff { task, attempt, .. } => Fact::DiffShown { task, attempt, diff: self.text() },
            Effect::AskGate { task, .. } => {
                let answer = if self.luck(3) == 0 { Answer::Reject } else { Answer::Approve };
                Fact::Answered { task, answer, message: self.text(), by: "me".to_owned(), binding: None }
            }
            Effect::LookUpCache { task, attempt, .. } => {
                let (found, outputs) = match self.luck(2) {
                    0 => (CacheFound::Hit { run: "r".to_owned(), task: task.clone() }, Some(self.text())),
                    _ => (CacheFound::Miss { why: self.text() }, None),
                };
                Fact::CacheLookedUp { task, attempt, found, outputs }
            }
            Effect::KeepArtifacts { task, attempt } => {
                Fact::ArtifactsKept { task, attempt, artifacts: Vec::new(), notes: vec![self.text()] }
            }
            Effect::Snapshot { task, attempt, .. } => {
                let path = self.text();
                let files = vec![FileChange { path, change: Change::Added, added: 1, removed: 0 }];
                let snapshot = Snapshot { commit: Some(self.commit()), files, notes: Vec::new() };
                Fact::Snapshotted { task, attempt, snapshot: Box::new(snapshot) }
            }
            Effect::Check { task, attempt, round, index, .. } => {
                let (verdict, tail, duration) = (self.verdict(), self.text(), Millis(1));
                Fact::CheckEnded { task, attempt, round, index, verdict, duration, tail, changed: Vec::new() }
            }
            other @ (Effect::MakeCandidate { .. }
            | Effect::PrepareCandidate { .. }
            | Effect::MergeCheck { .. }
            | Effect::MoveIntegration { .. }
            | Effect::MakeDelivery
            | Effect::Deliver { .. }
            | Effect::CloseWorkspace { .. }
            | Effect::TryMerges { .. }
            | Effect::WakeAt(_)
            | Effect::FillCache { .. }
            | Effect::StopCommands { .. }
            | Effect::Finish) => match self.merged(other) {
                Some(fact) => fact,
                None => return,
            },
        };
        self.open.push_back(fact);
    }

    fn merged(&mut self, effect: Effect) -> Option<Fact> {
        let tip = CommitId::parse(&"0".repeat(40)).ok()?;
        Some(match effect {
            Effect::MakeCandidate { batch } => {
                let tasks = batch.iter().map(|source| source.task.clone()).collect();
                let candidate = match self.luck(8) {
                    0 => CandidateResult::Conflict { task: batch.first()?.task.clone(), files: vec![self.text()] },
                    1 => CandidateResult::Empty { tip },
                    2 => CandidateResult::Failed { why: self.text() },
                    _ => CandidateResult::Clean { commit: self.commit(), tip },
                };
                Fact::CandidateMade { batch: tasks, candidate }
            }
            Effect::PrepareCandidate { candidate } => Fact::CandidateReady { candidate, prepared: Ok(()) },
            Effect::MergeCheck { candidate, index, .. } => {
                let (verdict, tail) = (self.verdict(), self.text());
                Fact::MergeCheckEnded { candidate, index, verdict, duration: Millis(1), tail }
            }
            Effect::MoveIntegration { candidate, .. } => {
                let moved = if self.luck(8) == 0 { Moved::Elsewhere { tip } } else { Moved::Done };
                Fact::IntegrationMoved { candidate, moved }
            }
            Effect::MakeDelivery => {
                let delivery = match self.luck(4) {
                    0 => DeliveryCandidate::Conflict { files: vec![self.text()] },
                    1 => DeliveryCandidate::Merged { commit: self.commit(), tip },
                    _ => DeliveryCandidate::UpToDate { tip: self.commit() },
                };
                Fact::DeliveryMade { delivery }
            }
            Effect::Deliver { commit } => {
                let delivered = match self.luck(4) {
                    0 => Delivered::Left { why: self.text(), command: self.text() },
                    1 => Delivered::Raced,
                    _ => Delivered::Moved,
                };
                Fact::Delivered { commit, delivered }
            }
            Effect::CloseWorkspace { task, attempt, .. } => Fact::WorkspaceClosed { task, attempt, kept: None },
            Effect::TryMerges { .. } => Fact::MergesTried { tried: Vec::new() },
            Effect::WakeAt(at) => {
                self.wake = Some(at);
                return None;
            }
            // Answered by nothing, or above.
            Effect::FillCache { .. }
            | Effect::StopCommands { .. }
            | Effect::Finish
            | Effect::PrepareWorkspace { .. }
            | Effect::Setup { .. }
            | Effect::StartSession(_)
            | Effect::StartCommand { .. }
            | Effect::StopWork { .. }
            | Effect::ShowDiff { .. }
            | Effect::AskGate { .. }
            | Effect::LookUpCache { .. }
            | Effect::KeepArtifacts { .. }
            | Effect::Snapshot { .. }
            | Effect::Check { .. } => return None,
        })
    }
}
