//! `ai-sdlc tool …`: what a session asks of its host. For agents; a person has the same by other commands.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::tool_text::{text, told_apart};
use crate::session::tools::client::{CallError, call};
use crate::session::tools::protocol::{Answer, MAX_REQUEST, Outcome, Request};

/// Where a session is told of its socket.
pub(super) const SOCKET: &str = "AI_SDLC_SOCKET";

/// The operations.
#[derive(Debug, Subcommand)]
pub(super) enum Tool {
    /// List the skills that this session was given.
    DiscoverSkills(DiscoverSkills),
    /// Run a skill that has a handler; exits 1 where that fails.
    RunSkill(RunSkill),
    /// Say in a few words what this session is doing.
    ReportProgress(ReportProgress),
    /// Leave the handoff, and hear at once what is wrong with it.
    WriteHandoff(WriteHandoff),
    /// Print what the tasks before this one handed over.
    ReadHandoff(ReadHandoff),
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct DiscoverSkills {
    /// What they are wanted for: those that fit come first.
    #[arg(long = "for", value_name = "TEXT")]
    about: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct RunSkill {
    /// The skill.
    name: String,
    /// One of its parameters.
    #[arg(long = "param", value_name = "KEY=VALUE")]
    params: Vec<String>,
    /// All of its parameters as a JSON object in a file; `-`: on standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "params")]
    json: Option<PathBuf>,
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct ReportProgress {
    /// What it is doing.
    #[arg(required = true, num_args = 1.., value_name = "TEXT")]
    text: Vec<String>,
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct WriteHandoff {
    /// The document; left out, or `-`: standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct ReadHandoff {
    /// Of which task; left out: of all whose handoffs open this one.
    #[arg(value_name = "TASK")]
    task: Option<String>,
}

/// Asks, and prints the answer.
pub(super) fn run(tool: &Tool, context: &mut Context) -> Result<Exit, Failure> {
    let socket = socket(context.environment.get(SOCKET).map(Path::new))?;
    let directory = context.directory();
    let request = match tool {
        Tool::DiscoverSkills(args) => Request::DiscoverSkills { about: args.about.clone() },
        Tool::RunSkill(args) => {
            let parameters = match &args.json {
                Some(file) => from_json(&read(&directory, file)?)?,
                None => from_pairs(&args.params, || schema_of(&socket, &args.name))?,
            };
            Request::RunSkill { name: args.name.clone(), parameters }
        }
        Tool::ReportProgress(args) => Request::ReportProgress { text: args.text.join(" ") },
        Tool::WriteHandoff(args) => {
            let file = args.file.as_deref().unwrap_or(Path::new("-"));
            Request::WriteHandoff { text: read(&directory, file)? }
        }
        Tool::ReadHandoff(args) => Request::ReadHandoff { task: args.task.clone() },
    };
    let outcome = ask(&socket, &request)?;
    if let Outcome::Ran(ran) = &outcome {
        let (out, err) = told_apart(ran);
        context.terminal.out_raw(out.as_bytes());
        context.terminal.err_raw(&err);
        return Ok(if ran.exit == Some(0) { Exit::Success } else { Exit::Failed });
    }
    if let (Tool::DiscoverSkills(DiscoverSkills { json: true, .. }), Outcome::Skills { skills }) = (tool, &outcome) {
        // Values made of strings alone can always be written.
        context.terminal.out(&serde_json::to_string_pretty(skills).unwrap_or_default());
    } else {
        context.terminal.out(&text(&outcome));
    }
    Ok(Exit::Success)
}

/// The socket of this session.
pub(super) fn socket(named: Option<&Path>) -> Result<PathBuf, Failure> {
    named.map(Path::to_owned).ok_or_else(|| {
        Failure::new(Exit::Usage, "cli::no-session", "this is no session: there is nobody to ask")
            .because_of([
                format!("`{SOCKET}` is not set; the engine sets it for the agents that it starts, and for nobody else"),
                "`ai-sdlc tool` is for them: it lists and runs skills, tells progress, and passes handoffs on"
                    .to_owned(),
            ])
            .help("ai-sdlc skill list   # the skills there are; `ai-sdlc run report` shows what sessions handed over")
    })
}

fn ask(socket: &Path, request: &Request) -> Result<Outcome, Failure> {
    match call(socket, request) {
        Ok(Answer::Done(outcome)) => Ok(outcome),
        Ok(Answer::Refused(why)) => Err(Failure::new(Exit::Failed, "cli::tool-refused", why)),
        Err(error @ CallError::TooLong) => Err(Failure::new(Exit::Usage, "cli::tool-refused", error.to_string())),
        Err(error @ (CallError::Unreachable { .. } | CallError::NoAnswer(_))) => {
            Err(Failure::new(Exit::Environment, "cli::tool-unanswered", error.to_string())
                .help("go on without: the files in the workspace do the same"))
        }
    }
}

/// The schema of a skill's parameters, so that what is typed is taken as what it is to be.
fn schema_of(socket: &Path, name: &str) -> Option<Value> {
    let Ok(Outcome::Skills { skills }) = ask(socket, &Request::DiscoverSkills { about: None }) else { return None };
    skills.into_iter().find(|skill| skill.name == name)?.parameters
}

fn from_json(text: &str) -> Result<Map<String, Value>, Failure> {
    let wrong = |what: String| Failure::new(Exit::Usage, "cli::tool-refused", what).at("--json");
    match serde_json::from_str(text) {
        Ok(Value::Object(parameters)) => Ok(parameters),
        Ok(_) => Err(wrong("the parameters are no JSON object".to_owned())),
        Err(error) => Err(wrong(format!("the parameters are no JSON: {error}"))),
    }
}

/// What the schema calls a text is one; else what reads as JSON is that.
fn from_pairs(pairs: &[String], schema: impl FnOnce() -> Option<Value>) -> Result<Map<String, Value>, Failure> {
    let mut parameters = Map::new();
    if pairs.is_empty() {
        return Ok(parameters);
    }
    let schema = schema().unwrap_or_default();
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=') else {
            let what = format!("`{pair}` is no parameter: there is no `=` in it");
            return Err(Failure::new(Exit::Usage, "cli::tool-refused", what).help("--param key=value"));
        };
        let is_text = schema.pointer(&format!("/properties/{key}/type")).is_some_and(|kind| kind == "string");
        let read = (!is_text).then(|| serde_json::from_str(value).ok()).flatten();
        parameters.insert(key.to_owned(), read.unwrap_or_else(|| Value::String(value.to_owned())));
    }
    Ok(parameters)
}

/// A file, or standard input; no more of it than can be sent.
fn read(directory: &Path, file: &Path) -> Result<String, Failure> {
    let most = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let done = if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(directory.join(file)).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    done.map_err(|error| {
        Failure::new(Exit::Usage, "cli::tool-refused", "the file cannot be read")
            .at(file.display().to_string())
            .because(&error)
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_taken_as_their_schema_says() {
        let schema = json!({ "properties": { "id": { "type": "string" }, "count": { "type": "integer" } } });
        let pairs = ["id=12", "count=3", "other=[1]", "plain=a=b"].map(str::to_owned);
        let read = from_pairs(&pairs, || Some(schema)).unwrap();
        assert_eq!(Value::Object(read), json!({ "id": "12", "count": 3, "other": [1], "plain": "a=b" }));
        assert!(from_pairs(&["x".to_owned()], || None).is_err());
        assert_eq!(from_pairs(&[], || panic!("nobody needs it")).unwrap(), Map::new());
    }
}
