//! What needs what: unknown names, circles, and who is upstream of whom.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

use indexmap::IndexMap;

use crate::diagnostic::codes;
use crate::diagnostic::nearest::{listed, nearest};
use crate::mission::check::marker::Marker;
use crate::mission::file::TaskFile;
use crate::name::LocalTaskId;

/// The tasks as numbers, in file order.
#[derive(Debug)]
pub struct Graph<'a> {
    tasks: &'a IndexMap<LocalTaskId, TaskFile>,
    needs: Vec<Vec<usize>>,
    /// Length of the longest way to a task; of no use to those in a circle.
    depth: Vec<usize>,
    in_order: Vec<usize>,
    /// Of each task, all that come before it, a bit each; made when it is first asked for.
    before: OnceCell<Vec<u64>>,
    /// Marks of the last walks upward, so that a walk costs only what it visits.
    seen: RefCell<(usize, Vec<usize>)>,
}

/// Most tasks for which it is worked out once what comes before which: the bits of more would take too much memory.
const MOST_BITS: usize = 20_000;

impl<'a> Graph<'a> {
    /// Of these tasks; names that do not exist are passed over.
    pub fn new(tasks: &'a IndexMap<LocalTaskId, TaskFile>) -> Self {
        let needs: Vec<Vec<usize>> = tasks
            .values()
            .map(|task| task.needs.iter().filter_map(|need| tasks.get_index_of(need)).collect())
            .collect();
        let (in_order, depth) = order(&needs);
        let seen = RefCell::new((0, vec![0; needs.len()]));
        Self { tasks, needs, depth, in_order, before: OnceCell::new(), seen }
    }

    /// True where no task is in or behind a circle.
    pub fn is_whole(&self) -> bool {
        self.in_order.len() == self.needs.len()
    }

    /// True where `target` comes before `of`, directly or not.
    pub fn is_upstream(&self, of: &LocalTaskId, target: &LocalTaskId) -> bool {
        let (Some(of), Some(target)) = (self.tasks.get_index_of(of), self.tasks.get_index_of(target)) else {
            return false;
        };
        if self.needs.get(of).is_some_and(|needs| needs.contains(&target)) {
            return true;
        }
        if self.is_whole() && self.needs.len() <= MOST_BITS {
            let words = self.needs.len().div_ceil(64);
            let before = self.before.get_or_init(|| self.all_before(words));
            return before.get(of * words + target / 64).is_some_and(|word| word >> (target % 64) & 1 == 1);
        }
        self.walk(of, target)
    }

    fn all_before(&self, words: usize) -> Vec<u64> {
        let mut before = vec![0_u64; words * self.needs.len()];
        let mut row = vec![0_u64; words];
        for &task in &self.in_order {
            row.fill(0);
            for &need in self.needs.get(task).into_iter().flatten() {
                let above = before.get(need * words..(need + 1) * words).unwrap_or_default();
                row.iter_mut().zip(above).for_each(|(word, above)| *word |= above);
                if let Some(word) = row.get_mut(need / 64) {
                    *word |= 1 << (need % 64);
                }
            }
            if let Some(place) = before.get_mut(task * words..(task + 1) * words) {
                place.copy_from_slice(&row);
            }
        }
        before
    }

    /// For missions with circles, and for very large ones.
    fn walk(&self, of: usize, target: usize) -> bool {
        let Ok(mut seen) = self.seen.try_borrow_mut() else { return false };
        let (walk, marks) = &mut *seen;
        *walk += 1;
        let least = self.depth.get(target).copied().unwrap_or(0);
        let mut open = vec![of];
        while let Some(task) = open.pop() {
            for &need in self.needs.get(task).into_iter().flatten() {
                if need == target {
                    return true;
                }
                let mark = marks.get_mut(need).filter(|mark| **mark != *walk);
                let deep = !self.is_whole() || self.depth.get(need).is_some_and(|depth| *depth > least);
                if let Some(mark) = mark.filter(|_| deep) {
                    *mark = *walk;
                    open.push(need);
                }
            }
        }
        false
    }
}

/// An order in which every task comes after what it needs, and how deep each one is; tasks in circles are not in it.
fn order(needs: &[Vec<usize>]) -> (Vec<usize>, Vec<usize>) {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (task, needs) in needs.iter().enumerate() {
        for &need in needs {
            if let Some(list) = next.get_mut(need) {
                list.push(task);
            }
        }
    }
    let mut depth = vec![0; needs.len()];
    let mut in_order: Vec<usize> = open.iter().enumerate().filter(|(_, open)| **open == 0).map(|(at, _)| at).collect();
    let mut done = 0;
    while let Some(&task) = in_order.get(done) {
        done += 1;
        let below = depth.get(task).copied().unwrap_or(0) + 1;
        for &after in next.get(task).into_iter().flatten() {
            if let Some(depth) = depth.get_mut(after) {
                *depth = below.max(*depth);
            }
            if let Some(open) = open.get_mut(after) {
                *open -= 1;
                if *open == 0 {
                    in_order.push(after);
                }
            }
        }
    }
    (in_order, depth)
}

/// Checks that all needs exist and that none go round in a circle.
pub fn check(graph: &Graph<'_>, marker: &mut Marker<'_>) {
    for (id, task) in graph.tasks {
        for (at, need) in task.needs.iter().enumerate() {
            if !graph.tasks.contains_key(need) {
                let span = marker.value(&format!("/tasks/{id}/needs/{at}"));
                let message = format!("task `{id}` needs `{need}`, which is not a task");
                marker.error(codes::UNKNOWN_TASK, span, message).help(which(graph.tasks, need.as_str()));
            }
        }
    }
    circles(graph, marker);
}

/// Help for the name of a task that does not exist.
pub fn which(tasks: &IndexMap<LocalTaskId, TaskFile>, given: &str) -> String {
    let known = || tasks.keys().map(LocalTaskId::as_str);
    nearest(given, known())
        .map_or_else(|| format!("the tasks are {}", listed(known())), |close| format!("did you mean `{close}`?"))
}

/// Most other places that a circle shows.
const MOST_LABELS: usize = 7;

/// Walks along the needs of what is in or behind a circle; each circle is told once, as its path.
fn circles(graph: &Graph<'_>, marker: &mut Marker<'_>) {
    let mut done = vec![false; graph.needs.len()];
    for &task in &graph.in_order {
        set(&mut done, task);
    }
    for start in 0..graph.needs.len() {
        let mut path: Vec<usize> = Vec::new();
        let mut place: BTreeMap<usize, usize> = BTreeMap::new();
        let mut at = start;
        while !is_set(&done, at) {
            if let Some(&first) = place.get(&at) {
                tell(graph, path.get(first..).unwrap_or_default(), marker);
                break;
            }
            place.insert(at, path.len());
            path.push(at);
            // In what is left, each task that is not yet done needs another that is not; else it would be in order.
            let Some(next) = graph.needs.get(at).and_then(|needs| needs.iter().find(|need| !is_set(&done, **need)))
            else {
                break;
            };
            at = *next;
        }
        for task in path {
            set(&mut done, task);
        }
    }
}

fn set(done: &mut [bool], at: usize) {
    if let Some(done) = done.get_mut(at) {
        *done = true;
    }
}

fn is_set(done: &[bool], at: usize) -> bool {
    done.get(at).copied().unwrap_or(true)
}

fn tell(graph: &Graph<'_>, circle: &[usize], marker: &mut Marker<'_>) {
    // From the task that stands first in the file, so that the same circle is always told the same.
    let first = circle.iter().enumerate().min_by_key(|(_, task)| **task).map_or(0, |(at, _)| at);
    let names: Vec<&LocalTaskId> = circle
        .iter()
        .cycle()
        .skip(first)
        .take(circle.len())
        .filter_map(|task| Some(graph.tasks.get_index(*task)?.0))
        .collect();
    let Some(start) = names.first() else { return };
    let path: Vec<String> = names.iter().chain([start]).map(|name| format!("`{name}`")).collect();
    let place = |task: &LocalTaskId, need: &LocalTaskId| {
        let at = graph.tasks.get(task).and_then(|task| task.needs.iter().position(|other| other == need)).unwrap_or(0);
        format!("/tasks/{task}/needs/{at}")
    };
    let mut places: Vec<(String, String)> = Vec::new();
    for (task, need) in names.iter().zip(names.iter().cycle().skip(1)) {
        places.push((place(task, need), format!("`{task}` needs `{need}`")));
    }
    let spans: Vec<_> = places.iter().map(|(pointer, label)| (marker.value(pointer), label.clone())).collect();
    let Some((span, _)) = spans.first() else { return };
    let message = if names.len() == 1 {
        format!("task {} needs itself", path.first().map_or("", String::as_str))
    } else {
        format!("tasks need each other in a circle: {}", path.join(" → "))
    };
    let mut note = marker.error(codes::CYCLE, *span, message);
    note.help("take one of these out of `needs`");
    for (span, label) in spans.iter().skip(1).take(MOST_LABELS) {
        note.related(*span, label.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A task that needs some of those before it, in a mission of so many.
    fn random(count: usize, random: &mut fastrand::Rng) -> IndexMap<LocalTaskId, TaskFile> {
        let id = |at: usize| LocalTaskId::parse(&format!("t{at}")).unwrap();
        let task = |at: usize, random: &mut fastrand::Rng| {
            let needs = (0..random.usize(..3)).filter(|_| at > 0).map(|_| id(random.usize(..at))).collect();
            TaskFile { needs, ..TaskFile::default() }
        };
        (0..count).map(|at| (id(at), task(at, random))).collect()
    }

    #[test]
    fn what_is_worked_out_once_is_what_a_walk_finds() {
        let mut rng = fastrand::Rng::with_seed(3);
        for count in [1, 2, 63, 64, 65, 130] {
            let tasks = random(count, &mut rng);
            let graph = Graph::new(&tasks);
            for (of, one) in tasks.keys().enumerate() {
                for (target, other) in tasks.keys().enumerate() {
                    assert_eq!(graph.is_upstream(one, other), graph.walk(of, target), "{one} {other}");
                }
            }
        }
    }
}
