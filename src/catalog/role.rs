//! Role templates: who works, as a Markdown file with front matter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::front::Front;
use super::template::Template;
use super::{codes, foreign};
use crate::diagnostic::nearest::{listed, nearest};
use crate::diagnostic::{ByteSpan, Finding, Severity};
use crate::name::{AgentName, RoleName, SkillName};

/// A role as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleTemplate {
    /// Its name: that of the file.
    pub name: RoleName,
    /// One line for people and for choosing.
    pub description: String,
    /// Which agent.
    pub agent: Option<AgentName>,
    /// Which model: `fast`, `balanced`, `strong`, or an id.
    pub model: Option<String>,
    /// What its sessions may do.
    pub permissions: Option<Permissions>,
    /// What it is able to do.
    pub capabilities: Vec<String>,
    /// The skills it is given.
    pub skills: Vec<SkillName>,
    /// A fence: what its tasks may change at most.
    pub touches: Option<Vec<String>>,
    /// Tasks it is good at.
    pub examples: Vec<String>,
    /// What sort of work it does.
    pub kind: RoleKind,
    /// What it is told.
    pub body: Body,
}

/// The body of a role file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A Handlebars template of ours.
    Template(String),
    /// Text made for another tool, taken as it is.
    Text(String),
}

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Permissions {
    /// Read only.
    Read,
    /// Files of the workspace, and commands.
    #[default]
    Edit,
    /// Everything the agent can do.
    Full,
}

/// What sort of work a role does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleKind {
    /// It changes the product.
    #[default]
    Code,
    /// It plans, decides or judges.
    Coordination,
}

/// The front matter of `roles/<name>.md`, for `schema/role.schema.json`: other keys are warnings.
///
/// The file itself is read key by key, so that each finding has its place.
#[derive(Debug, JsonSchema)]
#[schemars(title = "Role", rename = "Role")]
pub struct RoleFile {
    /// Name of the role; that of the file counts.
    #[schemars(example = &"caretaker")]
    pub name: Option<RoleName>,
    /// One line for people and for choosing.
    #[schemars(example = &"Keeps the repository tidy.")]
    pub description: String,
    /// Which agent.
    #[schemars(example = &"claude")]
    pub agent: Option<AgentName>,
    /// Which model: `fast`, `balanced`, `strong`, or an id the agent knows.
    #[schemars(example = &"balanced")]
    pub model: Option<String>,
    /// What its sessions may do.
    pub permissions: Option<Permissions>,
    /// What it is able to do.
    pub capabilities: Option<Vec<Capability>>,
    /// The skills it is given.
    #[schemars(example = ["test-runner", "git-history"])]
    pub skills: Option<Vec<SkillName>>,
    /// A fence: what its tasks may change at most.
    #[schemars(example = ["docs/**"])]
    pub touches: Option<Vec<String>>,
    /// 5 to 10 tasks this role is good at.
    #[schemars(example = ["Remove dead code from a module"])]
    pub examples: Option<Vec<String>>,
    /// What sort of work it does.
    pub kind: Option<RoleKind>,
}

/// What a role is able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Changes source code.
    WritesCode,
    /// Reads tests.
    ReadsTests,
    /// Runs tests.
    RunsTests,
    /// Reads documentation.
    ReadsDocs,
    /// Writes documentation.
    WritesDocs,
    /// Reads history and differences.
    GitOperations,
    /// Works on files beside code.
    FileSystem,
    /// Works on a database.
    Database,
    /// Drives a browser.
    Browser,
    /// Reaches out to the network.
    Network,
}

impl Permissions {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
            Self::Full => "full",
        }
    }
}

impl Capability {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WritesCode => "writes-code",
            Self::ReadsTests => "reads-tests",
            Self::RunsTests => "runs-tests",
            Self::ReadsDocs => "reads-docs",
            Self::WritesDocs => "writes-docs",
            Self::GitOperations => "git-operations",
            Self::FileSystem => "file-system",
            Self::Database => "database",
            Self::Browser => "browser",
            Self::Network => "network",
        }
    }
}

/// The names of all capabilities.
pub const CAPABILITIES: [&str; 10] = [
    "writes-code",
    "reads-tests",
    "runs-tests",
    "reads-docs",
    "writes-docs",
    "git-operations",
    "file-system",
    "database",
    "browser",
    "network",
];

/// What a session may do, as it is written.
const PERMISSIONS: [(&str, Permissions); 3] =
    [("read", Permissions::Read), ("edit", Permissions::Edit), ("full", Permissions::Full)];

/// Keys of ours.
pub(super) const OURS: [&str; 10] =
    ["name", "description", "agent", "model", "permissions", "capabilities", "skills", "touches", "examples", "kind"];

/// What a role template sees; a root without parts is open below.
const SEEN: [(&str, &[&str]); 11] = [
    ("mission", &["name", "description"]),
    ("run", &["id", "branch"]),
    (
        "task",
        &[
            "id",
            "title",
            "prompt",
            "permissions",
            "touches",
            "timeout",
            "idle_timeout",
            "rounds",
            "checks",
            "outputs",
            "branch",
            "model",
        ],
    ),
    ("attempt", &["number", "round", "last_failure", "given_back"]),
    ("workspace", &["path", "mode"]),
    ("role", &["name", "description"]),
    ("inputs", &[]),
    ("tasks", &[]),
    ("vars", &[]),
    ("skills", &[]),
    ("upstream", &[]),
];

/// Reads a role file. `None` where nothing can be made of it; what was found is told either way.
pub fn read(name: &RoleName, file: &str, text: &str) -> (Option<RoleTemplate>, Vec<Finding>) {
    let mut front = Front::read(file, text);
    if front.is_broken() {
        // Other tools write and read descriptions that are no YAML, such as `Use this when: …`.
        let keys = front.by_lines();
        if foreign::is_theirs(file, |key| keys.contains_key(key)) && keys.contains_key("description") {
            front.take(keys);
        }
    }
    let theirs = foreign::is_theirs(file, |key| front.has(key));
    if front.is_broken() {
        return (None, front.findings);
    }
    if let Some(given) = front.text("name")
        && given != name.as_str()
    {
        let span = front.key_span("name");
        let message = format!("the file says `{given}`; missions name it `{name}`, as the file is called");
        let help = format!("write `name: {name}`, or rename the file to `{given}.md`");
        front.note(codes::WRONG_VALUE, Severity::Warning, span, message).help(help);
    }
    let description = front.required("description", "what it is for");
    let role = if theirs { foreign::read(name, &description, &mut front) } else { own(name, description, &mut front) };
    let broken = front.findings.iter().any(|finding| finding.severity == Severity::Error);
    ((!broken).then_some(role), front.findings)
}

fn own(name: &RoleName, description: String, front: &mut Front<'_>) -> RoleTemplate {
    front.only(&OURS);
    let kind = front.choice("kind", &[("code", RoleKind::Code), ("coordination", RoleKind::Coordination)]);
    let role = RoleTemplate {
        name: name.clone(),
        description,
        agent: front.parsed("agent", AgentName::parse),
        model: front.text("model"),
        permissions: front.choice("permissions", &PERMISSIONS),
        capabilities: front
            .choices("capabilities", &CAPABILITIES.map(|word| (word, word)))
            .into_iter()
            .map(str::to_owned)
            .collect(),
        skills: front.parsed_list("skills", SkillName::parse),
        touches: front.list("touches"),
        examples: front.list("examples").unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        body: Body::Template(front.body().to_owned()),
    };
    let (body, body_at) = (front.body(), front.body_at);
    check_template(body, body_at, front);
    role
}

/// Checks the template of a body or a partial: its syntax, and the variables that every role template sees.
pub(super) fn check_template(body: &str, body_at: usize, front: &mut Front<'_>) {
    let at = |offset: usize, length: usize| ByteSpan { start: body_at + offset, end: body_at + offset + length };
    let template = match Template::parse(body) {
        Ok(template) => template,
        Err(error) => {
            front.error(codes::BAD_TEMPLATE, at(error.offset, 0), error.message);
            return;
        }
    };
    for variable in template.uses() {
        if let Some(Unseen { why, help }) = unseen(&variable.path) {
            let path = variable.path.join(".");
            let span = at(variable.offset, path.len());
            front.error(codes::UNKNOWN_VARIABLE, span, format!("`{path}`: {why}")).help(help);
        }
    }
}

/// A variable that a role template does not see.
struct Unseen {
    why: String,
    help: String,
}

/// Why a role template does not see this variable; `None` where it does.
fn unseen(path: &[String]) -> Option<Unseen> {
    let first = path.first()?;
    let Some((root, parts)) = SEEN.iter().find(|(root, _)| root == first) else {
        // Another name may be a variable of instances, and each mission that uses the role is checked for it; only a
        // near miss is surely a mistake.
        let close = nearest(first, SEEN.iter().map(|(root, _)| *root))?;
        let parts = path.iter().skip(1).map(String::as_str);
        let meant = std::iter::once(close).chain(parts).collect::<Vec<_>>().join(".");
        return Some(Unseen {
            why: format!("a role template sees no `{first}`"),
            help: format!("did you mean `{meant}`?"),
        });
    };
    let part = path.get(1)?;
    if parts.is_empty() || parts.contains(&part.as_str()) {
        return None;
    }
    let help = match nearest(part, parts.iter().copied()) {
        Some(close) => format!("did you mean `{root}.{close}`?"),
        None => format!("write one of {}", listed(parts.iter().copied())),
    };
    Some(Unseen { why: format!("`{first}` has {}", parts.join(", ")), help })
}
