//! Plays what real programs printed, as it is kept in `tests/fixtures/agents`, to a reader.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{Exit, Reader, Said, Stream};
use crate::amount::{Cost, TokenUse};
use crate::kernel::fact::{EndKind, Fault, Reset};

/// A transcript that was played.
pub(super) struct Played {
    pub(super) said: Vec<Said>,
    pub(super) stream: Stream,
    pub(super) end: EndKind,
}

impl Played {
    /// All that was used, and what of its cost is known, in micro-dollars.
    pub(super) fn used(&self) -> (TokenUse, u64) {
        let mut sum = (TokenUse::default(), 0);
        for said in &self.said {
            if let Said::Used(usage) = said {
                sum.0 = sum.0 + usage.tokens.unwrap_or_default();
                if let Cost::Reported(usd) = usage.cost {
                    sum.1 += usd.0;
                }
            }
        }
        sum
    }

    /// What it was doing, in its words.
    pub(super) fn progress(&self) -> Vec<&str> {
        self.said
            .iter()
            .filter_map(|said| if let Said::Progress(text) = said { Some(text.as_str()) } else { None })
            .collect()
    }

    /// For what its program tried again.
    pub(super) fn retried(&self) -> Vec<Fault> {
        self.said
            .iter()
            .filter_map(|said| if let Said::Retrying(fault, _) = said { Some(*fault) } else { None })
            .collect()
    }

    /// How it ended, in short.
    pub(super) fn ended(&self) -> String {
        match &self.end {
            EndKind::Completed if self.stream.denied().is_empty() => "completed".to_owned(),
            EndKind::Completed => "completed, denied".to_owned(),
            EndKind::Exited { code } => format!("exited {code}"),
            EndKind::Signalled { signal } => format!("signalled {signal}"),
            EndKind::Refused { .. } => "refused".to_owned(),
            EndKind::Failed { fault, .. } => short(*fault),
            EndKind::NotStarted { .. } | EndKind::Stopped { .. } | EndKind::Lost { .. } => format!("{:?}", self.end),
        }
    }
}

/// A fault, in short.
pub(super) fn short(fault: Fault) -> String {
    match fault {
        Fault::Transient => "transient".to_owned(),
        Fault::Limited { reset: Reset::Untold } => "limited".to_owned(),
        Fault::Limited { reset: Reset::After { wait } } => format!("limited for {wait}"),
        Fault::Limited { reset: Reset::At { wall } } => format!("limited until {wall}"),
        Fault::Misconfigured => "misconfigured".to_owned(),
        Fault::OutOfBudget => "out of budget".to_owned(),
        Fault::OutOfTurns => "out of turns".to_owned(),
        Fault::OutOfContext => "out of context".to_owned(),
    }
}

fn folder(program: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/agents").join(program)
}

/// What it printed and what it said on standard error.
pub(super) fn texts(program: &str, case: &str) -> (String, String) {
    let read = |kind: &str| fs::read_to_string(folder(program).join(format!("{case}.{kind}"))).unwrap_or_default();
    (read("ndjson"), read("stderr"))
}

/// Plays one: standard error is heard before the last line of the rest.
pub(super) fn play(program: &str, case: &str, reader: Box<dyn Reader>, exit: Exit) -> Played {
    let (out, errors) = texts(program, case);
    play_texts(&out, &errors, reader, exit)
}

pub(super) fn play_texts(out: &str, errors: &str, mut reader: Box<dyn Reader>, exit: Exit) -> Played {
    let mut lines: Vec<&str> = out.lines().collect();
    let end = lines.pop();
    let mut played = Vec::new();
    for line in lines {
        played.extend(reader.line(line));
    }
    for line in errors.lines() {
        played.extend(reader.error_line(line));
    }
    played.extend(end.map(|line| reader.line(line)).unwrap_or_default());
    let mut stream = Stream::default();
    for said in &played {
        stream.note(said);
    }
    let end = reader.ended(&stream, exit, errors);
    Played { said: played, stream, end }
}

/// Plays every transcript of a program and holds how each ended against a table, which must name all of them.
pub(super) fn hold(program: &str, reader: impl Fn() -> Box<dyn Reader>, table: &[(&str, Exit, &str)]) {
    let files = fs::read_dir(folder(program)).unwrap().map(|entry| entry.unwrap().path());
    let there: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "ndjson"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let named: BTreeSet<String> = table.iter().map(|(case, ..)| (*case).to_owned()).collect();
    assert_eq!(there, named, "the table names all transcripts of {program}");
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(case, exit, expected)| {
            let ended = play(program, case, reader(), *exit).ended();
            (ended != *expected).then(|| format!("{case}: {ended}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever a transcript is broken into, a reader bears it: unknown lines and keys, half lines, what is no JSON.
pub(super) fn bear(program: &str, reader: impl Fn() -> Box<dyn Reader>) {
    let files = fs::read_dir(folder(program)).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|kind| kind == "ndjson")) {
        let case = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (out, errors) = texts(program, &case);
        let whole = play_texts(&out, &errors, reader(), Exit::Code(0));
        let odd = ["", "null", "[]", "7", "{", "{}", "{\"type\":7}", "{\"type\":\"new\",\"x\":1}", "\u{1b}[31mno JSON"];
        let mut noisy: Vec<String> = Vec::new();
        for (line, noise) in out.lines().zip(odd.iter().cycle()) {
            noisy.push((*noise).to_owned());
            noisy.push(line.replacen('{', "{\"unknown\":{\"deep\":[1,null]},", 1));
        }
        let borne = play_texts(&noisy.join("\n"), &errors, reader(), Exit::Code(0));
        assert_eq!((borne.ended(), borne.used()), (whole.ended(), whole.used()), "{program}/{case} with noise");
        for line in out.lines() {
            let mut reader = reader();
            let mut ends = vec![reader.ended(&Stream::default(), Exit::Code(0), "")];
            for (at, _) in line.char_indices().step_by(7) {
                let _half = reader.line(&line[..at]);
                let _half = reader.error_line(&line[at..]);
            }
            ends.push(reader.ended(&Stream::default(), Exit::Code(0), ""));
            assert!(!ends.contains(&EndKind::Completed), "{program}/{case}: half of a line is the end");
        }
    }
}
