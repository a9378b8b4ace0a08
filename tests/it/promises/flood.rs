//! Promise 11: a flood is bounded, kept raw and shown safe, and the engine stays small.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use walkdir::WalkDir;

use super::{AtOnce, Promise, Trial, slice};
use crate::world::{World, wait_within};

pub(super) const FLOOD: Promise = Promise {
    id: "11",
    what: "a flood (1 GB, no newline, invalid UTF-8, escape codes) is bounded, kept raw and shown safe; the engine stays \
           under 100 MB",
    faults: "1 GB of one kind from a command, an agent's stream, its standard error, a handoff, an outputs file",
    whole: 10,
    at_once: AtOnce::One,
    trial: play,
};

/// The most that the engine, the guard or a host may have held at once, in KiB.
const MOST: u64 = 100 << 10;

/// The most that may be left of it in the run's folder: 64 MiB of output, and the run's own files.
const KEPT: u64 = 66 << 20;

/// What floods: a line of shell, with `N` for the number of bytes; and how what is kept begins.
const KINDS: [(&str, &str, &[u8]); 6] = [
    ("no end of line", r"head -c N /dev/zero | tr '\0' x", b"xxxxxxxx"),
    ("NULs", "head -c N /dev/zero", b"\0\0\0\0\0\0\0\0"),
    ("invalid UTF-8", r"head -c N /dev/zero | tr '\0' '\377'", b"\xff\xff\xff\xff"),
    ("escape codes", r#"yes "$(printf '\033[2J\033]0;owned\007\033[31m')" | head -c N"#, b"\x1b[2J\x1b]0;owned"),
    ("carriage returns", r#"yes "$(printf 'a\rb')" | tr '\n' '\r' | head -c N"#, b"a\rb\ra\rb"),
    ("short lines", "yes | head -c N", b"y\ny\ny\n"),
];

const HAND_OVER: &str = r#"echo '{"status": "done", "summary": "s"}' > $AI_SDLC_HANDOFF_OUT"#;

/// Where the flood comes from: the mission's part, from a line of shell.
fn source(number: u64, line: &str) -> (&'static str, String) {
    let text = |line: String| serde_json::to_string(&line).unwrap();
    let agent = |line: String| {
        format!(
            "[agents.flooder]\nbackend = \"command\"\ncommand = [\"sh\", \"-c\", {}]\n\
             [tasks.flood]\nrole = \"full-stack-dev\"\nagent = \"flooder\"\nprompt = \"Flood.\"\n",
            text(format!("cat > /dev/null; {line}"))
        )
    };
    match number % 5 {
        0 => ("a command", format!("[tasks.flood]\nrun = {}\n", text(format!("{line}; {{ {line}; }} >&2")))),
        1 => ("an agent's stream", agent(format!("{line}; {HAND_OVER}"))),
        2 => ("an agent's standard error", agent(format!("{{ {line}; }} >&2; {HAND_OVER}"))),
        3 => ("a handoff", agent(format!("{{ {line}; }} > $AI_SDLC_HANDOFF_OUT"))),
        _ => {
            ("an outputs file", format!("[tasks.flood]\nrun = {}\n", text(format!("{{ {line}; }} > $AI_SDLC_OUTPUTS"))))
        }
    }
}

/// The high-water marks of memory of what is ours, by process.
fn marks(world: &World, seen: &mut BTreeMap<i32, (u64, String)>) {
    let program = env!("CARGO_BIN_EXE_ai-sdlc");
    for (pid, command) in world.processes().into_iter().filter(|(_, command)| command.starts_with(program)) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(mark) = mark.and_then(|mark| mark.trim().trim_end_matches(" kB").parse().ok()) {
            seen.insert(pid, (mark, command));
        }
    }
}

fn size(dir: &Path) -> u64 {
    let files = WalkDir::new(dir).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.metadata().map_or(0, |meta| meta.len())).sum()
}

/// Nothing that acts on a terminal.
fn is_safe(what: &str, text: &str) {
    let bad = text.chars().find(|letter| letter.is_control() && !matches!(letter, '\n' | '\t'));
    assert_eq!(bad, None, "in {what}");
}

fn play(trial: &mut Trial) {
    // The suite plays one small flood, the long form ten whole ones.
    let bytes: u64 = if trial.wanted > 1 || trial.number > 0 { 1 << 30 } else { 50 << 20 };
    let (kind, line, begins) = KINDS[trial.draws.usize(..KINDS.len())];
    let number = if trial.wanted == 1 && trial.number == 0 { trial.draws.u64(..5) } else { trial.number };
    let (from, part) = source(number, &line.replace('N', &bytes.to_string()));
    println!("{bytes} bytes of {kind} from {from}");
    let world = World::new();
    world.mission(&format!("[mission]\nname = \"flood\"\n{part}timeout = \"30m\"\n"));
    let mut command = world.program();
    command.args(["mission", "run", "mission.toml", "-y", "--ui", "plain"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    trial.fault(&format!("{kind} from {from}"));
    let mut seen = BTreeMap::new();
    wait_within(Duration::from_secs(1_800), "the run ends", &mut || {
        marks(&world, &mut seen);
        child.try_wait().unwrap().is_some()
    });
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 1)), "{:?}", world.run(["run", "show"]));
    assert!(seen.len() >= 2, "the engine and its guard were seen: {seen:?}");
    let most = seen.values().max().unwrap();
    println!("most memory: {} KiB of {}", most.0, most.1);
    assert!(most.0 < MOST, "{seen:#?}");
    let store = world.project().join(".git/ai-sdlc/runs");
    assert!(size(&store) < KEPT, "{} bytes are kept", size(&store));
    if number % 5 < 3 {
        let outputs = WalkDir::new(&store).into_iter().flatten().filter(|entry| entry.file_name() == "output");
        let raw = outputs.map(|entry| fs::read(entry.path()).unwrap()).max_by_key(Vec::len).expect("output is kept");
        assert!(raw.starts_with(begins), "not kept raw: {:?}", &raw[..raw.len().min(40)]);
        assert!(raw.len() > 1 << 20, "{} bytes are kept", raw.len());
    }
    for args in [["run", "logs"], ["run", "show"], ["run", "report"], ["run", "why"], ["run", "events"]] {
        let ran = world.run(args).exits(0);
        is_safe(&args.join(" "), &ran.stdout);
        is_safe(&args.join(" "), &ran.stderr);
    }
}

#[test]
fn a_slice() {
    slice(&FLOOD);
}
