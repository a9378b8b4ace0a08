//! Orders from the engine, on standard input.

use std::io;
use std::os::fd::AsFd as _;

use tokio::net::unix::pipe::Receiver;

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A line.
    Line(String),
    /// Whoever gave orders is gone.
    End,
}

/// Standard input, line by line.
#[derive(Debug)]
pub(super) struct Orders {
    pipe: Receiver,
    bytes: Vec<u8>,
    searched: usize,
}

impl Orders {
    /// Takes standard input, which must be a pipe.
    pub(super) fn on_stdin() -> io::Result<Self> {
        let pipe = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
        Ok(Self { pipe, bytes: Vec::new(), searched: 0 })
    }

    /// The next line. Nothing is lost when this is given up while it waits.
    pub(super) async fn next(&mut self) -> Heard {
        loop {
            if let Some(line) = self.take_line() {
                return Heard::Line(line);
            }
            if self.pipe.readable().await.is_err() {
                return Heard::End;
            }
            match self.pipe.try_read_buf(&mut self.bytes) {
                Ok(0) => return Heard::End,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Heard::End,
            }
        }
    }

    fn take_line(&mut self) -> Option<String> {
        let new = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(end) = new.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let line: Vec<u8> = self.bytes.drain(..=self.searched + end).collect();
        self.searched = 0;
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}
