//! `ai-sdlc config show [--origin]`: what configuration says after all layers.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::cli::settings::Settings;
use crate::name::AgentName;

/// Configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Show what holds: defaults, the person's file, the project's.
    Show(Show),
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Say which file each part comes from.
    #[arg(long)]
    origin: bool,
}

/// Shows it as JSON.
pub(super) fn run(config: &Config, context: &mut Context) -> Result<Exit, Failure> {
    let Config::Show(args) = config;
    let project = Project::find(context)?;
    let settings = Settings::load(context, &project)?.sound()?;
    let agents: serde_json::Map<String, Value> = settings
        .agents()
        .iter()
        .map(|(name, table)| {
            let mut table = json!(table);
            if let (Value::Object(table), true) = (&mut table, args.origin) {
                table.retain(|_, value| !value.is_null());
                table.insert("from".to_owned(), json!(origins(&settings, name)));
            }
            (name.to_string(), table)
        })
        .collect();
    let sandbox = settings.sandbox();
    let files: Vec<&str> = settings.layers.iter().map(|layer| layer.file.as_str()).collect();
    context.terminal.out(&pretty(&json!({
        "schema": "ai-sdlc/config-shown/1",
        "files": files,
        "agent": settings.default_agent(),
        "agents": agents,
        "workspace": { "sandbox": sandbox.mode.unwrap_or_default().word(), "writable": sandbox.writable },
    })));
    Ok(Exit::Success)
}

/// The files that say something of an agent, the winning one last.
fn origins(settings: &Settings, name: &AgentName) -> Vec<String> {
    let said: Vec<String> = settings
        .layers
        .iter()
        .filter(|layer| layer.config.agents.contains_key(name))
        .map(|layer| layer.file.clone())
        .collect();
    if said.is_empty() { vec!["built-in".to_owned()] } else { said }
}
