//! Rows of cells in columns.

use crate::report::{Look, safe, shorten, width};

/// Lays rows out: each column as wide as its widest cell, the last one cut at the terminal's width.
pub(super) fn table(rows: &[Vec<String>], columns: usize, look: Look) -> String {
    let safe_rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| safe(cell)).collect()).collect();
    let count = safe_rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| safe_rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &safe_rows {
        let mut line = String::new();
        for (column, (cell, wide)) in row.iter().zip(&widths).enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                line.push_str(&" ".repeat(wide.saturating_sub(width(cell)) + 2));
            }
        }
        text.push_str(&shorten(line.trim_end(), columns, look));
        text.push('\n');
    }
    text
}
