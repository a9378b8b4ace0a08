//! Arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ai_sdlc::cli::main()
}
