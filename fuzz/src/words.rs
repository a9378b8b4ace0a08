//! Small texts inside of files and on the command line: names, lengths of time, globs, paths, templates, shapes, values.
//! The first line says which, the rest is it, mostly a line each.

use std::collections::BTreeMap;

use ai_sdlc::amount::{Millis, Tokens, Usd};
use ai_sdlc::catalog::template::Template;
use ai_sdlc::cli::args::Onwards;
use ai_sdlc::mission::field::shape::Shape;
use ai_sdlc::mission::field::{duration, glob};
use ai_sdlc::mission::model::Input;
use ai_sdlc::name::{
    CommitId, InputId, InstanceKey, MAX_KEY_LEN, MAX_NAME_LEN, MAX_TASK_ID_LEN, RunId, SkillName, TaskId,
};
use ai_sdlc::plan::build::inputs::{GivenInput, typed};
use ai_sdlc::plan::touches::TouchSet;
use clap::{Args as _, FromArgMatches as _};
use indexmap::IndexMap;
use serde_json::{Value, json};

/// Small texts.
pub fn words(data: &[u8]) -> Option<bool> {
    let (what, text) = str::from_utf8(data).ok()?.split_once('\n')?;
    match what {
        "names" => Some(text.lines().filter(|line| names(line)).count() > 0),
        "duration" => Some(length(text)),
        "amounts" => Some(amounts(text)),
        "globs" => Some(globs(text)),
        "template" => Some(template(text)),
        "shape" => shape(text),
        "inputs" => Some(inputs(text)),
        "arguments" => Some(arguments(text)),
        _ => None,
    }
}

/// A name is what was written; what becomes part of a path or a ref stays one.
fn names(text: &str) -> bool {
    if let Ok(name) = SkillName::parse(text) {
        assert!(name.as_str() == text && text.len() <= MAX_NAME_LEN && !text.contains(['/', '.']));
    }
    if let Ok(key) = InstanceKey::parse(text) {
        let whole = TaskId::parse("build").expect("an id").instance(&key);
        assert!(text.len() <= MAX_KEY_LEN && TaskId::parse(whole.as_str()).as_ref() == Ok(&whole));
        assert_eq!((whole.key(), whole.local(), whole.group()), (Some(text), "build", TaskId::parse("build").ok()));
    }
    if let Ok(run) = RunId::parse(text) {
        assert_eq!(serde_json::from_value::<RunId>(json!(run)).ok(), Some(run));
    }
    if let Ok(commit) = CommitId::parse(text) {
        assert!(commit.short().len() == 10 && text.starts_with(commit.short()));
    }
    let Ok(id) = TaskId::parse(text) else { return false };
    assert!(text.len() <= MAX_TASK_ID_LEN && serde_json::from_value::<TaskId>(json!(text)).as_ref().ok() == Some(&id));
    let path = id.path_name();
    assert!(
        path.split('/').all(|part| !part.is_empty() && part != ".." && part != "." && !part.starts_with('-')),
        "{path}"
    );
    assert!(
        !path.contains(['[', ']', '\\', ' ', '\0', ':', '~', '^', '?', '*'])
            && !path.contains("..")
            && path.strip_suffix(".lock").is_none()
    );
    assert_eq!(shlex::split(&id.quoted()), Some(vec![text.to_owned()]), "one word of a shell");
    for above in [id.parent(), id.group()].into_iter().flatten() {
        assert!(text.starts_with(above.as_str()) && above.as_str().len() < text.len());
    }
    if let Some(parent) = id.parent() {
        let child =
            TaskId::parse(text.rsplit_once('/').map_or(text, |(_, last)| last)).expect("a part of an id is one");
        assert_eq!(parent.child(&child), id);
    }
    true
}

fn length(text: &str) -> bool {
    let read = duration::parse(text);
    if let Ok(length) = read {
        assert!(length > Millis::ZERO && length <= Millis::from_secs(366 * 24 * 3600), "{length:?} of {text}");
        assert_eq!(duration::parse(&format!("{}ms", length.0)), Ok(length));
    }
    read.is_ok()
}

/// Whatever number an agent tells is shown, and adds up without a wrap.
fn amounts(text: &str) -> bool {
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    for number in &numbers {
        assert!(
            [Usd(*number).to_string(), Tokens(*number).to_string(), Millis(*number).to_string()]
                .iter()
                .all(|shown| { !shown.is_empty() && shown.len() < 24 && shown.is_ascii() })
        );
    }
    let most = numbers.iter().max().copied().unwrap_or(0);
    assert!(numbers.iter().fold(Tokens(0), |all, one| all + Tokens(*one)).0 >= most);
    assert!(numbers.iter().fold(Millis::ZERO, |all, one| all + Millis(*one)).0 >= most);
    assert!(numbers.iter().map(|number| Usd(*number)).sum::<Usd>().0 >= most);
    if let Some(dollars) = text.split_whitespace().find_map(|word| word.parse::<f64>().ok()) {
        assert!(Usd::from_dollars(dollars).is_none_or(|usd| usd.0 <= 1_000_000_000_000_000_000 && dollars >= 0.0));
    }
    !numbers.is_empty()
}

/// Two sets of globs (before and after an empty line), then paths: sets that have a path in common may meet.
fn globs(text: &str) -> bool {
    let mut parts = text.split("\n\n").map(|part| part.lines().map(str::to_owned).collect::<Vec<String>>());
    let [one, two, paths] = [(); 3].map(|()| parts.next().unwrap_or_default());
    for glob in one.iter().chain(&two).filter(|glob| glob::check(glob).is_ok() && !glob.contains("{{")) {
        assert!(!glob.starts_with('/') && glob.split('/').all(|part| part != ".." && part != ".git"), "{glob}");
        let _everything = glob::is_everything(glob);
    }
    let (Ok(first), Ok(second)) = (TouchSet::compile(&one), TouchSet::compile(&two)) else { return false };
    let meet = first.may_meet(&second);
    assert_eq!(meet, second.may_meet(&first), "{one:?} {two:?}");
    let both = first.joined(&second);
    for path in &paths {
        let covered = (first.covers(path), second.covers(path));
        assert!(covered != (true, true) || meet, "{path} is in {one:?} and in {two:?}");
        assert_eq!(both.covers(path), covered.0 || covered.1, "{path} in {one:?} and {two:?}");
        assert_eq!(both.outside([path.as_str()]).is_empty(), both.covers(path));
    }
    true
}

/// What it says it uses is what it uses: with all of that there, nothing is missing; the same values give the same text.
fn template(source: &str) -> bool {
    let template = match Template::parse(source) {
        Ok(template) => template,
        Err(error) => {
            assert!(source.is_char_boundary(error.offset) && error.line > 0 && error.column > 0, "{error:?}");
            return false;
        }
    };
    assert_eq!(template.source(), source);
    let offsets =
        template.uses().iter().map(|used| used.offset).chain(template.partials().iter().map(|used| used.offset));
    offsets.for_each(|offset| assert!(source.is_char_boundary(offset), "{offset} is no place in {source}"));
    let values = json!({
        "inputs": { "level": "high", "count": 3, "names": ["a", "b"], "deep": { "a": { "b": null } } },
        "tasks": { "plan": { "outputs": { "parts": [{ "name": "a" }], "done": true } } },
    });
    let partials = BTreeMap::from([
        ("one".to_owned(), "{{inputs.level}}{{> two}}".to_owned()),
        ("two".to_owned(), "two {{inputs.count}}\n".to_owned()),
        ("own".to_owned(), "{{> own}}".to_owned()),
    ]);
    let first = template.render(&values, &partials);
    assert_eq!(first.as_ref().ok(), template.render(&values, &partials).as_ref().ok(), "{source}");
    if template.uses().is_empty() && template.partials().is_empty() && !source.contains("{{") {
        assert_eq!(first.as_deref().ok(), Some(source));
    }
    first.is_ok()
}

/// A shape as written; then, after an empty line, a value. The sample of a shape is of that shape.
fn shape(text: &str) -> Option<bool> {
    let (written, value) = text.split_once("\n\n").unwrap_or((text, "null"));
    let written: Value = serde_json::from_str(written).ok()?;
    let no_file = |_: &str| Err("there is no such file".to_owned());
    let Ok(shape) = Shape::parse(&written, &no_file) else { return Some(false) };
    assert!(!shape.describe().is_empty());
    let is_schema = serde_json::to_string(&written).is_ok_and(|text| text.contains("\"schema\""));
    let sample = shape.sample("word");
    assert!(is_schema || shape.problems(&sample, "it").is_empty(), "{sample} is no {}", shape.describe());
    if let Ok(value) = serde_json::from_str::<Value>(value) {
        let problems = shape.problems(&value, "it");
        assert!(is_schema || problems.iter().all(|problem| problem.starts_with("it")), "{problems:?}");
    }
    Some(true)
}

/// `name=value` a line, of a mission with an input of each type.
fn inputs(text: &str) -> bool {
    let types = ["string", "integer", "number", "boolean", "array", "object"];
    let declare = |kind: &str| {
        let id = InputId::parse(&format!("a_{kind}")).expect("an id");
        (id, Input { description: "One.".to_owned(), schema: json!({ "type": kind }), default: Some(Value::Null) })
    };
    let declared: IndexMap<InputId, Input> = types.into_iter().map(declare).collect();
    let given: BTreeMap<String, GivenInput> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), GivenInput::Text(value.to_owned())))
        .collect();
    let Ok(values) = typed(&declared, &given) else { return false };
    for kind in types.into_iter().filter(|kind| given.contains_key(&format!("a_{kind}"))) {
        let value = &values[format!("a_{kind}").as_str()];
        let fits = match kind {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            _ => value.is_object(),
        };
        assert!(fits, "{value} is taken for {kind}");
    }
    true
}

/// A line an argument, as `run resume` takes them.
fn arguments(text: &str) -> bool {
    let command = Onwards::augment_args(clap::Command::new("resume").no_binary_name(true));
    let read = command.try_get_matches_from(text.lines()).and_then(|matches| Onwards::from_arg_matches(&matches));
    let ceiling = read.as_ref().ok().and_then(Onwards::ceiling);
    assert!(ceiling.is_none_or(|ceiling| ceiling.usd.is_none_or(|usd| usd.0 <= 1_000_000_000_000_000_000)));
    read.is_ok()
}
