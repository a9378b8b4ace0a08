//! Fenced code blocks of Markdown, as far as a handoff needs them.

/// The content of the last fenced block marked `handoff`, fences left out.
///
/// A block that is never closed goes to the end, as Markdown has it: a message that was cut still hands over. A
/// `handoff` fence inside another block is text of that block.
pub fn fenced_block(message: &str) -> Option<String> {
    let mut found = None;
    let mut open: Option<Open> = None;
    for line in message.lines() {
        match &mut open {
            None => open = Open::at(line),
            Some(block) if block.closes(line) => found = open.take().and_then(Open::content).or(found),
            Some(block) => block.take(line),
        }
    }
    open.and_then(Open::content).or(found)
}

/// A block that is being read.
struct Open {
    mark: char,
    length: usize,
    handoff: Option<String>,
}

impl Open {
    fn at(line: &str) -> Option<Self> {
        let (mark, length, info) = fence(line)?;
        // A backtick in what follows makes it inline code: "```x``` is …".
        if mark == '`' && info.contains('`') {
            return None;
        }
        let marked = info.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("handoff"));
        Some(Self { mark, length, handoff: marked.then(String::new) })
    }

    fn closes(&self, line: &str) -> bool {
        fence(line)
            .is_some_and(|(mark, length, info)| mark == self.mark && length >= self.length && info.trim().is_empty())
    }

    fn take(&mut self, line: &str) {
        if let Some(text) = &mut self.handoff {
            text.push_str(line);
            text.push('\n');
        }
    }

    fn content(self) -> Option<String> {
        self.handoff
    }
}

/// Mark, length and what follows of a line that is a fence.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let info = text.trim_start_matches(mark);
    let length = text.len() - info.len();
    (line.len() - text.len() < 4 && length >= 3).then_some((mark, length, info))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_last_block_marked_handoff() {
        let message =
            "Done.\n```handoff\nstatus: partial\n```\nmore\n~~~ Handoff json\nstatus: done\n~~~\n```rust\nx\n```\n";
        assert_eq!(fenced_block(message).as_deref(), Some("status: done\n"));
    }

    #[test]
    fn a_block_inside_another_is_text() {
        assert_eq!(fenced_block("````markdown\n```handoff\nstatus: done\n```\n````\n"), None);
    }

    #[test]
    fn longer_fences_hold_shorter_ones() {
        let message = "````handoff\nsummary: a\n```\ncode\n```\n````";
        assert_eq!(fenced_block(message).as_deref(), Some("summary: a\n```\ncode\n```\n"));
    }

    #[test]
    fn a_block_that_is_not_closed_goes_to_the_end() {
        assert_eq!(fenced_block("```handoff\nstatus: done").as_deref(), Some("status: done\n"));
    }

    #[test]
    fn prose_has_none() {
        assert_eq!(fenced_block("a handoff, ```handoff``` inline, and no block"), None);
        assert_eq!(fenced_block("    ```handoff\n    indented code\n"), None);
    }
}
