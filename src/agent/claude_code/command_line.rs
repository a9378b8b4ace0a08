//! How its program is started.

use std::path::Path;

use serde_json::json;

use crate::agent::{AgentError, Invocation, SessionSpec, Stdin, command, environment, mcp, own_conversation, preset};
use crate::amount::Usd;
use crate::mission::model::Permissions;

/// What it would be told by a project's own file. The sources that such files belong to are left out, since with them
/// a repository could run hooks and allow itself more.
const PROJECT: &str = "If the working directory has a file `CLAUDE.md`, or else `AGENTS.md`, read it before anything \
                       else: it says how this project is worked on.";

/// Tools that leave the workspace, outlast the session or need a person.
const NOT_HERE: [&str; 12] = [
    "AskUserQuestion",
    "CronCreate",
    "CronDelete",
    "CronList",
    "EnterPlanMode",
    "EnterWorktree",
    "ExitPlanMode",
    "ExitWorktree",
    "ListAgents",
    "RemoteTrigger",
    "ScheduleWakeup",
    "SendMessage",
];

/// What is set over its environment, where nobody set it otherwise: few tries of its own, since the engine waits
/// better; nothing that it sends or fetches besides.
pub(super) const SETTINGS: [(&str, &str); 6] = [
    ("CLAUDE_CODE_MAX_RETRIES", "3"),
    ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
    ("DISABLE_AUTOUPDATER", "1"),
    ("DISABLE_TELEMETRY", "1"),
    ("DISABLE_ERROR_REPORTING", "1"),
    ("CLAUDE_CODE_DISABLE_CRON", "1"),
];

pub(super) fn invocation(spec: &SessionSpec) -> Result<Invocation, AgentError> {
    let (program, mut args) = command(&spec.agent)?;
    let mut add = |more: &[&str]| args.extend(more.iter().map(|arg| (*arg).to_owned()));
    add(&["-p", "--output-format", "stream-json", "--verbose", "--include-partial-messages"]);
    add(&["--setting-sources", "user", "--append-system-prompt", PROJECT]);
    add(&["--permission-mode", mode(spec.permissions), "--permission-prompts", "none"]);
    match &spec.conversation {
        Some(conversation) => add(&["--resume", conversation]),
        None => add(&["--session-id", &own_conversation(spec)]),
    }
    if let Some(model) = &spec.model {
        add(&["--model", model]);
    }
    if let Some(usd) = spec.cap.usd {
        add(&["--max-budget-usd", &dollars(usd)]);
    }
    add(&["--strict-mcp-config"]);
    let server = mcp::server(spec);
    if let Some(server) = &server {
        let (name, kind) = (mcp::SERVER, "stdio");
        let table = json!({ "type": kind, "command": server.command, "args": server.args, "env": server.env, "alwaysLoad": true });
        add(&["--mcp-config", &json!({ "mcpServers": { name: table } }).to_string()]);
    }
    add(&["--disallowedTools"]);
    add(&NOT_HERE);
    add(&["--allowedTools"]);
    args.extend(allowed(spec));
    args.extend(server.map(|_| format!("mcp__{}", mcp::SERVER)));
    let mut env = environment(spec);
    preset(&mut env, &SETTINGS);
    // What begins with a stroke it takes for a command of its own.
    let first = if spec.prompt.trim_start().starts_with('/') { "Your task:\n\n" } else { "" };
    let stdin = Stdin::Text(format!("{first}{}", spec.prompt));
    Ok(Invocation {
        program,
        args,
        env,
        stdin,
        files: Vec::new(),
        // A new one is told by its stream, as soon as there is something to go on with.
        conversation: spec.conversation.clone(),
    })
}

/// What it would ask a person for is denied in each of them, since nobody answers.
fn mode(permissions: Permissions) -> &'static str {
    match permissions {
        // What only reads is let by itself, commands among it.
        Permissions::Read => "dontAsk",
        // The mode that lets everything is refused to root, and asks for nothing that these do not allow.
        Permissions::Edit | Permissions::Full => "acceptEdits",
    }
}

/// What it may do beside what its mode lets: in each of them what it is asked to leave.
fn allowed(spec: &SessionSpec) -> Vec<String> {
    let tools: &[&str] = match spec.permissions {
        Permissions::Read => &[],
        Permissions::Edit => &["Bash"],
        Permissions::Full => {
            &["Bash", "Edit", "Write", "NotebookEdit", "Read", "WebFetch", "WebSearch", "Skill", "Task"]
        }
    };
    let mut allowed: Vec<String> = tools.iter().map(|tool| (*tool).to_owned()).collect();
    // A path that begins with two strokes is one of the machine, not of the project.
    let file = |path: &Path| format!("Edit(/{})", path.display());
    allowed.extend([file(&spec.handoff_out), file(&spec.outputs_file)]);
    allowed.extend(spec.env.get("AI_SDLC_ARTIFACTS").map(|folder| file(&Path::new(folder).join("**"))));
    allowed
}

/// Dollars as it reads them.
fn dollars(usd: Usd) -> String {
    format!("{}.{:06}", usd.0 / 1_000_000, usd.0 % 1_000_000)
}
