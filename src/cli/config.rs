//! `ai-sdlc config show [--origin]`: what configuration says after all layers.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::amount::Usd;
use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::cli::settings::Settings;
use crate::mission::prices::Listed;
use crate::name::AgentName;
use crate::price::Price;

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
    let prices_files = settings.prices.iter().map(|(file, _)| file);
    let files: Vec<&str> =
        settings.layers.iter().map(|layer| &layer.file).chain(prices_files).map(String::as_str).collect();
    context.terminal.out(&pretty(&json!({
        "schema": "ai-sdlc/config-shown/1",
        "files": files,
        "agent": settings.default_agent(),
        "agents": agents,
        "prices": prices(&settings, args.origin),
        "workspace": { "sandbox": sandbox.mode.unwrap_or_default().word(), "writable": sandbox.writable },
    })));
    Ok(Exit::Success)
}

/// What models cost, in US dollars for a million tokens.
fn prices(settings: &Settings, origin: bool) -> serde_json::Map<String, Value> {
    let of_file = |name: &String| settings.prices.iter().rfind(|(_, list)| list.models.contains_key(name));
    let shown = |(name, listed): (&String, &Listed)| {
        let Price { input, output, cache_read, cache_write } = listed.price;
        let dollars = |usd: Usd| usd.dollars();
        let mut shown = json!({
            "input": dollars(input),
            "output": dollars(output),
            "cache_read": dollars(cache_read),
            "cache_write": dollars(cache_write),
        });
        if let (Value::Object(shown), true) = (&mut shown, origin) {
            let from = of_file(name).map_or("built-in", |(file, _)| file.as_str());
            shown.insert("from".to_owned(), json!(from));
            shown.insert("source".to_owned(), json!(listed.source));
            shown.insert("date".to_owned(), json!(listed.date));
        }
        if let (Value::Object(shown), false) = (&mut shown, listed.also.is_empty()) {
            shown.insert("also".to_owned(), json!(listed.also));
        }
        (name.clone(), shown)
    };
    settings.price_list().models.iter().map(shown).collect()
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
