//! The agent program itself: reads its script on standard input, plays it, prints lines of JSON.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, Stdio};

use rustix::process::setsid;

use crate::agent::rehearsal::play::{Player, Verdict};
use crate::agent::rehearsal::{Line, Script};

/// The first argument that asks for a process left behind instead of a session.
pub(super) const DAEMONISE: &str = "daemonise";

/// The hidden command `rehearsal`.
pub fn main(args: &[OsString]) -> ExitCode {
    match args.split_first() {
        Some((first, command)) if first == DAEMONISE => daemonise(command),
        Some(_) => complain("takes no arguments"),
        None => match play() {
            Ok(code) => code,
            Err(error) => complain(&error.to_string()),
        },
    }
}

fn play() -> io::Result<ExitCode> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let script: Script = serde_json::from_str(&text)?;
    let mut player = Player::new(&script, io::stdout());
    player.say(&Line::Conversation { id: script.conversation.clone() })?;
    Ok(match player.play()? {
        Verdict::Completed => {
            player.say(&Line::Completed)?;
            ExitCode::SUCCESS
        }
        Verdict::Refused(why) => {
            player.say(&Line::Refused { why })?;
            ExitCode::SUCCESS
        }
        Verdict::Failed(fault, why) => {
            player.say(&Line::Failed { fault, why })?;
            ExitCode::FAILURE
        }
        Verdict::Exit(code) => ExitCode::from(code),
    })
}

/// Becomes the leader of a session of its own, starts the command there and leaves it behind, as daemons do.
#[expect(clippy::disallowed_methods, reason = "the embedded agent is a program like any other, it starts commands")]
fn daemonise(command: &[OsString]) -> ExitCode {
    let Some((program, args)) = command.split_first() else { return complain("nothing to leave behind") };
    if let Err(error) = setsid() {
        return complain(&format!("setsid: {error}"));
    }
    let started = Command::new(program).args(args).stdin(Stdio::null()).process_group(0).spawn();
    match started {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("{}: {error}", program.to_string_lossy())),
    }
}

fn complain(what: &str) -> ExitCode {
    writeln!(io::stderr(), "rehearsal: {what}").ok();
    ExitCode::FAILURE
}
