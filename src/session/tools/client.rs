//! The other side of a session's socket: asks one thing and waits for the answer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::session::tools::protocol::{Answer, MAX_ANSWER, MAX_REQUEST, Request};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens there.
    #[error("nobody listens at `{path}`: the session has ended, or this is no process of it ({source})")]
    Unreachable {
        /// Where.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The request cannot be sent.
    #[error("the request is longer than {} KiB", MAX_REQUEST >> 10)]
    TooLong,
    /// The host said nothing, or something else than an answer.
    #[error("the session's host gave no answer: {0}")]
    NoAnswer(io::Error),
}

/// Asks, and waits as long as it takes.
pub fn call(socket: &Path, request: &Request) -> Result<Answer, CallError> {
    let mut line = serde_json::to_vec(request).map_err(|error| CallError::NoAnswer(error.into()))?;
    if line.len() > MAX_REQUEST {
        return Err(CallError::TooLong);
    }
    line.push(b'\n');
    let unreachable = |source| CallError::Unreachable { path: socket.display().to_string(), source };
    let mut stream = UnixStream::connect(socket).map_err(unreachable)?;
    stream.write_all(&line).map_err(CallError::NoAnswer)?;
    let most = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX);
    let mut answer = Vec::new();
    BufReader::new(stream).take(most).read_until(b'\n', &mut answer).map_err(CallError::NoAnswer)?;
    if answer.is_empty() {
        return Err(CallError::NoAnswer(io::ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_slice(&answer).map_err(|error| CallError::NoAnswer(error.into()))
}
