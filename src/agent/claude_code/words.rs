//! What a tool call is, in words.

use std::path::Path;

use serde_json::Value;

use crate::agent::bounded;

/// Longest part of a command or text that is told.
const MAX_DETAIL: usize = 200;

/// A call of this tool. Paths of the workspace are told from there.
pub(super) fn call(tool: &str, input: &Value, workspace: &Path) -> String {
    let text = |key: &str| input.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let path = || text("file_path").or_else(|| text("notebook_path")).map(|path| below(path, workspace));
    let with = |verb: &str, what: Option<&str>| what.map(|what| format!("{verb} {}", line(what)));
    let told = match tool {
        "Write" => with("write", path()),
        "Edit" | "MultiEdit" | "NotebookEdit" => with("edit", path()),
        "Read" => with("read", path()),
        "Bash" | "PowerShell" => with("run", text("command")),
        "Glob" | "Grep" => with("search for", text("pattern")),
        "WebFetch" => with("fetch", text("url")),
        "WebSearch" => with("search the web for", text("query")),
        "Task" | "Agent" => with("hand to a subagent:", text("description")),
        "Skill" => with("use the skill", text("skill").or_else(|| text("command"))),
        _ => None,
    };
    told.unwrap_or_else(|| format!("use {}", line(tool)))
}

fn below<'p>(path: &'p str, workspace: &Path) -> &'p str {
    Path::new(path).strip_prefix(workspace).ok().and_then(Path::to_str).unwrap_or(path)
}

fn line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    bounded(&line, MAX_DETAIL).to_owned()
}
