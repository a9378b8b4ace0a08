//! A person's machine with one real agent program, and the model server that it talks to.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::world::{Ran, World, wait_for};

/// Says where the programs are.
const SWITCH: &str = "AI_SDLC_REAL_AGENTS";

/// A key that is none.
pub(super) const KEY: &str = "sk-fake-0123456789";

pub(super) const ROLE: &str =
    "---\nname: dev\ndescription: Writes code.\nkind: code\n---\nYou write code.\n{{task.prompt}}\n";

/// A mission of one task, whose table is its end.
pub(super) const ONE: &str = r#"
[mission]
name = "one"
[merge]
into = "main"
[defaults]
role = "dev"
[tasks.greet]
prompt = "Write hello.txt."
"#;

/// A command that works until it is let: in a shell of its own, as these programs start them.
pub(super) const HELD: &str = "if test -e started; then touch ended; else touch started; sleep 600; fi";

/// A reply of the model: it has a file written.
pub(super) fn write(path: &str) -> Value {
    json!({ "tools": [{ "write": { "path": path, "content": "hello\n" } }] })
}

/// It has a command run.
pub(super) fn shell(command: &str) -> Value {
    json!({ "tools": [{ "shell": command }] })
}

/// It calls a tool by the name that the program knows it by.
pub(super) fn tool(name: &str, input: &Value) -> Value {
    json!({ "tools": [{ "name": name, "input": input }] })
}

/// It calls a tool of the session's own, whatever name the program has for it.
pub(super) fn asks(tool: &str, input: &Value) -> Value {
    json!({ "tools": [{ "mcp": tool, "input": input }] })
}

/// It says something, and is done.
pub(super) fn say(text: &str) -> Value {
    json!({ "text": text })
}

/// A model that gives these replies to every session.
pub(super) fn script(replies: &[Value]) -> Value {
    json!({ "scripts": { "default": replies } })
}

/// One that writes a file, after this fault.
pub(super) fn faulty(fault: &Value) -> Value {
    let mut scenario = script(&[write("hello.txt"), say("Done.")]);
    scenario["faults"] = json!([fault]);
    scenario
}

/// So many tasks at once, named `t1`, `t2`, …
pub(super) fn at_once(tasks: usize) -> String {
    let all = (1..=tasks).map(|n| format!("[tasks.t{n}]\nprompt = \"Do it.\"\n")).collect::<Vec<_>>().concat();
    format!("[mission]\nname = \"many\"\n[concurrency]\nmax = {tasks}\n[defaults]\nrole = \"dev\"\n{all}")
}

/// The agents that can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Claude,
    Codex,
    Gemini,
    Opencode,
}

impl Kind {
    /// The name of its program, and of the agent.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::Opencode => "opencode",
        }
    }

    /// The header by which it tells the service the conversation of a request.
    fn conversation_header(self) -> &'static str {
        match self {
            Self::Claude => "x-claude-code-session-id",
            Self::Codex | Self::Gemini | Self::Opencode => "session-id",
        }
    }

    /// What a person would have set to use it: the login, and the address of the service.
    fn environment(self, address: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Claude => {
                vec![("ANTHROPIC_API_KEY", KEY.to_owned()), ("ANTHROPIC_BASE_URL", address.to_owned())]
            }
            Self::Codex | Self::Opencode => vec![("OPENAI_API_KEY", KEY.to_owned())],
            Self::Gemini => {
                vec![("GEMINI_API_KEY", KEY.to_owned()), ("GOOGLE_GEMINI_BASE_URL", address.to_owned())]
            }
        }
    }

    /// What a person would have written into a file of their home folder.
    fn settings(self, address: &str) -> Option<(&'static str, String)> {
        match self {
            Self::Claude => None,
            Self::Codex => {
                let provider = format!(
                    "name = \"fake\"\nbase_url = \"{address}/v1\"\nenv_key = \"OPENAI_API_KEY\"\nwire_api = \"responses\"\n\
                     request_max_retries = 1\nstream_max_retries = 1\n"
                );
                let text =
                    format!("model = \"gpt-5.5\"\nmodel_provider = \"fake\"\n[model_providers.fake]\n{provider}");
                Some((".codex/config.toml", text))
            }
            Self::Gemini => {
                let settings = json!({ "security": { "auth": { "selectedType": "gemini-api-key" } } });
                Some((".gemini/settings.json", settings.to_string()))
            }
            Self::Opencode => {
                let model = json!({
                    "name": "Fake", "cost": { "input": 3, "output": 15 }, "limit": { "context": 200_000, "output": 8_000 },
                });
                let provider = json!({
                    "npm": "@ai-sdk/openai-compatible", "name": "Fake",
                    "options": { "baseURL": format!("{address}/v1"), "apiKey": "{env:OPENAI_API_KEY}" },
                    "models": { "fake-model": model },
                });
                let settings = json!({ "model": "fake/fake-model", "provider": { "fake": provider } });
                Some((".config/opencode/opencode.json", settings.to_string()))
            }
        }
    }
}

/// A machine with one of them, whose model does as it is told.
pub(super) struct Rig {
    pub(super) world: World,
    kind: Kind,
    server: Server,
    environment: Vec<(&'static str, String)>,
}

impl Rig {
    /// One whose model plays this scenario; `None`, and a word about it, where no programs are at hand.
    pub(super) fn of(kind: Kind, scenario: &Value) -> Option<Self> {
        let Some(folder) = std::env::var_os(SWITCH).filter(|folder| !folder.is_empty()) else {
            println!(
                "skipped: no agent programs. Turn it on with: tests/agents/install && {SWITCH}=target/agents cargo test --test it agents::"
            );
            return None;
        };
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join("node_modules/.bin");
        let program = programs.join(kind.name());
        assert!(program.exists(), "{}: not there; `tests/agents/install` puts it there", program.display());
        let world = World::new().confined();
        symlink(program, world.root().join("bin").join(kind.name())).unwrap();
        if let Some(node) = on_path("node") {
            symlink(node, world.root().join("bin/node")).unwrap();
        }
        world.write("roles/dev.md", ROLE);
        let server = Server::start(world.root(), scenario);
        let environment = kind.environment(&server.address);
        let rig = Self { world, kind, server, environment };
        rig.configure(&rig.server.address);
        Some(rig)
    }

    /// The same, but at the address of its service nobody listens.
    pub(super) fn unreachable(mut self) -> Self {
        let nowhere = "http://127.0.0.1:9";
        self.environment = self.kind.environment(nowhere);
        self.configure(nowhere);
        self
    }

    fn configure(&self, address: &str) {
        if let Some((path, text)) = self.kind.settings(address) {
            let path = self.world.home().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// Lays this over its settings, key by key, where those are JSON.
    pub(super) fn sets(&self, more: &Value) {
        let (path, text) = self.kind.settings(&self.server.address).unwrap();
        let mut settings: Value = serde_json::from_str(&text).unwrap();
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fs::write(self.world.home().join(path), settings.to_string()).unwrap();
    }

    /// The same, logged in by this variable instead.
    pub(super) fn login(mut self, variable: &'static str) -> Self {
        self.environment.retain(|(_, value)| value != KEY);
        self.environment.push((variable, KEY.to_owned()));
        self
    }

    /// Our program on that machine.
    pub(super) fn program(&self) -> Command {
        let mut command = self.world.program();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    #[must_use]
    pub(super) fn run<const N: usize>(&self, args: [&str; N]) -> Ran {
        Ran::of(&self.program().args(args).output().unwrap())
    }

    /// Runs this mission with its agent.
    #[must_use]
    pub(super) fn mission(&self, text: &str) -> Ran {
        self.mission_by(self.kind.name(), text)
    }

    /// Runs this mission with an agent that it has a table of.
    #[must_use]
    pub(super) fn mission_by(&self, agent: &str, text: &str) -> Ran {
        self.world.mission(text);
        self.run(["mission", "run", "mission.toml", "--agent", agent, "--yes"])
    }

    /// Starts it and does not wait.
    pub(super) fn start(&self, text: &str) -> Child {
        self.world.mission(text);
        let args = ["mission", "run", "mission.toml", "--agent", self.kind.name(), "--yes"];
        self.program().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What the model was asked, each with how it was answered.
    pub(super) fn requests(&self) -> Vec<Value> {
        let log = fs::read_to_string(&self.server.log).unwrap_or_default();
        let all = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|request| request["n"].is_u64() && request["aux"] != true).collect()
    }

    /// The conversations that were named, in order.
    pub(super) fn conversations(&self) -> Vec<String> {
        let events = self.world.events().into_iter().filter(|event| event["type"] == "conversation-named");
        events.map(|event| event["conversation"].as_str().unwrap().to_owned()).collect()
    }

    /// How the service answered, request by request.
    pub(super) fn statuses(&self) -> Vec<u64> {
        self.requests().iter().filter_map(|request| request["status"].as_u64()).collect()
    }

    /// What the model answered, request by request.
    pub(super) fn replies(&self) -> Vec<Value> {
        self.requests().iter().map(|request| request["reply"].clone()).collect()
    }

    /// The conversation of each request, as the program tells it to the service.
    pub(super) fn asked_in(&self) -> Vec<String> {
        let header = self.kind.conversation_header();
        let of = |request: &Value| request["headers"][header].as_str().map(str::to_owned);
        self.requests().iter().filter_map(of).collect()
    }

    /// Tokens written by the model, as they were told.
    pub(super) fn output(&self) -> u64 {
        self.events("usage").iter().filter_map(|event| event["usage"]["tokens"]["output"].as_u64()).sum()
    }

    /// Where the figures of cost come from that were told.
    pub(super) fn costs(&self) -> Vec<String> {
        let basis = |event: &Value| event["usage"]["cost"]["basis"].as_str().map(str::to_owned);
        self.events("usage").iter().filter_map(basis).collect()
    }

    /// The class of the failure of a task.
    pub(super) fn class_of(&self, task: &str) -> String {
        let task = self.world.task(task);
        task["failure"]["class"].as_str().unwrap_or_else(|| panic!("{task:#}")).to_owned()
    }

    /// Waits until so many sessions are within [`HELD`].
    pub(super) fn waits_for_shells(&self, many: usize) {
        let held = || self.world.processes().iter().filter(|process| process.1.starts_with("sleep 600")).count();
        wait_for("their shells", || held() == many);
    }

    /// Events of this kind.
    pub(super) fn events(&self, kind: &str) -> Vec<Value> {
        self.world.events().into_iter().filter(|event| event["type"] == kind).collect()
    }
}

/// The model server.
struct Server {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Server {
    fn start(folder: &Path, scenario: &Value) -> Self {
        let (file, log) = (folder.join("scenario.json"), folder.join("requests.ndjson"));
        fs::write(&file, scenario.to_string()).unwrap();
        let python = on_path("python3").expect("the model server is written in Python: install python3");
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agents/fake_llm.py"))
            .args([Path::new("--scenario"), &file, Path::new("--log"), &log])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(address.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, address, log }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _its_end = self.child.wait();
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}
