//! How large an expression may be, looked at before it is parsed.
//!
//! Parser and evaluator descend by recursion, so what a text can make them do is bounded by the text: these bounds are
//! far beyond what people write, and far within the stack of a thread.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::expression::ExpressionError;

/// Longest text, in bytes.
const LENGTH: usize = 4096;

/// How deep brackets may stand in brackets.
const BRACKETS: usize = 16;

/// How many `!`, `-` and `?` there may be: each may make the parser descend.
const PREFIXES: usize = 100;

/// How deep the tree may be: a chain of `&&` is as deep as it is long.
pub(super) const DEPTH: usize = 128;

type Letters<'t> = Peekable<CharIndices<'t>>;

/// Refuses a text that is too large to be parsed.
pub(super) fn hold(text: &str) -> Result<(), ExpressionError> {
    if text.len() > LENGTH {
        let message = format!("this expression has {} bytes; the most is {LENGTH}", text.len());
        return Err(ExpressionError::new(message, 0).help("let a command compute the value and hand it over"));
    }
    let mut letters = text.char_indices().peekable();
    let (mut open, mut prefixes, mut before) = (0_usize, 0_usize, None);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' | '\'' => skip_text(&mut letters, letter, matches!(before, Some('r' | 'R'))),
            '`' => while letters.next().is_some_and(|(_, next)| next != '`') {},
            '/' if letters.peek().is_some_and(|(_, next)| *next == '/') => {
                while letters.next().is_some_and(|(_, next)| next != '\n') {}
            }
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '!' | '-' | '?' => prefixes += 1,
            _ => {}
        }
        if open > BRACKETS {
            return Err(too_deep(at));
        }
        if prefixes > PREFIXES {
            let message = format!("more than {PREFIXES} of `!`, `-` and `?` in one expression");
            return Err(ExpressionError::new(message, at).help("let a command compute the value and hand it over"));
        }
        // `rb"…"` and `br"…"` are raw as well.
        before = match (before, letter) {
            (Some('r' | 'R'), 'b' | 'B') => Some('r'),
            _ => Some(letter),
        };
    }
    Ok(())
}

/// What nests deeper than an expression may.
pub(super) fn too_deep(at: usize) -> ExpressionError {
    ExpressionError::new("this expression is nested too deeply", at)
        .help("split it, or let a command compute the value and hand it over")
}

/// Passes over a text whose first quote was read.
fn skip_text(letters: &mut Letters<'_>, quote: char, raw: bool) {
    let take = |letters: &mut Letters<'_>| letters.next_if(|(_, next)| *next == quote).is_some();
    let closing = match (take(letters), take(letters)) {
        (true, true) => 3,
        (true, false) => return,
        (false, _) => 1,
    };
    let mut quotes = 0;
    while quotes < closing {
        match letters.next() {
            None => return,
            Some((_, '\\')) if !raw => {
                letters.next();
                quotes = 0;
            }
            Some((_, next)) if next == quote => quotes += 1,
            Some(_) => quotes = 0,
        }
    }
}
