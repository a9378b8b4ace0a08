//! What may conflict before a run has begun: its own tasks with one another, and with what other runs of the same
//! repository have changed or will change.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::mission::model::{Permissions, TaskWorkspace, WorkspaceMode};
use crate::name::{MissionName, RunId, TaskId};
use crate::plan::forecast::meetings::conflicts;
use crate::plan::foreseen::flat;
use crate::plan::touches::TouchSet;
use crate::plan::{Plan, Task, TaskKind};

/// Most clashes that are told.
const MOST: usize = 100;
/// Of the files of one clash, so many are named.
const MOST_FILES: usize = 20;
/// Of how many tasks it is looked up whether they may meet, though they do not say what they change.
const MOST_OPEN: usize = 100;

/// How likely something that is foreseen comes to a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Either it cannot, as one task waits for the other, or nobody knows what is changed.
    Low,
    /// It may: both sides may change the same files, and nothing holds one of them back.
    Medium,
    /// It will, unless the changes lie apart: a live run has changed the very files that a task may change.
    High,
}

impl Severity {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Why something may conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClashKind {
    /// Two tasks of this run may change the same files: one waits for the other, so they cannot conflict.
    Waits,
    /// Tasks of this run that may run side by side do not say what they change.
    Unsaid,
    /// Another run has changed files that tasks of this one may change.
    Changed,
    /// Another run will, as its tasks say.
    Planned,
}

/// How another run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Otherwise {
    /// It is live.
    Live,
    /// It was interrupted, and may be gone on with.
    Interrupted,
}

/// Something that may conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Clash {
    /// How likely.
    pub severity: Severity,
    /// Why.
    pub kind: ClashKind,
    /// Tasks of this run.
    pub tasks: Vec<TaskId>,
    /// The other run; `None`: it is between tasks of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Other>,
    /// The files, the first of them; where none of them is there yet, the globs that may meet.
    pub files: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

/// Another run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Other {
    /// Which.
    #[schemars(with = "String")]
    pub run: RunId,
    /// Of which mission.
    pub mission: MissionName,
    /// How it stands.
    pub state: Otherwise,
    /// Those of its tasks that it is about; empty: all it has done.
    pub tasks: Vec<TaskId>,
}

/// What is known of another run of the same repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRun {
    /// Which.
    pub run: RunId,
    /// Of which mission.
    pub mission: MissionName,
    /// How it stands.
    pub state: Otherwise,
    /// Files that it has changed, and that are not in what this run begins with.
    pub changed: Vec<String>,
    /// Its tasks that have not ended, each with what it may change; `None`: it does not say.
    pub open: Vec<(TaskId, Option<Vec<String>>)>,
}

impl OtherRun {
    fn told(&self, tasks: Vec<TaskId>) -> Other {
        Other { run: self.run.clone(), mission: self.mission.clone(), state: self.state, tasks }
    }

    /// An interrupted run may never go on.
    fn severity(&self, live: Severity) -> Severity {
        match (self.state, live) {
            (Otherwise::Live, severity) => severity,
            (Otherwise::Interrupted, Severity::High) => Severity::Medium,
            (Otherwise::Interrupted, Severity::Medium | Severity::Low) => Severity::Low,
        }
    }
}

/// What may conflict, the most severe first, at most a hundred. `files`: those that there are where the run begins.
pub fn clashes(plan: &Plan, files: &[String], others: &[OtherRun]) -> Vec<Clash> {
    let flat = flat(plan);
    let plan: &Plan = &flat;
    let mut found = Vec::new();
    if plan.workspace.mode == WorkspaceMode::Worktree {
        let ours = Ours::of(plan, files);
        for other in others {
            ours.changed_by(other, &mut found);
            ours.planned_by(other, &mut found);
        }
        found.extend(ours.unsaid());
    }
    found.extend(waiting(plan, files));
    found.sort_by_key(|clash: &Clash| Reverse(clash.severity));
    found.truncate(MOST);
    found
}

/// The tasks of a plan that may change something.
struct Ours<'p> {
    plan: &'p Plan,
    files: &'p [String],
    /// Those that say what.
    said: Vec<(&'p TaskId, TouchSet)>,
    /// Those that do not.
    open: Vec<&'p TaskId>,
}

impl<'p> Ours<'p> {
    fn of(plan: &'p Plan, files: &'p [String]) -> Self {
        let compiled = |task: &Task| TouchSet::compile(task.touches.as_ref()?).ok().filter(|set| !set.is_empty());
        let said = plan.tasks.iter().filter_map(|(id, task)| Some((id, compiled(task)?))).collect();
        let open = plan.tasks.iter().filter(|(_, task)| is_open(task)).map(|(id, _)| id).collect();
        Self { plan, files, said, open }
    }

    /// Tasks that may change what another run has changed.
    fn changed_by(&self, other: &OtherRun, found: &mut Vec<Clash>) {
        for (id, touches) in &self.said {
            let meeting: Vec<String> = other.changed.iter().filter(|file| touches.covers(file)).cloned().collect();
            if !meeting.is_empty() {
                let (severity, tasks) = (other.severity(Severity::High), vec![(*id).clone()]);
                found.push(clash((severity, ClashKind::Changed), tasks, Some(other.told(Vec::new())), meeting));
            }
        }
        if !other.changed.is_empty() && !self.open.is_empty() {
            let severity = other.severity(Severity::Medium);
            let (tasks, files) = (self.unsaying(), other.changed.clone());
            found.push(clash((severity, ClashKind::Changed), tasks, Some(other.told(Vec::new())), files));
        }
    }

    /// Tasks that may change what tasks of another run may still change.
    fn planned_by(&self, other: &OtherRun, found: &mut Vec<Clash>) {
        let mut silent = Vec::new();
        for (their_id, globs) in &other.open {
            let Some(globs) = globs else {
                silent.push(their_id.clone());
                continue;
            };
            let Ok(theirs) = TouchSet::compile(globs) else { continue };
            for (id, touches) in self.said.iter().filter(|(_, touches)| touches.may_meet(&theirs)) {
                if found.len() >= MOST {
                    return;
                }
                let mut files = common(touches, &theirs, self.files);
                files.retain(|file| !other.changed.contains(file));
                if files.is_empty() {
                    // All that both may change is changed already, and told.
                    continue;
                }
                let (severity, told) = (other.severity(Severity::Medium), Some(other.told(vec![their_id.clone()])));
                found.push(clash((severity, ClashKind::Planned), vec![(*id).clone()], told, files));
            }
        }
        let changes_something = !self.said.is_empty() || !self.open.is_empty();
        if !silent.is_empty() && changes_something {
            let tasks = if self.open.is_empty() { Vec::new() } else { self.unsaying() };
            found.push(clash((Severity::Low, ClashKind::Planned), tasks, Some(other.told(silent)), Vec::new()));
        }
    }

    fn unsaying(&self) -> Vec<TaskId> {
        self.open.iter().map(|id| (*id).clone()).collect()
    }

    /// Tasks that may run side by side, and of which nobody knows what they change.
    fn unsaid(&self) -> Option<Clash> {
        if self.plan.max.get() == 1 {
            return None;
        }
        let open: Vec<&TaskId> = self.open.iter().take(MOST_OPEN).copied().collect();
        let above: Vec<BTreeSet<&TaskId>> = open.iter().map(|id| ancestors(self.plan, id)).collect();
        let all = || open.iter().zip(&above);
        let meets = |(one, of_one): &(&&TaskId, &BTreeSet<&TaskId>)| {
            all().any(|(two, of_two)| two != *one && !of_one.contains(two) && !of_two.contains(**one))
        };
        let tasks: Vec<TaskId> = all().filter(meets).map(|(id, _)| (*id).clone()).collect();
        (!tasks.is_empty()).then(|| clash((Severity::Medium, ClashKind::Unsaid), tasks, None, Vec::new()))
    }
}

/// Pairs of tasks that wait for each other.
fn waiting(plan: &Plan, files: &[String]) -> Vec<Clash> {
    let set = |id: &TaskId| TouchSet::compile(plan.tasks.get(id)?.touches.as_ref()?).ok();
    let told = |meeting: crate::plan::forecast::Meeting| {
        let files = common(&set(&meeting.one)?, &set(&meeting.two)?, files);
        Some(clash((Severity::Low, ClashKind::Waits), vec![meeting.one, meeting.two], None, files))
    };
    conflicts(plan).into_iter().filter_map(told).collect()
}

/// The files that both may change; where there are none yet, the globs that may meet.
fn common(one: &TouchSet, two: &TouchSet, files: &[String]) -> Vec<String> {
    let both: Vec<String> = files.iter().filter(|file| one.covers(file) && two.covers(file)).cloned().collect();
    if both.is_empty() { one.meeting(two) } else { both }
}

fn clash(
    (severity, kind): (Severity, ClashKind),
    tasks: Vec<TaskId>,
    other: Option<Other>,
    mut files: Vec<String>,
) -> Clash {
    let more = files.len().saturating_sub(MOST_FILES);
    files.truncate(MOST_FILES);
    Clash { severity, kind, tasks, other, files, more }
}

/// Whether it may change whatever it likes, in a worktree whose changes are merged.
pub fn is_open(task: &Task) -> bool {
    let reads = match &task.kind {
        TaskKind::Agent(work) => work.permissions == Permissions::Read,
        TaskKind::Command(_) => false,
        TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => true,
    };
    task.touches.is_none() && task.workspace == TaskWorkspace::Own && !reads
}

/// All that comes before a task.
fn ancestors<'a>(plan: &'a Plan, task: &TaskId) -> BTreeSet<&'a TaskId> {
    let needs = |id: &TaskId| plan.tasks.get(id).map(|task| task.needs.iter()).unwrap_or_default();
    let mut found = BTreeSet::new();
    let mut open: Vec<&TaskId> = needs(task).collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(needs(next));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mission::model::{self, Touches};
    use crate::plan::build::tests::{command, id, mission, plan};

    fn touching(globs: &[&str]) -> model::Task {
        let globs = globs.iter().map(|glob| (*glob).to_owned()).collect();
        model::Task { touches: Some(Touches::Globs(globs)), ..command(&[]) }
    }

    fn texts(all: &[&str]) -> Vec<String> {
        all.iter().map(|text| (*text).to_owned()).collect()
    }

    fn other(state: Otherwise, changed: &[&str], open: &[(&str, Option<&[&str]>)]) -> OtherRun {
        OtherRun {
            run: RunId::parse("bcdfghjk").unwrap(),
            mission: MissionName::parse("web-app").unwrap(),
            state,
            changed: texts(changed),
            open: open.iter().map(|(name, globs)| (id(name), globs.map(texts))).collect(),
        }
    }

    /// `severity kind tasks with-run? files`.
    fn told(found: &[Clash]) -> Vec<String> {
        let tasks = |ids: &[TaskId]| ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join("+");
        found
            .iter()
            .map(|clash| {
                let with = clash.other.as_ref().map_or_else(|| "-".to_owned(), |o| format!("<{}>", tasks(&o.tasks)));
                let word = clash.severity.word();
                format!("{word} {:?} {} {with} {}", clash.kind, tasks(&clash.tasks), clash.files.join(","))
            })
            .collect()
    }

    #[test]
    fn what_another_run_has_changed_is_worse_than_what_it_may_change() {
        let plan = plan(&mission([("api", touching(&["src/**"])), ("docs", touching(&["docs/**"]))]));
        let files = texts(&["src/a.rs", "src/b.rs", "docs/a.md"]);
        let live = other(Otherwise::Live, &["src/a.rs", "x"], &[("ui", Some(&["src/b.rs", "y"])), ("z", None)]);
        assert_eq!(
            told(&clashes(&plan, &files, std::slice::from_ref(&live))),
            ["high Changed api <> src/a.rs", "medium Planned api <ui> src/b.rs", "low Planned  <z> "]
        );
        let interrupted = OtherRun { state: Otherwise::Interrupted, ..live };
        assert_eq!(
            told(&clashes(&plan, &files, &[interrupted])),
            ["medium Changed api <> src/a.rs", "low Planned api <ui> src/b.rs", "low Planned  <z> "]
        );
    }

    #[test]
    fn tasks_that_do_not_say_what_they_change_may_meet_anything() {
        let plan = plan(&mission([("a", command(&[])), ("b", command(&[])), ("c", command(&["b"]))]));
        let live = other(Otherwise::Live, &["x"], &[]);
        assert_eq!(told(&clashes(&plan, &[], &[live])), ["medium Changed a+b+c <> x", "medium Unsaid a+b+c - "]);
    }

    #[test]
    fn tasks_of_one_run_wait_for_each_other_and_the_files_are_told() {
        let plan = plan(&mission([("a", touching(&["src/**"])), ("b", touching(&["src/x/*.rs", "lib.rs"]))]));
        let there = texts(&["src/x/a.rs", "src/y.rs", "lib.rs"]);
        assert_eq!(told(&clashes(&plan, &there, &[])), ["low Waits a+b - src/x/a.rs"]);
        assert_eq!(told(&clashes(&plan, &[], &[])), ["low Waits a+b - src/x/*.rs"]);
    }

    #[test]
    fn without_worktrees_there_is_nothing_to_merge() {
        let mut tasks = mission([("a", command(&[])), ("b", command(&[]))]);
        tasks.workspace.mode = WorkspaceMode::Directory;
        let live = other(Otherwise::Live, &["x"], &[("ui", None)]);
        assert_eq!(told(&clashes(&plan(&tasks), &[], &[live])), [""; 0]);
    }

    #[test]
    fn many_files_are_counted() {
        let plan = plan(&mission([("a", touching(&["**"]))]));
        let many: Vec<String> = (0..50).map(|number| format!("f{number}")).collect();
        let live = OtherRun { changed: many, ..other(Otherwise::Live, &[], &[]) };
        let found = clashes(&plan, &[], &[live]);
        assert_eq!((found[0].files.len(), found[0].more), (20, 30));
    }
}
