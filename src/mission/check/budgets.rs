//! Budgets that do not fit together, that nothing can enforce, or that are missing.

use std::collections::BTreeSet;

use crate::amount::Usd;
use crate::diagnostic::codes;
use crate::mission::check::marker::Marker;
use crate::mission::check::{Scene, Standing};
use crate::mission::events::EventMeaning;
use crate::mission::field::duration;
use crate::mission::file::{RetryFile, TaskFile};
use crate::mission::limits::{BudgetFile, CeilingFile};
use crate::mission::model::{BackendKind, UnknownUse};
use crate::name::{AgentName, LocalTaskId};

/// Checks all budgets.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    if let Some(budget) = &scene.file.budget {
        fit(scene, marker, budget);
    }
    commands(scene, marker);
    agents(scene, marker);
    missing(scene, marker);
}

/// One of the three parts of a ceiling.
struct Part {
    key: &'static str,
    run: fn(&BudgetFile) -> Option<f64>,
    task: fn(&CeilingFile) -> Option<f64>,
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "compared only, and below 2^53")]
const PARTS: [Part; 3] = [
    Part { key: "usd", run: |b| Some(b.usd?.0), task: |c| Some(c.usd?.0) },
    Part { key: "tokens", run: |b| Some(b.tokens?.0 as f64), task: |c| Some(c.tokens?.0 as f64) },
    Part {
        key: "time",
        run: |b| Some(duration::parse(&b.time.as_ref()?.0).ok()?.0 as f64),
        task: |c| Some(duration::parse(&c.time.as_ref()?.0).ok()?.0 as f64),
    },
];

/// The budgets of tasks against that of the run; time passes for several at once, so only a single one can be too long.
fn fit(scene: &Scene<'_>, marker: &mut Marker<'_>, budget: &BudgetFile) {
    for Part { key, run, task: of_task } in PARTS {
        let Some(whole) = run(budget) else { continue };
        let ceilings = scene
            .file
            .tasks
            .iter()
            .filter_map(|(id, task)| Some((id, ceiling(scene, (id, task), of_task, (key, run))?)));
        let mut sum = 0.0;
        let mut told = BTreeSet::new();
        for (id, (part, place)) in ceilings {
            sum += part;
            // A role's is that of all its tasks, and told once.
            if part > whole && told.insert(place.clone()) {
                let run_span = marker.value(&format!("/budget/{key}"));
                let span = marker.value(&place);
                marker
                    .warning(codes::BUDGET_FIT, span, format!("task `{id}` may use more `{key}` than the whole run"))
                    .help("lower it, or raise the run's")
                    .related(run_span, "the run's");
            }
        }
        // Amounts such as 0.1 + 0.2 are a hair more than what they come to.
        if sum - whole > whole * 1e-9 && told.is_empty() && key != "time" {
            let span = marker.value(&format!("/budget/{key}"));
            let told = |amount: f64| match (key, Usd::from_dollars(amount)) {
                ("usd", Some(usd)) => usd.to_string(),
                _ => format!("{amount} {key}"),
            };
            let (sum, whole) = (told(sum), told(whole));
            marker
                .warning(
                    codes::BUDGET_FIT,
                    span,
                    format!("the tasks' budgets together are {sum}, the run's is {whole}"),
                )
                .help("raise it, or lower those of the tasks");
        }
    }
}

/// The ceiling of a task, and where it stands: its own, its role's, that of the mission it is.
fn ceiling(
    scene: &Scene<'_>,
    (id, task): (&LocalTaskId, &TaskFile),
    of_task: fn(&CeilingFile) -> Option<f64>,
    (key, of_run): (&str, fn(&BudgetFile) -> Option<f64>),
) -> Option<(f64, String)> {
    if let Some(own) = task.budget.as_ref().and_then(of_task) {
        return Some((own, format!("/tasks/{id}/budget/{key}")));
    }
    if let Some(part) = scene.parts.get(id) {
        return Some((of_run(part.budget.as_ref()?)?, format!("/tasks/{id}/mission")));
    }
    let role = scene.role_of(task).filter(|_| task.budget.is_none())?;
    let of_role = of_task(scene.file.roles.get(role)?.budget.as_ref()?)?;
    Some((of_role, format!("/roles/{role}/budget/{key}")))
}

fn commands(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in scene.file.tasks.iter().filter(|(_, task)| task.run.is_some() && task.prompt.is_none()) {
        let Some(budget) = &task.budget else { continue };
        for (key, given) in [("usd", budget.usd.is_some()), ("tokens", budget.tokens.is_some())] {
            if given {
                let span = marker.key(&format!("/tasks/{id}/budget/{key}"));
                marker
                    .warning(codes::BUDGET_UNENFORCED, span, format!("a command reports no `{key}`"))
                    .help("limit `time` instead");
            }
        }
    }
}

/// A ceiling of money or tokens over agents that report neither.
fn agents(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    if file.budget.as_ref().is_some_and(|budget| budget.unknown == UnknownUse::Allow) {
        return;
    }
    let of_run = file.budget.as_ref().and_then(|budget| bound(budget.usd.is_some(), budget.tokens.is_some()));
    let silent = file.tasks.iter().find_map(|(id, task)| {
        let place = if let Some(key) = of_run { format!("/budget/{key}") } else { of_one(scene, (id, task))? };
        Some((silent(scene, task)?, place))
    });
    if let Some((agent, place)) = silent {
        let span = marker.key(&place);
        marker
            .warning(codes::BUDGET_UNENFORCED, span, format!("the agent `{agent}` does not report what it uses"))
            .help("limit `time` instead, or set `unknown = \"allow\"` in `[budget]`; as it is, the run is refused");
    }
}

/// Which of its keys binds what agents report.
fn bound(has_usd: bool, has_tokens: bool) -> Option<&'static str> {
    [("usd", has_usd), ("tokens", has_tokens)].into_iter().find(|(_, given)| *given).map(|(key, _)| key)
}

/// Where the ceiling of one task, or of its role, binds what agents report.
fn of_one(scene: &Scene<'_>, (id, task): (&LocalTaskId, &TaskFile)) -> Option<String> {
    let binds = |ceiling: &CeilingFile| bound(ceiling.usd.is_some(), ceiling.tokens.is_some());
    let role = scene.role_of(task)?;
    if let Some(budget) = &task.budget {
        return Some(format!("/tasks/{id}/budget/{}", binds(budget)?));
    }
    let key = binds(scene.file.roles.get(role)?.budget.as_ref()?)?;
    Some(format!("/roles/{role}/budget/{key}"))
}

/// The agent of a task, where it is known to report nothing.
fn silent<'a>(scene: &Scene<'a>, task: &'a TaskFile) -> Option<&'a AgentName> {
    let file = scene.file;
    let role = scene.role_of(task)?;
    let of_role = file.roles.get(role).and_then(|table| table.agent.as_ref());
    let of_template = scene.template_of(role).and_then(|template| template.agent.as_ref());
    let of_defaults = file.defaults.as_ref().and_then(|defaults| defaults.agent.as_ref());
    let agent = task.agent.as_ref().or(of_role).or(of_template).or(of_defaults)?;
    let (own, below) = (file.agents.get(agent), scene.against.agents.get(agent));
    let backend = own.and_then(|table| table.backend).or_else(|| below.and_then(|table| table.backend));
    let events = own.and_then(|table| table.events.as_ref()).or_else(|| below.and_then(|table| table.events.as_ref()));
    let tells = events.into_iter().flatten().any(|rule| rule.means == EventMeaning::Used);
    (backend == Some(BackendKind::Command) && !tells).then_some(agent)
}

/// Sessions whose number nobody knows, and nothing that limits what they use; of a mission that is a task of another,
/// the other one says it.
fn missing(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    let has_ceiling = file
        .budget
        .as_ref()
        .is_some_and(|budget| budget.usd.is_some() || budget.tokens.is_some() || budget.time.is_some());
    let has_sessions = |(id, task): &(&LocalTaskId, &TaskFile)| scene.has_sessions(id, task);
    let is_alone = scene.standing == Standing::Alone;
    if has_ceiling || !is_alone || scene.is_unsure("/budget") || !file.tasks.iter().any(|one| has_sessions(&one)) {
        return;
    }
    let tries = |retry: Option<&RetryFile>| retry.and_then(|retry| retry.max).is_some_and(|max| max.0 > 0);
    let default = tries(file.defaults.as_ref().and_then(|defaults| defaults.retry.as_ref()))
        .then(|| ("/defaults/retry".to_owned(), "sessions are retried"));
    let of_task = || {
        file.tasks.iter().filter(has_sessions).find_map(|(id, task)| {
            if tries(task.retry.as_ref()) {
                Some((format!("/tasks/{id}/retry"), "sessions are retried"))
            } else {
                task.for_each
                    .as_ref()
                    .map(|_| (format!("/tasks/{id}/for_each"), "there are sessions for each of a list"))
            }
        })
    };
    if let Some((place, what)) = default.or_else(of_task) {
        let span = marker.key(&place);
        marker
            .warning(codes::NO_BUDGET, span, format!("{what}, and nothing limits what they use"))
            .help("add `[budget]` with `usd`, `tokens` or `time`");
    }
}
