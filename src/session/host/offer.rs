//! The tools that the host offers its agent, where there is a place for their socket.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::agent::SessionSpec;
use crate::session::tools::desk::{Called, Desk, Running};
use crate::session::tools::socket::Socket;

/// What is offered, and what is heard of it.
#[derive(Debug, Default)]
pub(super) struct Offer {
    socket: Option<Socket>,
    called: Option<UnboundedReceiver<Called>>,
    pub(super) running: Running,
}

impl Offer {
    /// Opens the socket. Without it a session works as well, and is not told of any.
    pub(super) fn open(spec: &mut SessionSpec) -> (Self, Option<io::Error>) {
        let Some(path) = spec.socket.clone() else { return (Self::default(), None) };
        let running = Running::default();
        let (tell, called) = unbounded_channel();
        let desk = Desk::new(Arc::new(spec.clone()), running.clone());
        match Socket::open(&path, desk, tell) {
            Ok(socket) => (Self { socket: Some(socket), called: Some(called), running }, None),
            Err(error) => {
                spec.socket = None;
                (Self::default(), Some(error))
            }
        }
    }

    /// The next call; for ever, where there are none.
    pub(super) async fn next(&mut self) -> Called {
        let Some(called) = &mut self.called else { return std::future::pending().await };
        match called.recv().await {
            Some(called) => called,
            None => std::future::pending().await,
        }
    }

    /// Takes the socket away, ends what is under way, and gives what was called and not heard yet.
    pub(super) async fn close(&mut self) -> Vec<Called> {
        if let Some(socket) = self.socket.take() {
            socket.close().await;
        }
        let mut left = Vec::new();
        while let Some(Ok(called)) = self.called.as_mut().map(UnboundedReceiver::try_recv) {
            left.push(called);
        }
        left
    }
}
