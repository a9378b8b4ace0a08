//! A skill's handler, run in the session's workspace with the session's environment and sandbox.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::agent::tools::SkillTool;
use crate::agent::{SessionSpec, environment};
use crate::amount::Millis;
use crate::mask::Mask;
use crate::plan::SkillHandler;
use crate::session::tools::protocol::Ran;
use crate::session::{processes, safe, sandbox};

/// How much of each stream is kept: its end.
const KEPT: usize = 64 << 10;
/// Longest parameters that go into a variable too; the system refuses little more.
const MAX_VARIABLE: usize = 100_000;
/// How long a handler whose time is over may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long the pipes of an ended handler are read.
const DRAIN: Duration = Duration::from_secs(1);

/// Runs it to its end, or to the end of its time. What is given up half-way is ended with all that it began.
pub(super) async fn run(
    spec: &SessionSpec,
    skill: &SkillTool,
    handler: &SkillHandler,
    parameters: &Map<String, Value>,
) -> Result<Ran, String> {
    let began = Instant::now();
    let given = Value::Object(parameters.clone()).to_string();
    let folder = lay_out(spec, skill).map_err(|error| format!("the skill's files: {error}"))?;
    let child = spawn(spec, (skill, handler), (&folder, &given), parameters)
        .map_err(|error| format!("`{}` could not be started: {error}", handler.command.join(" ")))?;
    let mut reins = Reins::of(child);
    let (mut out, mut err) = (Kept::default(), Kept::default());
    let (stdout, stderr) = (reins.child.stdout.take(), reins.child.stderr.take());
    let stdin = reins.child.stdin.take();
    let streams = async {
        let feeding = async {
            if let Some(mut stdin) = stdin {
                let _it_reads_as_much_as_it_wants = stdin.write_all(given.as_bytes()).await;
            }
        };
        tokio::join!(out.read(stdout), err.read(stderr), feeding);
    };
    let (status, whole) = until_end(&mut reins, began + handler.timeout.to_duration(), Box::pin(streams)).await?;
    let exit = status.and_then(|status| status.code().or_else(|| status.signal().map(|signal| 128 + signal)));
    let (stdout, mut stderr) = (out.text(&spec.mask), err.text(&spec.mask));
    if exit != Some(0) && spec.tools.writable.is_some() {
        sandbox::explain(&mut stderr);
    }
    let truncated = out.cut || err.cut || !whole;
    let duration_ms = Millis::from(began.elapsed()).0;
    Ok(Ran { exit, timed_out: status.is_none(), stdout, stderr, truncated, duration_ms })
}

/// Its end, `None` where its time was over first; and whether its pipes were read to theirs.
async fn until_end(
    reins: &mut Reins,
    until: Instant,
    mut streams: impl Future<Output = ()> + Unpin,
) -> Result<(Option<ExitStatus>, bool), String> {
    let mut whole = false;
    let status = loop {
        tokio::select! {
            status = reins.child.wait() => break Some(status.map_err(|error| error.to_string())?),
            () = &mut streams, if !whole => whole = true,
            () = sleep_until(until) => {
                reins.end().await;
                break None;
            }
        }
    };
    // Its group goes while the number is most likely still its own.
    reins.kill();
    whole = whole || timeout_at(Instant::now() + DRAIN, streams).await.is_ok();
    Ok((status, whole))
}

/// Writes the skill's files where the agent cannot have changed them.
fn lay_out(spec: &SessionSpec, skill: &SkillTool) -> io::Result<PathBuf> {
    let folder = spec.scratch.join("skills").join(skill.name.as_str());
    for file in &skill.files {
        let path = Path::new(&file.path);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(io::Error::other(format!("`{}` leads out of the skill's folder", file.path)));
        }
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        // Another call may be running what is there.
        let bytes = file.bytes();
        if fs::read(&path).ok().as_deref() != Some(bytes.as_slice()) {
            fs::write(&path, bytes)?;
        }
        let mode = if file.executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn spawn(
    spec: &SessionSpec,
    (skill, handler): (&SkillTool, &SkillHandler),
    (folder, given): (&Path, &str),
    parameters: &Map<String, Value>,
) -> io::Result<Child> {
    let mut argv = handler.command.iter().map(|part| match part.strip_prefix("./") {
        Some(own) => folder.join(own).into_os_string(),
        None => part.into(),
    });
    let program = argv.next().ok_or_else(|| io::Error::other("it names no program"))?;
    let mut command = Command::new(program);
    command
        .args(argv)
        .envs(environment(spec))
        .env("AI_SDLC_SKILL", skill.name.as_str())
        .env("AI_SDLC_SKILL_DIR", folder)
        .current_dir(&spec.path)
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.envs(variables(parameters));
    if given.len() <= MAX_VARIABLE {
        command.env("AI_SDLC_PARAMETERS", given);
    }
    let Some(writable) = &spec.tools.writable else { return command.spawn() };
    let runtime = Handle::current();
    sandbox::confined(writable, move || {
        let _known_here = runtime.enter();
        command.spawn()
    })
}

/// Parameters that a shell can read: those of one value, by name.
fn variables(parameters: &Map<String, Value>) -> impl Iterator<Item = (String, String)> {
    parameters.iter().filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(yes) => yes.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let fits = text.len() <= MAX_VARIABLE && !text.contains('\0') && name.len() <= 100;
        fits.then(|| (format!("AI_SDLC_PARAM_{}", name.chars().map(upper).collect::<String>()), text))
    })
}

/// A handler that runs, and all below it: nothing of it outlives this.
struct Reins {
    child: Child,
    pid: i32,
}

impl Reins {
    fn of(child: Child) -> Self {
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0);
        Self { child, pid }
    }

    /// Ends it, gently first. What it put into other groups loses its parent by that, and is ended all the same.
    async fn end(&mut self) {
        let before = processes::below(&[self.pid], &processes::all());
        processes::signal_group(self.pid, Signal::TERM);
        if timeout(GRACE, self.child.wait()).await.is_err() {
            self.kill();
            let _its_end_is_known = self.child.wait().await;
        }
        let mine = processes::below(&[processes::me()], &processes::all());
        for process in mine.iter().filter(|process| before.iter().any(|one| one.pid == process.pid)) {
            process.kill();
        }
    }

    /// Ends all of it at once.
    fn kill(&self) {
        if self.pid > 1 {
            for process in processes::below(&[self.pid], &processes::all()) {
                process.kill();
            }
            processes::signal_group(self.pid, Signal::KILL);
        }
    }
}

impl Drop for Reins {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.kill();
        }
    }
}

/// The end of a stream.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Kept {
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = vec![0; 32 << 10];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            self.bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
            // Twice as much stays in memory, so that a secret on the edge is still whole when it is looked for.
            let surplus = self.bytes.len().saturating_sub(2 * KEPT);
            if surplus > 0 {
                self.cut = true;
                self.bytes.drain(..surplus);
            }
        }
    }

    fn text(&mut self, mask: &Mask) -> String {
        let text = String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned();
        let masked = mask.text(&text);
        let safe = safe::safe_text(masked.as_bytes());
        let kept = crate::agent::last(&safe, KEPT);
        self.cut |= kept.len() < safe.len();
        kept.to_owned()
    }
}
