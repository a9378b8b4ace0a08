//! opencode: `opencode run --format json`, with its prompt on standard input.
//!
//! What is set for a session is laid over the person's configuration by a variable, so that no file of theirs is
//! touched. That it tries again it tells in its log alone, which goes to standard error. It ends at once at any signal.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::agent::opencode::lines::Lines;
use crate::agent::{AgentError, Backend, Invocation, Reader, SessionSpec, Stdin, command, environment, mcp};
use crate::mission::model::Permissions;
use crate::plan::Agent;

mod lines;

/// The agent of a session that may only read: one of its own, since what a person allows theirs counts more than
/// anything else; by a name that no repository can know beforehand, since the settings of that are laid together with it.
fn reader_of(spec: &SessionSpec) -> String {
    format!("{}-read-{}", mcp::SERVER, spec.run)
}

/// The longest call of one of the session's tools, in milliseconds: a skill may run for minutes.
const TOOL_MILLIS: u64 = 3_600_000;

/// The adapter.
#[derive(Debug)]
pub(crate) struct Opencode;

impl Backend for Opencode {
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError> {
        let (program, mut args) = command(&spec.agent)?;
        args.extend(["run", "--format", "json", "--auto", "--print-logs", "--log-level", "ERROR"].map(str::to_owned));
        if let Some(model) = &spec.model {
            if !model.contains('/') {
                return Err(AgentError(format!(
                    "opencode knows models as `provider/model`, and this one is named `{model}`"
                )));
            }
            args.extend(["--model".to_owned(), model.clone()]);
        }
        if spec.permissions == Permissions::Read {
            args.extend(["--agent".to_owned(), reader_of(spec)]);
        }
        if let Some(conversation) = &spec.conversation {
            args.extend(["--session".to_owned(), conversation.clone()]);
        }
        let mut env = environment(spec);
        env.insert("OPENCODE_CONFIG_CONTENT".to_owned(), settings(spec).to_string());
        Ok(Invocation {
            program,
            args,
            env,
            stdin: Stdin::Text(spec.prompt.clone()),
            files: Vec::new(),
            conversation: None,
        })
    }

    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader> {
        Box::new(Lines::new(spec, jiff::Zoned::now))
    }

    /// Keys of the services it is most often used with, each of which opens models and nothing else. Others, and what a
    /// cloud asks for (`AWS_*`), are the mission's to let through.
    fn passes(&self, _: &Agent) -> &'static [&'static str] {
        &[
            "ANTHROPIC_API_KEY",
            "DEEPSEEK_API_KEY",
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "GOOGLE_GENERATIVE_AI_API_KEY",
            "GROQ_API_KEY",
            "MISTRAL_API_KEY",
            "OPENAI_API_KEY",
            "OPENCODE_API_KEY",
            "OPENCODE_CONFIG",
            "OPENCODE_CONFIG_DIR",
            "OPENCODE_DISABLE_*",
            "OPENCODE_MODELS_*",
            "OPENROUTER_API_KEY",
            "XAI_API_KEY",
        ]
    }

    fn keeps(&self, _: &Agent, env: &BTreeMap<String, String>) -> Vec<String> {
        let folders = [
            ("XDG_DATA_HOME", "~/.local/share"),
            ("XDG_STATE_HOME", "~/.local/state"),
            ("XDG_CONFIG_HOME", "~/.config"),
            ("XDG_CACHE_HOME", "~/.cache"),
        ];
        let at = |(variable, usual): (&str, &str)| {
            let folder = env.get(variable).map_or(usual, |folder| folder.trim_end_matches('/'));
            format!("{folder}/opencode/")
        };
        folders.into_iter().map(at).collect()
    }
}

/// What is laid over the person's own configuration.
fn settings(spec: &SessionSpec) -> Value {
    let mut settings = table([("autoupdate", json!(false)), ("share", json!("disabled"))]);
    match spec.permissions {
        Permissions::Read => {
            let reader = json!({
                "mode": "primary", "description": "Reads and changes nothing.", "permission": reading(spec),
            });
            settings.insert("agent".to_owned(), Value::Object(Map::from_iter([(reader_of(spec), reader)])));
        }
        Permissions::Edit => {
            let mut edit = table([("*", json!("allow")), ("../*", json!("deny"))]);
            edit.extend(patterns(spec).into_iter().map(|pattern| (pattern, json!("allow"))));
            settings.insert("permission".to_owned(), json!({ "edit": edit }));
        }
        Permissions::Full => {}
    }
    if let Some(server) = mcp::server(spec) {
        let command: Vec<&String> = [&server.command].into_iter().chain(&server.args).collect();
        let server = json!({
            "type": "local", "command": command, "environment": server.env, "enabled": true, "timeout": TOOL_MILLIS,
        });
        settings.insert("mcp".to_owned(), json!({ mcp::SERVER: server }));
    }
    Value::Object(settings)
}

/// What a session may do that may only read.
fn reading(spec: &SessionSpec) -> Map<String, Value> {
    let tools = ["read", "glob", "grep", "list", "lsp", "todoread", "todowrite", "skill", "webfetch"];
    let mut edit = table([("*", json!("deny"))]);
    edit.extend(patterns(spec).into_iter().map(|pattern| (pattern, json!("allow"))));
    let mut may = table([("*", json!("deny")), ("external_directory", json!("allow"))]);
    may.extend(tools.map(|tool| (tool.to_owned(), json!("allow"))));
    may.insert(format!("{}_*", mcp::SERVER), json!("allow"));
    may.insert("edit".to_owned(), Value::Object(edit));
    may
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Patterns of the files of handing over, which it knows by their way from the workspace.
fn patterns(spec: &SessionSpec) -> Vec<String> {
    let artifacts = spec.env.get("AI_SDLC_ARTIFACTS").map(|folder| Path::new(folder).join("*"));
    let files = [spec.handoff_out.as_path(), spec.outputs_file.as_path()];
    files.into_iter().chain(artifacts.as_deref()).filter_map(|file| pattern(&spec.path, file)).collect()
}

/// The way from one folder to a file, or its end where that goes over the folders above.
fn pattern(from: &Path, to: &Path) -> Option<String> {
    if let Ok(below) = to.strip_prefix(from) {
        return Some(below.to_string_lossy().into_owned());
    }
    let names: Vec<_> = to.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let end: PathBuf = names.get(names.len().checked_sub(3)?..)?.iter().collect();
    Some(format!("../*/{}", end.to_string_lossy()))
}

#[cfg(test)]
mod tests;
