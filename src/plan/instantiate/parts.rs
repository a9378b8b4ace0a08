//! What a group becomes, ready to be tasks of the run: files and branches included.

use super::{each, files, mission};
use crate::name::{MAX_TASK_ID_LEN, TaskId};
use crate::plan::branches;
use crate::plan::names::View;
use crate::plan::render::RenderFailure;
use crate::plan::{Task, TaskKind};

/// The parts of a group.
pub(super) fn of(view: &View<'_>, group: &TaskId, planned: &Task) -> Result<Vec<(TaskId, Task)>, RenderFailure> {
    let mut parts = match &planned.kind {
        TaskKind::Each(each) => each::instances(view, group, each)?,
        TaskKind::Mission(work) => mission::tasks(view, group, planned, work)?,
        TaskKind::Agent(_) | TaskKind::Command(_) | TaskKind::Gate(_) => {
            return Err(RenderFailure::new(format!("task `{group}` has no parts")));
        }
    };
    for (id, task) in &mut parts {
        if id.as_str().len() > MAX_TASK_ID_LEN {
            return Err(RenderFailure::new(format!(
                "the id of task `{id}` is longer than {MAX_TASK_ID_LEN} bytes: shorten `key`, or the ids above it"
            )));
        }
        files::settle(view, id, task)?;
    }
    branches::of_parts(view.plan, &mut parts).map_err(|error| {
        let help = error.help.map(|help| format!("; {help}")).unwrap_or_default();
        RenderFailure::new(format!("{}{help}", error.message))
    })?;
    Ok(parts)
}
