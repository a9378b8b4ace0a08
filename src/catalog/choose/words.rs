//! The words of a text that say what it is about, each in one form: "migrations", "migrating" and "migrate" are one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Words that say nothing of what a text is about, as they are written.
const EMPTY: [&str; 154] = [
    "about", "after", "again", "against", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be", "because",
    "been", "before", "between", "both", "but", "by", "can", "cannot", "could", "did", "didn", "do", "does", "doesn",
    "doing", "don", "done", "down", "during", "each", "etc", "even", "few", "for", "from", "get", "gets", "give",
    "gives", "got", "had", "has", "have", "having", "he", "her", "here", "his", "how", "if", "in", "into", "is", "isn",
    "it", "its", "just", "let", "like", "ll", "made", "make", "makes", "many", "may", "me", "might", "more", "most",
    "much", "must", "my", "need", "needs", "no", "not", "now", "of", "off", "on", "once", "one", "only", "or", "other",
    "our", "out", "over", "own", "per", "please", "re", "same", "shall", "she", "should", "since", "so", "some",
    "still", "such", "than", "thank", "thanks", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "those", "through", "to", "too", "under", "until", "up", "upon", "us", "use", "uses", "ve", "very", "via",
    "want", "wants", "was", "we", "well", "were", "what", "when", "which", "while", "who", "whole", "whom", "whose",
    "why", "will", "with", "won", "would", "yet", "you", "your",
];

/// Words that stand in any task: they say something of what it is about, but less than others that are as rare among
/// skills.
const COMMON: [&str; 164] = [
    "actually",
    "add",
    "ago",
    "already",
    "always",
    "anything",
    "app",
    "application",
    "ask",
    "away",
    "back",
    "bad",
    "begin",
    "best",
    "better",
    "big",
    "bottom",
    "bring",
    "business",
    "button",
    "call",
    "case",
    "change",
    "class",
    "client",
    "close",
    "code",
    "come",
    "company",
    "current",
    "customer",
    "day",
    "different",
    "early",
    "easily",
    "end",
    "ever",
    "everybody",
    "everyone",
    "everything",
    "example",
    "fall",
    "feature",
    "file",
    "find",
    "first",
    "five",
    "four",
    "function",
    "go",
    "good",
    "half",
    "happen",
    "help",
    "high",
    "hold",
    "hour",
    "huge",
    "keep",
    "kind",
    "know",
    "large",
    "last",
    "late",
    "leave",
    "line",
    "list",
    "long",
    "look",
    "low",
    "main",
    "maybe",
    "mean",
    "minute",
    "module",
    "month",
    "morning",
    "move",
    "name",
    "never",
    "new",
    "next",
    "night",
    "nobody",
    "nothing",
    "number",
    "office",
    "often",
    "old",
    "open",
    "option",
    "page",
    "part",
    "people",
    "person",
    "place",
    "point",
    "previous",
    "product",
    "program",
    "project",
    "put",
    "quickly",
    "real",
    "really",
    "repo",
    "repository",
    "right",
    "run",
    "say",
    "screen",
    "second",
    "see",
    "send",
    "server",
    "service",
    "set",
    "several",
    "short",
    "show",
    "side",
    "simply",
    "site",
    "small",
    "somebody",
    "something",
    "sometimes",
    "soon",
    "sort",
    "start",
    "stay",
    "stop",
    "system",
    "take",
    "team",
    "tell",
    "text",
    "thing",
    "think",
    "third",
    "three",
    "time",
    "today",
    "together",
    "tool",
    "top",
    "try",
    "turn",
    "twice",
    "two",
    "type",
    "user",
    "value",
    "way",
    "website",
    "week",
    "word",
    "work",
    "works",
    "worse",
    "worst",
    "wrong",
    "year",
    "yesterday",
];

/// The words of a text that mean something, in one form each. What a template fills in is no word: its tags name
/// variables.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    all_words(&spoken(text, &Value::Null)).map(|(word, _)| word).collect()
}

/// A text as it is searched for what skills are found by.
#[derive(Debug)]
pub(super) struct Said {
    /// Its words that mean something, with each as the text first writes it.
    pub(super) words: BTreeMap<String, String>,
    /// All its words.
    all: BTreeSet<String>,
}

impl Said {
    pub(super) fn of(text: &str) -> Self {
        let text = spoken(text, &Value::Null);
        let mut words = BTreeMap::new();
        for (word, written) in all_words(&text) {
            words.entry(word).or_insert(written);
        }
        Self { words, all: written(&text).map(|word| form(&word)).collect() }
    }

    /// Whether it says all words of a trigger.
    pub(super) fn says(&self, trigger: &BTreeSet<String>) -> bool {
        !trigger.is_empty() && trigger.is_subset(&self.all)
    }
}

/// The words of a trigger that a text must say: those that mean something; of a phrase with no more than one of these,
/// such as "who calls this", every word.
pub(super) fn trigger(phrase: &str) -> BTreeSet<String> {
    let meant: BTreeSet<String> = all_words(phrase).map(|(word, _)| word).collect();
    if meant.len() > 1 { meant } else { written(phrase).map(|word| form(&word)).collect() }
}

/// The words that stand in any task, in their one form.
pub(super) fn common() -> BTreeSet<String> {
    COMMON.iter().map(|word| form(word)).collect()
}

/// How many words two texts have in common.
pub fn likeness(one: &str, two: &str) -> usize {
    words(one).intersection(&words(two)).count()
}

/// A template as far as it can be read before a run: each tag that names a value is that value, every other is left out.
pub fn spoken(text: &str, values: &Value) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (tag, behind) = after.split_once("}}").unwrap_or_default();
        let path = tag.split_whitespace().next_back().unwrap_or_default().trim_matches(['{', '}', '~', '#', '/']);
        said.push_str(before);
        said.push(' ');
        match path.split('.').try_fold(values, |value, part| value.get(part)) {
            Some(Value::String(text)) => said.push_str(text),
            Some(value @ (Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_))) => {
                said.push_str(&value.to_string());
            }
            Some(Value::Null) | None => {}
        }
        rest = behind;
    }
    said.push_str(rest);
    said
}

/// Each word that means something, in its one form and as it is written, but in lower case.
pub(super) fn all_words(text: &str) -> impl Iterator<Item = (String, String)> {
    written(text).filter(|word| !EMPTY.contains(&word.as_str())).map(|word| (form(&word), word))
}

/// Each word of more than one letter, in lower case.
fn written(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).filter(|word| word.chars().nth(1).is_some())
}

/// A word without the endings of number and time. Both sides are cut alike, so it need not be a word any more; what
/// changes the meaning (`-er`, `-ion`) stays.
fn form(word: &str) -> String {
    if !word.is_ascii() || word.len() < 4 {
        return word.to_owned();
    }
    let mut form = match word.strip_suffix("ies") {
        Some(begin) if begin.len() > 1 => format!("{begin}y"),
        Some(_) | None if word.ends_with("ss") => word.to_owned(),
        Some(_) | None => word.strip_suffix('s').unwrap_or(word).to_owned(),
    };
    let cut = ["ing", "ed"].iter().find_map(|ending| form.strip_suffix(ending));
    if let Some(begin) = cut.filter(|begin| begin.len() > 2 && begin.contains(['a', 'e', 'i', 'o', 'u', 'y'])) {
        form = single(begin).to_owned();
    }
    if form.len() > 3 && form.ends_with('e') {
        form.pop();
    }
    if form.len() > 3 && form.ends_with('y') {
        form.pop();
        form.push('i');
    }
    form
}

/// Without a letter that was doubled before an ending: `stopp` of "stopped", but `call` of "calling".
fn single(begin: &str) -> &str {
    let mut letters = begin.chars().rev();
    match (letters.next(), letters.next()) {
        (Some(last), Some(before)) if last == before && !matches!(last, 'l' | 's' | 'z') => {
            begin.strip_suffix(last).unwrap_or(begin)
        }
        (_, _) => begin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_that_mean_something() {
        let said = words("Run the tests of {{inputs.migration}}, and the API's test!");
        assert_eq!(said.into_iter().collect::<Vec<_>>(), ["api", "run", "test"]);
        assert_eq!(words("open {{ to the end").into_iter().collect::<Vec<_>>(), ["open"]);
        assert_eq!(words("CI, UI, Go; a b").into_iter().collect::<Vec<_>>(), ["ci", "go", "ui"]);
    }

    #[test]
    fn a_word_has_one_form() {
        for same in [
            &["migrate", "migrates", "migrated", "migrating"][..],
            &["query", "queries", "queried"],
            &["stop", "stops", "stopped", "stopping"],
            &["call", "calls", "calling"],
            &["cache", "caches", "caching", "Cached"],
            &["pass", "passed", "passing"],
            &["dependency", "dependencies"],
        ] {
            let forms: BTreeSet<String> = same.iter().flat_map(|word| words(word)).collect();
            assert_eq!(forms.len(), 1, "{same:?}: {forms:?}");
        }
        for (one, other) in [("test", "tester"), ("string", "str"), ("css", "cs"), ("pass", "pas"), ("red", "r")] {
            assert_ne!(words(one), words(other), "{one}, {other}");
        }
        assert_eq!(words("Übersetzungen").into_iter().collect::<Vec<_>>(), ["übersetzungen"]);
    }

    #[test]
    fn what_was_said_is_kept_as_it_was_written() {
        let said = Said::of("Caches are cached");
        assert_eq!(said.words.into_iter().collect::<Vec<_>>(), [("cach".to_owned(), "caches".to_owned())]);
    }

    #[test]
    fn a_trigger_is_said_where_its_words_are() {
        for (text, phrase, is_said) in [
            ("The tests: run all of them.", "run the tests", true),
            ("Tests that somebody else ran", "run the tests", false),
            ("Who calls this?", "who calls this", true),
            ("A call of the bell", "who calls this", false),
            ("deadlocks", "deadlock", true),
            ("anything", "", false),
        ] {
            assert_eq!(Said::of(text).says(&trigger(phrase)), is_said, "{phrase}: {text}");
        }
    }

    #[test]
    fn a_template_is_read_with_the_values_that_are_known() {
        let values = serde_json::json!({ "inputs": { "what": "a migration", "parts": ["ui"], "none": null } });
        let text = "Do {{inputs.what}}: {{{json inputs.parts}}}{{inputs.none}}{{tasks.a.outputs.b}}.";
        assert_eq!(
            spoken(text, &values).split_whitespace().collect::<Vec<_>>().join(" "),
            "Do a migration: [\"ui\"]} ."
        );
    }
}
