//! How well the skills that ship are chosen for task texts whose skills are known, with no role.
//!
//! `cargo bench --bench skills` prints recall and precision of each part of `tests/fixtures/skills/`, and what choosing
//! costs; `-- --worst 20` also the texts with most that was missed, those held out apart: who mends something because of
//! them has no number left that says how good the choice is with texts that nobody has seen.

#![expect(clippy::disallowed_methods, reason = "this program reads the clock: it measures")]
#![expect(clippy::print_stdout, reason = "the table is its result")]

use std::process::ExitCode;
use std::time::Instant;

use ai_sdlc::catalog::choose::{Chooser, MOST, SHOWN};
use ai_sdlc::catalog::{Catalog, Places};

#[path = "../tests/it/team/labelled.rs"]
mod labelled;

use labelled::{Answer, PARTS, Task, answers, quality, read};

fn main() -> ExitCode {
    let Some(worst) = worst(std::env::args().skip(1)) else {
        println!("usage: cargo bench --bench skills -- [--worst N]");
        return ExitCode::FAILURE;
    };
    let begun = Instant::now();
    let catalog = Catalog::load(&Places::default());
    let loaded = begun.elapsed();
    let begun = Instant::now();
    let chooser = Chooser::new(&catalog);
    let made = begun.elapsed();
    let parts: Vec<(&str, Vec<Task>)> = PARTS.iter().map(|part| (*part, read(part))).collect();
    let begun = Instant::now();
    let answered: Vec<(&str, Vec<Answer<'_>>)> =
        parts.iter().map(|(part, tasks)| (*part, answers(&chooser, tasks))).collect();
    let took = begun.elapsed();
    let texts: usize = parts.iter().map(|(_, tasks)| tasks.len()).sum();
    println!("{} skills; their files read in {loaded:.1?}, made ready in {made:.1?}", catalog.skills.len());
    println!("{texts} texts in {took:.1?}\n");
    println!("| texts | | recall at {MOST} | precision | chosen | recall at {SHOWN} candidates |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (part, answers) in &answered {
        println!("{}", row(part, answers.iter()));
    }
    println!("{}", row("all", answered.iter().flat_map(|(_, answers)| answers)));
    let mut missed: Vec<&Answer<'_>> =
        answered.iter().filter(|(part, _)| *part != "held-out").flat_map(|(_, answers)| answers).collect();
    missed.retain(|answer| !answer.missed.is_empty());
    missed.sort_by(|one, other| one.recall().total_cmp(&other.recall()));
    for answer in missed.iter().take(worst) {
        println!("\n{}\n  missed: {}\n  chosen: {}", answer.text, names(&answer.missed), names(&answer.chosen));
    }
    ExitCode::SUCCESS
}

fn row<'a>(part: &str, answers: impl Iterator<Item = &'a Answer<'a>> + Clone) -> String {
    let count = answers.clone().count();
    let quality = quality(answers);
    format!(
        "| {part} | {count} | {:.3} | {:.3} | {:.1} | {:.3} |",
        quality.recall, quality.precision, quality.chosen, quality.candidates
    )
}

fn names<N: ToString>(names: &[N]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How many of the worst are to be shown; `None` where the arguments say nothing.
fn worst(mut arguments: impl Iterator<Item = String>) -> Option<usize> {
    let mut worst = 0;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {}
            "--worst" => worst = arguments.next()?.parse().ok()?,
            _ => return None,
        }
    }
    Some(worst)
}
