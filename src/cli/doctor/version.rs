//! Asks programs for their version, with a limit of time, of output and of what they are told.

#![expect(clippy::disallowed_methods, reason = "a program is asked for its version; no run is there to own it")]

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::cli::Context;
use crate::cli::doctor::agents::Versions;
use crate::driver::environment;
use crate::report::{Look, shorten};

/// How long a program may take.
const LIMIT: Duration = Duration::from_secs(3);

/// How much it may print, in bytes.
const MOST: u64 = 4096;

/// How much of it is shown, in columns.
const COLUMNS: usize = 60;

/// All at once.
pub(super) fn of_all(programs: Vec<PathBuf>, context: &Context) -> Versions {
    let env: Vec<(String, String)> = environment::base(context.environment.pairs(), &[]).into_iter().collect();
    let env = &env;
    thread::scope(|scope| {
        let asked: Vec<_> = programs.into_iter().map(|path| scope.spawn(move || (of(&path, env), path))).collect();
        let answers = asked.into_iter().filter_map(|answer| answer.join().ok());
        answers.filter_map(|(version, path)| Some((path, version?))).collect()
    })
}

/// The first line that a program prints when it is asked.
fn of(program: &Path, env: &[(String, String)]) -> Option<String> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().envs(env.iter().cloned()).current_dir("/").process_group(0);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut pipe = child.stdout.take()?.take(MOST);
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut text = Vec::new();
        // What was read before an error is as good as what was read.
        pipe.read_to_end(&mut text).ok();
        tell.send(text).ok();
    });
    let text = told.recv_timeout(LIMIT).unwrap_or_default();
    // It has not been waited for, so its number is still its own.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        kill_process_group(group, Signal::KILL).ok();
    }
    child.wait().ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let first = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(shorten(first, COLUMNS, Look::default()))
}
