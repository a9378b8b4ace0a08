//! Groups: tasks that become several, one for each value of a list or the tasks of another mission. A group runs
//! nothing itself. Its parts are part of the plan from the event on that names them; it ends when the last of them has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::amount::{Millis, Spent, Usage};
use crate::handoff::{Facts, FileChange};
use crate::kernel::Run;
use crate::kernel::event::{CancelWhy, Event, Failure, FailureClass, Instance, Outcome};
use crate::kernel::graph::{Graph, TaskNo};
use crate::kernel::state::Status;
use crate::kernel::step::Turn;
use crate::mission::model::Importance;
use crate::name::{Attempt, TaskId};
use crate::plan::instantiate::{self, EndedAs, Seen};
use crate::plan::touches::TouchSet;
use crate::plan::{Task, TaskKind};

/// Of the parts that spoil a group, so many are named.
const NAMED: usize = 8;

impl Run {
    /// Takes what an event adds to the plan into the plan. False where it fits nothing.
    pub(crate) fn extends_plan(&mut self, event: &Event) -> bool {
        if let Event::Expanded { task, tasks } = event {
            return self.add_parts(task, tasks);
        }
        if let Event::TouchesKnown { task, touches } = event {
            let Some(t) = Graph::find(&self.plan, task) else { return false };
            if let Some(task) = Arc::make_mut(&mut self.plan).tasks.get_mut(task) {
                task.touches = Some(touches.clone());
            }
            self.graph.set_touches(t, touches);
        }
        self.give(event);
        true
    }

    fn add_parts(&mut self, group: &TaskId, tasks: &[Instance]) -> bool {
        let Some(group) = Graph::find(&self.plan, group) else { return false };
        let plan = Arc::make_mut(&mut self.plan);
        for Instance { id, task } in tasks {
            plan.tasks.insert(id.clone(), task.clone());
        }
        let parts = tasks.iter().filter_map(|part| Graph::find(plan, &part.id)).collect();
        self.graph.expand(plan, group, parts);
        true
    }

    /// Keeps how tasks ended, where anything looks at it.
    pub(crate) fn remember_ends(&mut self, event: &Event) {
        if !self.graph.looks_back() {
            return;
        }
        if let Event::TaskFinished { task, outcome } = event {
            self.ended.insert(task.clone(), ended_as(outcome));
        }
        if matches!(
            event,
            Event::RunResumed { .. } | Event::TaskRetried { .. } | Event::SentBack { .. } | Event::Expanded { .. }
        ) {
            let Self { plan, state, ended, .. } = self;
            let outcome = |id: &TaskId| Graph::find(plan, id).and_then(|t| state.task(t).outcome());
            ended.retain(|id, _| outcome(id).is_some());
        }
    }
}

fn ended_as(outcome: &Outcome) -> EndedAs {
    match outcome {
        Outcome::Succeeded { .. } => EndedAs::Succeeded,
        Outcome::Failed { .. } => EndedAs::Failed,
        Outcome::Skipped { .. } => EndedAs::Skipped,
        Outcome::Blocked { .. } => EndedAs::Blocked,
        Outcome::Cancelled { .. } => EndedAs::Cancelled,
        Outcome::Conflict { .. } => EndedAs::Conflict,
    }
}

/// How the parts of a group ended, those left out whose failure does not count.
#[derive(Debug, Default)]
struct Tally {
    succeeded: usize,
    skipped: usize,
    failed: Vec<TaskNo>,
    conflicts: Vec<TaskNo>,
    cancelled: Option<(CancelWhy, Option<String>)>,
    blocked: Option<TaskId>,
}

impl Turn<'_> {
    pub(crate) fn is_group(&self, t: TaskNo) -> bool {
        is_group(self.task(t))
    }

    /// Looks with what has ended so far. After a stop, what has not ended counts as cancelled for what still runs.
    pub(crate) fn seeing<T>(&self, look: impl FnOnce(&Seen<'_>) -> T) -> T {
        let (run, outputs, ended) = (&self.run.id, &self.run.state.outputs, &self.run.ended);
        if !self.run.winds_up() {
            return look(&Seen { run, outputs, ended });
        }
        let mut ended = ended.clone();
        for t in self.run.graph.all().filter(|t| !self.run.graph.is_always(*t)) {
            ended.entry(self.id(t)).or_insert(EndedAs::Cancelled);
        }
        look(&Seen { run, outputs, ended: &ended })
    }

    /// A group becomes its parts.
    pub(crate) fn expand(&mut self, group: TaskNo) {
        let task = self.id(group);
        let made = self.seeing(|seen| instantiate::parts(&self.run.plan, &task, seen));
        let parts = match made.map_err(|failure| failure.message).and_then(|parts| self.usable(group, parts)) {
            Ok(parts) => parts,
            Err(why) => return self.cannot_be_worked_out(group, why),
        };
        let empty = parts.is_empty();
        self.emit(Event::Expanded { task, tasks: parts });
        if empty {
            self.note(group, "its list is empty: there is nothing to do".to_owned());
        }
        for part in self.run.graph.parts(group).unwrap_or_default().to_vec() {
            self.settle_waiting(part);
        }
        self.end_group_if_done(group);
    }

    /// What a group becomes, if all of it can be taken into the plan.
    fn usable(&self, group: TaskNo, parts: Vec<(TaskId, Task)>) -> Result<Vec<Instance>, String> {
        if let TaskKind::Each(each) = &self.task(group).kind {
            let most = usize::try_from(each.max_instances.get()).unwrap_or(usize::MAX);
            if parts.len() > most {
                let count = parts.len();
                return Err(format!("there are {count} instances, more than `max_instances`, which is {most}"));
            }
        }
        let mut named = BTreeSet::new();
        for (id, task) in &parts {
            let is_other = |t| self.run.graph.group(t) != Some(group);
            if !named.insert(id) || self.find(id).is_some_and(is_other) {
                return Err(format!("two tasks of the run would be named `{id}`"));
            }
            if let Some(globs) = &task.touches {
                TouchSet::compile(globs).map_err(|bad| format!("`{id}`: {bad}"))?;
            }
        }
        drop(named);
        Ok(parts.into_iter().map(|(id, task)| Instance { id, task }).collect())
    }

    /// A part has ended: with the last one its group does.
    pub(crate) fn part_ended(&mut self, t: TaskNo) {
        if let Some(group) = self.run.graph.group(t) {
            self.end_group_if_done(group);
        }
    }

    pub(crate) fn end_group_if_done(&mut self, group: TaskNo) {
        if self.run.state.task(group).status == (Status::Expanded { open: 0 }) {
            let outcome = self.outcome_of_group(group);
            self.finish(group, outcome);
        }
    }

    fn tally(&self, group: TaskNo) -> Tally {
        let mut tally = Tally::default();
        for part in self.run.graph.parts(group).unwrap_or_default() {
            let counts = self.task(*part).importance == Importance::Required;
            match self.run.state.task(*part).outcome() {
                Some(Outcome::Succeeded { .. }) => tally.succeeded += 1,
                Some(Outcome::Skipped { .. }) => tally.skipped += 1,
                Some(Outcome::Failed { .. }) if counts => tally.failed.push(*part),
                Some(Outcome::Conflict { .. }) if counts => tally.conflicts.push(*part),
                Some(Outcome::Cancelled { why, by }) if counts || *why != CancelWhy::Aborted => {
                    tally.cancelled = Some((*why, by.clone()));
                }
                Some(Outcome::Blocked { by }) if counts => tally.blocked = Some(by.clone()),
                Some(
                    Outcome::Failed { .. }
                    | Outcome::Conflict { .. }
                    | Outcome::Blocked { .. }
                    | Outcome::Cancelled { .. },
                )
                | None => {}
            }
        }
        tally
    }

    /// How a group ends whose parts all have: as the worst of them, in the order of exit codes.
    fn outcome_of_group(&mut self, group: TaskNo) -> Outcome {
        let tally = self.tally(group);
        let count = self.run.graph.parts(group).map_or(0, <[TaskNo]>::len);
        if !tally.failed.is_empty() {
            let message = self.failed_parts(group, count, &tally.failed);
            let failure = Failure { class: FailureClass::Parts, message, tail: String::new() };
            return Outcome::Failed { failure };
        }
        if !tally.conflicts.is_empty() {
            return self.conflict_of_parts(&tally.conflicts);
        }
        if let Some((why, by)) = tally.cancelled {
            return Outcome::Cancelled { why, by };
        }
        if let Some(by) = tally.blocked {
            return Outcome::Blocked { by };
        }
        if count > 0 && tally.skipped == count {
            return Outcome::Skipped { because: None };
        }
        self.success_of_group(group)
    }

    fn failed_parts(&self, group: TaskNo, count: usize, failed: &[TaskNo]) -> String {
        let mut names: Vec<String> = failed.iter().take(NAMED).map(|part| self.id(*part).to_string()).collect();
        if failed.len() > NAMED {
            names.push(format!("and {} more", failed.len() - NAMED));
        }
        format!("{} of {} failed: {}", failed.len(), self.run.so_many_parts(group, count), names.join(", "))
    }

    fn conflict_of_parts(&self, parts: &[TaskNo]) -> Outcome {
        let (mut all, mut branches) = (BTreeSet::new(), Vec::new());
        for part in parts {
            if let Some(Outcome::Conflict { files, branch }) = self.run.state.task(*part).outcome() {
                all.extend(files.iter().cloned());
                branches.extend(branch.clone());
            }
        }
        let branch = if parts.len() == 1 { branches.pop() } else { None };
        Outcome::Conflict { files: all.into_iter().collect(), branch }
    }

    fn success_of_group(&mut self, group: TaskNo) -> Outcome {
        let task = self.id(group);
        match self.seeing(|seen| instantiate::outputs(&self.run.plan, &task, seen)) {
            Ok(outputs) if outputs.is_empty() => {}
            Ok(outputs) => self.emit(Event::OutputsKnown { task, outputs }),
            Err(failure) => {
                let (class, message) = (FailureClass::Expression, failure.message);
                let failure = Failure { class, message, tail: String::new() };
                return Outcome::Failed { failure };
            }
        }
        Outcome::Succeeded { facts: Box::new(self.facts_of_group(group)), merged: None }
    }

    /// What its parts did together.
    fn facts_of_group(&self, group: TaskNo) -> Facts {
        let mut sum = Sum::default();
        self.add_up(group, &mut sum);
        let usage = if sum.agents { sum.spent.usage() } else { Usage::NONE };
        Facts {
            task: self.id(group),
            attempt: Attempt::FIRST,
            branch: None,
            commit: None,
            files: sum.files.into_values().collect(),
            checks: Vec::new(),
            usage,
            duration: sum.ran,
        }
    }

    fn add_up(&self, group: TaskNo, sum: &mut Sum) {
        for part in self.run.graph.parts(group).unwrap_or_default() {
            let record = self.run.state.task(*part);
            if self.is_group(*part) {
                self.add_up(*part, sum);
            } else if let Some(Outcome::Succeeded { facts, .. }) = record.outcome() {
                for file in &facts.files {
                    sum.file(file);
                }
            }
            if let Some(past) = &record.past {
                sum.agents |= self.is_agent(*part);
                sum.spent.include(&past.spent);
                sum.ran = sum.ran + past.ran;
                if self.run.graph.lean(*part)
                    && let Some(Outcome::Succeeded { facts, .. }) = record.outcome()
                {
                    sum.ran = sum.ran + facts.duration.saturating_sub(past.ran);
                }
            }
        }
    }
}

/// What parts did, added up.
#[derive(Debug, Default)]
struct Sum {
    files: BTreeMap<String, FileChange>,
    spent: Spent,
    ran: Millis,
    agents: bool,
}

impl Sum {
    fn file(&mut self, file: &FileChange) {
        match self.files.get_mut(&file.path) {
            Some(before) => {
                before.added = before.added.saturating_add(file.added);
                before.removed = before.removed.saturating_add(file.removed);
            }
            None => {
                self.files.insert(file.path.clone(), file.clone());
            }
        }
    }
}

pub(crate) fn is_group(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Each(_) | TaskKind::Mission(_))
}

impl Run {
    /// So many of a group's parts, in words: `5 instances`.
    pub(crate) fn so_many_parts(&self, group: TaskNo, count: usize) -> String {
        let (one, several) = match &self.task(group).1.kind {
            TaskKind::Mission(work) => {
                (format!("task of the mission `{}`", work.name), format!("tasks of the mission `{}`", work.name))
            }
            TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) => {
                ("instance".to_owned(), "instances".to_owned())
            }
        };
        format!("{count} {}", if count == 1 { one } else { several })
    }
}
