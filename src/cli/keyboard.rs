//! What the person types while a run is shown: read on a thread of its own, only while something is asked.
//!
//! Keys are not echoed by the terminal where a panel is repainted; that is put back when the reading ends.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::sync::mpsc::UnboundedSender;

/// How long a look at the keyboard lasts.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// How what is typed is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Echo {
    /// By the terminal, line by line.
    Terminal,
    /// By us, key by key.
    Ours,
}

/// The keyboard, being read. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Keyboard {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    before: Option<Termios>,
}

impl Keyboard {
    /// Begins to read standard input, a terminal, into `typed`.
    pub(super) fn read(echo: Echo, typed: UnboundedSender<Vec<u8>>) -> io::Result<Self> {
        let before = match echo {
            Echo::Terminal => None,
            Echo::Ours => quiet(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&stop);
        let thread = thread::Builder::new().name("keyboard".to_owned()).spawn(move || listen(&ends, &typed))?;
        Ok(Self { stop, thread: Some(thread), before })
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
        if let Some(before) = &self.before {
            // A terminal that is gone needs nothing put back.
            tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before).ok();
        }
    }
}

/// Turns echo and line editing off; gives what was before. Only for who is in the foreground: others would be stopped.
fn quiet() -> Option<Termios> {
    let stdin = io::stdin();
    let before = tcgetattr(stdin.as_fd()).ok().filter(|_| in_foreground())?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
    tcsetattr(stdin.as_fd(), OptionalActions::Now, &quiet).ok().map(|()| before)
}

/// A process in the background that reads its terminal, or changes it, is stopped by the system.
fn in_foreground() -> bool {
    tcgetpgrp(io::stdin().as_fd()).is_ok_and(|group| group == getpgrp())
}

fn listen(ends: &AtomicBool, typed: &UnboundedSender<Vec<u8>>) {
    let mut buffer = [0_u8; 1024];
    while !ends.load(Ordering::Relaxed) {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&LOOK)).is_ok_and(|ready| ready > 0);
        if !ready || !in_foreground() {
            if ready {
                pause();
            }
            continue;
        }
        match rustix::io::read(&stdin, &mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                if typed.send(bytes).is_err() {
                    return;
                }
            }
        }
    }
}

/// Something is typed, for somebody else.
fn pause() {
    poll(&mut [], Some(&LOOK)).ok();
}
