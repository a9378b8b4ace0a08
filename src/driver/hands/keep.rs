//! Artifacts and the cache of commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::driver::hands::Hands;
use crate::driver::setting::Setting;
use crate::kernel::event::Artifact;
use crate::kernel::fact::Fact;
use crate::mission::model::CommandLine;
use crate::name::{Attempt, TaskId};
use crate::plan::{Task, TaskKind};
use crate::workspace::keep_artifacts;

impl Hands {
    /// The folder for what a task makes beside code; made, so that it can be written to.
    pub(super) fn artifacts_folder(&self, task: &TaskId) -> Option<PathBuf> {
        if !self.setting.plan().tasks.get(task).is_some_and(keeps) {
            return None;
        }
        let folder = self.setting.artifacts_dir(task);
        if let Err(error) = fs::create_dir_all(&folder) {
            tracing::warn!(%task, %error, "the folder for artifacts could not be made");
        }
        Some(folder)
    }

    /// Copies what a task made beside code into the run's folder.
    pub(super) async fn keep_artifacts(self: Rc<Self>, task: TaskId, attempt: Attempt) -> Fact {
        let (root, of) = (self.place_of(&task, attempt), task.clone());
        let kept = self.blocking(move |setting| keep(setting, &of, &root)).await;
        let (artifacts, notes) =
            kept.unwrap_or_else(|why| (Vec::new(), vec![format!("artifacts are not kept: {why}")]));
        Fact::ArtifactsKept { task, attempt, artifacts, notes }
    }
}

/// Whether a task is given a folder for artifacts. A plain program that nothing says it of is not: two folders cost
/// more than the smallest commands themselves.
fn keeps(task: &Task) -> bool {
    match &task.kind {
        TaskKind::Command(CommandLine::Argv(argv)) => {
            !task.artifacts.is_empty() || argv.iter().any(|argument| argument.contains("AI_SDLC_ARTIFACTS"))
        }
        TaskKind::Command(CommandLine::Shell(_))
        | TaskKind::Agent(_)
        | TaskKind::Gate(_)
        | TaskKind::Each(_)
        | TaskKind::Mission(_) => true,
    }
}

fn keep(setting: &Setting, task: &TaskId, root: &Path) -> Result<(Vec<Artifact>, Vec<String>), String> {
    let plan = setting.plan();
    let globs = plan.tasks.get(task).map(|task| task.artifacts.as_slice()).unwrap_or_default();
    let into = setting.artifacts_dir(task);
    let kept = keep_artifacts(root, globs, &into, &setting.mask).map_err(|error| error.to_string())?;
    let below = |file: Artifact| Artifact { path: format!("{}/artifacts/{}", task.path_name(), file.path), ..file };
    Ok((kept.files.into_iter().map(below).collect(), kept.notes))
}
