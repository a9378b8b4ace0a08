//! Tasks that stand for their parts: instances of a task, tasks of a mission used as one.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::event::Instance;
use crate::mission::model::TaskWorkspace;
use crate::name::TaskId;
use crate::report::fold::of_plan;
use crate::report::task::{End, Stage, TaskReport};
use crate::report::{Report, plural};

impl Report {
    /// All tasks as they are listed: the parts of a task below it, each with how deep it lies.
    pub fn listed(&self) -> Vec<(&TaskId, &TaskReport, usize)> {
        let mut rows = Vec::with_capacity(self.tasks.len());
        for (id, task) in self.tasks.iter().filter(|(_, task)| task.part_of.is_none()) {
            self.list(id, task, (0, &mut rows));
        }
        rows
    }

    fn list<'a>(
        &'a self,
        id: &'a TaskId,
        task: &'a TaskReport,
        into: (usize, &mut Vec<(&'a TaskId, &'a TaskReport, usize)>),
    ) {
        let (depth, rows) = into;
        rows.push((id, task, depth));
        for (id, part) in task.parts.iter().filter_map(|id| self.tasks.get_key_value(id)) {
            self.list(id, part, (depth + 1, rows));
        }
    }

    /// How far the parts of a task are: `2 of 5 parts done`.
    pub(crate) fn parts_words(&self, task: &TaskReport) -> String {
        let parts = || task.parts.iter().filter_map(|id| self.tasks.get(id));
        let done = parts().filter(|part| matches!(part.stage, Stage::Ended(End::Succeeded { .. }))).count();
        match task.parts.len() {
            0 => "no parts".to_owned(),
            all if done == all => format!("{} done", plural(all, "part")),
            all => format!("{done} of {} done", plural(all, "part")),
        }
    }

    /// Takes in the parts of a task.
    pub(super) fn expand(&mut self, group: &TaskId, parts: &[Instance]) {
        let feeds: BTreeSet<TaskId> =
            self.tasks.iter().filter(|(_, task)| task.feeds.contains(group)).map(|(id, _)| id.clone()).collect();
        let mut indices = Vec::with_capacity(parts.len());
        for part in parts {
            let mut known = TaskReport { part_of: Some(group.clone()), ..of_plan(&part.task) };
            // The parts may be known anew: what was used of the first time was used.
            if let Some(earlier) = self.tasks.get(&part.id) {
                (known.spent, known.busy) = (earlier.spent, earlier.busy);
            }
            indices.push(self.tasks.insert_full(part.id.clone(), known).0);
        }
        for part in parts {
            // What already feeds the whole is handed to the whole.
            for need in part.task.needs.iter().filter(|need| !feeds.contains(*need)) {
                self.with(need, |t| t.feeds.push(part.id.clone()));
            }
        }
        for part in parts {
            if let TaskWorkspace::With(before) = &part.task.workspace {
                self.with(before, |t| t.goes_on = Some(part.id.clone()));
            }
        }
        self.order.retain(|index| !indices.contains(index));
        let before = self.tasks.get_index_of(group).and_then(|at| self.order.iter().position(|index| *index == at));
        let order = in_order(parts).into_iter().filter_map(|at| indices.get(at).copied());
        let at = before.unwrap_or(self.order.len());
        self.order.splice(at..at, order);
        self.with(group, |t| {
            t.parts = parts.iter().map(|part| part.id.clone()).collect();
            t.stage = Stage::Working;
        });
    }
}

/// Indices of parts, each after those of them that it needs.
fn in_order(parts: &[Instance]) -> Vec<usize> {
    let at: BTreeMap<&TaskId, usize> = parts.iter().enumerate().map(|(at, part)| (&part.id, at)).collect();
    let mut order = Vec::with_capacity(parts.len());
    let mut seen = BTreeSet::new();
    let mut path: Vec<(usize, bool)> = (0..parts.len()).rev().map(|part| (part, false)).collect();
    while let Some((part, needs_are_done)) = path.pop() {
        if needs_are_done {
            order.push(part);
        } else if seen.insert(part) {
            path.push((part, true));
            let needs = parts.get(part).map(|part| part.task.needs.as_slice()).unwrap_or_default();
            path.extend(needs.iter().filter_map(|need| at.get(need)).map(|need| (*need, false)));
        }
    }
    order
}
