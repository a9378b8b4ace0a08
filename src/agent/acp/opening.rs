//! How a session is opened and set up: the requests that come before its prompt.

use agent_client_protocol_schema::v1::{
    AGENT_METHOD_NAMES, EnvVariable, LoadSessionRequest, McpServer, McpServerStdio, NewSessionRequest,
    ResumeSessionRequest,
};
use serde_json::{Value, json};

use crate::agent::{SessionSpec, mcp};
use crate::mission::model::Permissions;

/// A request without its number.
pub(super) type Asks = (&'static str, Value);

/// The method by which older programs take a model.
const SET_MODEL: &str = "session/set_model";

/// What a program says that it can.
#[derive(Debug, Default)]
pub(super) struct Able {
    load: bool,
    resume: bool,
    /// Names of the ways to log in.
    pub(super) logins: Vec<String>,
}

impl Able {
    pub(super) fn of(answer: &Value) -> Self {
        let can = |at: &str| answer.pointer(at).is_some_and(|value| value.as_bool().unwrap_or(value.is_object()));
        let ways = answer.get("authMethods").and_then(Value::as_array).into_iter().flatten();
        let name = |way: &Value| way.get("name").or_else(|| way.get("id"))?.as_str().map(str::to_owned);
        Self {
            load: can("/agentCapabilities/loadSession"),
            resume: can("/agentCapabilities/sessionCapabilities/resume"),
            logins: ways.filter_map(name).collect(),
        }
    }

    /// Whether another process can go on with a conversation.
    pub(super) fn goes_on(&self) -> bool {
        self.load || self.resume
    }
}

/// The request that opens a session: a new one, or the one to go on with.
pub(super) fn open(spec: &SessionSpec, able: &Able) -> Asks {
    let names = AGENT_METHOD_NAMES;
    let servers = servers(spec);
    let asks = |params: Result<Value, serde_json::Error>| params.unwrap_or_default();
    match &spec.conversation {
        Some(id) if able.load => {
            let params = LoadSessionRequest::new(id.clone(), &spec.path).mcp_servers(servers);
            (names.session_load, asks(serde_json::to_value(params)))
        }
        Some(id) if able.resume => {
            let params = ResumeSessionRequest::new(id.clone(), &spec.path).mcp_servers(servers);
            (names.session_resume, asks(serde_json::to_value(params)))
        }
        Some(_) | None => {
            let params = NewSessionRequest::new(&spec.path).mcp_servers(servers);
            (names.session_new, asks(serde_json::to_value(params)))
        }
    }
}

fn servers(spec: &SessionSpec) -> Vec<McpServer> {
    let server = mcp::server(spec).map(|server| {
        let env = server.env.into_iter().map(|(name, value)| EnvVariable::new(name, value)).collect();
        McpServer::Stdio(McpServerStdio::new(mcp::SERVER, server.command).args(server.args).env(env))
    });
    server.into_iter().collect()
}

/// What is set before the prompt. `Err`: why what was asked for cannot be had, for the person.
pub(super) fn settings(spec: &SessionSpec, session: &str, opened: &Value) -> Result<Vec<Asks>, String> {
    let mode = mode(spec.permissions, session, opened);
    let model = spec.model.as_deref().map(|model| self::model(model, session, opened)).transpose()?;
    Ok(mode.into_iter().chain(model.flatten()).collect())
}

/// The mode in which it asks for what a task is not permitted, or cannot do it; none where it is in that already.
fn mode(permissions: Permissions, session: &str, opened: &Value) -> Option<Asks> {
    let wanted: &[&str] = match permissions {
        Permissions::Read => &["read-only", "default", "plan"],
        Permissions::Edit => &["workspace-write", "default", "build", "auto"],
        Permissions::Full => &["agent-full-access", "full-access", "yolo", "bypassPermissions", "default", "build"],
    };
    let modes = Choice::listed(opened, "/modes", ["availableModes", "currentModeId", "id"]);
    if let Some(modes) = modes {
        let mode = modes.first_of(wanted)?;
        return Some((AGENT_METHOD_NAMES.session_set_mode, json!({ "sessionId": session, "modeId": mode })));
    }
    let (id, modes) = Choice::option(opened, "mode")?;
    Some(set(session, &id, &modes.first_of(wanted)?))
}

/// The model that was asked for.
fn model(model: &str, session: &str, opened: &Value) -> Result<Option<Asks>, String> {
    let option = Choice::option(opened, "model");
    let listed = Choice::listed(opened, "/models", ["availableModels", "currentModelId", "modelId"]);
    let all: Vec<String> =
        option.iter().map(|(_, choice)| choice).chain(&listed).flat_map(|choice| choice.all.iter().cloned()).collect();
    if let Some((id, choice)) = option.filter(|(_, choice)| choice.has(model)) {
        return Ok((choice.current != model).then(|| set(session, &id, model)));
    }
    if let Some(choice) = listed.filter(|choice| choice.has(model)) {
        let asks = (SET_MODEL, json!({ "sessionId": session, "modelId": model }));
        return Ok((choice.current != model).then_some(asks));
    }
    if all.is_empty() {
        return Err(format!("it lets nobody choose a model, and `{model}` was asked for: leave out `model`"));
    }
    let shown: Vec<&str> = all.iter().take(20).map(String::as_str).collect();
    Err(format!("it has no model `{model}`; it offers {}", shown.join(", ")))
}

fn set(session: &str, id: &str, value: &str) -> Asks {
    let params = json!({ "sessionId": session, "configId": id, "value": value });
    (AGENT_METHOD_NAMES.session_set_config_option, params)
}

/// One of several, as a program offers them.
struct Choice {
    all: Vec<String>,
    current: String,
}

impl Choice {
    fn listed(opened: &Value, at: &str, [all, current, id]: [&str; 3]) -> Option<Self> {
        let table = opened.pointer(at).filter(|table| table.is_object())?;
        let name = |one: &Value| one.get(id)?.as_str().map(str::to_owned);
        Some(Self {
            all: table.get(all)?.as_array()?.iter().filter_map(name).collect(),
            current: table.get(current).and_then(Value::as_str).unwrap_or_default().to_owned(),
        })
    }

    /// The option of this category, with its id. Values may be in groups.
    fn option(opened: &Value, category: &str) -> Option<(String, Self)> {
        let options = opened.get("configOptions")?.as_array()?;
        let is_it = |option: &&Value| option.get("category").and_then(Value::as_str) == Some(category);
        let option = options.iter().find(is_it)?;
        let values = option.get("options")?.as_array()?.iter();
        let values = values.flat_map(|one| match one.get("options").and_then(Value::as_array) {
            Some(group) => group.iter().collect(),
            None => vec![one],
        });
        let all = values.filter_map(|one| one.get("value")?.as_str().map(str::to_owned)).collect();
        let current = option.get("currentValue").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some((option.get("id")?.as_str()?.to_owned(), Self { all, current }))
    }

    fn has(&self, id: &str) -> bool {
        self.all.iter().any(|one| one == id)
    }

    fn first_of(&self, wanted: &[&str]) -> Option<String> {
        let found = wanted.iter().find(|one| self.has(one))?;
        (*found != self.current).then(|| (*found).to_owned())
    }
}
