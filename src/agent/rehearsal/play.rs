//! Playing the acts of a session.

use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::SignedDuration;
use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};

use crate::agent::Judges;
use crate::agent::rehearsal::files::{self, Mode};
use crate::agent::rehearsal::program::DAEMONISE;
use crate::agent::rehearsal::{Line, Script};
use crate::amount::{Cost, TokenUse, Usage, Usd};
use crate::kernel::event::SessionKind;
use crate::kernel::fact::{Fault, Reset};
use crate::mission::field::shape::Shape;
use crate::mission::model::Permissions;
use crate::name::TaskId;
use crate::plan::scenario::{Act, ScriptedFailure, ScriptedKind, ScriptedSession, ScriptedUse, fits};

/// How a play ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Completed,
    Refused(String),
    Failed(Fault, String),
    Exit(u8),
}

/// Plays one session. Its workspace is the working directory.
#[derive(Debug)]
pub(super) struct Player<'a, W> {
    script: &'a Script,
    out: W,
    mid_line: bool,
    handed_over: bool,
    told_use: bool,
}

impl<'a, W: Write> Player<'a, W> {
    pub(super) fn new(script: &'a Script, out: W) -> Self {
        Self { script, out, mid_line: false, handed_over: false, told_use: false }
    }

    /// Prints one line of the stream.
    pub(super) fn say(&mut self, line: &Line) -> io::Result<()> {
        if self.mid_line {
            self.mid_line = false;
            self.out.write_all(b"\n")?;
        }
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.out.write_all(&text)?;
        self.out.flush()
    }

    /// Plays the first scripted session that fits, else the default play.
    pub(super) fn play(&mut self) -> io::Result<Verdict> {
        let key = &self.script.key;
        let wanted = match self.script.kind {
            SessionKind::Work => ScriptedKind::Work,
            SessionKind::Review => ScriptedKind::Review,
        };
        let scripted = self.script.scenario.iter().flat_map(|scenario| &scenario.sessions).find(|session| {
            let ScriptedSession { task, kind, attempt, round, session, play: _ } = session;
            task.as_ref().is_none_or(|task| fits(task, &key.task))
                && *kind == wanted
                && attempt.is_none_or(|attempt| attempt == key.attempt.get())
                && round.is_none_or(|round| round == key.round.get())
                && session.is_none_or(|session| session == key.session.get())
        });
        match scripted {
            Some(session) => {
                for act in &session.play {
                    if let Some(verdict) = self.act(act)? {
                        return Ok(verdict);
                    }
                }
            }
            None => self.default_play()?,
        }
        if !self.told_use {
            let Usage { tokens, cost } = Usage::NONE;
            self.say(&Line::Use { tokens: tokens.unwrap_or_default(), cost })?;
        }
        if !self.handed_over {
            self.hand_over(&default_handoff(self.script))?;
        }
        Ok(Verdict::Completed)
    }

    /// Writes one small file where the task may, and says so.
    fn default_play(&mut self) -> io::Result<()> {
        let key = &self.script.key;
        self.say(&Line::Message { text: format!("Rehearsing `{}`: no model is asked.", key.task) })?;
        if self.script.permissions == Permissions::Read {
            return Ok(());
        }
        let Some(path) = files::default_path(&key.task, self.script.touches.as_deref()) else { return Ok(()) };
        let text = format!("Rehearsal of `{}`: attempt {}, round {}.\n", key.task, key.attempt, key.round);
        self.write(&path, &text, Mode::Append)
    }

    fn act(&mut self, act: &Act) -> io::Result<Option<Verdict>> {
        let Act { write, append, text, delete, run, say, progress, usage, .. } = act;
        let text = text.as_deref().unwrap_or_default();
        if let Some(path) = write {
            self.write(path, text, Mode::Whole)?;
        }
        if let Some(path) = append {
            self.write(path, text, Mode::Append)?;
        }
        if let Some(path) = delete {
            self.tool(&format!("delete {path}"), |player| player.may_edit().and_then(|()| files::delete(path)))?;
        }
        if let Some(argv) = run {
            self.tool(&format!("run {}", argv.join(" ")), |_| run_command(argv))?;
        }
        if let Some(text) = say {
            self.say(&Line::Message { text: text.clone() })?;
        }
        if let Some(text) = progress {
            self.say(&Line::Progress { text: text.clone() })?;
        }
        if let Some(usage) = usage {
            self.told_use = true;
            self.say(&line_of_use(usage))?;
        }
        self.act_badly(act)
    }

    /// The acts that sessions should not need.
    fn act_badly(&mut self, act: &Act) -> io::Result<Option<Verdict>> {
        let Act { sleep, flood, daemonise, ignore_term, hang, retrying, exit, hand_over, .. } = act;
        if let Some((fault, why)) = retrying.and_then(|failure| fault(act, failure)) {
            self.say(&Line::Retrying { fault, why })?;
        }
        if let Some(length) = sleep {
            wait(length)?;
        }
        if let Some(bytes) = flood {
            self.flood(*bytes)?;
        }
        if let Some(argv) = daemonise {
            let mut whole = vec![self.script.executable.to_string_lossy().into_owned()];
            whole.extend(["rehearsal".to_owned(), DAEMONISE.to_owned()]);
            whole.extend(argv.iter().cloned());
            self.tool(&format!("leave behind {}", argv.join(" ")), |_| run_command(&whole))?;
        }
        if *ignore_term == Some(true) {
            for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
                signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
            }
        }
        if *hang == Some(true) {
            for_ever();
        }
        if let Some(value) = hand_over {
            self.hand_over(value)?;
        }
        match act.fail {
            Some(failure) => fail(act, failure).map(Some),
            None => Ok(exit.map(|code| Verdict::Exit(u8::try_from(code).unwrap_or(u8::MAX)))),
        }
    }

    fn write(&mut self, path: &str, text: &str, mode: Mode) -> io::Result<()> {
        self.tool(&format!("write {path}"), |player| player.may_edit().and_then(|()| files::write(path, text, mode)))
    }

    fn may_edit(&self) -> Result<(), String> {
        match self.script.permissions {
            Permissions::Read => Err("this task may only read".to_owned()),
            Permissions::Edit | Permissions::Full => Ok(()),
        }
    }

    /// Does something as a tool call. What it is refused is told as denied.
    fn tool(&mut self, name: &str, run: impl FnOnce(&Self) -> Result<(), String>) -> io::Result<()> {
        self.say(&Line::Tool { name: name.to_owned() })?;
        let result = run(self);
        if let Err(why) = &result {
            self.say(&Line::Denied { what: format!("{name}: {why}") })?;
        }
        let result = result.map_or_else(|why| why, |()| "ok".to_owned());
        self.say(&Line::ToolDone { name: name.to_owned(), result })
    }

    fn flood(&mut self, bytes: u64) -> io::Result<()> {
        let block = [b'x'; 8 << 10];
        let mut left = bytes;
        while left > 0 {
            let next = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            self.out.write_all(block.get(..next).unwrap_or_default())?;
            left = left.saturating_sub(u64::try_from(next).unwrap_or(u64::MAX));
        }
        self.mid_line = true;
        self.out.flush()
    }

    fn hand_over(&mut self, handoff: &Value) -> io::Result<()> {
        self.handed_over = true;
        let path = &self.script.handoff_out;
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(path, serde_json::to_vec_pretty(handoff)?)
    }
}

/// The end that the scenario asks for.
fn fail(act: &Act, failure: ScriptedFailure) -> io::Result<Verdict> {
    if failure == ScriptedFailure::Crash {
        kill_process(getpid(), Signal::KILL)?;
        for_ever()
    }
    Ok(match fault(act, failure) {
        Some((fault, why)) => Verdict::Failed(fault, why),
        None => Verdict::Refused(said(act)),
    })
}

/// What of the agent fails; nothing where it declines, or crashes.
fn fault(act: &Act, failure: ScriptedFailure) -> Option<(Fault, String)> {
    let fault = match failure {
        ScriptedFailure::Crash | ScriptedFailure::Refuse => return None,
        ScriptedFailure::Transient => Fault::Transient,
        ScriptedFailure::Limited => Fault::Limited { reset: reset(act) },
        ScriptedFailure::Misconfigured => Fault::Misconfigured,
        ScriptedFailure::OutOfBudget => Fault::OutOfBudget,
        ScriptedFailure::OutOfTurns => Fault::OutOfTurns,
        ScriptedFailure::OutOfContext => Fault::OutOfContext,
    };
    Some((fault, said(act)))
}

fn said(act: &Act) -> String {
    act.why.clone().unwrap_or_else(|| "the scenario says so".to_owned())
}

fn reset(act: &Act) -> Reset {
    let wait = act.wait.as_ref().and_then(|wait| wait.parse::<SignedDuration>().ok());
    let wait = wait.and_then(|wait| Duration::try_from(wait).ok());
    wait.map_or(Reset::Untold, |wait| Reset::After { wait: wait.into() })
}

/// What a session hands over that was told nothing of it.
fn default_handoff(script: &Script) -> Value {
    let outputs: IndexMap<&str, Value> =
        script.outputs.iter().map(|(id, shape)| (id.as_str(), sample(shape, &script.key.task))).collect();
    let mut handoff = json!({ "status": "done", "summary": format!("Rehearsed `{}`.", script.key.task) });
    if let (false, Some(handoff)) = (outputs.is_empty(), handoff.as_object_mut()) {
        handoff.insert("outputs".to_owned(), json!(outputs));
    }
    if let (Judges::Yes, Some(handoff)) = (script.judges, handoff.as_object_mut()) {
        handoff.insert("verdict".to_owned(), json!("approve"));
    }
    handoff
}

/// A small valid value: lists have one element, text is a word that is also a path.
fn sample(shape: &Shape, task: &TaskId) -> Value {
    match shape {
        Shape::String => json!(task.as_str()),
        Shape::Integer | Shape::Number => json!(1),
        Shape::Boolean => json!(true),
        Shape::Object => json!({}),
        Shape::List(element) => json!([sample(element, task)]),
        Shape::Record(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), sample(&field.shape, task))).collect()
        }
        Shape::Schema(schema) => sample_of_schema(schema, task),
    }
}

/// The same for the common part of JSON Schema: what more it asks, a scenario has to give.
fn sample_of_schema(schema: &Value, task: &TaskId) -> Value {
    let first = |key: &str| schema.get(key).and_then(|values| values.get(0)).cloned();
    if let Some(value) = schema.get("const").cloned().or_else(|| first("enum")).or_else(|| first("examples")) {
        return value;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => schema.get("items").map_or(json!([]), |items| json!([sample_of_schema(items, task)])),
        Some("object") => schema.get("properties").and_then(Value::as_object).map_or(json!({}), |properties| {
            properties.iter().map(|(name, schema)| (name.clone(), sample_of_schema(schema, task))).collect()
        }),
        Some(_) | None => json!(task.as_str()),
    }
}

fn line_of_use(scripted: &ScriptedUse) -> Line {
    let ScriptedUse { input, output, reasoning, cache_write, cache_read, usd } = *scripted;
    let cost = usd.and_then(Usd::from_dollars).map_or(Cost::Unknown, Cost::Reported);
    Line::Use { tokens: TokenUse { input, output, reasoning, cache_write, cache_read }, cost }
}

/// Runs a command to its end. Its output is kept apart from the stream, on standard error.
#[expect(clippy::disallowed_methods, reason = "the embedded agent is a program like any other, it starts commands")]
fn run_command(argv: &[String]) -> Result<(), String> {
    let Some((program, args)) = argv.split_first() else { return Err("no command".to_owned()) };
    let status = Command::new(program).args(args).stdin(Stdio::null()).stdout(io::stderr()).status();
    match status {
        // A command that fails is something an agent sees and goes on from.
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn wait(length: &str) -> io::Result<()> {
    let parsed: Result<SignedDuration, _> = length.parse();
    let length = parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    #[expect(clippy::disallowed_methods, reason = "a session that sleeps is what the scenario asked for")]
    std::thread::sleep(Duration::try_from(length).unwrap_or_default());
    Ok(())
}

fn for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::sample;
    use crate::mission::field::shape::{Field, Shape};
    use crate::name::TaskId;

    #[test]
    fn samples_fit_their_shapes() {
        let task = TaskId::parse("plan_it").unwrap();
        let record = Shape::Record(
            [("name", Shape::String), ("tries", Shape::Integer)]
                .map(|(name, shape)| (name.to_owned(), Field { shape, optional: false }))
                .into_iter()
                .collect(),
        );
        assert_eq!(sample(&Shape::List(Box::new(record)), &task), json!([{ "name": "plan_it", "tries": 1 }]));
        let schema =
            json!({ "type": "object", "properties": { "a": { "enum": ["x", "y"] }, "b": { "type": "array" } } });
        assert_eq!(sample(&Shape::Schema(schema), &task), json!({ "a": "x", "b": [] }));
    }
}
