//! Every example of the README and the book is taken from a file, and every such file is run.
//!
//! Above each fenced block stands where it is from, `<!-- from: docs/examples/greet.toml -->`, and the block is a run
//! of whole lines of that file; or that it is no example to be run, with the reason: `<!-- illustration: why -->`.
//! Configuration and missions (`toml`) are never mere illustrations. The files are those that ship and those under
//! `docs/examples/`, whose endings say how they are run here. Pages that are made of the program are left out.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::generated;
use crate::world::{Ran, World};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block of a page.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    /// `README.md:29`: where its fence stands.
    place: String,
    language: String,
    /// The comment right above it, without its brackets.
    marker: Option<String>,
    text: String,
}

fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut above: Option<&str> = None;
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        if ticks < 3 {
            above = if line.trim().is_empty() { above } else { Some(line) };
            continue;
        }
        let fence = &line[..ticks];
        let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != fence).collect();
        let comment = above.take().and_then(|line| line.strip_prefix("<!-- ")?.strip_suffix(" -->"));
        found.push(Block {
            place: format!("{page}:{}", at + 1),
            language: line[ticks..].trim().to_owned(),
            marker: comment.map(str::to_owned),
            text: body.join("\n"),
        });
    }
    found
}

/// What is wrong with a block; `read` gives the text of a file that is run.
fn fault(block: &Block, read: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Block { language, marker, text, .. } = block;
    let Some(marker) = marker else {
        return Some(
            "it does not say where it is from: `<!-- from: FILE -->`, or `<!-- illustration: WHY -->`".to_owned(),
        );
    };
    if let Some(why) = marker.strip_prefix("illustration: ") {
        let is_code = ["toml"].contains(&language.as_str());
        return (is_code || why.trim().len() < 10)
            .then(|| format!("{language} that is only an illustration, because `{why}`"));
    }
    let Some(file) = marker.strip_prefix("from: ") else { return Some(format!("`{marker}` says nothing")) };
    let Some(whole) = read(file) else { return Some(format!("`{file}` is no file that a test runs")) };
    let holds = format!("\n{whole}").contains(&format!("\n{text}\n"));
    (!holds).then(|| format!("it is not what stands in {file}:\n{text}"))
}

/// The pages that people write.
fn pages() -> Vec<String> {
    let made: BTreeSet<String> = generated::files().into_iter().map(|(path, _)| path).collect();
    let below = WalkDir::new(root().join("docs")).sort_by_file_name().into_iter().map(Result::unwrap);
    let docs = below.map(|entry| relative(entry.path())).filter(|path| {
        Path::new(path).extension().is_some_and(|ending| ending == "md") && !path.starts_with("docs/examples/")
    });
    let own = ["README.md", "CONTRIBUTING.md"].map(str::to_owned).into_iter();
    own.chain(docs).filter(|path| !made.contains(path)).collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// A file that some test runs: what ships is run by the tests of what ships, the rest here.
fn run_by_a_test(file: &str) -> Option<String> {
    let folders = ["missions/", "roles/", "skills/", "templates/", "docs/examples/"];
    let is_run = folders.iter().any(|folder| file.starts_with(folder)) && !file.contains("..");
    fs::read_to_string(root().join(file)).ok().filter(|_| is_run)
}

#[test]
fn every_block_of_the_book_is_taken_from_a_file_that_is_run() {
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for page in pages() {
        for block in blocks(&page, &text(&page)) {
            used.extend(block.marker.as_ref().and_then(|marker| marker.strip_prefix("from: ")).map(str::to_owned));
            faults.extend(fault(&block, &run_by_a_test).map(|why| format!("{}: {why}", block.place)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let examples = files().into_iter().filter(|file| !beside(file));
    let unused: Vec<String> = examples.filter(|file| !used.contains(file)).collect();
    assert_eq!(unused, Vec::<String>::new(), "examples that no page shows");
}

#[test]
fn a_block_that_is_from_nowhere_is_found() {
    let page =
        "a\n```toml\nx = 1\n```\n<!-- from: f.toml -->\n\n```toml\nx = 1\n```\n````markdown\n```sh\nls\n```\n````\n";
    let read = |file: &str| (file == "f.toml").then(|| "y = 2\nx = 1\nz = 3\n".to_owned());
    let found = blocks("p.md", page);
    let places: Vec<(&str, &str)> = found.iter().map(|block| (&*block.place, &*block.language)).collect();
    assert_eq!(places, [("p.md:2", "toml"), ("p.md:7", "toml"), ("p.md:10", "markdown")]);
    let faulty: Vec<bool> = found.iter().map(|block| fault(block, &read).is_some()).collect();
    assert_eq!(faulty, [true, false, true]);
    let block = |marker: &str, language: &str, text: &str| Block {
        place: String::new(),
        language: language.to_owned(),
        marker: Some(marker.to_owned()),
        text: text.to_owned(),
    };
    assert_eq!(fault(&block("from: f.toml", "toml", "x = 1\nz = 3"), &read), None);
    assert_eq!(fault(&block("illustration: what a terminal shows", "", "x"), &read), None);
    for (marker, language, text) in [
        ("from: f.toml", "toml", "x = 2"),
        ("from: f.toml", "toml", " = 1"),
        ("from: f.toml", "toml", "y = 2\nz = 3"),
        ("from: g.toml", "toml", "x = 1"),
        ("illustration: why", "", "x"),
        ("illustration: it would be long", "toml", "x = 1"),
        ("a remark", "sh", "ls"),
    ] {
        assert!(fault(&block(marker, language, text), &read).is_some(), "{marker} {text}");
    }
}

/// All files under `docs/examples/`.
fn files() -> Vec<String> {
    let below = WalkDir::new(root().join("docs/examples")).sort_by_file_name().into_iter().map(Result::unwrap);
    below.filter(|entry| entry.file_type().is_file()).map(|entry| relative(entry.path())).collect()
}

/// What only stands beside an example so that it can be run: the scenario that its mission is played with, the mission
/// that its scenario is played in, the text of a skill that is run, the story that another depends on.
fn beside(file: &str) -> bool {
    let stem = file.strip_suffix(".scenario.toml").or_else(|| file.strip_suffix(".toml"));
    file.ends_with("/SKILL.md")
        || file == "docs/examples/stories/list.md"
        || stem.is_some_and(|stem| root().join(format!("{stem}.scenario.toml")).is_file())
}

/// How a file of `docs/examples/` is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Mission,
    Scenario,
    Configuration,
    Prices,
    Role,
    Skill,
    Story,
    Commands,
    Console,
}

fn kind(file: &str) -> Kind {
    let ends = |ending: &str| file.ends_with(ending);
    if ends(".scenario.toml") {
        Kind::Scenario
    } else if ends(".config.toml") {
        Kind::Configuration
    } else if ends(".prices.toml") {
        Kind::Prices
    } else if file.contains("/skills/") {
        Kind::Skill
    } else if ends(".toml") {
        Kind::Mission
    } else if ends(".md") && file.contains("/stories/") {
        Kind::Story
    } else if ends(".md") && file.contains("/roles/") {
        Kind::Role
    } else if ends(".sh") {
        Kind::Commands
    } else if ends(".console") {
        Kind::Console
    } else {
        panic!("nothing here runs {file}")
    }
}

fn of_kind(wanted: Kind) -> Vec<String> {
    let found: Vec<String> = files().into_iter().filter(|file| kind(file) == wanted).collect();
    assert!(!found.is_empty(), "no example of {wanted:?}");
    found
}

/// A machine whose person has this program, and `cargo` that runs it; who is asked says yes.
fn machine() -> World {
    let world = World::new();
    for folder in ["missions", "roles", "skills", "schema"] {
        for entry in WalkDir::new(root().join(folder)).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                world.write(&relative(entry.path()), &fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let program = env!("CARGO_BIN_EXE_ai-sdlc");
    let asked = format!(
        "#!/bin/sh\ncase \"$1 $2\" in\n'mission run') exec {program} \"$@\" --yes ;;\nesac\nexec {program} \"$@\"\n"
    );
    executable(&world, "../bin/ai-sdlc", &asked);
    let cargo = "#!/bin/sh\ncase \"$1\" in\nrun) while [ \"$1\" != -- ]; do shift; done; shift; exec ai-sdlc \"$@\" ;;\ninstall) ;;\n*) exit 2 ;;\nesac\n";
    executable(&world, "../bin/cargo", cargo);
    world.commit("what ships");
    world
}

fn executable(world: &World, path: &str, text: &str) {
    world.write(path, text);
    fs::set_permissions(world.project().join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn missions_and_scenarios_of_the_book_run_to_their_end() {
    let scenarios = of_kind(Kind::Scenario);
    for file in of_kind(Kind::Mission) {
        let world = machine();
        for skill in of_kind(Kind::Skill) {
            world.write(skill.strip_prefix("docs/examples/").unwrap(), &text(&skill));
        }
        let scenario = file.replace(".toml", ".scenario.toml");
        world.mission(&text(&file));
        world.run(["mission", "validate", "mission.toml", "--deny-warnings"]).exits(0);
        if scenarios.contains(&scenario) {
            world.write("scenario.toml", &text(&scenario));
            world
                .run(["mission", "run", "mission.toml", "--yes", "--agent", "rehearsal", "--scenario", "scenario.toml"])
                .exits(0);
            let runs_skill = text(&scenario).contains("run-skill");
            let ran = world.events().iter().any(|event| event["type"] == "skill-used" && event["how"] == "run");
            assert_eq!(ran, runs_skill, "{file}");
        } else {
            world.run(["mission", "rehearse", "mission.toml"]).exits(0);
        }
    }
    for scenario in scenarios {
        let mission = scenario.replace(".scenario.toml", ".toml");
        assert!(root().join(&mission).is_file(), "nothing plays {scenario}");
    }
}

#[test]
fn stories_of_the_book_are_run_as_they_stand() {
    let world = machine();
    let stories = of_kind(Kind::Story);
    for story in stories {
        world.write(story.strip_prefix("docs/examples/").unwrap(), &text(&story));
    }
    world.commit("stories");
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
    let ran = world.run(["story", "run", "--yes"]).exits(0);
    assert!(ran.stdout.contains("ai-sdlc story run S-1 S-2"), "{ran:?}");
}

const ONE_TASK: &str = "\
version = 1
[mission]
name = 'one'
[tasks.write]
role = 'full-stack-dev'
prompt = 'Write a file.'
";

/// An agent program: writes a file, and leaves the words it was called with.
const AGENT: &str = "#!/bin/sh\necho \"$0 $*\" > made-by-agent.txt\n";

/// How a program takes its prompt and ends: as the one does whose arguments it gets.
const ENDS: &str = r#"cat > /dev/null
case "$*" in
  *--permission-prompts*) echo '{"type":"result","subtype":"success","is_error":false,"terminal_reason":"completed"}' ;;
  *exec\ --json*) echo '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}' ;;
  *stream-json*) echo '{"type":"result","status":"success"}' ;;
  *run\ --format*) echo '{"type":"step_finish","part":{"reason":"stop"}}' ;;
  *) echo done ;;
esac
"#;

/// A program that stands for the one of this table, and speaks as it does.
fn stand_in(table: &toml::Value) -> String {
    let rest = if table.get("backend").and_then(toml::Value::as_str) == Some("acp") {
        text("tests/fixtures/agents/small-acp.sh")
    } else if table.get("events").is_some() {
        "cat > /dev/null\necho '{\"type\": \"begin\", \"session\": \"s-1\"}'\necho '{\"type\": \"end\", \"ok\": true}'\n".to_owned()
    } else {
        ENDS.to_owned()
    };
    format!("{AGENT}{rest}")
}

#[test]
fn configurations_of_the_book_start_their_agents() {
    for file in of_kind(Kind::Configuration) {
        let world = machine();
        let config: toml::Table = text(&file).parse().unwrap();
        for (name, table) in config.get("agents").and_then(toml::Value::as_table).into_iter().flatten() {
            // A known agent is started by its name.
            let program = table.get("command").map_or(name.as_str(), |command| command[0].as_str().unwrap());
            let path = if program.contains('/') { PathBuf::from(program) } else { Path::new("../bin").join(program) };
            executable(&world, path.to_str().unwrap(), &stand_in(table));
            world.write(".ai-sdlc/config.toml", &text(&file));
            world.write("mission.toml", ONE_TASK);
            world.commit("an agent");
            world.run(["mission", "validate", "--deny-warnings"]).exits(0);
            world.run(["mission", "run", "mission.toml", "--yes", "--agent", name]).exits(0);
            let branch =
                format!("ai-sdlc/{}/integration:made-by-agent.txt", world.events()[0]["run"].as_str().unwrap());
            let words = world.git(["show", &branch]);
            let last = Path::new(program).file_name().unwrap().to_str().unwrap();
            assert!(words.contains(last) && !words.contains("{{"), "{file}: {words}");
        }
    }
}

#[test]
fn what_the_book_configures_of_a_project_is_what_is_run() {
    let file = "docs/examples/project.config.toml";
    let world = machine();
    world.write(".ai-sdlc/config.toml", &text(file));
    world.run(["mission", "validate", "--deny-warnings"]).exits(0);
    let config: toml::Table = text(file).parse().unwrap();
    for [command, words] in [["setup", "make deps"], ["test", "sh -c make lint && make test"]] {
        assert!(config["project"].get(command).is_some());
        let ran = world.run(["project", command, "--dry-run"]).exits(0);
        assert_eq!(ran.stderr, format!("{words} (because of .ai-sdlc/config.toml)\n"), "{ran:?}");
    }
}

#[test]
fn prices_of_the_book_hold() {
    for file in of_kind(Kind::Prices) {
        let world = machine();
        world.write(".ai-sdlc/prices.toml", &text(&file));
        world.run(["mission", "validate", "--deny-warnings"]).exits(0);
        let shown = world.run(["config", "show", "--origin"]).exits(0);
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        let prices: toml::Table = text(&file).parse().unwrap();
        for model in prices["models"].as_table().unwrap().keys() {
            assert_eq!(shown["prices"][model]["from"], ".ai-sdlc/prices.toml", "{file}: {model}");
        }
    }
}

#[test]
fn roles_of_the_book_can_be_rendered() {
    for file in of_kind(Kind::Role) {
        let world = machine();
        let name = Path::new(&file).file_stem().unwrap().to_str().unwrap();
        world.write(&format!("roles/{name}.md"), &text(&file));
        world.run(["mission", "validate", "--deny-warnings"]).exits(0);
        world.run(["role", "render", name]).exits(0);
    }
}

/// Runs a script as a person would type it, and stops at the first command that fails.
fn typed(world: &World, script: &str) -> Ran {
    Ran::of(&world.command(world.project().join("../bin/sh")).args(["-eu", "-c", script]).output().unwrap())
}

#[test]
fn commands_of_the_book_can_be_typed() {
    for file in of_kind(Kind::Commands) {
        let world = machine();
        world.write(".ai-sdlc/config.toml", "[agents.claude]\nbackend = \"rehearsal\"\n");
        let script = text(&file);
        if script.contains("mission new") {
            fs::remove_dir_all(world.project().join("missions")).unwrap();
        }
        world.commit("an agent that needs no model");
        let ran = typed(&world, &script);
        // What ends with a gate waits for its person.
        assert!(matches!(ran.code, Some(0 | 3)), "{file}: {ran:?}");
        assert_eq!(world.processes(), [], "{file}");
    }
}

#[test]
fn what_the_book_shows_of_a_terminal_is_what_is_printed() {
    for file in of_kind(Kind::Console) {
        let world = machine();
        let mut told = String::new();
        for command in text(&file).lines().filter_map(|line| line.strip_prefix("$ ")) {
            let ran = typed(&world, command).exits(0);
            told.extend(["$ ", command, "\n", &ran.stdout]);
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(root().join(&file), &told).unwrap();
        }
        assert_eq!(text(&file), told, "{file}; `UPDATE=1` writes it anew");
    }
}
