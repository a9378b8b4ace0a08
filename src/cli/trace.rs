//! What the program tells of its own workings, to stderr: for those who look for a fault.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::environment::Environment;
use crate::cli::terminal::Terminal;

/// Begins: by `AI_SDLC_LOG` (`debug`, `ai_sdlc::driver=trace`), else by the number of `-v`. Without either, only
/// warnings are told.
pub(super) fn start(environment: &Environment, verbose: u8, terminal: &Terminal) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let builder = EnvFilter::builder().with_default_directive(level.into());
    let filter = builder.parse_lossy(environment.text("AI_SDLC_LOG").unwrap_or_default());
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal.err_look.color)
        .try_init();
    // Only a second start in one process fails, and then the first one holds.
    drop(started);
}
