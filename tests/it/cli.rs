//! The command line as a person and a script meet it: the real binary, an environment of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use ai_sdlc::amount::{Millis, Usage, WallTime};
use ai_sdlc::handoff::Facts;
use ai_sdlc::journal::Journal;
use ai_sdlc::journal::runs::RunNote;
use ai_sdlc::kernel::event::{Event, Outcome, Place as EventPlace, PlaceKind, WorkspaceFrom};
use ai_sdlc::name::{Attempt, RunId, TaskId};
use ai_sdlc::plan::Plan;
use ai_sdlc::session::output::{OutputWriter, Stream};
use tempfile::TempDir;

/// A project without git, a home, and nothing of the machine's own.
struct Place {
    dir: TempDir,
}

struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::create_dir_all(dir.path().join("home")).unwrap();
        fs::create_dir_all(dir.path().join("project/missions")).unwrap();
        Self { dir }
    }

    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("project")
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    #[expect(clippy::disallowed_methods, reason = "a test drives the binary")]
    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ai-sdlc"));
        command.args(args).current_dir(self.root()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.dir.path().join("home")).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Said {
        let output = self.command(args).envs(env.iter().copied()).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

const GOOD: &str = "\
version = 1

[mission]
name = \"good\"
description = \"Says hello.\"

[tasks.greet]
run = [\"echo\", \"hello\"]

[tasks.part]
needs = [\"greet\"]
run = [\"echo\", \"goodbye\"]
";

const BAD: &str = "\
version = 1

[mission]
name = \"bad\"
descripion = \"A key that is not one.\"

[inputs.topic]
type = \"string\"
default = \"x\"

[concurrency]
max = \"two\"

[tasks.one]
role = \"no-such-role\"
prompt = \"Do {{inputs.nothing}}.\"
needs = [\"two\"]

[tasks.two]
needs = [\"one\"]
run = [\"true\"]
";

#[test]
fn a_sound_mission_is_validated_shown_and_planned() {
    let place = Place::new();
    place.write("missions/good.toml", GOOD);
    let said = place.run(&["mission", "validate"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""), "{}", said.err);
    assert_eq!(said.err, "1 mission checked: 0 errors, 0 warnings.\n");
    let said = place.run(&["mission", "list"]);
    assert_eq!(said.out, "good  2 tasks  Says hello.\n");
    let said = place.run(&["mission", "plan", "good"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("  2 part  after greet\n      runs `echo goodbye`\n"), "{}", said.out);
    let plan: serde_json::Value = serde_json::from_str(&place.run(&["mission", "plan", "good", "--json"]).out).unwrap();
    assert_eq!(plan["schema"], "ai-sdlc/plan/1");
    assert_eq!(plan["tasks"]["part"]["needs"][0], "greet");
    for (format, begins) in [("ascii", ""), ("mermaid", "flowchart"), ("dot", "digraph"), ("json", "{")] {
        let said = place.run(&["mission", "graph", "good", "--format", format]);
        assert!(said.code == 0 && said.out.starts_with(begins), "{format}: {}{}", said.out, said.err);
    }
    let said = place.run(&["mission", "show", "missions/good.toml"]);
    assert!(said.out.starts_with("good (missions/good.toml)\nSays hello.\n"), "{}", said.out);
}

#[test]
fn without_an_agent_program_it_is_a_rehearsal_but_not_in_ci() {
    let place = Place::new();
    let agent = "\n[tasks.think]\nrole = \"tech-lead\"\nprompt = \"Think.\"\n";
    place.write("missions/good.toml", &format!("{GOOD}{agent}"));
    let said = place.run(&["mission", "plan", "good"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("would be a rehearsal in a scratch clone"), "{}", said.err);
    assert!(said.out.contains("tech-lead by rehearsal"), "{}", said.out);
    let said = place.run_with(&["mission", "plan", "good"], &[("CI", "true")]);
    assert_eq!(said.code, 0, "a look at the plan starts nothing: {}", said.err);
    let said = place.run_with(&["mission", "run", "good", "--yes"], &[("CI", "true")]);
    assert_eq!(said.code, 5, "{}", said.err);
    assert!(said.err.contains("error[cli::no-agent]"), "{}", said.err);
}

#[test]
fn every_finding_is_told_at_once_and_nothing_is_made() {
    let place = Place::new();
    place.write("missions/bad.toml", BAD);
    let before = names(&place.root());
    let said = place.run(&["mission", "validate", "bad", "--format", "short"]);
    assert_eq!(said.code, 2);
    let lines: Vec<&str> = said.out.lines().collect();
    for place in ["bad.toml:5:1: error", "bad.toml:12:", "bad.toml:15:", "bad.toml:16:"] {
        assert!(lines.iter().any(|line| line.contains(place)), "nothing at {place}:\n{}", said.out);
    }
    assert!(said.out.contains("`one` → `two` → `one`"), "the cycle is shown: {}", said.out);
    assert!(lines.len() >= 6, "{}", said.out);

    let json = place.run(&["mission", "validate", "bad", "--format", "json"]);
    assert_eq!(json.code, 2);
    let found: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(found["schema"], "ai-sdlc/findings/1");
    assert_eq!(found["findings"].as_array().unwrap().len(), lines.len());

    let human = place.run(&["mission", "validate", "bad"]);
    assert!(human.out.contains("did you mean `description`"), "{}", human.out);
    assert!(!human.out.contains('\u{1b}'), "no escape byte without a terminal");
    assert_eq!(names(&place.root()), before, "nothing was created");
}

#[test]
fn warnings_are_errors_only_where_that_is_asked_for() {
    let place = Place::new();
    let unused = "\n[inputs.never]\ntype = \"string\"\ndefault = \"x\"\n";
    place.write("missions/unused.toml", &format!("{GOOD}{unused}").replace("\"good\"", "\"unused\""));
    assert_eq!(place.run(&["mission", "validate"]).code, 0);
    assert_eq!(place.run(&["mission", "validate", "--deny-warnings"]).code, 2);
}

#[test]
fn what_is_no_mission_gets_clear_words() {
    let place = Place::new();
    place.write("missions/good.toml", GOOD).write("missions/empty.toml", "");
    fs::write(place.root().join("binary.toml"), [0xff, 0xfe, 0]).unwrap();
    for (given, words) in [
        ("god", "did you mean `good`?"),
        ("missions", "it is a directory"),
        ("missing.toml", "there is no such file"),
        ("binary.toml", "not UTF-8 text"),
    ] {
        let said = place.run(&["mission", "validate", given]);
        assert_eq!(said.code, 2, "{given}: {}", said.err);
        assert!(said.out.contains(words), "{given}: {}", said.out);
        assert!(
            said.out.contains("error: ") && said.out.contains("::un") | said.out.contains("::not-text"),
            "{}",
            said.out
        );
    }
    let said = place.run(&["mission", "validate", "empty"]);
    assert_eq!(said.code, 2);
    assert!(said.out.contains("empty.toml"), "{}{}", said.out, said.err);
}

#[test]
fn usage_errors_are_2_and_help_is_a_result() {
    let place = Place::new();
    let said = place.run(&["misson", "list"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("'mission'"), "a typo gets a tip: {}", said.err);
    assert!(said.out.is_empty());
    let said = place.run(&["--help"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains("Usage: ai-sdlc"), "{}", said.out);
    assert!(place.run(&["--version"]).out.starts_with("ai-sdlc "));
    assert_eq!(place.run(&["-C", "nowhere"]).code, 2);
}

#[test]
fn columns_are_obeyed() {
    let place = Place::new();
    place.write("missions/good.toml", &GOOD.replace("Says hello.", &"word ".repeat(60)));
    for args in [&["mission", "list"][..], &["role", "list"], &["--help"]] {
        let said = place.run_with(args, &[("COLUMNS", "40")]);
        let widest = said.out.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 40, "{args:?}: {widest} columns\n{}", said.out);
    }
}

#[test]
fn colour_is_for_those_who_ask() {
    let place = Place::new();
    let plain = place.run(&["mission", "validate", "nothing"]);
    assert!(!plain.out.contains('\u{1b}'));
    let forced = place.run_with(&["mission", "validate", "nothing"], &[("CLICOLOR_FORCE", "1")]);
    assert!(forced.out.contains("\u{1b}[31m"), "{:?}", forced.out);
    let told = place.run_with(&["--color", "never", "mission", "show", "nothing"], &[("CLICOLOR_FORCE", "1")]);
    assert!(!told.err.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let place = Place::new();
    let mut child =
        place.command(&["schema", "mission"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");

    let mut child = place.command(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("_ai__sdlc()"), "{first}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn init_makes_what_can_be_validated_and_overwrites_nothing() {
    let place = Place::new();
    place.write("missions/hello.toml", GOOD);
    let said = place.run(&["init"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("made .ai-sdlc/config.toml\n"), "{}", said.out);
    assert!(said.out.contains("kept missions/hello.toml, which was there\n"), "{}", said.out);
    assert_eq!(fs::read_to_string(place.root().join("missions/hello.toml")).unwrap(), GOOD);
    fs::remove_file(place.root().join("missions/hello.toml")).unwrap();
    assert_eq!(place.run(&["init"]).code, 0);
    let said = place.run(&["mission", "validate", "--deny-warnings"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn without_a_command_the_next_steps_are_told() {
    let place = Place::new();
    let said = place.run(&[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("  ai-sdlc init\n"), "{}", said.out);
    place.write("missions/good.toml", GOOD);
    let said = place.run(&[]);
    assert!(said.out.contains("  good  2 tasks  Says hello.\n"), "{}", said.out);
    assert!(said.out.contains("  ai-sdlc mission rehearse good\n"), "{}", said.out);
}

#[test]
fn doctor_without_git_is_an_environment_fault_and_starts_nothing_of_the_project() {
    let place = Place::new();
    let trap = place.root().join("trap");
    place.write("agent", &format!("#!/bin/sh\ntouch {}\n", trap.display()));
    fs::set_permissions(place.root().join("agent"), fs::Permissions::from_mode(0o755)).unwrap();
    place.write(".ai-sdlc/config.toml", "[agents.mine]\nbackend = \"command\"\ncommand = [\"./agent\"]\n");
    let said = place.run_with(&["doctor", "--json"], &[("PATH", "/nowhere")]);
    assert_eq!(said.code, 5, "{}", said.err);
    let found: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(found["schema"], "ai-sdlc/doctor/1");
    assert_eq!(found["findings"][0]["state"], "bad");
    assert!(said.out.contains("mine: "), "{}", said.out);
    assert!(!trap.exists(), "the project's program was started");
}

#[test]
fn the_later_configuration_wins_and_says_where_it_comes_from() {
    let place = Place::new();
    let user = place.dir.path().join("home/.config/ai-sdlc");
    fs::create_dir_all(&user).unwrap();
    fs::write(user.join("config.toml"), "[agents.mine]\nbackend = \"command\"\ncommand = [\"a\"]\nmax = 2\n").unwrap();
    place.write(".ai-sdlc/config.toml", "agent = \"mine\"\n[agents.mine]\ncommand = [\"b\"]\n");
    let said = place.run(&["config", "show", "--origin"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let shown: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(shown["agent"], "mine");
    assert_eq!(shown["agents"]["mine"]["command"][0], "b");
    assert_eq!(shown["agents"]["mine"]["max"], 2);
    assert_eq!(shown["agents"]["mine"]["from"].as_array().unwrap().len(), 2);
}

#[test]
fn roles_and_skills_are_listed_with_what_they_hide() {
    let place = Place::new();
    let mine = "---\nname: tech-lead\ndescription: Leads here.\n---\nYou lead.\n";
    place.write("roles/tech-lead.md", mine);
    let said = place.run(&["role", "list"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let line = said.out.lines().find(|line| line.starts_with("tech-lead")).unwrap_or_default();
    assert!(line.contains("roles/tech-lead.md (hides built-in:roles/tech-lead.md)"), "{}", said.out);
    assert!(place.run(&["role", "show", "tech-lead"]).out.ends_with("You lead.\n"));
    let said = place.run(&["skill", "show", "test-runer"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("did you mean `test-runner`?"), "{}", said.err);
}

#[test]
fn schemas_are_written_and_compared() {
    let place = Place::new();
    assert_eq!(place.run(&["schema"]).code, 2);
    assert_eq!(place.run(&["schema", "--out", "schema"]).code, 0);
    assert_eq!(place.run(&["schema", "--check"]).code, 0);
    fs::write(place.root().join("schema/skill.schema.json"), "{}").unwrap();
    let said = place.run(&["schema", "--check"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("skill.schema.json"), "{}", said.err);
    assert!(place.run(&["man"]).out.contains(".TH ai-sdlc"));
}

#[test]
fn runs_that_are_not_there_are_told_so() {
    let place = Place::new();
    let said = place.run(&["run", "list"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    let said = place.run(&["run", "show"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("there are no runs yet"), "{}", said.err);
}

/// A run that was interrupted: one task done, one at work.
fn interrupted(place: &Place) -> RunId {
    place.write("missions/good.toml", GOOD);
    let plan: Plan = serde_json::from_str(&place.run(&["mission", "plan", "good", "--json"]).out).unwrap();
    let run = RunId::parse("bcdfghjk").unwrap();
    let dir = place.root().join(".ai-sdlc/runs").join(run.as_str());
    let (greet, part) = (TaskId::parse("greet").unwrap(), TaskId::parse("part").unwrap());
    let attempt = Attempt::FIRST;
    let facts = Facts {
        task: greet.clone(),
        attempt,
        branch: None,
        commit: None,
        files: Vec::new(),
        checks: Vec::new(),
        usage: Usage::NONE,
        duration: Millis(1_000),
    };
    let at_place = EventPlace { directory: place.root(), base: None, kind: PlaceKind::Repository };
    let events = [
        Event::RunStarted { run: run.clone(), plan: Box::new(plan), place: at_place },
        Event::TaskStarted { task: greet.clone(), attempt, from: WorkspaceFrom::Directory },
        Event::TaskFinished { task: greet, outcome: Outcome::Succeeded { facts: Box::new(facts), merged: None } },
        Event::TaskStarted { task: part, attempt, from: WorkspaceFrom::Directory },
    ];
    let events: Vec<(WallTime, Event)> =
        events.into_iter().zip(0..).map(|(event, n)| (WallTime(1_795_262_400_000 + n * 1_000), event)).collect();
    Journal::create(&dir).unwrap().append(&events).unwrap();
    let note = RunNote {
        run: run.clone(),
        mission: "good".parse().unwrap(),
        file: "missions/good.toml".to_owned(),
        started: WallTime(1_795_262_400_000),
        ended: None,
    };
    note.write(&dir).unwrap();
    let mut output = OutputWriter::new(dir.join("part/1/1-work"), 1_000);
    output.write(Stream::Out, Millis(1), b"good\x1b[31mbye\n");
    output.finish();
    run
}

#[test]
fn a_run_is_listed_shown_and_told_as_events() {
    let place = Place::new();
    let run = interrupted(&place);
    let said = place.run(&["run", "list"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("bcdfghjk  2026-11-21 12:00  good  interrupted"), "{}", said.out);
    for which in ["@", "bcd", "bcdfghjk"] {
        let said = place.run(&["run", "show", which]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.err.contains("interrupted; can be resumed: ai-sdlc run resume bcdfghjk"), "{}", said.err);
        assert!(
            said.out.contains(
                "✓ greet  1.0s  $0.00  done, nothing to merge\n! part   0ms   $0.00  stopped before it was done\n"
            ),
            "{}",
            said.out
        );
    }
    let ascii = place.run(&["--ascii", "run", "show"]);
    assert!(ascii.out.is_ascii(), "{}", ascii.out);
    assert_eq!(place.run(&["run", "show", "@-"]).code, 2);

    let said = place.run(&["run", "events"]);
    let events: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(types, ["run-started", "task-started", "task-finished", "task-started"]);
    assert!(events.iter().all(|event| event["run"] == run.as_str() && event["at"].is_string()));
    // Nobody drives it, so there is nothing to wait for.
    assert_eq!(place.run(&["run", "events", "-f"]).out, said.out);

    let bare = place.run(&[]);
    assert!(bare.out.contains("  ai-sdlc run resume bcdfghjk\n"), "{}", bare.out);
    assert!(place.run(&["run", "abort"]).err.contains("is not live"));
}

#[test]
fn a_run_tells_why_what_it_printed_and_its_report() {
    let place = Place::new();
    interrupted(&place);
    let said = place.run(&["run", "why", "part"]);
    assert!(said.out.starts_with("part  attempt 1"), "{}{}", said.out, said.err);
    assert!(said.err.contains("`ai-sdlc run resume bcdfghjk` goes on with it"), "{}", said.err);
    let said = place.run(&["run", "why", "@", "prt"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("did you mean `part`?"), "{}", said.err);

    let said = place.run(&["run", "logs", "part"]);
    assert_eq!(said.out, "== part/1/1-work\ngoodbye\n", "safe, in a pipe too");
    let said = place.run(&["run", "logs", "part", "--raw"]);
    assert_eq!(said.out, "== part/1/1-work\ngood\u{1b}[31mbye\n", "as it was kept");
    assert_eq!(place.run(&["run", "logs", "--failed"]).err, "Nothing was printed.\n");

    let report: serde_json::Value =
        serde_json::from_str(&place.run(&["run", "report", "--format", "json"]).out).unwrap();
    assert_eq!(report["schema"], "ai-sdlc/report/1");
    assert_eq!(report["tasks"][0]["state"], "succeeded");
    assert!(place.run(&["run", "report"]).out.starts_with("## Mission good, run bcdfghjk"));
    assert!(place.run(&["run", "report", "--format", "junit"]).out.contains("<testcase classname=\"good\""));
    assert_eq!(place.run(&["run", "diff"]).err, "Nothing was changed.\n");
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = walkdir::WalkDir::new(root)
        .into_iter()
        .filter_map(Result::ok)
        .map(|entry| entry.path().display().to_string())
        .collect();
    names.sort();
    names
}
