//! What a session tells, held against what the engine knows.

use super::{Change, CheckVerdict, Facts, Narrative, Status, Verdict, safe};

/// At most this many contradictions of one kind are told.
const MOST: usize = 10;

/// Endings of names that are surely files.
const FILE_ENDINGS: [&str; 38] = [
    "c", "cc", "cpp", "cs", "css", "csv", "ex", "go", "graphql", "h", "hpp", "html", "java", "js", "json", "jsx", "kt",
    "lock", "lua", "md", "mjs", "php", "proto", "py", "rb", "rs", "scala", "scss", "sh", "sql", "svelte", "swift",
    "toml", "ts", "tsx", "txt", "yaml", "yml",
];

const CLAIMS: [&str; 9] =
    ["added", "changed", "created", "deleted", "edited", "modified", "removed", "updated", "wrote"];

const DENIALS: [&str; 7] = ["not", "never", "no", "nothing", "without", "neither", "nor"];

/// Where the narrative disagrees with the facts, in words; empty where nothing is known to.
///
/// Only what can be told safely: a verdict or `done` beside a failed check, and sentences such as "created
/// `src/a.rs`" where no such file changed. What cannot be known (no branch: no diff) is not held against anyone.
pub fn contradictions(narrative: &Narrative, facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    for check in facts.checks.iter().filter(|check| failed(check.verdict)).take(MOST) {
        let ended = ended(check.verdict);
        let command = safe::short(&check.command, 120);
        if narrative.status == Status::Done {
            found.push(format!("it says `done`, but the check `{command}` {ended}"));
        }
        if narrative.verdict == Some(Verdict::Approve) {
            found.push(format!("it approves, but the check `{command}` {ended}"));
        }
    }
    if facts.branch.is_some() {
        let told = std::iter::once(narrative.summary.as_str()).chain(std::iter::once(narrative.text.as_str()));
        let mut claims: Vec<Claim<'_>> = told.flat_map(claims).filter(|claim| !claim.holds(facts)).collect();
        claims.dedup();
        found.extend(claims.iter().take(MOST).map(|claim| {
            format!("it says that it {} `{}`, but no such file was", claim.verb, safe::short(claim.path, 120))
        }));
    }
    found
}

/// Whether a check's end speaks against the work.
pub fn failed(verdict: CheckVerdict) -> bool {
    match verdict {
        CheckVerdict::Passed | CheckVerdict::NotRun => false,
        CheckVerdict::Exited(_) | CheckVerdict::Signalled(_) | CheckVerdict::TimedOut | CheckVerdict::NotStarted => {
            true
        }
    }
}

/// A check's end, as the end of a sentence.
pub(super) fn ended(verdict: CheckVerdict) -> String {
    match verdict {
        CheckVerdict::Passed => "passed".to_owned(),
        CheckVerdict::Exited(code) => format!("exited {code}"),
        CheckVerdict::Signalled(signal) => format!("was ended by signal {signal}"),
        CheckVerdict::TimedOut => "took too long".to_owned(),
        CheckVerdict::NotStarted => "could not be started".to_owned(),
        CheckVerdict::NotRun => "was not run".to_owned(),
    }
}

#[derive(PartialEq)]
struct Claim<'a> {
    verb: &'static str,
    path: &'a str,
}

impl Claim<'_> {
    /// A path may be told from a folder below the root, or with `./`.
    fn holds(&self, facts: &Facts) -> bool {
        let path = self.path.trim_start_matches("./");
        let gone = matches!(self.verb, "deleted" | "removed");
        facts.files.iter().any(|file| {
            let same = file.path == path || file.path.strip_suffix(path).is_some_and(|rest| rest.ends_with('/'));
            // "removed `a.rs`" may also be a line's story, so only its presence among the changes counts then.
            same && (gone || file.change != Change::Deleted)
        })
    }
}

/// Sentences of the form *verb* `path`, without a denial before the verb.
fn claims(text: &str) -> Vec<Claim<'_>> {
    let mut found = Vec::new();
    for sentence in text.split(['\n', ';', '!', '?']).flat_map(|line| line.split(". ")) {
        let parts: Vec<&str> = sentence.split('`').collect();
        // Odd parts stand between backticks, if those are paired.
        for pair in parts.chunks_exact(2) {
            if let [before, code] = pair
                && let Some(verb) = claimed(before)
                && names_a_file(code)
                && !denied(sentence)
            {
                found.push(Claim { verb, path: code });
            }
        }
    }
    found
}

/// The verb that `before` ends with; an article and "file" may follow it.
fn claimed(before: &str) -> Option<&'static str> {
    let mut words = before.split_whitespace().rev().skip_while(|word| matches!(*word, "the" | "a" | "new" | "file"));
    let last = words.next()?;
    // "to be created", "has to be updated", "was removed from": other moods and subjects are not claims.
    let passive = words.next().is_some_and(|word| matches!(word, "be" | "get" | "gets" | "been" | "was" | "were"));
    CLAIMS.into_iter().find(|claim| !passive && last.eq_ignore_ascii_case(claim))
}

fn denied(sentence: &str) -> bool {
    sentence.split(|letter: char| !letter.is_alphanumeric() && letter != '\'' && letter != '\u{2019}').any(|word| {
        word.ends_with("n't") || word.ends_with("n\u{2019}t") || DENIALS.contains(&word.to_lowercase().as_str())
    })
}

fn names_a_file(code: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '/' | '.' | '_' | '-' | '+');
    !code.starts_with('/')
        && !code.contains("..")
        && code.chars().all(plain)
        && code
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'))
            .is_some_and(|(stem, ending)| !stem.is_empty() && FILE_ENDINGS.contains(&ending))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::amount::{Millis, Usage};
    use crate::handoff::{CheckResult, FileChange};
    use crate::name::{Attempt, CommitId, TaskId};

    pub(in crate::handoff) fn facts(files: &[&str]) -> Facts {
        Facts {
            task: TaskId::parse("api").unwrap(),
            attempt: Attempt::FIRST,
            branch: Some("ai-sdlc/bcdfghjk/api".to_owned()),
            commit: CommitId::parse(&"ab".repeat(20)).ok(),
            files: files
                .iter()
                .map(|path| FileChange { path: (*path).to_owned(), change: Change::Modified, added: 2, removed: 1 })
                .collect(),
            checks: Vec::new(),
            usage: Usage::NONE,
            duration: Millis(1_000),
        }
    }

    pub(in crate::handoff) fn check(command: &str, verdict: CheckVerdict) -> CheckResult {
        CheckResult { command: command.to_owned(), verdict, duration: Millis(5) }
    }

    pub(in crate::handoff) fn told(status: Status, summary: &str) -> Narrative {
        Narrative { status, summary: summary.to_owned(), ..super::super::synthesise(&facts(&[]), "") }
    }

    #[test]
    fn done_beside_a_failed_check_is_marked() {
        let mut facts = facts(&[]);
        facts.checks = vec![check("make lint", CheckVerdict::Passed), check("make test", CheckVerdict::Exited(2))];
        assert_eq!(
            contradictions(&told(Status::Done, "ok"), &facts),
            ["it says `done`, but the check `make test` exited 2"]
        );
        assert!(contradictions(&told(Status::Partial, "ok"), &facts).is_empty());
    }

    #[test]
    fn an_approval_beside_a_failed_check_is_marked() {
        let mut facts = facts(&[]);
        facts.checks.push(check("make test", CheckVerdict::TimedOut));
        let mut narrative = told(Status::Partial, "");
        narrative.verdict = Some(Verdict::Approve);
        assert_eq!(contradictions(&narrative, &facts), ["it approves, but the check `make test` took too long"]);
    }

    #[test]
    fn a_claimed_file_that_did_not_change_is_marked() {
        let narrative = told(Status::Done, "Created `src/b.rs` and updated the file `a.rs`. Wrote `docs/x.md`.");
        assert_eq!(
            contradictions(&narrative, &facts(&["src/a.rs"])),
            [
                "it says that it created `src/b.rs`, but no such file was",
                "it says that it wrote `docs/x.md`, but no such file was"
            ]
        );
    }

    #[test]
    fn what_cannot_be_known_is_not_held_against_it() {
        for harmless in [
            "I have not changed `src/b.rs`",
            "`src/b.rs` must be updated",
            "must be updated `src/b.rs`",
            "added `app.get`, `List.map()` and `--flag`",
            "created `/tmp/x.md`",
            "added ` unpaired",
            "",
        ] {
            assert!(contradictions(&told(Status::Done, harmless), &facts(&[])).is_empty(), "{harmless}");
        }
        let mut nowhere = facts(&[]);
        nowhere.branch = None;
        assert!(contradictions(&told(Status::Done, "created `src/b.rs`"), &nowhere).is_empty());
    }
}
