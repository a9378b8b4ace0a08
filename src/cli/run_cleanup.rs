//! `ai-sdlc run cleanup`: removes what runs left behind; says why the rest stays and what would free it.

use clap::Args;
use serde_json::json;

use crate::amount::Millis;
use crate::cli::Context;
use crate::cli::args::{duration, size};
use crate::cli::confirm::{Answer, confirm};
use crate::cli::documents::{CleanupDocument, CleanupItem};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::leftovers::{Field, age, unseen};
use crate::cli::making::bytes;
use crate::cli::run_choice::choose;
use crate::cli::run_list::pretty;
use crate::cli::table::table;
use crate::driver::clock::wall_now;
use crate::report::{plural, safe};
use crate::workspace::UnsavedWork;
use crate::workspace::cleanup::{CleanupAsk, Done, Item, LastCopies, Scope, Survey, Verdict, survey};

/// Arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
Without a run and without --all: worktrees, scratch clones and remains of runs that are over. What can be resumed \
stays. With --older-than or --keep the runs go, too: journal, logs, report, and branches whose work is elsewhere.

Never taken: anything of a live run; a worktree with a process in it, with unsaved work, or locked by you; and what is \
the last copy of anything.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct RunCleanup {
    /// Only this run, also if it can be resumed: its id, the beginning of it, `@` (the latest) or `@-`.
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// All runs that are not live, also those that can be resumed.
    #[arg(long, conflicts_with = "run")]
    all: bool,
    /// Only what nobody used for this long, such as 14d; the runs go, too.
    #[arg(long, value_name = "D", value_parser = duration)]
    older_than: Option<Millis>,
    /// Nothing of the latest N runs; all before them go, too.
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Only as much, the oldest first, that worktrees and clones take no more than this, such as 5GB.
    #[arg(long, value_name = "S", value_parser = size)]
    max_size: Option<u64>,
    /// Also worktrees with unsaved work: it is saved first, and `run recover` gives it back.
    #[arg(long)]
    salvage: bool,
    /// Also what is the last copy of something: salvaged work, artifacts, branches that were merged nowhere.
    #[arg(long)]
    last_copies: bool,
    /// Show what would go, and stop there.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Remove without asking.
    #[arg(short, long)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Looks, shows, asks, removes.
pub(super) fn run(args: &RunCleanup, context: &mut Context) -> Result<Exit, Failure> {
    let ask = ask(args, context)?;
    let field = Field::find(context)?;
    let found = survey(field.ground(), ask).map_err(|error| unseen(&error))?;
    let goes = found.items.iter().filter(|item| item.goes()).count();
    if args.dry_run || goes == 0 {
        show(args, context, &found, None);
        return Ok(Exit::Success);
    }
    if !args.json {
        show(args, context, &found, None);
    }
    if !args.yes && confirm(&mut context.terminal, "Remove what would go?")? == Answer::No {
        return Ok(Exit::Success);
    }
    let done = found.carry_out(field.ground(), &field.identity(), |_| {});
    if args.json {
        show(args, context, &found, Some(&done));
    }
    Ok(told(args, context, &done))
}

fn ask(args: &RunCleanup, context: &Context) -> Result<CleanupAsk, Failure> {
    let scope = match &args.run {
        Some(run) => Scope::One(choose(context, run)?.id),
        None if args.all => Scope::All,
        None => Scope::Over,
    };
    Ok(CleanupAsk {
        scope,
        older_than: args.older_than,
        keep: args.keep,
        max_bytes: args.max_size,
        unsaved: if args.salvage { UnsavedWork::IsSaved } else { UnsavedWork::Stays },
        last_copies: if args.last_copies { LastCopies::Go } else { LastCopies::Stay },
        now: wall_now(),
    })
}

fn show(args: &RunCleanup, context: &mut Context, found: &Survey, done: Option<&[Done]>) {
    let text = if args.json { as_json(args, found, done) } else { text(context, found) };
    context.terminal.out(&text);
}

/// What goes, then what stays, each with its reason.
fn text(context: &Context, found: &Survey) -> String {
    let (goes, stays): (Vec<&Item>, Vec<&Item>) = found.items.iter().partition(|item| item.goes());
    let mut rows = Vec::new();
    let laid_out = |items: &[&Item]| -> Vec<String> {
        let cells: Vec<Vec<String>> = items.iter().map(|item| row(item)).collect();
        let table = table(&cells, context.terminal.table_columns().saturating_sub(2), context.terminal.out_look);
        table.lines().map(|line| format!("  {line}")).collect()
    };
    if goes.is_empty() {
        rows.push("Nothing would go.".to_owned());
    } else {
        rows.push(format!("Would go: {}.", summed(&goes)));
        rows.extend(laid_out(&goes));
    }
    if !stays.is_empty() {
        rows.extend([String::new(), format!("Stays: {}.", summed(&stays))]);
        for (line, item) in laid_out(&stays).into_iter().zip(&stays) {
            rows.push(line);
            if let Verdict::Stays { why, free } = &item.verdict {
                rows.push(format!("      {}", safe(why)));
                rows.extend(free.iter().map(|free| format!("      to free it: {}", safe(free))));
            }
        }
    }
    rows.join("\n")
}

fn summed(items: &[&Item]) -> String {
    let sum = bytes(items.iter().fold(0_u64, |sum, item| sum.saturating_add(item.bytes)));
    format!("{}, {sum}", plural(items.len(), "thing"))
}

fn row(item: &Item) -> Vec<String> {
    let run = item.run.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let size = if item.bytes > 0 { bytes(item.bytes) } else { "-".to_owned() };
    let used = if item.used.0 > 0 { age(item.used) } else { "-".to_owned() };
    vec![item.what.word().to_owned(), run, item.name.clone(), size, used, item.place.clone()]
}

fn as_json(args: &RunCleanup, found: &Survey, done: Option<&[Done]>) -> String {
    let of = |item: &Item| done.and_then(|done| done.iter().find(|done| done.item.place == item.place));
    let items = found.items.iter().map(|item| item_json(item, of(item))).collect();
    pretty(&json!(CleanupDocument { schema: "ai-sdlc/cleanup/1", dry_run: args.dry_run, items }))
}

fn item_json(item: &Item, done: Option<&Done>) -> CleanupItem {
    let (why, free) = match &item.verdict {
        Verdict::Goes => (None, None),
        Verdict::Stays { why, free } => (Some(why.clone()), free.clone()),
    };
    let (gone, salvaged, failed) = match done.map(|done| &done.outcome) {
        None => (None, None, None),
        Some(Ok(saved)) => (Some(true), saved.clone(), None),
        Some(Err(why)) => (Some(false), None, Some(why.clone())),
    };
    CleanupItem {
        what: item.what.word(),
        run: item.run.as_ref().map(ToString::to_string),
        name: item.name.clone(),
        place: item.place.clone(),
        bytes: item.bytes,
        used: item.used.to_string(),
        goes: item.goes(),
        why,
        free,
        gone,
        salvaged,
        failed,
    }
}

/// What became of it, for people.
fn told(args: &RunCleanup, context: &mut Context, done: &[Done]) -> Exit {
    let (gone, left): (Vec<&Done>, Vec<&Done>) = done.iter().partition(|done| done.outcome.is_ok());
    let mut rows = Vec::new();
    for done in &left {
        if let Err(why) = &done.outcome {
            rows.push(format!("{} is left: {}", safe(&done.item.place), safe(why)));
        }
    }
    let sum = bytes(gone.iter().fold(0, |sum, done| sum + done.item.bytes));
    rows.push(format!("Removed {}, {sum}.", plural(gone.len(), "thing")));
    let saved = gone.iter().filter(|done| matches!(done.outcome, Ok(Some(_)))).count();
    if saved > 0 {
        rows.push(format!(
            "Unsaved work of {} was saved first: `ai-sdlc run recover --all`",
            plural(saved, "worktree")
        ));
    }
    if !args.json || !left.is_empty() {
        context.terminal.err(&rows.join("\n"));
    }
    if left.is_empty() { Exit::Success } else { Exit::Environment }
}
