//! What the parser says, in words for people.

use cel_core::ParseError;

use crate::expression::ExpressionError;

/// A text without anything in it.
pub(super) fn empty() -> ExpressionError {
    ExpressionError::new("this expression is empty", 0).help("write a condition or a value, such as `inputs.count > 1`")
}

/// The first thing the parser found.
pub(super) fn explain(text: &str, error: &ParseError) -> ExpressionError {
    let said = error.message.as_str();
    if said == "empty input" {
        return empty();
    }
    let end = text.trim_end().len();
    let offset = error.span.start.min(end);
    let found = text.get(error.span.clone()).unwrap_or_default().trim();
    let expected = said.strip_prefix("expected '").and_then(|rest| rest.split_once('\'')).map(|(wanted, _)| wanted);
    let letter = text.get(error.span.start..).and_then(|rest| rest.chars().next());
    if said.starts_with("unexpected character") {
        return letter.map_or_else(empty, |letter| foreign_letter(text, letter, found, offset));
    }
    if let Some(wanted) = expected {
        if text.trim_start().starts_with("{{") {
            let error = ExpressionError::new("this is a template, and an expression is needed", 0);
            return error.help("names stand in CEL without braces: `inputs.count`");
        }
        return ExpressionError::new(format!("expected `{wanted}`, found {}", shown(found)), offset);
    }
    if said.starts_with("expected identifier after") {
        let error = ExpressionError::new(format!("expected a name after the dot, found {}", shown(found)), offset);
        return error.help("other keys are written in brackets: `object[\"a key\"]`");
    }
    if said.ends_with("cannot be used as an identifier") {
        let error = ExpressionError::new(format!("`{found}` is a reserved word of CEL"), offset);
        return match found {
            "if" | "else" => error.help("write `condition ? this : that`"),
            "for" | "while" | "loop" => error.help("write `list.map(part, …)` or `list.filter(part, …)`"),
            _ => error,
        };
    }
    if found.is_empty() {
        return ExpressionError::new("something is missing at the end", end);
    }
    unexpected(text, found, offset)
}

fn shown(found: &str) -> String {
    if found.is_empty() { "the end".to_owned() } else { format!("`{found}`") }
}

/// What stands where nothing of its kind may stand. Words of other languages are the likeliest cause.
fn unexpected(text: &str, found: &str, offset: usize) -> ExpressionError {
    let word = |word: &str| text.split(|letter: char| !letter.is_alphanumeric()).any(|one| one == word);
    let error = ExpressionError::new(format!("{} is not expected here", shown(found)), offset);
    match found {
        "and" | "AND" => error.help("write `&&`"),
        "or" | "OR" => error.help("write `||`"),
        "is" | "eq" => error.help("write `==`"),
        "=" => error.help("write `==` to compare"),
        _ if word("not") => error.help("`not` is written `!`"),
        "." => error.help("other keys are written in brackets: `object[\"a key\"]`"),
        _ => error,
    }
}

fn foreign_letter(text: &str, letter: char, found: &str, offset: usize) -> ExpressionError {
    let strange = |help: &str| ExpressionError::new(format!("`{letter}` means nothing here"), offset).help(help);
    match letter {
        '=' => strange("write `==` to compare"),
        '&' => strange("write `&&`"),
        '|' => strange("write `||`"),
        '{' | '}' | '$' => strange("names stand in CEL as they are: `inputs.count`"),
        '"' | '\'' => unread_text(text, letter, offset),
        _ if found.starts_with(|first: char| first.is_ascii_digit()) => {
            ExpressionError::new(format!("`{found}` is too large for a number"), offset)
        }
        '“' | '”' | '‘' | '’' => strange("write straight quotes: `\"`"),
        _ if letter.is_alphabetic() => strange("names have letters a to z, digits and `_`; other text needs quotes"),
        _ => ExpressionError::new(format!("`{}` means nothing here", letter.escape_debug()), offset),
    }
}

/// A text that does not end, or that has an escape CEL does not know.
fn unread_text(text: &str, quote: char, offset: usize) -> ExpressionError {
    let rest = text.get(offset..).and_then(|rest| rest.strip_prefix(quote)).unwrap_or_default();
    let mut escaped = false;
    for letter in rest.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => break,
            _ if letter == quote => {
                let error = ExpressionError::new("this text has an escape that CEL does not know", offset);
                return error.help("a backslash is written `\\\\`, or the text as `r\"…\"`");
            }
            _ => {}
        }
    }
    ExpressionError::new("this text does not end", offset).help(format!("close it with `{quote}`"))
}
