//! What comes in pieces from processes that run, and what is shown of it. The first line says which and, in numbers,
//! how it is cut; the rest is it.

use ai_sdlc::agent::{Exit, Said, SessionSpec, Stream, TellsTools, backend};
use ai_sdlc::amount::Millis;
use ai_sdlc::handoff::{fenced_block, safe};
use ai_sdlc::mask::Mask;
use ai_sdlc::mission::model::BackendKind;
use ai_sdlc::report::{Look, one_line, safe_lines, shorten, width};
use ai_sdlc::session::lines::{Lines, MAX_LINE};
use ai_sdlc::session::output::{self, OutputWriter};
use ai_sdlc::session::safe::{safe_text, tail};

use super::journal;

/// Bytes of a process.
pub fn streams(data: &[u8]) -> Option<bool> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = (str::from_utf8(&data[..end]).ok()?, &data[end + 1..]);
    let mut words = head.split(' ');
    let what = words.next()?;
    let cuts: Vec<usize> = words.filter_map(|word| word.parse().ok()).filter(|cut| *cut > 0).collect();
    match what {
        "rehearsal" => Some(agent(BackendKind::Rehearsal, rest, &cuts)),
        "command" => Some(agent(BackendKind::Command, rest, &cuts)),
        "claude-code" => Some(agent(BackendKind::ClaudeCode, rest, &cuts)),
        "codex" => Some(agent(BackendKind::Codex, rest, &cuts)),
        "gemini" => Some(agent(BackendKind::Gemini, rest, &cuts)),
        "opencode" => Some(agent(BackendKind::Opencode, rest, &cuts)),
        "acp" => Some(agent(BackendKind::Acp, rest, &cuts)),
        "mask" => mask(str::from_utf8(rest).ok()?, &cuts),
        "output" => Some(kept(rest, &cuts)),
        "shown" => Some(shown(rest, cuts.first().copied().unwrap_or(40))),
        _ => None,
    }
}

/// In pieces as long as the cuts say, in turns; in one piece where they say nothing.
fn pieces<'d>(mut rest: &'d [u8], cuts: &[usize]) -> Vec<&'d [u8]> {
    let mut lengths = cuts.iter().cycle();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(lengths.next().copied().unwrap_or(rest.len()).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// An agent's standard output: however it is cut its lines are the same, and what is kept of it is bounded.
fn agent(kind: BackendKind, printed: &[u8], cuts: &[usize]) -> bool {
    let lines_of = |cuts: &[usize]| {
        let mut lines = Lines::default();
        let mut all: Vec<String> = pieces(printed, cuts).into_iter().flat_map(|piece| lines.take(piece)).collect();
        all.extend(lines.rest());
        all
    };
    let lines = lines_of(cuts);
    assert_eq!(lines, lines_of(&[]), "cut by {cuts:?}");
    assert!(lines.iter().all(|line| line.len() <= 3 * MAX_LINE && !line.contains('\n')));
    let mut reader = backend(kind).reader(&session(kind));
    let hidden = Mask::of(["s3cret-value"]);
    let mut stream = Stream::default();
    let (mut began, mut understood) = (0_usize, 0_usize);
    for line in &lines {
        let mut told = reader.line(line);
        told.extend(reader.error_line(line));
        for said in told.into_iter().map(|said| said.masked(&hidden)) {
            stream.note(&said);
            understood += 1;
            match said {
                Said::Message(text) | Said::Progress(text) => assert!(!text.contains("s3cret-value")),
                Said::ToolBegan => began += 1,
                Said::Conversation(_)
                | Said::Used(_)
                | Said::MessageLine(_)
                | Said::ToolEnded
                | Said::Denied(_)
                | Said::Retrying(..)
                | Said::Version(_)
                | Said::Model(_)
                | Said::Send(_)
                | Said::StructuredHandoff(_)
                | Said::Terminal(_) => {}
            }
        }
    }
    assert!(stream.message().len() <= 1 << 20 && stream.denied().len() <= 50);
    assert!(stream.handoff().is_none_or(|text| text.len() <= 64 << 10));
    assert!(!stream.in_tool() || began > 0);
    let _activity = stream.activity(TellsTools::Yes);
    let ends = [Exit::Code(0), Exit::Code(1), Exit::Signal(9)].map(|exit| reader.ended(&stream, exit, ""));
    let completed = ends.contains(&ai_sdlc::kernel::fact::EndKind::Completed);
    let may_be = match kind {
        BackendKind::Command => true,
        // It has no terminal event: its last step says why it stopped, or it was not let.
        BackendKind::Opencode => lines.iter().any(|line| is_step_that_stopped(line)) || !stream.denied().is_empty(),
        BackendKind::ClaudeCode
        | BackendKind::Codex
        | BackendKind::Gemini
        | BackendKind::Acp
        | BackendKind::Rehearsal => stream.terminal().is_some(),
    };
    assert!(may_be || !completed, "{kind:?} is taken for done");
    let _block = fenced_block(stream.message());
    understood > 0
}

/// Whether opencode says by this line that it has done what it was asked.
fn is_step_that_stopped(line: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(line)
        .is_ok_and(|line| line["type"] == "step_finish" && line["part"]["reason"] == "stop")
}

/// A session as its host is told of it.
fn session(kind: BackendKind) -> SessionSpec {
    let spec = serde_json::json!({
        "key": { "task": "build", "attempt": 1, "round": 1, "session": 1 },
        "run": "bcdfghjk", "prompt": "Do it.", "path": "/w", "env": {}, "outputs": {}, "scratch": "/s",
        "agent": { "backend": kind, "command": ["agent"], "models": {}, "prompt": "stdin", "reports": "yes" },
        "permissions": "edit", "handoff_out": "/w/handoff.md", "outputs_file": "/w/outputs.json", "output_dir": "/o",
        "result": "/o/result.json", "idle_timeout": 1_000, "cap": {}, "executable": "/bin/ai-sdlc",
    });
    serde_json::from_value(spec).expect("a session")
}

/// Secrets on the first line, apart by tabs, then text: in pieces it is masked as in one, and nothing of them is left.
fn mask(text: &str, cuts: &[usize]) -> Option<bool> {
    let (secrets, text) = text.split_once('\n')?;
    let secrets: Vec<&str> = secrets.split('\t').collect();
    let mask = Mask::of(secrets.iter().copied());
    let whole = mask.text(text);
    let mut stream = mask.stream();
    let mut given = Vec::new();
    for piece in pieces(text.as_bytes(), cuts) {
        given.extend_from_slice(&stream.take(piece));
    }
    given.extend(stream.rest());
    let given = String::from_utf8_lossy(&given);
    let may_be_wrapped = text.contains('\n') || text.contains("\\n");
    // Which of two that overlap is taken first may differ where one of them is wrapped over lines.
    assert!(may_be_wrapped || given == whole, "{secrets:?} in {text:?} cut by {cuts:?}: {given:?}, not {whole:?}");
    let mut hidden = text.to_owned();
    mask.hide(&mut hidden);
    assert_eq!(hidden, whole);
    // Of stars alone a new one could come to be.
    if secrets.iter().all(|secret| !secret.contains('*')) {
        assert!(!mask.finds(whole.as_bytes()), "{secrets:?} in {whole:?}");
        assert!(!mask.finds(given.as_bytes()), "{secrets:?} in {given:?}");
    }
    assert!(mask.is_empty() || format!("{mask:?}").starts_with("Mask("));
    Some(mask.finds(text.as_bytes()))
}

/// What a command prints, kept up to a limit (the first number): all of it up to there, the pieces in order.
fn kept(printed: &[u8], cuts: &[usize]) -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    let limit = cuts.first().copied().unwrap_or(1_000);
    let mut writer = OutputWriter::new(dir.path().join("o"), u64::try_from(limit).unwrap_or(u64::MAX));
    let streams = [output::Stream::Out, output::Stream::Err];
    for ((piece, stream), at) in
        pieces(printed, cuts.get(1..).unwrap_or_default()).into_iter().zip(streams.iter().cycle()).zip(0..)
    {
        writer.write(*stream, Millis(at * 100), piece);
    }
    let end = writer.finish();
    journal::safe(&end.tail);
    assert!(end.tail.len() <= 4 << 10 && end.tail.lines().count() <= 20);
    let read = output::read(&dir.path().join("o")).expect("it is read");
    let all: Vec<u8> = read.iter().flat_map(|piece| piece.bytes.clone()).collect();
    if end.truncated {
        assert!(all.starts_with(&printed[..limit.min(printed.len())]));
    } else {
        assert_eq!(all, printed);
    }
    // The index may be lost or be another's: the output is read all the same.
    if !printed.is_empty() {
        std::fs::write(dir.path().join("o").join(output::INDEX), printed).expect("it is written");
        let read = output::read(&dir.path().join("o")).expect("it is read");
        let again: Vec<u8> = read.into_iter().flat_map(|piece| piece.bytes).collect();
        assert_eq!(again, all, "output that no index tells of is lost");
    }
    !printed.is_empty()
}

/// Bytes as they are shown: nothing commands a terminal, and what is cut is as short as it should be.
fn shown(bytes: &[u8], columns: usize) -> bool {
    let text = safe_text(bytes);
    journal::safe(&text);
    assert_eq!(safe::text(&text), text, "what is safe stays as it is");
    let last = tail(bytes);
    journal::safe(&last);
    assert!(last.len() <= 4 << 10 && last.lines().count() <= 20);
    let given = String::from_utf8_lossy(bytes);
    let line = safe::line(&given);
    assert!(!line.contains(['\n', '\t', '\u{1b}']) && safe::line(&line) == line);
    let short = safe::short(&given, columns);
    assert!(short.chars().count() <= columns + 1);
    assert!(given.starts_with(safe::head(&given, columns)) && given.ends_with(safe::tail(&given, columns)));
    for look in [Look { color: false, ascii: true }, Look { color: false, ascii: false }] {
        let one = one_line(&given, columns, look);
        journal::safe(&one);
        assert!(width(&one) <= columns.max(3) && !one.contains('\n'), "{one:?} in {columns}");
        let cut = shorten(&line, columns, look);
        assert!(width(&cut) <= columns, "{cut:?} in {columns}");
    }
    for line in safe_lines(&given, columns) {
        journal::safe(&line);
        assert!(!line.contains('\n'));
    }
    text != given
}
