//! One session, from the first answer to the end of its turn.

use std::collections::VecDeque;

use agent_client_protocol_schema::v1::{
    AGENT_METHOD_NAMES, CLIENT_METHOD_NAMES, CancelNotification, ContentBlock, PromptRequest, RequestPermissionOutcome,
    RequestPermissionRequest, RequestPermissionResponse, SelectedPermissionOutcome, TextContent,
};
use serde_json::Value;

use crate::agent::acp::counting::Count;
use crate::agent::acp::opening::{self, Able, Asks};
use crate::agent::acp::permission::{self, Allowed, Leave};
use crate::agent::acp::updates::Updates;
use crate::agent::acp::wire::{self, Message};
use crate::agent::acp::{FIRST, end};
use crate::agent::fault::{self, Clock};
use crate::agent::{Exit, Reader, Said, SessionSpec, Stream, Terminal, bounded};
use crate::kernel::fact::{EndKind, Fault};

/// The version that is spoken.
const VERSION: u64 = 1;

/// What an answer is awaited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Initialize,
    Open,
    Set,
    Prompt,
    Nothing,
}

/// Reads the messages of one program and answers them.
pub(super) struct Session {
    spec: SessionSpec,
    clock: Clock,
    asked: (i64, Asked),
    able: Able,
    id: String,
    settings: VecDeque<Asks>,
    leave: Leave,
    updates: Updates,
    count: Count,
    cancelled: bool,
}

impl Session {
    pub(super) fn of(spec: &SessionSpec, clock: Clock) -> Self {
        Self {
            clock,
            asked: (FIRST, Asked::Initialize),
            able: Able::default(),
            id: String::new(),
            settings: VecDeque::new(),
            leave: Leave::of(spec),
            updates: Updates::of(&spec.path),
            count: Count::after(spec.counted),
            cancelled: false,
            spec: spec.clone(),
        }
    }

    fn ask(&mut self, what: Asked, method: &str, params: &Value) -> Said {
        self.asked = (self.asked.0 + 1, what);
        Said::Send(wire::request(self.asked.0, method, params))
    }

    fn end(&mut self, terminal: Terminal) -> Vec<Said> {
        self.asked.1 = Asked::Nothing;
        let rest = self.updates.rest();
        rest.into_iter().chain([Said::Terminal(terminal)]).collect()
    }

    fn misconfigured(&mut self, why: String) -> Vec<Said> {
        self.end(Terminal::Failed(Fault::Misconfigured, why))
    }

    fn answer(&mut self, id: i64, told: Result<Value, Value>) -> Vec<Said> {
        if id != self.asked.0 {
            return Vec::new();
        }
        match (self.asked.1, told) {
            (Asked::Nothing, _) => Vec::new(),
            (what, Err(error)) => self.failed(what, &error),
            (Asked::Initialize, Ok(told)) => self.initialized(&told),
            (Asked::Open, Ok(told)) => self.opened(&told),
            (Asked::Set, Ok(_)) => self.go_on(),
            (Asked::Prompt, Ok(told)) => self.ended_turn(&told),
        }
    }

    fn failed(&mut self, what: Asked, error: &Value) -> Vec<Said> {
        let mut terminal = end::of_error(error, self.clock);
        if let Terminal::Failed(fault, why) = &mut terminal {
            if what == Asked::Open && self.spec.conversation.is_some() && end::is_unknown(error) {
                *fault = Fault::OutOfContext;
                *why = format!("its program does not know the conversation any more: {why}");
            }
            if *fault == Fault::Misconfigured && what == Asked::Open && !self.able.logins.is_empty() {
                *why = format!("{why}: log in with the program itself ({})", self.able.logins.join(", "));
            }
        }
        self.end(terminal)
    }

    fn initialized(&mut self, told: &Value) -> Vec<Said> {
        match told.get("protocolVersion").and_then(Value::as_u64) {
            Some(VERSION) => {}
            other => {
                let other =
                    other.map_or_else(|| "no version that it names".to_owned(), |other| format!("version {other}"));
                return self.misconfigured(format!(
                    "it speaks {other} of the Agent Client Protocol, and version {VERSION} is spoken here"
                ));
            }
        }
        self.able = Able::of(told);
        let version = told.pointer("/agentInfo/version").and_then(Value::as_str).map(str::to_owned);
        let (method, params) = opening::open(&self.spec, &self.able);
        let open = self.ask(Asked::Open, method, &params);
        version.map(Said::Version).into_iter().chain([open]).collect()
    }

    fn opened(&mut self, told: &Value) -> Vec<Said> {
        let named = told.get("sessionId").and_then(Value::as_str);
        let Some(id) = named.or(self.spec.conversation.as_deref()) else {
            return self.end(Terminal::Failed(Fault::Transient, "it opened a session without a name".to_owned()));
        };
        self.id = id.to_owned();
        // What was told again of a conversation was told before.
        self.updates = Updates::of(&self.spec.path);
        match opening::settings(&self.spec, &self.id, told) {
            Ok(settings) => self.settings = settings.into(),
            Err(why) => return self.misconfigured(why),
        }
        let named = self.able.goes_on().then(|| Said::Conversation(self.id.clone()));
        let next = self.go_on();
        named.into_iter().chain(next).collect()
    }

    /// Sets what is left to set, then asks for the work itself.
    fn go_on(&mut self) -> Vec<Said> {
        if let Some((method, params)) = self.settings.pop_front() {
            return vec![self.ask(Asked::Set, method, &params)];
        }
        let text = ContentBlock::Text(TextContent::new(self.spec.prompt.clone()));
        let prompt = PromptRequest::new(self.id.clone(), vec![text]);
        let prompt = serde_json::to_value(prompt).unwrap_or_default();
        vec![self.ask(Asked::Prompt, AGENT_METHOD_NAMES.session_prompt, &prompt)]
    }

    fn ended_turn(&mut self, told: &Value) -> Vec<Said> {
        let model = told.pointer("/_meta/quota/model_usage/0/model").and_then(Value::as_str);
        let mut said = self.updates.answers(model);
        let usage = self.count.turn(told);
        said.extend(usage.map(Said::Used));
        let message = self.updates.message();
        let terminal = match end::disguised(told, message, self.clock) {
            Some(failed) => failed,
            None if self.updates.failed => end::broken(message, self.clock),
            None => end::of_answer(told, message),
        };
        said.extend(self.end(terminal));
        said
    }

    fn news(&mut self, method: &str, params: &Value) -> Vec<Said> {
        // What comes before the turn is told again of a conversation.
        if method != CLIENT_METHOD_NAMES.session_update || self.asked.1 != Asked::Prompt {
            return Vec::new();
        }
        let Some(update) = params.get("update") else { return Vec::new() };
        let mut said = self.updates.update(update);
        said.extend(self.count.costs(update.get("cost")).map(Said::Used));
        said
    }

    fn request(&mut self, id: &Value, method: &str, params: Value) -> Vec<Said> {
        let asks = (method == CLIENT_METHOD_NAMES.session_request_permission)
            .then(|| serde_json::from_value::<RequestPermissionRequest>(params).ok())
            .flatten();
        let Some(asks) = asks else { return vec![Said::Send(wire::not_offered(id, method))] };
        let (deed, mut said) = self.updates.call(asks.tool_call);
        let is_allowed = if self.leave.allows(&deed) { Allowed::Yes } else { Allowed::No };
        let option = permission::option(&asks.options, is_allowed).filter(|_| !self.cancelled);
        if !self.cancelled && (is_allowed == Allowed::No || option.is_none()) {
            said.push(Said::Denied(deed.words));
        }
        let outcome = option.map_or(RequestPermissionOutcome::Cancelled, |option| {
            RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option))
        });
        said.push(Said::Send(wire::answer(id, &RequestPermissionResponse::new(outcome))));
        said
    }
}

impl Reader for Session {
    fn line(&mut self, line: &str) -> Vec<Said> {
        match wire::read(line) {
            Some(Message::Answer(id, told)) => self.answer(id, told),
            Some(Message::Request(id, method, params)) => self.request(&id, &method, params),
            Some(Message::News(method, params)) => self.news(&method, &params),
            None => Vec::new(),
        }
    }

    fn ended(&mut self, stream: &Stream, exit: Exit, errors: &str) -> EndKind {
        let last = bounded(errors.lines().last().unwrap_or_default().trim(), 600);
        let failed = |fault, why: String| EndKind::Failed { fault, why };
        match (stream.terminal(), exit, self.asked.1) {
            (Some(Terminal::Completed), _, _) => EndKind::Completed,
            (Some(Terminal::Refused(why)), _, _) => EndKind::Refused { why: why.clone() },
            (Some(Terminal::Failed(fault, why)), _, _) => failed(*fault, why.clone()),
            (None, Exit::Signal(signal), _) => EndKind::Signalled { signal },
            (None, Exit::Code(_), Asked::Initialize) => failed(
                Fault::Misconfigured,
                format!("it ended before it answered in the Agent Client Protocol: {last}"),
            ),
            (None, Exit::Code(_), _) if fault::is_misconfigured(errors) => {
                failed(Fault::Misconfigured, last.to_owned())
            }
            (None, Exit::Code(0), _) => failed(Fault::Transient, "it ended before its turn did".to_owned()),
            (None, Exit::Code(code), _) => EndKind::Exited { code },
        }
    }

    fn farewell(&mut self) -> Option<String> {
        if self.asked.1 != Asked::Prompt || std::mem::replace(&mut self.cancelled, true) {
            return None;
        }
        Some(wire::news(AGENT_METHOD_NAMES.session_cancel, &CancelNotification::new(self.id.clone())))
    }
}
