//! Some tasks of a plan alone: the others are not run, and what they handed over before is given.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::nearest::{listed, nearest};
use crate::mission::model::TaskWorkspace;
use crate::name::{OutputId, TaskId};
use crate::plan::build::PlanError;
use crate::plan::graph::Edges;
use crate::plan::{Given, Plan, Task, TaskKind};

/// Which tasks are run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// These.
    pub tasks: Vec<String>,
    /// This one and all that comes after it.
    pub from: Option<String>,
}

impl Choice {
    /// True where nothing is chosen: all tasks are run.
    pub fn is_all(&self) -> bool {
        self.tasks.is_empty() && self.from.is_none()
    }
}

/// The tasks that are chosen.
pub fn chosen(plan: &Plan, choice: &Choice) -> Result<BTreeSet<TaskId>, PlanError> {
    let mut all: BTreeSet<TaskId> = choice.tasks.iter().map(|name| find(plan, name)).collect::<Result<_, _>>()?;
    if let Some(from) = &choice.from {
        let edges = Edges::of(plan);
        let mut open = vec![find(plan, from)?];
        while let Some(id) = open.pop() {
            let after = plan.tasks.get_index_of(&id).and_then(|at| edges.dependents.get(at)).into_iter().flatten();
            if all.insert(id) {
                open.extend(after.filter_map(|at| plan.tasks.get_index(*at)).map(|(id, _)| id.clone()));
            }
        }
    }
    Ok(all)
}

fn find(plan: &Plan, name: &str) -> Result<TaskId, PlanError> {
    if let Some((id, _)) = plan.tasks.get_key_value(name) {
        return Ok(id.clone());
    }
    let error = PlanError::new(format!("the mission has no task `{name}`"));
    let names = || plan.tasks.keys().map(TaskId::as_str);
    let whole = name.split(['[', '/']).next().filter(|whole| plan.tasks.contains_key(*whole));
    Err(match (whole, nearest(name, names())) {
        (Some(whole), _) => error.help(format!("parts are not run alone: name `{whole}`")),
        (None, Some(close)) => error.help(format!("did you mean `{close}`?")),
        (None, None) => error.help(format!("its tasks are {}", listed(names()))),
    })
}

/// The tasks that come before those that are chosen and are not run themselves.
pub fn left_out(plan: &Plan, chosen: &BTreeSet<TaskId>) -> BTreeSet<TaskId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&TaskId> = chosen.iter().collect();
    let mut seen: BTreeSet<&TaskId> = chosen.iter().collect();
    while let Some(task) = open.pop().and_then(|id| plan.tasks.get(id)) {
        for need in task.needs.iter().filter(|need| plan.tasks.contains_key(*need)) {
            if !chosen.contains(need) {
                found.insert(need.clone());
            }
            if seen.insert(need) {
                open.push(need);
            }
        }
    }
    found
}

/// What the chosen tasks read of a task that is not run.
pub fn read_of(plan: &Plan, chosen: &BTreeSet<TaskId>, task: &TaskId) -> Vec<OutputId> {
    let Some(planned) = plan.tasks.get(task) else { return Vec::new() };
    let roles: String = plan.roles.values().filter_map(|role| serde_json::to_string(&role.body).ok()).collect();
    let own = chosen.iter().filter_map(|id| plan.tasks.get(id)).map(texts);
    let all: String = own.chain([roles]).collect::<Vec<_>>().join("\n");
    let whole = format!("tasks.{task}.outputs");
    let is_whole =
        all.match_indices(&whole).any(|(at, found)| !all.get(at + found.len()..).unwrap_or("").starts_with('.'));
    let is_read = |output: &OutputId| {
        let variable = format!("AI_SDLC_OUT_{task}_{output}").to_ascii_uppercase();
        is_whole || says(&all, &format!("{whole}.{output}")) || says(&all, &variable)
    };
    planned.hands_over().into_iter().filter(is_read).collect()
}

/// Whether a text names this, and not something longer.
fn says(text: &str, name: &str) -> bool {
    let ends = |at: usize| {
        let next = text.get(at + name.len()..).and_then(|rest| rest.chars().next());
        next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_')
    };
    text.match_indices(name).any(|(at, _)| ends(at))
}

/// All that a task says, the tasks of another mission apart: those name their own.
fn texts(task: &Task) -> String {
    let mut task = task.clone();
    match &mut task.kind {
        TaskKind::Mission(work) => work.tasks.clear(),
        TaskKind::Each(each) => {
            if let TaskKind::Mission(work) = &mut each.body.kind {
                work.tasks.clear();
            }
        }
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => {}
    }
    serde_json::to_string(&task).unwrap_or_default()
}

/// The plan with the chosen tasks alone; `given` is what the others handed over.
pub fn only(mut plan: Plan, chosen: &BTreeSet<TaskId>, mut given: BTreeMap<TaskId, Given>) -> Result<Plan, PlanError> {
    for id in given.keys() {
        if chosen.contains(id) {
            return Err(PlanError::new(format!("outputs are given for task `{id}`, which is run itself"))
                .help(format!("leave out `--input tasks.{id}.outputs…`")));
        }
    }
    let before = left_out(&plan, chosen);
    for id in &before {
        fits(&plan, id, given.entry(id.clone()).or_default())?;
    }
    plan.tasks.retain(|id, _| chosen.contains(id));
    for (id, task) in &mut plan.tasks {
        if let TaskWorkspace::With(other) = &task.workspace
            && !chosen.contains(other)
        {
            return Err(PlanError::new(format!("task `{id}` goes on in the worktree of `{other}`, which is not run"))
                .help(format!("choose it too: `--task {other}`")));
        }
        task.narrow(chosen, &given);
    }
    for (id, before) in std::mem::take(&mut plan.given) {
        given.entry(id).or_insert(before);
    }
    plan.given = given;
    plan.forget_unranked();
    Ok(plan)
}

impl Task {
    fn narrow(&mut self, chosen: &BTreeSet<TaskId>, given: &BTreeMap<TaskId, Given>) {
        self.needs.retain(|id| chosen.contains(id));
        self.rework.retain(|id| chosen.contains(id));
        let from = std::mem::take(&mut self.handoff_from);
        for id in from {
            let parts = given.keys().filter(|part| part.group().as_ref() == Some(&id)).cloned();
            let parts: Vec<TaskId> = parts.collect();
            if parts.is_empty() || chosen.contains(&id) {
                self.handoff_from.push(id);
            } else {
                self.handoff_from.extend(parts);
            }
        }
        if let TaskKind::Each(each) = &mut self.kind {
            each.body.narrow(chosen, given);
        }
    }
}

/// Whether outputs are those that a task declares.
fn fits(plan: &Plan, id: &TaskId, given: &Given) -> Result<(), PlanError> {
    let Some(task) = plan.tasks.get(id) else { return Ok(()) };
    let declared = task.hands_over();
    if let Some(output) = given.outputs.keys().find(|output| !declared.contains(output)) {
        let error = PlanError::new(format!("task `{id}` has no output `{output}`"));
        return Err(match declared.as_slice() {
            [] => error.help("it hands over none"),
            all => error.help(format!("it hands over {}", listed(all.iter().map(OutputId::as_str)))),
        });
    }
    for (output, value) in &given.outputs {
        let problems = task.outputs.get(output).map(|shape| shape.problems(value, output.as_str()));
        if let Some(problem) = problems.and_then(|problems| problems.into_iter().next()) {
            return Err(PlanError::new(format!("the outputs given for task `{id}` do not fit: {problem}")));
        }
    }
    Ok(())
}
