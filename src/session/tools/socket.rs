//! The socket itself: who is heard, how much, for how long.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::session::processes::{self, Process};
use crate::session::tools::desk::{Called, Desk};
use crate::session::tools::protocol::{Answer, MAX_REQUEST, parse};

/// Connections heard at once; more wait.
const AT_ONCE: usize = 16;
/// How long a client may take to ask, and to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nobody is heard after someone who may not ask.
const DEAF: Duration = Duration::from_millis(10);
/// Longest way up to the host that is looked at.
const MAX_DEPTH: u32 = 1_000;

/// A socket that is listened at.
#[derive(Debug)]
pub(in crate::session) struct Socket {
    path: PathBuf,
    listening: JoinHandle<()>,
    close: oneshot::Sender<()>,
}

impl Socket {
    /// Listens at this path, in a folder that is there and nobody else's.
    pub(in crate::session) fn open(path: &Path, desk: Desk, called: UnboundedSender<Called>) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let (close, closed) = oneshot::channel();
        let listening = tokio::spawn(listen(listener, (Arc::new(desk), called), closed));
        Ok(Self { path: path.to_owned(), listening, close })
    }

    /// Takes it away, and ends what is under way.
    pub(in crate::session) async fn close(self) {
        let _gone_already = fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent() {
            // Whoever made it removes what else is there.
            let _not_empty = fs::remove_dir(folder);
        }
        let _ended_already = self.close.send(());
        let _all_is_told = self.listening.await;
    }
}

async fn listen(
    listener: UnixListener,
    (desk, called): (Arc<Desk>, UnboundedSender<Called>),
    mut closed: oneshot::Receiver<()>,
) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut talks = JoinSet::new();
    while desk.has_calls_left() {
        let next = async {
            let seat = Arc::clone(&room).acquire_owned().await.ok()?;
            match listener.accept().await {
                Ok((stream, _)) if is_of_session(&stream) => Some((stream, seat)),
                Ok(_) | Err(_) => {
                    sleep(DEAF).await;
                    None
                }
            }
        };
        tokio::select! {
            _ = &mut closed => return talks.shutdown().await,
            next = next => if let Some((stream, seat)) = next {
                let (desk, called) = (Arc::clone(&desk), called.clone());
                talks.spawn(async move {
                    talk(stream, &desk, &called).await;
                    drop(seat);
                });
            },
        }
        while talks.try_join_next().is_some() {}
    }
    drop(listener);
    let _asked_or_not = closed.await;
    talks.shutdown().await;
}

/// Whether the other side is a process below this host. Agents of other sessions run for the same person, and have a
/// socket of their own.
fn is_of_session(stream: &UnixStream) -> bool {
    let Some(mut pid) = stream.peer_cred().ok().and_then(|peer| peer.pid()) else { return false };
    for _ in 0..MAX_DEPTH {
        match Process::of(pid) {
            Some(process) if process.parent == processes::me() => return true,
            Some(process) if process.parent > 1 => pid = process.parent,
            Some(_) | None => return false,
        }
    }
    false
}

/// One request, one answer. A client that goes before it has it takes what it asked for along.
async fn talk(mut stream: UnixStream, desk: &Desk, called: &UnboundedSender<Called>) {
    let answer = match timeout(PATIENCE, line(&mut stream)).await {
        Ok(Ok(line)) => {
            let asked = async {
                match parse(&line) {
                    Ok(request) => desk.answer(request, called).await,
                    Err(why) => Answer::Refused(why),
                }
            };
            let Some(answer) = unless(gone(&mut stream), asked).await else { return };
            answer
        }
        Ok(Err(Some(why))) => Answer::Refused(why),
        Ok(Err(None)) | Err(_) => return,
    };
    let Ok(mut text) = serde_json::to_vec(&answer) else { return };
    text.push(b'\n');
    let told = async {
        stream.write_all(&text).await?;
        stream.shutdown().await
    };
    let _nobody_reads = timeout(PATIENCE, told).await;
}

async fn unless<T>(stop: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = stop => None,
    }
}

/// Until the other side ends, or says more than it was to say.
async fn gone(stream: &mut UnixStream) {
    let mut more = [0_u8; 1];
    let _either = stream.read(&mut more).await;
}

/// The request; or what is wrong with it, if there is anyone to tell.
async fn line(stream: &mut UnixStream) -> Result<Vec<u8>, Option<String>> {
    let mut line = Vec::new();
    let mut searched = 0;
    loop {
        let new = line.get(searched..).unwrap_or_default();
        if let Some(end) = new.iter().position(|byte: &u8| *byte == b'\n').map(|at| searched + at) {
            if end + 1 < line.len() {
                return Err(Some("one request a connection".to_owned()));
            }
            line.truncate(end);
            return Ok(line);
        }
        if line.len() > MAX_REQUEST {
            return Err(Some(format!("the request is longer than {} KiB", MAX_REQUEST >> 10)));
        }
        searched = line.len();
        match stream.read_buf(&mut line).await {
            Ok(0) | Err(_) => return Err(None),
            Ok(_) => {}
        }
    }
}
