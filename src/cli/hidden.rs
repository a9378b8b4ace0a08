//! Commands that only this program itself starts: the guard, the host of a session, the embedded agent,
//! the engine in the background, the server of a session's tools.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::{detach, environment, mcp, tool};
use crate::{agent, driver, session};

/// Runs the hidden command that these arguments (without the program's name) name; `None` if they name none.
pub fn hidden(args: &[OsString]) -> Option<ExitCode> {
    let (name, rest) = args.split_first()?;
    match name.to_str()? {
        "guard" if rest.is_empty() => Some(driver::guard::main()),
        detach::ENGINE => Some(detach::main(Path::new(rest.first()?))),
        "session" if rest.is_empty() => Some(session::host::main()),
        "mcp" if rest.is_empty() => Some(mcp::main(environment::named(tool::SOCKET).as_deref())),
        "rehearsal" => Some(agent::rehearsal::main(rest)),
        _ => None,
    }
}
