//! Budgets that do not fit together, that nothing can enforce, or that are missing.

use crate::diagnostic::codes;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::field::duration;
use crate::mission::file::{BudgetFile, CeilingFile};
use crate::mission::model::{BackendKind, UnknownUse};
use crate::name::AgentName;

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
        let ceilings = scene.file.tasks.iter().filter_map(|(id, task)| Some((id, of_task(task.budget.as_ref()?)?)));
        let mut sum = 0.0;
        let mut alone = false;
        for (id, part) in ceilings {
            sum += part;
            if part > whole {
                alone = true;
                let run_span = marker.value(&format!("/budget/{key}"));
                let span = marker.value(&format!("/tasks/{id}/budget/{key}"));
                marker
                    .warning(codes::BUDGET_FIT, span, format!("task `{id}` may use more `{key}` than the whole run"))
                    .help("lower it, or raise the run's")
                    .related(run_span, "the run's");
            }
        }
        if sum > whole && !alone && key != "time" {
            let span = marker.value(&format!("/budget/{key}"));
            marker
                .warning(
                    codes::BUDGET_FIT,
                    span,
                    format!("the tasks' budgets together are {sum} {key}, the run's is {whole}"),
                )
                .help("raise it, or lower those of the tasks");
        }
    }
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
    let Some(budget) = &file.budget else { return };
    let Some(key) =
        [("usd", budget.usd.is_some()), ("tokens", budget.tokens.is_some())].into_iter().find(|(_, given)| *given)
    else {
        return;
    };
    if budget.unknown == UnknownUse::Allow {
        return;
    }
    let reports_none = |agent: &AgentName| {
        let own = file.agents.get(agent).and_then(|table| table.backend);
        own.or_else(|| scene.against.agents.get(agent).and_then(|table| table.backend)) == Some(BackendKind::Command)
    };
    let defaults = file.defaults.as_ref().and_then(|defaults| defaults.agent.as_ref());
    let silent = file.tasks.values().find_map(|task| {
        let role = scene.role_of(task)?;
        let of_role = file.roles.get(role).and_then(|table| table.agent.as_ref());
        let of_template = scene.template_of(role).and_then(|template| template.agent.as_ref());
        let agent = task.agent.as_ref().or(of_role).or(of_template).or(defaults)?;
        reports_none(agent).then_some(agent)
    });
    if let Some(agent) = silent {
        let span = marker.key(&format!("/budget/{}", key.0));
        marker
            .warning(codes::BUDGET_UNENFORCED, span, format!("the agent `{agent}` does not report what it uses"))
            .help("limit `time` instead, or set `unknown = \"allow\"`; as it is, the run is refused");
    }
}

fn missing(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    let file = scene.file;
    let has_ceiling = file
        .budget
        .as_ref()
        .is_some_and(|budget| budget.usd.is_some() || budget.tokens.is_some() || budget.time.is_some());
    if has_ceiling || scene.is_unsure("/budget") || !file.tasks.values().any(|task| task.prompt.is_some()) {
        return;
    }
    let tries = |retry: Option<&crate::mission::file::RetryFile>| {
        retry.and_then(|retry| retry.max).is_some_and(|max| max.0 > 0)
    };
    let default =
        tries(file.defaults.as_ref().and_then(|defaults| defaults.retry.as_ref())).then(|| "/defaults".to_owned());
    let of_task = || {
        let mut agents = file.tasks.iter().filter(|(_, task)| task.prompt.is_some());
        agents.find(|(_, task)| tries(task.retry.as_ref())).map(|(id, _)| format!("/tasks/{id}"))
    };
    if let Some(place) = default.or_else(of_task) {
        let span = marker.key(&format!("{place}/retry"));
        marker
            .warning(codes::NO_BUDGET, span, "sessions are retried, and nothing limits what they use")
            .help("add `[budget]` with `usd`, `tokens` or `time`");
    }
}
