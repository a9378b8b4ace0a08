//! The session's tools as a server of the Model Context Protocol: how a backend has its program start the shim.

use std::collections::BTreeMap;

use crate::agent::SessionSpec;

/// The name under which an agent sees the server; its tools are called by it.
pub const SERVER: &str = "aisdlc";

/// The shim, as a backend configures it for its program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The program: this binary.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment: programs hand it little of theirs.
    pub env: BTreeMap<String, String>,
}

/// The shim of this session, where its host offers tools.
pub fn server(spec: &SessionSpec) -> Option<Server> {
    let socket = spec.socket.as_ref()?;
    Some(Server {
        command: spec.executable.to_string_lossy().into_owned(),
        args: vec!["mcp".to_owned()],
        env: BTreeMap::from([("AI_SDLC_SOCKET".to_owned(), socket.to_string_lossy().into_owned())]),
    })
}
