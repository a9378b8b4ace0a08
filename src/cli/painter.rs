//! Paints the panel at the foot of the terminal, log lines above it.
//!
//! Remembers how wide the rows were, moves up by what they take at the present width, erases below, writes log lines,
//! then the panel: one write, inside synchronized output, so that nothing flickers. Makes text; prints nothing.

use crate::cli::terminal::Size;
use crate::report::visible_width;

/// The panel as it stands on the terminal.
#[derive(Debug, Clone, Default)]
pub struct Painter {
    /// Widths of its rows.
    painted: Vec<usize>,
}

const BEGIN: &str = "\u{1b}[?2026h";
const END: &str = "\u{1b}[?2026l";

impl Painter {
    /// What to write so that `log` stands above and `panel` at the foot. Of a panel higher than the terminal only the
    /// last rows are painted.
    pub fn paint(&mut self, size: Size, log: &[String], panel: &[String]) -> String {
        let shown = panel.get(panel.len().saturating_sub(size.rows.saturating_sub(1))..).unwrap_or_default();
        let mut text = BEGIN.to_owned();
        text.push_str(&self.erase(size.columns));
        for row in log.iter().chain(shown) {
            text.push_str(row);
            text.push('\n');
        }
        text.push_str(END);
        self.painted = shown.iter().map(|row| visible_width(row)).collect();
        text
    }

    /// What to write so that the panel is gone and `log` stands where it was.
    pub fn clear(&mut self, size: Size, log: &[String]) -> String {
        if self.painted.is_empty() && log.is_empty() { String::new() } else { self.paint(size, log, &[]) }
    }

    /// Moves to the first row of the panel, however the terminal has wrapped it meanwhile, and erases from there.
    fn erase(&self, columns: usize) -> String {
        let columns = columns.max(1);
        match self.painted.iter().map(|width| width.div_ceil(columns).max(1)).sum::<usize>() {
            0 => String::new(),
            rows => format!("\r\u{1b}[{rows}A\u{1b}[J"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&str]) -> Vec<String> {
        rows.iter().map(|row| (*row).to_owned()).collect()
    }

    #[test]
    fn the_panel_is_painted_over_itself() {
        let mut painter = Painter::default();
        let size = Size { columns: 20, rows: 10 };
        let first = painter.paint(size, &rows(&["log"]), &rows(&["one", "two"]));
        assert_eq!(first, "\u{1b}[?2026hlog\none\ntwo\n\u{1b}[?2026l");
        let second = painter.paint(size, &[], &rows(&["three"]));
        assert_eq!(second, "\u{1b}[?2026h\r\u{1b}[2A\u{1b}[Jthree\n\u{1b}[?2026l");
        assert_eq!(painter.clear(size, &[]), "\u{1b}[?2026h\r\u{1b}[1A\u{1b}[J\u{1b}[?2026l");
        assert_eq!(painter.clear(size, &[]), "", "there is nothing to clear twice");
    }

    #[test]
    fn a_terminal_made_narrower_has_wrapped_the_rows() {
        let mut painter = Painter::default();
        painter.paint(Size { columns: 20, rows: 10 }, &[], &rows(&["\u{1b}[32m0123456789\u{1b}[0m", "日本"]));
        let text = painter.paint(Size { columns: 4, rows: 10 }, &[], &[]);
        assert!(text.contains("\u{1b}[4A"), "10 columns take 3 rows of 4, and 4 columns one: {text:?}");
    }

    #[test]
    fn a_panel_higher_than_the_terminal_keeps_its_last_rows() {
        let mut painter = Painter::default();
        let text = painter.paint(Size { columns: 20, rows: 3 }, &[], &rows(&["a", "b", "c"]));
        assert_eq!(text, "\u{1b}[?2026hb\nc\n\u{1b}[?2026l");
    }
}
