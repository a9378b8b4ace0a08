//! What was used, in tables: by task, role, agent, model and round, by kind of token, and what came to nothing.

use serde_json::{Value, json};

use crate::amount::{Basis, Spent, Tokens};
use crate::report::look::{Look, Paint, pad, plural, safe, width};
use crate::report::{By, Report, Share};

/// How many tasks have a row of their own; programs are told all.
const MOST_TASKS: usize = 40;

/// Headings of the columns after the first two.
const COLUMNS: [&str; 7] = ["sessions", "cost", "input", "output", "reasoning", "cache write", "cache read"];

/// A row: of what, its name, and what it used.
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) name: String,
    cells: [String; 7],
}

fn row(what: &'static str, name: String, share: &Share) -> Row {
    let Share { sessions, spent } = share;
    let tokens = [
        spent.tokens.input,
        spent.tokens.output,
        spent.tokens.reasoning,
        spent.tokens.cache_write,
        spent.tokens.cache_read,
    ];
    let [input, output, reasoning, cache_write, cache_read] = tokens.map(|count| Tokens(count).to_string());
    let cost = match spent.basis() {
        Basis::Unknown => "unknown".to_owned(),
        Basis::Reported | Basis::Computed | Basis::PartlyUnknown => spent.to_string(),
    };
    Row { what, name, cells: [sessions.to_string(), cost, input, output, reasoning, cache_write, cache_read] }
}

/// All rows; none where there is nothing to tell.
pub(super) fn rows(report: &Report) -> Vec<Row> {
    if report.spent.is_nothing() {
        return Vec::new();
    }
    let whole = Share { sessions: report.sessions.len(), spent: report.spent };
    let mut rows = vec![row("all", String::new(), &whole)];
    for by in By::ALL {
        let shares = report.used_by(by);
        let shown = if by == By::Task { MOST_TASKS } else { usize::MAX };
        let more = shares.len().saturating_sub(shown);
        rows.extend(shares.iter().take(shown).map(|(name, share)| {
            let name = name.as_deref().map_or_else(|| untold(by).to_owned(), safe);
            row(by.word(), name, share)
        }));
        if more > 0 {
            let mut rest = Share::default();
            for (_, share) in shares.iter().skip(shown) {
                rest.sessions += share.sessions;
                rest.spent.include(&share.spent);
            }
            rows.push(row(by.word(), format!("and {} more", plural(more, "task")), &rest));
        }
    }
    if !report.ranking.is_nothing() {
        rows.push(row("beside", "asking which skills fit".to_owned(), &Share { sessions: 1, spent: report.ranking }));
    }
    rows.extend(report.wasted().iter().map(|(why, share)| row("wasted", why.words().to_owned(), share)));
    rows
}

/// What stands where it was not told.
fn untold(by: By) -> &'static str {
    match by {
        By::Model => "the agent's own",
        By::Task | By::Role | By::Agent | By::Round => "not recorded",
    }
}

/// What the marks of costs mean, as far as there are any.
pub(super) fn legend(spent: &Spent) -> Vec<String> {
    let mut legend = Vec::new();
    if spent.computed.0 > 0 {
        legend
            .push(format!("`~`: {} of it is computed from tokens and prices, the agents did not say.", spent.computed));
    }
    match spent.basis() {
        Basis::PartlyUnknown => legend.push("`+?`: of some use nobody knows the cost; it is more.".to_owned()),
        Basis::Unknown => {
            legend.push("Nobody knows the cost: the agents did not say, and there is no price.".to_owned());
        }
        Basis::Reported | Basis::Computed => {}
    }
    legend
}

/// The tables for a terminal.
pub fn used(report: &Report, look: Look) -> String {
    let rows = rows(report);
    if rows.is_empty() {
        return String::new();
    }
    let names = rows.iter().map(|row| width(&row.name)).max().unwrap_or(0);
    let columns: Vec<usize> = COLUMNS
        .iter()
        .enumerate()
        .map(|(at, head)| {
            rows.iter().filter_map(|row| row.cells.get(at)).map(|cell| width(cell)).fold(width(head), usize::max)
        })
        .collect();
    let line = |what: &str, name: &str, cells: &mut dyn Iterator<Item = &str>| {
        let right =
            |(cell, columns): (&str, &usize)| format!("{}{cell}", " ".repeat(columns.saturating_sub(width(cell))));
        let cells: Vec<String> = cells.zip(&columns).map(right).collect();
        format!("{}  {}  {}", pad(what, 6), pad(name, names), cells.join("  "))
    };
    let head = line("", "", &mut COLUMNS.into_iter());
    let mut out = vec![String::new(), look.paint(Paint::Bold, "What was used:"), head];
    out.extend(rows.iter().map(|row| line(row.what, &row.name, &mut row.cells.iter().map(String::as_str))));
    out.extend(legend(&report.spent));
    out.join("\n") + "\n"
}

/// The table in Markdown; `cell` makes a text safe there.
pub(super) fn markdown(report: &Report, cell: impl Fn(&str) -> String) -> Vec<String> {
    let rows = rows(report);
    if rows.is_empty() {
        return Vec::new();
    }
    let mut out = vec![
        format!("\nWhat was used:\n\n| | | {} |", COLUMNS.join(" | ")),
        format!("|---|---|{}", "---:|".repeat(COLUMNS.len())),
    ];
    out.extend(rows.iter().map(|row| format!("| {} | {} | {} |", row.what, cell(&row.name), row.cells.join(" | "))));
    let legend = legend(&report.spent);
    if !legend.is_empty() {
        out.push(format!("\n{}", legend.join(" ")));
    }
    out
}

/// The same for programs.
pub(super) fn document(report: &Report, spent: impl Fn(&Spent) -> Value) -> Value {
    let with = |key: &str, name: Value, of: &Share| {
        let mut value = json!({ "sessions": of.sessions, "usage": spent(&of.spent) });
        if let Value::Object(value) = &mut value {
            value.insert(key.to_owned(), name);
        }
        value
    };
    let by = |by: By| -> Value { report.used_by(by).iter().map(|(name, of)| with("name", json!(name), of)).collect() };
    json!({
        "by_task": by(By::Task),
        "by_role": by(By::Role),
        "by_agent": by(By::Agent),
        "by_model": by(By::Model),
        "by_round": by(By::Round),
        "wasted": report.wasted().iter().map(|(why, of)| with("why", json!(why), of)).collect::<Value>(),
        "ranking": spent(&report.ranking),
    })
}
