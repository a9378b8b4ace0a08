//! What to do about a line that is no valid YAML: mostly a text that should stand in quotes.

/// Most characters of a text that a remedy repeats.
const SHOWN: usize = 40;

/// What to do about a line that the parser did not take.
pub(super) fn remedy(line: &str) -> String {
    match unquoted(line) {
        Some((key, value)) => {
            let mut shown: String = value.chars().take(SHOWN).collect();
            if shown.len() < value.len() {
                shown.push('…');
            }
            let shown = shown.replace('\\', "\\\\").replace('"', "\\\"");
            format!("put the text in double quotes: `{key}: \"{shown}\"`")
        }
        None => "mend this line or the one before it: a text with `: ` or ` #` in it goes in double quotes, \
                 brackets and quotes are closed, and keys begin at the start of their line"
            .to_owned(),
    }
}

/// The key and the text of a line whose text YAML takes for something else.
fn unquoted(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let (key, value) = (key.trim(), value.trim());
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let confusing =
        value.contains(": ") || value.ends_with(':') || value.starts_with(['%', '@', '`', '*', '&', '!', '{']);
    let quoted = value.starts_with(['"', '\'', '[', '|', '>']);
    (plain && confusing && !quoted).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_needs_quotes_is_shown_in_them() {
        assert_eq!(
            remedy("description: Writes: \"all\""),
            "put the text in double quotes: `description: \"Writes: \\\"all\\\"\"`"
        );
        assert_eq!(remedy("title: @home"), "put the text in double quotes: `title: \"@home\"`");
        let long = remedy(&format!("description: Use it when: {}", "long ".repeat(20)));
        assert_eq!(long, "put the text in double quotes: `description: \"Use it when: long long long long long lo…\"`");
        for other in ["skills: [one", "description: \"it says: no", "no key here", ""] {
            assert!(remedy(other).starts_with("mend this line"), "{other}");
        }
    }
}
