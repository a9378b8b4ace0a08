//! Merges tried in memory while a run goes on, beside everything else. A failure is a forecast less, and nothing more.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::driver::hands::Hands;
use crate::kernel::collisions::MergeTry;
use crate::kernel::fact::Fact;

/// Lets the thread that tries merges know that nobody waits for them any more: a run that has ended does not wait.
#[derive(Debug, Default)]
pub(super) struct Trying(Arc<AtomicBool>);

impl Drop for Trying {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Hands {
    /// Tries merges on a thread of its own.
    pub(super) async fn try_merges(self: Rc<Self>, tries: Vec<MergeTry>) -> Fact {
        let trying = Trying::default();
        let stop = Arc::clone(&trying.0);
        let tried = self
            .blocking(move |setting| {
                let repository = setting.repository.as_deref().ok_or("this run has no repository")?;
                Ok(repository.try_merges(&tries, &|| stop.load(Ordering::Relaxed)))
            })
            .await;
        let tried = tried.unwrap_or_else(|why| {
            tracing::debug!(why, "merges could not be tried");
            Vec::new()
        });
        Fact::MergesTried { tried }
    }
}
