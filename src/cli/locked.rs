//! What people are told of locks: who has what they want, since when, and what to do; who died and left one.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::amount::{Millis, WallTime};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::journal::lock::{Holder, InTheWay, Life};
use crate::report::plural;

/// Now, and the zone in which the person's clock runs.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// Now.
    pub(super) now: WallTime,
    /// The zone.
    pub(super) zone: TimeZone,
}

impl Clock {
    /// `12:04, 3 minutes ago`; with the day where it is another.
    fn since(&self, at: WallTime) -> String {
        let (Ok(then), Ok(now)) = (Timestamp::from_millisecond(at.0), Timestamp::from_millisecond(self.now.0)) else {
            return at.to_string();
        };
        let (then, today) = (then.to_zoned(self.zone.clone()), now.to_zoned(self.zone.clone()));
        let shape = if then.date() == today.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        let clock = then.strftime(shape).to_string();
        // A clock that was set back says nothing of how long it has been.
        if at > self.now { clock } else { format!("{clock}, {} ago", long(self.now.since(at))) }
    }
}

fn long(time: Millis) -> String {
    let minutes = usize::try_from(time.0 / 60_000).unwrap_or(usize::MAX);
    match minutes {
        0 => "less than a minute".to_owned(),
        1..60 => plural(minutes, "minute"),
        60..2_880 => plural(minutes / 60, "hour"),
        _ => plural(minutes / 1_440, "day"),
    }
}

/// `run 7kf… of web-app, process 4242 on my-host, since 12:04, 3 minutes ago`
pub(super) fn who(holder: &Holder, clock: &Clock) -> String {
    let Holder { run, mission, pid, host, since, .. } = holder;
    let mission = mission.as_ref().map(|mission| format!(" of {mission}")).unwrap_or_default();
    format!("run {run}{mission}, process {pid} on {host}, since {}", clock.since(*since))
}

/// What is worth knowing of a holder's process beside that it is there.
fn movement(holder: &Holder) -> Option<String> {
    let Holder { pid, host, .. } = holder;
    match holder.life() {
        Life::Alive | Life::Dead => None,
        Life::Stopped => Some(format!("that process is stopped and does not move: `kill -CONT {pid}` lets it go on")),
        Life::Unseen => Some(format!(
            "whether that process moves cannot be seen from here: it is on `{host}`, or in another container"
        )),
    }
}

/// Whether a person could go on beside those who are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force {
    /// With `--force`.
    Possible,
    /// They cannot: one engine a run, or nobody can be asked by this command.
    Impossible,
}

/// The refusal; `here` is the directory in which the person's commands are typed.
pub(super) fn refused(by: &InTheWay, here: &Path, force: Force, clock: &Clock) -> Failure {
    let failure = Failure::new(Exit::Locked, "journal::locked", by.what.clone());
    let Some(holder) = &by.holder else {
        return failure.help("`ai-sdlc run list` shows which run is live; wait for it, or abort it");
    };
    let elsewhere = by.directory.as_deref().filter(|directory| !here.starts_with(directory));
    let there = elsewhere.map(|directory| format!(" -C {}", quoted(directory))).unwrap_or_default();
    let run = &holder.run;
    let mut help = vec![
        format!("wait until it has ended: `ai-sdlc{there} run show {run}` shows how far it is"),
        format!("or stop it: `ai-sdlc{there} run abort {run}`"),
    ];
    if force == Force::Possible {
        help.push("or go on beside it: `--force`, which asks first".to_owned());
    }
    let causes = [format!("it is held by {}", who(holder, clock))].into_iter().chain(movement(holder));
    failure.because_of(causes).help(help.join("\n"))
}

/// What it means to go on beside somebody.
pub(super) fn beside(by: &InTheWay, clock: &Clock) -> String {
    let held = by.holder.as_ref().map(|holder| format!(" ({})", who(holder, clock))).unwrap_or_default();
    let movement = by.holder.as_ref().and_then(movement).map(|more| format!("\n  {more}")).unwrap_or_default();
    format!("warning: {}{held}{movement}\n", by.what)
}

/// What comes of two at one branch or in one directory.
pub(super) const MEANING: &str = "  A branch is moved only from where it was last seen: what the other run delivers first is merged and checked\n  again here, and nothing of it is overwritten; conflicts between the two are left to you. Files of a directory that\n  both change are not kept apart: there the one that writes last wins.";

/// Who died and left a lock that is ours now; `of` is the run that goes on.
pub(super) fn taken_over(dead: &Holder, own: Own, clock: &Clock) -> String {
    let told = who(dead, clock);
    let run = &dead.run;
    match (dead.life(), own) {
        (Life::Unseen, _) => {
            let host = &dead.host;
            format!(
                "warning: taken over from {told}\n  It let go of its lock without a word. Whether its process still runs on `{host}` cannot be seen from here: see to it that it does not."
            )
        }
        (Life::Alive | Life::Stopped | Life::Dead, Own::Yes) => {
            format!(
                "warning: the engine that drove this run died: {told}\n  Its lock is taken over; what it left running is ended first."
            )
        }
        (Life::Alive | Life::Stopped | Life::Dead, Own::No) => {
            format!(
                "warning: the lock is taken over from a run that died: {told}\n  Nothing of it is lost: once this one has ended, `ai-sdlc run resume {run}` goes on with it."
            )
        }
    }
}

/// Whether a dead engine drove the very run that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// It did.
    Yes,
    /// It drove another.
    No,
}

/// A path as it is typed into a shell.
pub(super) fn quoted(path: &Path) -> String {
    let shown = path.to_string_lossy();
    shlex::try_quote(&shown).unwrap_or_else(|_| shown.clone()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{MissionName, RunId};

    fn clock(minutes: i64) -> Clock {
        let now = WallTime(1_795_262_650_000 + minutes * 60_000);
        Clock { now, zone: TimeZone::UTC }
    }

    fn holder() -> Holder {
        let run = RunId::parse("bcdfghjk").unwrap();
        let mission = Some(MissionName::parse("web-app").unwrap());
        let (boot, host) = ("b".to_owned(), "far".to_owned());
        Holder { run, mission, pid: 4242, ticks: 1, boot, host, since: WallTime(1_795_262_650_000) }
    }

    #[test]
    fn times_are_told_as_people_tell_them() {
        let since = WallTime(1_795_262_650_000);
        let told: Vec<String> = [-5, 0, 1, 3, 59, 61, 1_439, 4_320].iter().map(|m| clock(*m).since(since)).collect();
        let expected = [
            "12:04",
            "12:04, less than a minute ago",
            "12:04, 1 minute ago",
            "12:04, 3 minutes ago",
            "12:04, 59 minutes ago",
            "12:04, 1 hour ago",
            "2026-11-21 12:04, 23 hours ago",
            "2026-11-21 12:04, 3 days ago",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_refusal_says_who_since_when_and_what_to_do() {
        let what = "branch `main` is what run bcdfghjk delivers to".to_owned();
        let directory = Some("/my project".into());
        let by = InTheWay { what, holder: Some(holder()), directory };
        let told = [Path::new("/elsewhere"), Path::new("/my project/src")]
            .map(|here| refused(&by, here, Force::Possible, &clock(3)).text(crate::report::Look::default()));
        let held = "  why: it is held by run bcdfghjk of web-app, process 4242 on far, since 12:04, 3 minutes ago";
        for text in &told {
            assert!(
                text.starts_with("error[journal::locked]: branch `main` is what run bcdfghjk delivers to\n"),
                "{text}"
            );
            assert!(text.contains(held) && text.contains("`--force`"), "{text}");
            assert!(text.contains("it is on `far`, or in another container"), "{text}");
        }
        assert!(told[0].contains("`ai-sdlc -C '/my project' run abort bcdfghjk`"), "{}", told[0]);
        assert!(told[1].contains("`ai-sdlc run abort bcdfghjk`"), "{}", told[1]);
    }
}
