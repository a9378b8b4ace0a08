//! Codex: `codex exec --json`, and `codex exec resume`.
//!
//! It brings a sandbox of its own, which keeps what it runs off the git folder and, unless it is configured otherwise,
//! off the network. Its prompt goes over standard input, so that it may be of any length; what it would ask a person
//! for is declined by itself, and told on standard error only. It knows no gentler way to be stopped than TERM: it tells
//! nothing more in any case.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::agent::codex::lines::Lines;
use crate::agent::{AgentError, Backend, Invocation, Reader, SessionSpec, Stdin, command, environment, mcp};
use crate::mission::model::Permissions;
use crate::mission::sandbox::AgentSandbox;
use crate::plan::Agent;

mod lines;

/// The longest call of one of the session's tools: a skill may run for minutes.
const TOOL_SECONDS: i64 = 3_600;

/// The adapter.
#[derive(Debug)]
pub(crate) struct Codex;

impl Backend for Codex {
    fn start(&self, spec: &SessionSpec) -> Result<Invocation, AgentError> {
        let (program, mut args) = command(&spec.agent)?;
        args.push("exec".to_owned());
        if spec.conversation.is_some() {
            args.push("resume".to_owned());
        }
        args.extend(["--json".to_owned(), "--skip-git-repo-check".to_owned()]);
        for (key, value) in settings(spec) {
            args.extend(["-c".to_owned(), format!("{key}={value}")]);
        }
        if let Some(model) = &spec.model {
            args.extend(["-m".to_owned(), model.clone()]);
        }
        args.push("--".to_owned());
        args.extend(spec.conversation.clone());
        args.push("-".to_owned());
        Ok(Invocation {
            program,
            args,
            env: environment(spec),
            stdin: Stdin::Text(spec.prompt.clone()),
            files: Vec::new(),
            conversation: None,
        })
    }

    fn reader(&self, spec: &SessionSpec) -> Box<dyn Reader> {
        Box::new(Lines::new(spec, jiff::Zoned::now))
    }

    fn sandbox(&self, _: &Agent) -> AgentSandbox {
        AgentSandbox::Own
    }

    fn passes(&self, _: &Agent) -> &'static [&'static str] {
        &[
            "AZURE_OPENAI_API_KEY",
            "CODEX_ACCESS_TOKEN",
            "CODEX_API_KEY",
            "CODEX_CA_CERTIFICATE",
            "CODEX_HOME",
            "OPENAI_*",
        ]
    }

    fn keeps(&self, _: &Agent, env: &BTreeMap<String, String>) -> Vec<String> {
        let folder = env.get("CODEX_HOME").map_or("~/.codex", |folder| folder.trim_end_matches('/'));
        vec![format!("{folder}/")]
    }
}

/// What is set over the person's own configuration.
fn settings(spec: &SessionSpec) -> Vec<(String, toml::Value)> {
    let text = |text: &str| toml::Value::String(text.to_owned());
    let mode = match spec.permissions {
        Permissions::Read => "read-only",
        // Its sandbox cannot be made within the engine's, which is around it then.
        Permissions::Edit if spec.writable.is_some() => "danger-full-access",
        Permissions::Edit => "workspace-write",
        Permissions::Full => "danger-full-access",
    };
    let mut settings = vec![("approval_policy".to_owned(), text("never")), ("sandbox_mode".to_owned(), text(mode))];
    if mode == "workspace-write" {
        let folders: Vec<toml::Value> = outside(spec).map(|path| text(&path)).collect();
        if !folders.is_empty() {
            settings.push(("sandbox_workspace_write.writable_roots".to_owned(), toml::Value::Array(folders)));
        }
    }
    if let Some(server) = mcp::server(spec) {
        let env = server.env.iter().map(|(name, value)| (name.clone(), text(value)));
        let shim = toml::Table::from_iter([
            ("command".to_owned(), text(&server.command)),
            ("args".to_owned(), toml::Value::Array(server.args.iter().map(|arg| text(arg)).collect())),
            ("env".to_owned(), toml::Value::Table(env.collect())),
            // Without it every call is declined.
            ("default_tools_approval_mode".to_owned(), text("approve")),
            ("tool_timeout_sec".to_owned(), toml::Value::Integer(TOOL_SECONDS)),
        ]);
        settings.push((format!("mcp_servers.{}", mcp::SERVER), toml::Value::Table(shim)));
    }
    settings
}

/// Folders outside of the workspace that the session has to write to.
fn outside(spec: &SessionSpec) -> impl Iterator<Item = String> {
    let artifacts = spec.env.get("AI_SDLC_ARTIFACTS").map(PathBuf::from);
    let exchange = [&spec.handoff_out, &spec.outputs_file].into_iter().filter_map(|file| file.parent());
    let mut folders: Vec<String> = exchange
        .chain(artifacts.as_deref())
        .filter(|folder| folder.is_absolute() && !folder.starts_with(&spec.path))
        .map(|folder| folder.to_string_lossy().into_owned())
        .collect();
    folders.dedup();
    folders.into_iter()
}

#[cfg(test)]
mod tests;
