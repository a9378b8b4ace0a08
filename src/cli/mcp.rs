//! The hidden command `mcp`: the tools of a session as a server of the Model Context Protocol, on standard input and
//! output. It does nothing itself: each call goes to the session's socket.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::exit::Exit;
use crate::cli::tool::socket;
use crate::cli::tool_text::text;
use crate::report::Look;
use crate::session::tools::client::call;
use crate::session::tools::protocol::{Answer, Request};

/// Which skills.
#[derive(Debug, Deserialize, JsonSchema)]
struct DiscoverSkills {
    /// What they are wanted for: those that fit come first.
    #[serde(default, rename = "for")]
    about: Option<String>,
}

/// Which skill, with what.
#[derive(Debug, Deserialize, JsonSchema)]
struct RunSkill {
    /// The skill's name, as `discover_skills` tells it.
    name: String,
    /// What its schema asks for.
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// What is being done.
#[derive(Debug, Deserialize, JsonSchema)]
struct ReportProgress {
    /// One line.
    text: String,
}

/// What is handed over.
#[derive(Debug, Deserialize, JsonSchema)]
struct WriteHandoff {
    /// The whole document: Markdown with YAML front matter.
    text: String,
}

/// Whose handoff.
#[derive(Debug, Deserialize, JsonSchema)]
struct ReadHandoff {
    /// The task; left out: all whose handoffs open this one.
    #[serde(default)]
    task: Option<String>,
}

/// The server.
#[derive(Debug, Clone)]
struct Tools {
    socket: PathBuf,
}

#[tool_router]
impl Tools {
    #[tool(description = "List the skills that this session was given, and which of them can be run.")]
    async fn discover_skills(
        &self,
        Parameters(DiscoverSkills { about }): Parameters<DiscoverSkills>,
    ) -> Result<CallToolResult, ErrorData> {
        self.ask(Request::DiscoverSkills { about }).await
    }

    #[tool(description = "Run a skill of this session that has something to run, and give what it printed.")]
    async fn run_skill(
        &self,
        Parameters(RunSkill { name, parameters }): Parameters<RunSkill>,
    ) -> Result<CallToolResult, ErrorData> {
        self.ask(Request::RunSkill { name, parameters }).await
    }

    #[tool(description = "Say in one line what you are doing now. A person may be watching; nobody answers.")]
    async fn report_progress(
        &self,
        Parameters(ReportProgress { text }): Parameters<ReportProgress>,
    ) -> Result<CallToolResult, ErrorData> {
        self.ask(Request::ReportProgress { text }).await
    }

    #[tool(description = "Leave the handoff document of this session, whole, and hear what is wrong with it.")]
    async fn write_handoff(
        &self,
        Parameters(WriteHandoff { text }): Parameters<WriteHandoff>,
    ) -> Result<CallToolResult, ErrorData> {
        self.ask(Request::WriteHandoff { text }).await
    }

    #[tool(description = "Read what the tasks before this one handed over.")]
    async fn read_handoff(
        &self,
        Parameters(ReadHandoff { task }): Parameters<ReadHandoff>,
    ) -> Result<CallToolResult, ErrorData> {
        self.ask(Request::ReadHandoff { task }).await
    }
}

#[tool_handler(name = "aisdlc", instructions = "Tools of the engine that started this session.")]
impl ServerHandler for Tools {}

impl Tools {
    /// What the host refuses is an error that the model sees; that there is no host is one as well.
    async fn ask(&self, request: Request) -> Result<CallToolResult, ErrorData> {
        let socket = self.socket.clone();
        let asked = tokio::task::spawn_blocking(move || call(&socket, &request)).await;
        let why = match asked {
            Ok(Ok(Answer::Done(outcome))) => {
                return Ok(CallToolResult::success(vec![ContentBlock::text(text(&outcome))]));
            }
            Ok(Ok(Answer::Refused(why))) => why,
            Ok(Err(error)) => format!("{error}; go on without: the files in the workspace do the same"),
            Err(error) => format!("a fault of ours: {error}"),
        };
        Ok(CallToolResult::error(vec![ContentBlock::text(why)]))
    }
}

/// Serves until standard input ends.
pub(super) fn main(named: Option<&OsStr>) -> ExitCode {
    let socket = match socket(named.map(Path::new)) {
        Ok(socket) => socket,
        Err(failure) => {
            let _nobody_reads = writeln!(io::stderr(), "{}", failure.text(Look::default()));
            return failure.exit.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _nobody_reads = writeln!(io::stderr(), "mcp: {error}");
            return Exit::Environment.into();
        }
    };
    let served = runtime.block_on(async {
        match (Tools { socket }).serve(rmcp::transport::stdio()).await {
            Ok(server) => server.waiting().await.map(drop).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    });
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _nobody_reads = writeln!(io::stderr(), "mcp: {why}");
            Exit::Environment.into()
        }
    }
}
