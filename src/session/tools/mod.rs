//! The tools of a session: what its agent may ask of its host while it works, over a Unix socket.
//!
//! [`protocol`] is what is said there, [`client`] says it (for `ai-sdlc tool` and the MCP server), the host answers. The
//! agent is not trusted: all of it is bounded, only processes of the session are heard, and nothing can be had that the
//! session was not given. Nothing depends on any of it: files in the workspace do the same.

pub mod client;
pub(in crate::session) mod desk;
pub mod protocol;
mod skill;
pub(in crate::session) mod socket;
