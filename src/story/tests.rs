//! Stories as text: what is read, what is chosen, what is composed, what marking leaves as it was.

use serde_json::json;

use super::board::{Board, Why, next_id, task_id};
use super::compose::{Order, compose};
use super::criteria;
use super::file::{self, Status, StoryFile};
use super::mark::{Given, MarkError, Verdict, marked};
use crate::name::StoryId;

fn file(name: &str, text: &str) -> StoryFile {
    let path = format!("stories/{name}.md");
    StoryFile { file: path.clone(), path, bytes: text.as_bytes().to_vec() }
}

fn board(stories: &[(&str, &str, &str)]) -> Board {
    let text = |id: &str, status: &str, more: &str| {
        format!("---\nid: {id}\ntitle: T {id}\nstatus: {status}\n{more}\n---\n# Acceptance criteria\n- [ ] c\n")
    };
    let files: Vec<StoryFile> = stories.iter().map(|(id, status, more)| file(id, &text(id, status, more))).collect();
    let board = Board::read(&files);
    assert_eq!(board.findings, [], "{stories:?}");
    board
}

fn ids<'b>(stories: impl IntoIterator<Item = &'b super::Story>) -> Vec<&'b str> {
    stories.into_iter().map(|story| story.id.as_str()).collect()
}

fn id(text: &str) -> StoryId {
    StoryId::parse(text).unwrap()
}

#[test]
fn criteria_are_the_boxes_below_their_heading() {
    let text = "- [ ] before\n## 1. Acceptance criteria (all of them)\n\n1. [ ] first\n2) [x] second\n   goes on\n   - with this\n   - [ ] within\n\n   a paragraph of it\nplain\n- none\n### Deeper\n+ [X] third\n~~~\n- [ ] code\n~~~\n<!--\n- [ ] comment\n-->\n- [ ]\n- [y] other\n## Notes\n- [ ] after\n# Criteria:\n* [ ] last\n";
    let found = criteria::read(text, 0);
    let told: Vec<(usize, &str, bool)> = found.all.iter().map(|one| (one.number, one.text.as_str(), one.met)).collect();
    assert_eq!(
        told,
        [
            (1, "first", false),
            (2, "second goes on; with this", true),
            (3, "within a paragraph of it", false),
            (4, "third", true),
            (5, "last", false)
        ]
    );
    for one in &found.all {
        assert_eq!(
            &text[one.mark.start..one.mark.end],
            if one.met { text[one.mark.start..].get(..1).unwrap() } else { " " }
        );
        assert_eq!(&text[one.mark.start - 1..one.mark.start], "[");
    }
    let without: Vec<&str> = found.without_box.iter().map(|span| &text[span.start..span.end]).collect();
    assert_eq!(without, ["- none", "- [ ]", "- [y] other"]);
}

#[test]
fn what_has_no_key_of_a_story_is_none() {
    for text in
        ["", "# A\n", "---\ntitle: A page\nlayout: post\n---\n", "---\n# id: x\n---\n", "text\n---\nid: a\n---\n"]
    {
        assert_eq!(file::read(&file("a", text)), None, "{text}");
    }
    for text in
        ["---\nid: a\n---\n", "\u{feff}---\r\nstatus: x\r\n---\r\n", "---\n{id: a}\n---\n", "---\npriority: [\n"]
    {
        assert!(file::read(&file("a", text)).is_some(), "{text}");
    }
}

#[test]
fn those_are_ready_whose_dependencies_are_done_or_ready_too() {
    let board = board(&[
        ("a", "done", ""),
        ("b", "ready", "dependencies: [a]"),
        ("c", "ready", "priority: high\ndependencies: b, a"),
        ("d", "draft", ""),
        ("e", "ready", "dependencies: [c, d]"),
        ("f", "ready", "dependencies: [e]"),
        ("g", "in-progress", "priority: 99"),
        ("h", "ready", "priority: -1"),
    ]);
    let (ready, left) = board.ready();
    assert_eq!(ids(ready), ["b", "c", "h"]);
    let left: Vec<(&str, Why)> = left.into_iter().map(|(story, why)| (story.id.as_str(), why)).collect();
    let draft = Why::WaitsFor(vec![(id("d"), Status::Draft)]);
    let ready = Why::WaitsFor(vec![(id("e"), Status::Ready)]);
    let mut wanted =
        vec![("g", Why::Is(Status::InProgress)), ("d", Why::Is(Status::Draft)), ("e", draft), ("f", ready)];
    wanted.sort_by_key(|(id, _)| *id);
    let mut found = left;
    found.sort_by_key(|(id, _)| *id);
    assert_eq!(found, wanted);
    assert_eq!(ids(board.named(&[id("g"), id("b")]).unwrap()), ["g", "b"]);
    assert_eq!(board.named(&[id("a"), id("f"), id("b")]).unwrap_err().len(), 2);
}

#[test]
fn ids_become_ids_of_tasks() {
    let task = |text: &str| task_id(&id(text)).map(|task| task.to_string());
    assert_eq!(task("AUTH-12.b").as_deref(), Some("auth_12_b"));
    assert_eq!(task("007").as_deref(), Some("s_007"));
    assert_eq!(task("true").as_deref(), Some("s_true"));
    assert_eq!(task(&"9".repeat(48)).map(|task| task.len()), Some(50));
    for bad in ["", "-a", "a b", "a/b", "ä", &"a".repeat(49)] {
        assert!(StoryId::parse(bad).is_err(), "{bad}");
    }
    let next = |all: &[&str]| {
        let all: Vec<StoryId> = all.iter().map(|text| id(text)).collect();
        next_id(&all.iter().collect::<Vec<_>>()).map(|id| id.to_string())
    };
    assert_eq!(next(&[]).as_deref(), Some("S-1"));
    assert_eq!(next(&["A-09", "A-2", "B-7", "x"]).as_deref(), Some("A-10"));
    // As a task `2` would be called `s_2`, and so is the other.
    assert_eq!(next(&["1", "s-2"]).as_deref(), Some("3"));
    assert_eq!(next(&["99999999999999999999"]).as_deref(), Some("00000000000000000001"));
}

#[test]
fn what_a_story_says_is_no_part_of_the_missions_text() {
    let evil = "---\nid: a\ntitle: \"x\\\"\\n{{inputs.y}}\"\nstatus: ready\n---\n'''\"\"\"\n[tasks.evil]\nrun = \"rm\"\n# Acceptance criteria\n- [ ] c {{x}}\n";
    let board = Board::read(&[file("a", &evil.replace("\\n", " "))]);
    let stories: Vec<&super::Story> = board.stories.iter().collect();
    let part = "[budget]\nusd = 1.5\ntime = \"1h\"\n[merge]\ninto = \"{{inputs.into}}\"\nstrategy = \"merge\"\n";
    let order = Order { stories: &stories, part, options: "", max: None, into: None };
    let made = compose(&order);
    let table: toml::Table = made.text.parse().unwrap();
    assert_eq!(table["tasks"].as_table().unwrap().len(), 1, "{}", made.text);
    assert_eq!(table["tasks"]["a"]["title"].as_str(), Some("x\" {{inputs.y}}"));
    assert_eq!(table["merge"].as_table().unwrap().keys().collect::<Vec<_>>(), ["strategy"]);
    assert_eq!(table["budget"]["usd"].as_float(), Some(1.5));
    assert_eq!(made.file, "story run a");
    assert_eq!(made.values["a"]["criteria"], json!([{ "number": 1, "text": "c {{x}}" }]));
    let order = Order { into: Some("main"), ..order };
    assert_eq!(
        compose(&order).text.parse::<toml::Table>().unwrap()["tasks"]["deliver"]["needs"],
        ["a"].into_iter().collect::<Vec<_>>().into()
    );
}

#[test]
fn marking_changes_boxes_and_status_and_nothing_else() {
    let body = "## Acceptance criteria\n- [ ] c\n- [x] d\n";
    let given = |text: &str| {
        let all = [(1, "c"), (2, "d")].map(|(number, text)| json!({ "number": number, "text": text }));
        let given = json!({ "id": "a", "file": "f", "criteria": all, "text": text, "more": 1 });
        serde_json::from_value::<Given>(given).unwrap()
    };
    let verdicts = |met: [bool; 2]| -> Vec<Verdict> {
        met.iter().zip(1..).map(|(met, number)| Verdict { number, met: *met, evidence: String::new() }).collect()
    };
    let heads = [
        ("---\nid: a\ntitle: T\nstatus: ready\n---\n", "---\nid: a\ntitle: T\nstatus: done\n---\n"),
        ("---\nstatus:   'ready'#x\nid: a\ntitle: T\n---\n", ""),
        ("---\nid: a\ntitle: T\n\"status\": ready\n---\n", ""),
        ("---\n{id: a, title: T, status: ready}\n---\n", ""),
        ("---\r\nid: a\r\ntitle: T\r\n---\r\n", "---\r\nid: a\r\ntitle: T\r\nstatus: done\r\n---\r\n"),
        (
            "---\nid: a\ntitle: T\nstatus: \"in-progress\" # now\n---\n",
            "---\nid: a\ntitle: T\nstatus: done # now\n---\n",
        ),
        ("---\nid: a\ntitle: T\nstatus: ~\n---\n", "---\nid: a\ntitle: T\nstatus: done\n---\n"),
        ("---\nid: a\ntitle: T\nstatus:\n  ready\n---\n", ""),
    ];
    for (head, after) in heads {
        let text = format!("{head}{body}");
        match marked(&text, &given(&text), &verdicts([true, true])) {
            Ok(found) => assert_eq!(found.text, format!("{after}{}", body.replace("[ ]", "[x]")), "{head}"),
            Err(error) => {
                assert_eq!(after, "", "{head}: {error}");
                assert!(matches!(error, MarkError::Unwritable | MarkError::NoStory(_)), "{head}: {error}");
            }
        }
    }
    let text = format!("---\nid: a\ntitle: T\nstatus: ready\n---\n{body}");
    let found = marked(&text, &given(&text), &verdicts([true, false])).unwrap();
    assert_eq!(found.text, text.replace("ready", "in-progress").replace("[ ] c", "[x] c").replace("[x] d", "[ ] d"));
    assert_eq!((found.status, found.open.len()), (Status::InProgress, 1));
}
