//! The table of `docs/promises.md`: its rows say what was played, and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Figures, PROMISES, Promise};

pub(super) const HEAD: &str =
    "| # | promise | faults | injected | survived | again |\n| --- | --- | --- | --- | --- | --- |";

/// What stands for figures where nothing was played.
const NOT_RUN: &str = "not run yet";

/// One time the long form was run.
pub(super) struct Run<'a> {
    pub(super) seed: u64,
    pub(super) share: f64,
    pub(super) figures: &'a Figures,
}

/// The number of a promise that is played in several ways.
pub(super) fn number(id: &str) -> &str {
    id.trim_end_matches(|letter: char| letter.is_ascii_lowercase())
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn command(id: &str, seed: u64, share: f64) -> String {
    let part = if share < 1.0 { format!(" AI_SDLC_SHARE={share}") } else { String::new() };
    format!("`just chaos AI_SDLC_PROMISES={id} AI_SDLC_SEED={seed}{part}`")
}

/// A row with the figures of a run.
pub(super) fn row(promise: &Promise, run: &Run<'_>) -> String {
    let (injected, survived) = (thousands(run.figures.injected), thousands(run.figures.survived));
    let again = command(promise.id, run.seed, run.share);
    format!("| {} | {} | {} | {injected} | {survived} | {again} |", promise.id, promise.what, promise.faults)
}

/// The row of promise 7, which is looked at under the faults of all the others.
pub(super) fn belongings_row(figures: &Figures, seed: u64, share: f64) -> Option<String> {
    let (compared, same) = figures.compared;
    let part = if share < 1.0 { format!(" AI_SDLC_SHARE={share}") } else { String::new() };
    (compared > 0).then(|| {
        let (compared, same) = (thousands(compared), thousands(same));
        format!("| 7 | {BELONGINGS} | {compared} | {same} | `just chaos AI_SDLC_SEED={seed}{part}` |")
    })
}

const BELONGINGS: &str = "the person's branches, index, checkout, stash and configuration are as they were, unless `into` was asked for and green | all of the others: compared before and after";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/promises.md")
}

fn id_of(line: &str) -> Option<&str> {
    let id = line.strip_prefix("| ")?.split_once(" |")?.0;
    id.starts_with(|first: char| first.is_ascii_digit()).then_some(id)
}

/// Puts these rows into the table, in the place of those of the same number or in a place of their own.
pub(super) fn write(rows: &BTreeMap<String, String>) {
    let text = std::fs::read_to_string(path()).unwrap();
    let (before, table) = text.split_once(HEAD).expect("the page has the table");
    let there =
        table.trim_start_matches('\n').lines().map_while(|line| Some((id_of(line)?.to_owned(), line.to_owned())));
    let there: Vec<(String, String)> = there.collect();
    let after: Vec<&str> = table.trim_start_matches('\n').lines().skip(there.len()).collect();
    let order = |id: &str| (number(id).parse::<u32>().unwrap_or(u32::MAX), id.to_owned());
    let all = there.into_iter().chain(rows.clone()).map(|(id, row)| (order(&id), row));
    let all: BTreeMap<(u32, String), String> = all.collect();
    let table: Vec<&str> = all.values().map(String::as_str).chain(after).collect();
    std::fs::write(path(), format!("{before}{HEAD}\n{}\n", table.join("\n"))).unwrap();
}

/// How a row of the page begins: what is promised and injected.
fn beginnings() -> BTreeMap<String, String> {
    let played = PROMISES.iter().map(|one| (one.id, format!("| {} | {} | {} |", one.id, one.what, one.faults)));
    let compared = ("7", format!("| 7 | {BELONGINGS} |"));
    played.chain([compared]).map(|(id, row)| (id.to_owned(), row)).collect()
}

#[test]
fn the_page_has_a_row_for_every_promise_and_figures_only_where_it_was_played() {
    if std::env::var_os("UPDATE").is_some() {
        let fresh = beginnings().into_iter().map(|(id, row)| (id, format!("{row} {NOT_RUN} | {NOT_RUN} | |")));
        let page = std::fs::read_to_string(path()).unwrap();
        let stale = |id: &str, row: &str| !page.lines().any(|line| id_of(line) == Some(id) && line.starts_with(row));
        let wanted = beginnings();
        write(&fresh.filter(|(id, _)| stale(id, &wanted[id])).collect());
    }
    let page = std::fs::read_to_string(path()).unwrap();
    assert!(page.contains(HEAD), "the table's head differs:\n{HEAD}");
    let rows: BTreeMap<&str, &str> = page.lines().filter_map(|line| Some((id_of(line)?, line))).collect();
    for (id, beginning) in beginnings() {
        let row = rows.get(id.as_str()).unwrap_or_else(|| panic!("docs/promises.md has no row `| {id} |`"));
        assert!(
            row.starts_with(&beginning),
            "`UPDATE=1 cargo test promises::page` mends this row:\n{row}\n{beginning}"
        );
        let cells: Vec<&str> = row.rsplit('|').map(str::trim).skip(1).take(3).collect();
        let run = cells[1..].iter().all(|cell| cell.chars().all(|c| c.is_ascii_digit() || c == ','));
        let command = cells[0].starts_with("`just chaos ");
        assert!(run && command || cells == ["", NOT_RUN, NOT_RUN], "neither run nor not run: {row}");
    }
}
