//! What the program asks leave for, answered by what the task permits. Nobody else is asked.

use std::path::{Component, Path, PathBuf};

use agent_client_protocol_schema::v1::{PermissionOption, PermissionOptionId, PermissionOptionKind, ToolKind};

use crate::agent::{SessionSpec, mcp};
use crate::mission::model::Permissions;

/// Characters that make more of a command than a call of one program.
const SHELL: [char; 12] = [';', '&', '|', '<', '>', '`', '$', '(', ')', '{', '}', '\n'];

/// What a tool call is about, as far as the program tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Deed {
    /// What kind it is of.
    pub(super) kind: ToolKind,
    /// Names under which it is known: its tool, its title, its call.
    pub(super) names: Vec<String>,
    /// The command it runs.
    pub(super) command: Option<String>,
    /// Files it is about.
    pub(super) paths: Vec<PathBuf>,
    /// What it does, in one line.
    pub(super) words: String,
}

/// What a session may do.
#[derive(Debug)]
pub(super) struct Leave {
    permissions: Permissions,
    workspace: PathBuf,
    /// Files of its handing over, and folders of them.
    own: Vec<PathBuf>,
    program: String,
}

impl Leave {
    pub(super) fn of(spec: &SessionSpec) -> Self {
        let artifacts = spec.env.get("AI_SDLC_ARTIFACTS").map(PathBuf::from);
        Self {
            permissions: spec.permissions,
            workspace: spec.path.clone(),
            own: [spec.handoff_out.clone(), spec.outputs_file.clone()].into_iter().chain(artifacts).collect(),
            program: spec.executable.to_string_lossy().into_owned(),
        }
    }

    /// Whether it may do this.
    pub(super) fn allows(&self, deed: &Deed) -> bool {
        let kind = deed.kind;
        let changes_files = [ToolKind::Edit, ToolKind::Delete, ToolKind::Move].contains(&kind);
        let is_own = |path: &PathBuf| self.is_own(path);
        match self.permissions {
            // Another mode would be one in which it may do more.
            Permissions::Edit if kind == ToolKind::SwitchMode => false,
            Permissions::Edit if changes_files => {
                deed.paths.iter().all(|path| is_own(path) || self.absolute(path).starts_with(&self.workspace))
            }
            Permissions::Edit | Permissions::Full => true,
            Permissions::Read if kind == ToolKind::Edit => !deed.paths.is_empty() && deed.paths.iter().all(is_own),
            Permissions::Read if kind == ToolKind::Execute => {
                deed.command.as_deref().is_some_and(|command| self.is_tool(command))
            }
            Permissions::Read if kind == ToolKind::Other => deed.names.iter().any(|name| is_server(name)),
            Permissions::Read => [ToolKind::Read, ToolKind::Search, ToolKind::Think, ToolKind::Fetch].contains(&kind),
        }
    }

    fn is_own(&self, path: &Path) -> bool {
        let path = self.absolute(path);
        self.own.iter().any(|own| path.starts_with(own))
    }

    /// Where a path leads by its words alone.
    fn absolute(&self, path: &Path) -> PathBuf {
        let mut at = PathBuf::new();
        for part in self.workspace.join(path).components() {
            match part {
                Component::ParentDir => {
                    at.pop();
                }
                Component::CurDir => {}
                Component::Prefix(_) | Component::RootDir | Component::Normal(_) => at.push(part),
            }
        }
        at
    }

    /// Whether a command is a call of the session's own tools and nothing else.
    fn is_tool(&self, command: &str) -> bool {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap_or_default().trim_matches(['"', '\'']);
        (program == "ai-sdlc" || program == self.program)
            && words.next() == Some("tool")
            && !command.trim_end().contains(SHELL)
    }
}

/// Whether this names a tool of the session's own server.
fn is_server(name: &str) -> bool {
    let server = mcp::SERVER;
    [format!("mcp__{server}__"), format!("mcp_{server}_"), format!("{server}_"), format!("Tool: {server}/")]
        .iter()
        .any(|mark| name.starts_with(mark.as_str()))
        || name.ends_with(&format!(" ({server} MCP Server)"))
}

/// The answer among those that are offered: for this time rather than for ever. `None`: there is none that says so.
pub(super) fn option(options: &[PermissionOption], is_allowed: Allowed) -> Option<PermissionOptionId> {
    let kinds = match is_allowed {
        Allowed::Yes => [PermissionOptionKind::AllowOnce, PermissionOptionKind::AllowAlways],
        Allowed::No => [PermissionOptionKind::RejectOnce, PermissionOptionKind::RejectAlways],
    };
    let of = |kind: &PermissionOptionKind| options.iter().find(|option| option.kind == *kind);
    kinds.iter().find_map(of).map(|option| option.option_id.clone())
}

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// It may.
    Yes,
    /// It may not.
    No,
}
