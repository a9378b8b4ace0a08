//! Who a session is, and what a reviewer is shown: the diff, cut where it is long.

use std::rc::Rc;

use crate::agent::Judges;
use crate::driver::hands::Hands;
use crate::kernel::effect::StartSession;
use crate::kernel::event::SessionKind;
use crate::kernel::fact::Fact;
use crate::mission::model::Permissions;
use crate::name::{AgentName, Attempt, CommitId, RoleName, TaskId};
use crate::plan::{Task, TaskKind};

/// At most this much of a diff is shown to a reviewer, in bytes; of the rest the files are named.
const MAX_DIFF: usize = 200 * 1024;

/// Who a session is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) role: &'a RoleName,
    pub(super) agent: &'a AgentName,
    pub(super) permissions: Permissions,
    pub(super) judges: Judges,
}

impl<'a> Who<'a> {
    /// The one who does a task, or who reads what was done; `None` where it has no such sessions.
    pub(super) fn of(task: &'a Task, kind: SessionKind) -> Option<Self> {
        match (kind, &task.kind) {
            (SessionKind::Review, _) => task.review.as_deref().map(|review| Self {
                role: &review.role,
                agent: &review.agent,
                permissions: Permissions::Read,
                judges: Judges::Yes,
            }),
            (SessionKind::Work, TaskKind::Agent(work)) => Some(Self {
                role: &work.role,
                agent: &work.agent,
                permissions: work.permissions,
                judges: if task.rework.is_empty() { Judges::No } else { Judges::Yes },
            }),
            (
                SessionKind::Work,
                TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_),
            ) => None,
        }
    }
}

impl Hands {
    /// Makes a review ready: its workspace is as it was recorded.
    pub(super) async fn before_review(&self, start: &StartSession) -> Result<(), String> {
        let of = (start.key.task.clone(), start.key.attempt);
        if self.taken_over.borrow_mut().remove(&of) {
            // A reviewer that died with its engine may have changed files, and a person since.
            self.before_putting_back(of.clone(), &start.path).await?;
            self.put_back(&of.0, of.1, start.path.clone()).await;
        }
        Ok(())
    }

    /// What lies between two commits, for a reviewer.
    pub(super) async fn show_diff(self: Rc<Self>, of: (TaskId, Attempt), between: (CommitId, CommitId)) -> Fact {
        let (task, attempt) = of;
        let made = self.blocking(move |setting| {
            let repository = setting.repository.as_deref().ok_or("this run has no repository")?;
            repository.diff(&between.0, &between.1).map_err(|error| error.to_string())
        });
        let diff = made.await.unwrap_or_else(|why| {
            tracing::warn!(%task, why, "the diff for a review could not be made");
            String::new()
        });
        Fact::DiffShown { task, attempt, diff: bounded(&diff) }
    }
}

/// The beginning of a diff, with the names of the files that are not shown.
fn bounded(diff: &str) -> String {
    let mut end = diff.len().min(MAX_DIFF);
    while !diff.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, rest) = diff.split_at(end);
    if rest.is_empty() {
        return diff.to_owned();
    }
    let left = rest.lines().filter_map(|line| line.strip_prefix("diff --git ")).map(|names| format!("\n  {names}"));
    let left: String = left.collect();
    let also = if left.is_empty() { "" } else { ", also all of these files:" };
    format!("{shown}\n[{} bytes of the diff are left out here{also}{left}]\n", rest.len())
}

#[cfg(test)]
mod tests {
    use super::{MAX_DIFF, bounded};

    #[test]
    fn a_long_diff_is_cut_and_says_which_files_are_missing() {
        assert_eq!(bounded("diff --git a/x b/x\n+y\n"), "diff --git a/x b/x\n+y\n");
        let long = format!("diff --git a/x b/x\n{}\ndiff --git a/last b/last\n+z\n", "+ä\n".repeat(MAX_DIFF / 4));
        let text = bounded(&long);
        assert!(text.len() < MAX_DIFF + 200, "{}", text.len());
        assert!(text.ends_with("are left out here, also all of these files:\n  a/last b/last]\n"), "{text}");
    }
}
