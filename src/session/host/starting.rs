//! How an agent's program is started, and what it is given.

use std::fs;
use std::io;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::agent::{Invocation, SessionSpec, Stdin};
use crate::session::host::exchange;
use crate::session::sandbox;

/// Makes the folders, writes the files the agent is given, and removes what an earlier session left to hand over.
pub(super) fn prepare(spec: &SessionSpec, invocation: &Invocation) -> io::Result<()> {
    fs::create_dir_all(&spec.scratch)?;
    for path in [&spec.handoff_out, &spec.outputs_file] {
        let no_file = || io::Error::other(format!("`{}` is no file", path.display()));
        let (exchange, name) = exchange(spec, path).zip(path.file_name()).ok_or_else(no_file)?;
        exchange.remove(&name.to_string_lossy()).map_err(io::Error::other)?;
    }
    for (path, text) in &invocation.files {
        fs::write(path, text)?;
    }
    Ok(())
}

/// In a group of its own, so that a signal reaches what it started; below this host, so that all of it is found.
pub(super) fn spawn(spec: &SessionSpec, invocation: &Invocation) -> io::Result<Child> {
    let stdin = match invocation.stdin {
        Stdin::Null => Stdio::null(),
        Stdin::Text(_) | Stdin::Open(_) => Stdio::piped(),
    };
    let mut command = Command::new(&invocation.program);
    command
        .args(&invocation.args)
        .envs(&invocation.env)
        .current_dir(&spec.path)
        .process_group(0)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let Some(writable) = &spec.writable else { return command.spawn() };
    let runtime = Handle::current();
    sandbox::confined(writable, move || {
        let _known_here = runtime.enter();
        command.spawn()
    })
}

/// Writes its input beside everything else: it may read late, or never. Gives what takes the rest of it, where there
/// is to be more.
pub(super) fn feed(child: &mut Child, stdin: Stdin) -> Option<UnboundedSender<String>> {
    let mut pipe = child.stdin.take()?;
    let (text, open) = match stdin {
        Stdin::Null => return None,
        Stdin::Text(text) => (text, None),
        Stdin::Open(text) => (text, Some(unbounded_channel::<String>())),
    };
    let (more, mut rest) = open.unzip();
    tokio::spawn(async move {
        let mut written = pipe.write_all(text.as_bytes()).await;
        if let Some(rest) = &mut rest {
            while let (Ok(()), Some(line)) = (&written, rest.recv().await) {
                written = pipe.write_all(line.as_bytes()).await;
            }
        }
    });
    more
}
