//! Tasks that become several: those with instances, and those that stand for another mission.

use indexmap::IndexMap;

use super::{Home, Making, Place, PlanError, chains};
use crate::amount::{Ceiling, Millis};
use crate::expression::Expression;
use crate::mission::model::{self, ForEach, Join, MissionWork, TaskWorkspace};
use crate::name::TaskId;
use crate::plan::graph::{Edges, levels_of};
use crate::plan::{Each, SourceFile, SubMission, Task, TaskKind};

impl Making<'_> {
    /// All tasks of a mission, linked.
    pub(super) fn tasks(&mut self, home: &Home<'_>, errors: &mut Vec<PlanError>) -> IndexMap<TaskId, Task> {
        let mut tasks: IndexMap<TaskId, Task> = IndexMap::with_capacity(home.mission.tasks.len());
        let mut wrong = Vec::new();
        for (id, task) in &home.mission.tasks {
            if home.place == Place::Run {
                self.present = Some(id.clone());
            }
            match self.task(home, id, task) {
                Ok(task) => {
                    tasks.insert(id.clone(), task);
                }
                Err(mut more) => wrong.append(&mut more),
            }
        }
        if wrong.is_empty() {
            at_the_end(&mut tasks);
            chains::link(&mut tasks, &mut wrong);
        }
        errors.append(&mut wrong);
        tasks
    }

    /// The tasks of another mission, used as a task.
    pub(super) fn mission(&mut self, home: &Home<'_>, work: &MissionWork) -> Result<SubMission, Vec<PlanError>> {
        let mission = &work.mission;
        let file = SourceFile { path: work.file.clone(), sha256: work.sha256.clone() };
        if !self.used.contains(&file) {
            self.used.push(file);
        }
        let mut errors = Vec::new();
        let tasks = self.tasks(&home.of_task(self.request, mission), &mut errors);
        let within =
            |error: PlanError| PlanError { message: format!("mission `{}`: {}", mission.name, error.message), ..error };
        if !errors.is_empty() {
            return Err(errors.into_iter().map(within).collect());
        }
        Ok(SubMission {
            name: mission.name.clone(),
            description: mission.description.clone(),
            with: work.with.clone(),
            inputs: mission.inputs.clone(),
            tasks,
            outputs: mission.outputs.clone(),
        })
    }
}

/// A task with instances, around what each of them is.
pub(super) fn each(mut body: Task, of: &ForEach) -> Task {
    let names = |when: &String| {
        Expression::parse(when).is_ok_and(|expression| {
            let uses = expression.uses();
            uses.iter().filter_map(|one| one.path.first()).any(|root| of.variables.contains_key(root.as_str()))
        })
    };
    // What names no variable is the same for all of them, and decided before there are any.
    let when = if body.when.as_ref().is_some_and(names) { None } else { body.when.take() };
    let group = group(&body, TaskKind::Command(model::CommandLine::Argv(Vec::new())));
    Task {
        when,
        kind: TaskKind::Each(Box::new(Each {
            variables: of.variables.clone(),
            key: of.key.clone(),
            max_instances: of.max_instances,
            body,
        })),
        ..group
    }
}

/// What a group has of the task it stands for: its place in the graph, nothing that is run.
pub(super) fn group(task: &Task, kind: TaskKind) -> Task {
    Task {
        kind,
        touches: None,
        late_touches: None,
        fence: None,
        locks: Vec::new(),
        checks: Vec::new(),
        review: None,
        rework: Vec::new(),
        budget: Ceiling::NONE,
        outputs: IndexMap::new(),
        workspace: TaskWorkspace::Own,
        env: std::collections::BTreeMap::new(),
        secrets: Vec::new(),
        artifacts: Vec::new(),
        cache: None,
        ..task.clone()
    }
}

/// The longest path through the tasks of a mission.
pub(super) fn duration(work: &SubMission) -> Millis {
    let edges = Edges::of_tasks(&work.tasks);
    levels_of(&work.tasks, &edges).into_iter().max().unwrap_or(Millis::ZERO)
}

/// `join = "always"` without `needs`: after all others, but for those that wait for it.
fn at_the_end(tasks: &mut IndexMap<TaskId, Task>) {
    let is_last = |task: &Task| task.join == Join::Always && task.needs.is_empty();
    let last: Vec<usize> = tasks.values().enumerate().filter(|(_, task)| is_last(task)).map(|(at, _)| at).collect();
    if last.is_empty() {
        return;
    }
    let edges = Edges::of_tasks(tasks);
    let mut after = vec![false; tasks.len()];
    let mut open = last.clone();
    while let Some(at) = open.pop() {
        if let Some(seen) = after.get_mut(at).filter(|seen| !**seen) {
            *seen = true;
            open.extend(edges.dependents.get(at).into_iter().flatten());
        }
    }
    let before: Vec<TaskId> =
        tasks.keys().zip(&after).filter(|(_, after)| !**after).map(|(id, _)| id.clone()).collect();
    for at in last {
        if let Some((_, task)) = tasks.get_index_mut(at) {
            task.needs.clone_from(&before);
        }
    }
}
