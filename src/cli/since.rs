//! What a person may want to know before a run goes on: that its files have changed meanwhile.

use crate::cli::Context;
use crate::cli::project::Project;
use crate::cli::saved_plan::{changed, told};
use crate::name::RunId;
use crate::plan::Plan;

/// Says which of the files that a run's plan came from have changed since. The stored plan goes on all the same.
pub(super) fn mention(context: &mut Context, project: &Project, of: (&RunId, &Plan)) {
    let (run, plan) = of;
    let changes = told(&changed(project, plan));
    if !changes.is_empty() {
        context.terminal.err(&format!(
            "Since run {run} began: {}. The run goes on with its plan as it was; a new run takes the files as they are.",
            changes.join(", ")
        ));
    }
}
