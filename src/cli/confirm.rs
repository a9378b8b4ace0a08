//! Asks the person; never where nobody can answer.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::terminal::{Answers, Terminal};

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do not.
    No,
}

/// Asks a question that is answered by yes or no; no answer is no. Without a terminal it is a usage error that names
/// the flag.
pub fn confirm(terminal: &mut Terminal, question: &str) -> Result<Answer, Failure> {
    match terminal.answers {
        Answers::Impossible => Err(Failure::new(
            Exit::Usage,
            "cli::needs-terminal",
            format!("\"{question}\" cannot be asked, as there is no terminal"),
        )
        .help("give `--yes` to go on without being asked")),
        Answers::Possible => Ok(ask(terminal, question)),
    }
}

fn ask(terminal: &mut Terminal, question: &str) -> Answer {
    loop {
        terminal.err_raw(&format!("{question} [y/N] "));
        let Some(line) = Terminal::read_line() else {
            terminal.err("\n");
            return Answer::No;
        };
        match line.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Answer::Yes,
            "" | "n" | "no" => return Answer::No,
            _ => terminal.err("Please answer y or n."),
        }
    }
}
