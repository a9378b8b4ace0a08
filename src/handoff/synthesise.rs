//! A narrative for a session that left none.

use super::{Facts, Narrative, Status, safe, verify};

/// Most of the last words that is kept, in bytes.
const LAST_WORDS: usize = 4 * 1024;

/// A narrative made of what the engine knows and of the session's last words. It says that it was made so.
///
/// `status` is `done` unless a check failed: nothing else is known here, and whoever asks for this has already
/// looked at how the session ended.
pub fn synthesise(facts: &Facts, last_words: &str) -> Narrative {
    let failed = facts.checks.iter().filter(|check| verify::failed(check.verdict)).count();
    let (added, removed) = facts.files.iter().fold((0_u64, 0_u64), |(added, removed), file| {
        (added + u64::from(file.added), removed + u64::from(file.removed))
    });
    let work = match facts.files.len() {
        0 => "No changed files are known".to_owned(),
        1 => format!("It changed 1 file (+{added} -{removed})"),
        files => format!("It changed {files} files (+{added} -{removed})"),
    };
    let checks = match (facts.checks.len(), failed) {
        (0, _) => String::new(),
        (all, 0) => format!("; {all} of {all} checks passed or were not run"),
        (all, failed) => format!("; {failed} of {all} checks failed"),
    };
    let words = last_part(last_words);
    Narrative {
        status: if failed == 0 { Status::Done } else { Status::Partial },
        summary: format!("Task `{}` left no handoff; the engine wrote this one. {work}{checks}.", facts.task),
        decisions: Vec::new(),
        remaining: Vec::new(),
        questions: Vec::new(),
        notes: std::collections::BTreeMap::new(),
        outputs: std::collections::BTreeMap::new(),
        verdict: None,
        reasons: Vec::new(),
        text: if words.is_empty() { String::new() } else { format!("Its last words:\n\n{words}") },
    }
}

/// The end counts: what a session says last is nearest to its result.
fn last_part(words: &str) -> String {
    let words = safe::text(words);
    let words = words.trim();
    let end = safe::tail(words, LAST_WORDS);
    if end.len() < words.len() { format!("…{end}") } else { words.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::CheckVerdict;
    use crate::handoff::verify::tests::{check, facts};

    #[test]
    fn says_that_it_was_written_by_the_engine() {
        let narrative = synthesise(&facts(&["src/a.rs"]), "All good.\u{1b}[0m\n");
        assert_eq!(
            narrative.summary,
            "Task `api` left no handoff; the engine wrote this one. It changed 1 file (+2 -1)."
        );
        assert_eq!(narrative.text, "Its last words:\n\nAll good.");
        assert_eq!(narrative.status, Status::Done);
    }

    #[test]
    fn a_failed_check_is_not_done() {
        let mut facts = facts(&[]);
        facts.checks.push(check("npm test", CheckVerdict::Exited(1)));
        let narrative = synthesise(&facts, "");
        assert_eq!(narrative.status, Status::Partial);
        assert!(narrative.summary.ends_with("No changed files are known; 1 of 1 checks failed."));
        assert_eq!(narrative.text, "");
    }

    #[test]
    fn long_last_words_keep_their_end() {
        let narrative = synthesise(&facts(&[]), &("ä".repeat(10_000) + "end"));
        assert!(narrative.text.len() < LAST_WORDS + 100 && narrative.text.ends_with("end"));
    }
}
