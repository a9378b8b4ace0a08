//! A session is one agent process. Its host, a child process of this binary, starts the agent, turns what it
//! prints into facts and takes its handoff. It knows nothing of the DAG.

pub mod host;
pub mod lines;
pub mod mark;
pub mod output;
pub mod processes;
pub mod protocol;
pub mod safe;
pub mod sandbox;
pub mod tools;
