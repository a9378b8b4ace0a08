//! The committer: a thread that owns the journal and makes events durable, all that wait in one append.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::amount::WallTime;
use crate::journal::{Journal, JournalError};
use crate::kernel::event::Event;

/// Events that wait to be durable, in order.
pub type Batch = Vec<(WallTime, Event)>;

/// What the committer tells.
#[derive(Debug)]
pub enum Committed {
    /// These are durable now.
    Durable(Batch),
    /// They are not, and nothing will be any more.
    Failed(JournalError),
    /// The committer ended by itself, which it never does but by a fault of ours.
    Stopped,
}

/// The sending end of the committer.
#[derive(Debug)]
pub struct Committer {
    queue: Option<mpsc::Sender<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread. What it tells comes out of the receiver.
    pub fn start(journal: Journal) -> std::io::Result<(Self, UnboundedReceiver<Committed>)> {
        let (queue, waiting) = mpsc::channel();
        let (tell, told) = unbounded_channel();
        let thread =
            thread::Builder::new().name("committer".to_owned()).spawn(move || commit_all(journal, &waiting, &tell))?;
        Ok((Self { queue: Some(queue), thread: Some(thread) }, told))
    }

    /// Hands a turn's events over. After a failure they are dropped: the failure has been told.
    pub fn send(&self, batch: Batch) {
        if let Some(queue) = &self.queue {
            let _unheard = queue.send(batch);
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn commit_all(mut journal: Journal, waiting: &mpsc::Receiver<Batch>, tell: &UnboundedSender<Committed>) {
    while let Ok(mut batch) = waiting.recv() {
        while let Ok(more) = waiting.try_recv() {
            batch.extend(more);
        }
        let told = match journal.append(&batch) {
            Ok(()) => Committed::Durable(batch),
            Err(error) => Committed::Failed(error),
        };
        let failed = matches!(told, Committed::Failed(_));
        if tell.send(told).is_err() || failed {
            return;
        }
    }
}
