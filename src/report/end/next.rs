//! The next commands to type, as they work where the person stands.

use serde::Serialize;

use crate::kernel::event::{FailureClass, RunOutcome};
use crate::kernel::fact::Delivered;
use crate::report::task::{End, Stage, TaskReport, Worker};
use crate::report::{Delivery, Engine, Report};
use crate::story::compose::COMMAND;

/// A command to type, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    /// The command.
    pub command: String,
    /// What it does.
    pub why: String,
}

fn step(command: impl Into<String>, why: impl Into<String>) -> Next {
    Next { command: command.into(), why: why.into() }
}

impl Report {
    /// A command of this program, with the directory that the person named.
    fn ours(&self, command: &str, why: impl Into<String>) -> Next {
        step(format!("ai-sdlc{} {command}", self.elsewhere()), why)
    }

    /// A command of git in the person's repository.
    fn git(&self, command: &str, why: impl Into<String>) -> Next {
        step(format!("git{} {command}", self.elsewhere()), why)
    }

    fn elsewhere(&self) -> String {
        self.typed.directory.as_ref().map(|directory| format!(" -C {}", quoted(directory))).unwrap_or_default()
    }
}

/// What a person would do now, in order.
pub fn next(report: &Report) -> Vec<Next> {
    let Some(run) = report.run.as_ref() else { return Vec::new() };
    let mut steps = Vec::new();
    let printed = |task: &TaskReport| match task.worker {
        Worker::Agent { .. } | Worker::Command(_) => task.attempt.is_some(),
        Worker::Person | Worker::Parts => false,
    };
    let failed = |task: &TaskReport| matches!(task.stage, Stage::Ended(End::Failed { .. })) && printed(task);
    if let Some((id, _)) = report.tasks.iter().find(|(_, task)| failed(task)) {
        steps.push(report.ours(&format!("run logs {run} {}", id.quoted()), "all that it printed"));
    }
    if !report.is_rehearsal() {
        conflict_steps(report, &mut steps);
    }
    for gate in report.open_gates().map(|(gate, ..)| gate.quoted()) {
        steps.push(report.ours(&format!("run approve {run} {gate}"), "answers its question with yes"));
        steps.push(report.ours(&format!("run reject {run} {gate} -m WHY"), "answers it with no"));
    }
    steps.extend(go_on(report, run.as_str()));
    if report.is_rehearsal() {
        steps.push(report.ours(&format!("run show {run}"), "this report again"));
        steps.extend((report.outcome == Some(RunOutcome::Succeeded)).then(|| for_real(report)));
        return steps;
    }
    merge_steps(report, &mut steps);
    steps.extend(report.stale.as_ref().map(|stale| report.ours("run cleanup --dry-run", stale.clone())));
    steps
}

/// What the run itself needs to go on.
fn go_on(report: &Report, run: &str) -> Option<Next> {
    let resume = format!("run resume {run}");
    match report.outcome {
        Some(RunOutcome::Failed) if fails_the_same_way(report) => {
            Some(report.ours(&again(report), "once it is mended: this run keeps the plan that it began with"))
        }
        Some(RunOutcome::Failed) => Some(report.ours(&resume, "tries again what failed; what is done stays done")),
        Some(RunOutcome::Cancelled) => Some(report.ours(&resume, "does after all what was cancelled")),
        Some(RunOutcome::Paused) => Some(report.ours(&resume, "goes on; what failed is tried again")),
        Some(RunOutcome::Conflict) => {
            Some(report.ours(&resume, "or: does what is in conflict again, on top of what was merged"))
        }
        Some(RunOutcome::Stopped { .. } | RunOutcome::EngineFault) => {
            Some(report.ours(&resume, "goes on where it stopped"))
        }
        Some(RunOutcome::OutOfBudget) => {
            let command = format!("{resume} {}", more_budget(report));
            Some(report.ours(command.trim_end(), "goes on with a higher ceiling in all"))
        }
        Some(RunOutcome::Waiting) if report.open_gates().next().is_none() => {
            Some(report.ours(&resume, "goes on with the answer"))
        }
        Some(RunOutcome::Waiting) => Some(report.ours(&resume, "goes on once the gate is answered")),
        Some(RunOutcome::Succeeded) => None,
        None if report.engine == Engine::Gone => Some(report.ours(&resume, "goes on where it stopped")),
        None => Some(report.ours(&format!("run why {run}"), "why each task stands where it stands")),
    }
}

/// Whether all that failed could not be worked out from what the plan and finished tasks say: neither changes.
fn fails_the_same_way(report: &Report) -> bool {
    let mut classes = report.tasks.values().filter(|task| !report.is_excused(task)).filter_map(|task| {
        let Stage::Ended(End::Failed { failure }) = &task.stage else { return None };
        (failure.class != FailureClass::Parts).then_some(failure.class)
    });
    let first = classes.next();
    first == Some(FailureClass::Expression) && classes.all(|class| class == FailureClass::Expression)
}

/// The command that makes such a run again: a composed mission is called as the one that composed it.
fn again(report: &Report) -> String {
    if report.file.starts_with(COMMAND) { report.file.clone() } else { format!("mission run {}", quoted(&report.file)) }
}

/// The same mission, no rehearsal.
fn for_real(report: &Report) -> Next {
    let mut command = again(report);
    for (name, value) in &report.typed.inputs {
        command.push_str(" --input ");
        command.push_str(&quoted(&format!("{name}={value}")));
    }
    let has_agents = report.tasks.values().any(|task| matches!(task.worker, Worker::Agent { .. }));
    let why = if has_agents { "with a real agent; `ai-sdlc doctor` shows which are there" } else { "for real" };
    report.ours(&command, why)
}

/// Into the person's own branch: by their hand, as they did not ask us to.
fn merge_steps(report: &Report, steps: &mut Vec<Next>) {
    match &report.delivery {
        Some(Delivery::Made { delivered: Delivered::Left { command, .. }, .. }) => {
            steps.push(step(command, "delivers what was merged"));
        }
        Some(Delivery::Made { .. }) => {
            let run = report.run.as_ref().map(ToString::to_string).unwrap_or_default();
            steps.push(report.ours(&format!("run diff {run}"), "what it changed"));
        }
        Some(Delivery::Failed { into, .. }) => {
            if let Some(branch) = report.integration_branch() {
                steps.push(report.git(&format!("switch {}", quoted(into)), "to settle it by hand"));
                steps.push(report.git(&format!("merge {branch}"), "then mend the files, `git add` and `git commit`"));
            }
        }
        None => {
            // What is not over will have more to merge.
            let over = match report.outcome {
                None
                | Some(
                    RunOutcome::Stopped { .. } | RunOutcome::EngineFault | RunOutcome::Paused | RunOutcome::Waiting,
                ) => false,
                Some(
                    RunOutcome::Succeeded
                    | RunOutcome::Failed
                    | RunOutcome::Cancelled
                    | RunOutcome::Conflict
                    | RunOutcome::OutOfBudget,
                ) => true,
            };
            let branch = report.integration_branch().filter(|_| over && !report.merges.is_empty());
            if let Some(branch) = branch {
                steps.push(report.git(&format!("log --stat HEAD..{branch}"), "what was merged"));
                steps.push(report.git(&format!("merge {branch}"), "takes it into the branch you are on"));
            }
        }
    }
}

fn conflict_steps(report: &Report, steps: &mut Vec<Next>) {
    let Some(integration) = report.integration_branch() else { return };
    for (id, task) in &report.tasks {
        let Stage::Ended(End::Conflict { branch, .. }) = &task.stage else { continue };
        match (&task.kept, branch) {
            (Some(path), _) => {
                let merge = format!("git -C {} merge {integration}", quoted(path));
                steps.push(step(merge, format!("brings both sides of {id} together; mend the files, then commit")));
            }
            (None, Some(branch)) => {
                steps.push(report.git(&format!("switch {}", quoted(branch)), format!("the work of {id}")));
                steps.push(report.git(&format!("merge {integration}"), "mend the files, then commit"));
            }
            (None, None) => continue,
        }
        if let Some(branch) = branch {
            let merge = format!("merge {}", quoted(branch));
            steps.push(report.git(&merge, "then this takes all of it into your branch"));
        }
    }
}

fn more_budget(report: &Report) -> String {
    // It may have used more than it had: twice the larger of the two is enough to go on with.
    let twice = |ceiling: u64, used: u64| ceiling.max(used).saturating_mul(2);
    let used = (report.spent.usd().0, report.spent.tokens.billed().0, report.live_so_far().0);
    match (report.budget.usd, report.budget.tokens, report.budget.time) {
        (Some(usd), _, _) => format!("--budget-usd {}", twice(usd.0, used.0).div_ceil(1_000_000)),
        (None, Some(tokens), _) => format!("--budget-tokens {}", twice(tokens.0, used.1)),
        (None, None, Some(time)) => format!("--budget-time {}s", twice(time.0, used.2).div_ceil(1_000)),
        (None, None, None) => String::new(),
    }
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}
