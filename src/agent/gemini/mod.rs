//! Gemini CLI: headless, with its prompt on standard input and its stream as JSON lines.
//!
//! Its settings are the person's: what a session may do is told by its arguments and by a policy of the session's own.
//! Settings of a session's own cannot be given to it (those of the system have to be root's), and so neither can a
//! server of tools: its sessions call `ai-sdlc tool` from their shell. While one of its tools runs it answers no signal.

use std::collections::BTreeMap;

use crate::agent::gemini::lines::Lines;
use crate::agent::{AgentError, Backend, Invocation, Reader, SessionSpec, Stdin, command, environment, preset};
use crate::mission::model::Permissions;
use crate::plan::Agent;

mod lines;

/// Of a longer prompt it reads no more, in bytes.
const MAX_PROMPT: usize = 8 << 20;

/// Tools beside those that edit files which a session may use that may edit.
const COMMANDS: &str = "run_shell_command,activate_skill";

/// Tools that a session has that may only read.
const READING: [&str; 9] = [
    "activate_skill",
    "glob",
    "google_web_search",
    "grep_search",
    "list_directory",
    "read_file",
    "read_many_files",
    "search_file_content",
    "web_fetch",
];

/// The adapter.
#[derive(Debug)]
pub(crate) struct Gemini;

impl Backend for Gemini {
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError> {
        let (program, mut args) = command(&spec.agent)?;
        if spec.prompt.len() > MAX_PROMPT {
            let size = spec.prompt.len() >> 20;
            return Err(AgentError(format!("Gemini CLI reads prompts of 8 MiB at most, and this one has {size} MiB")));
        }
        args.extend(["--output-format", "stream-json"].map(str::to_owned));
        let mut files = Vec::new();
        match spec.permissions {
            Permissions::Read => {
                let policy = spec.scratch.join("policy.toml");
                args.extend(["--approval-mode", "default", "--policy"].map(str::to_owned));
                args.push(policy.to_string_lossy().into_owned());
                files.push((policy, reading(spec)));
            }
            Permissions::Edit => {
                args.extend(["--approval-mode", "auto_edit", "--allowed-tools", COMMANDS].map(str::to_owned));
            }
            Permissions::Full => args.extend(["--approval-mode", "yolo"].map(str::to_owned)),
        }
        if let Some(model) = &spec.model {
            args.extend(["--model".to_owned(), model.clone()]);
        }
        if let Some(conversation) = &spec.conversation {
            args.extend(["--resume".to_owned(), conversation.clone()]);
        }
        let mut env = environment(spec);
        preset(&mut env, self.sets());
        Ok(Invocation { program, args, env, stdin: Stdin::Text(spec.prompt.clone()), files, conversation: None })
    }

    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader> {
        Box::new(Lines::new(spec.permissions, jiff::Zoned::now))
    }

    /// It starts nowhere but in a folder that it trusts: the person trusted the engine with this repository.
    fn sets(&self) -> &'static [(&'static str, &'static str)] {
        &[("GEMINI_CLI_TRUST_WORKSPACE", "true")]
    }

    fn passes(&self, _: &Agent) -> &'static [&'static str] {
        &[
            "CLOUD_SHELL",
            "GEMINI_API_KEY",
            "GEMINI_CLI_HOME",
            "GEMINI_CLI_SYSTEM_DEFAULTS_PATH",
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH",
            "GEMINI_CLI_USE_COMPUTE_ADC",
            "GEMINI_MODEL",
            "GOOGLE_API_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CLOUD_*",
            "GOOGLE_GEMINI_BASE_URL",
            "GOOGLE_GENAI_*",
            "GOOGLE_VERTEX_BASE_URL",
        ]
    }

    fn keeps(&self, _: &Agent, env: &BTreeMap<String, String>) -> Vec<String> {
        let home = env.get("GEMINI_CLI_HOME").map_or("~", |home| home.trim_end_matches('/'));
        vec![format!("{home}/.gemini/")]
    }
}

/// The policy of a session that may only read: nothing but these tools, the files of its handing over, and the
/// session's own tools.
fn reading(spec: &SessionSpec) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned());
    let rule = |tools: Vec<&str>, decision: &str, priority: i64| {
        let tools = tools.into_iter().map(text).collect();
        toml::Table::from_iter([
            ("toolName".to_owned(), toml::Value::Array(tools)),
            ("decision".to_owned(), text(decision)),
            ("priority".to_owned(), toml::Value::Integer(priority)),
        ])
    };
    let mut nothing = rule(vec!["*"], "deny", 900);
    nothing.insert("denyMessage".to_owned(), text("This session may only read."));
    let mut rules = vec![nothing, rule(READING.to_vec(), "allow", 910)];
    for file in [&spec.handoff_out, &spec.outputs_file] {
        let below = file.strip_prefix(&spec.path).unwrap_or(file);
        for path in [file.as_path(), below] {
            let mut own = rule(vec!["write_file"], "allow", 920);
            let pattern = format!("\"file_path\":\"(\\./)?{}\"", literal(&path.to_string_lossy()));
            own.insert("argsPattern".to_owned(), text(&pattern));
            rules.push(own);
        }
    }
    let mut tools = rule(vec!["run_shell_command"], "allow", 920);
    let program = spec.executable.to_string_lossy();
    let called = ["ai-sdlc", "\"$AI_SDLC_BIN\"", "$AI_SDLC_BIN", &program].map(|name| text(&format!("{name} tool")));
    tools.insert("commandPrefix".to_owned(), toml::Value::Array(called.to_vec()));
    rules.push(tools);
    let all = toml::Table::from_iter([(
        "rule".to_owned(),
        toml::Value::Array(rules.into_iter().map(toml::Value::Table).collect()),
    )]);
    all.to_string()
}

/// Text as a pattern that matches it alone.
fn literal(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if !(c.is_alphanumeric() || matches!(c, '/' | '_' | '-' | ' ')) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests;
