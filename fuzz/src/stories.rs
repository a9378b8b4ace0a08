//! Stories: read, put on a board, made a mission, marked.

use ai_sdlc::diagnostic::has_errors;
use ai_sdlc::story::compose::{Order, compose};
use ai_sdlc::story::file::{Story, StoryFile, read};
use ai_sdlc::story::mark::{Given, GivenCriterion, Verdict, marked};
use ai_sdlc::story::{Board, Status};

use super::language::shown;

fn file(bytes: &[u8]) -> StoryFile {
    StoryFile { file: "s.md".to_owned(), path: "stories/s.md".to_owned(), bytes: bytes.to_vec() }
}

/// A story's file.
pub fn story(data: &[u8]) -> Option<bool> {
    let found = read(&file(data))?;
    assert_eq!(found.story.is_some(), !has_errors(&found.findings), "{}", found.text);
    shown("s.md", &found.text, &found.findings);
    let board = Board::read(&[file(data)]);
    shown("s.md", &found.text, &board.findings);
    assert_eq!(board.in_order().len(), board.stories.len());
    let Some(story) = &found.story else { return Some(false) };
    let order = Order { stories: &[story], part: "", options: "", max: None, into: None };
    let table: toml::Table = compose(&order).text.parse().expect("what is composed is TOML");
    assert_eq!(table["tasks"].as_table().map(toml::Table::len), Some(1));
    for met in [true, false] {
        written_back(story, met);
    }
    Some(true)
}

/// Marking says what it was told, changes no length but that of the status, and has nothing to add the second time.
fn written_back(story: &Story, met: bool) {
    let criteria = story.criteria.iter();
    let given = Given {
        id: story.id.clone(),
        file: story.path.clone(),
        criteria: criteria.clone().map(|one| GivenCriterion { number: one.number, text: one.text.clone() }).collect(),
    };
    let verdicts: Vec<Verdict> =
        criteria.map(|one| Verdict { number: one.number, met, evidence: String::new() }).collect();
    let Ok(first) = marked(&story.text, &given, &verdicts) else { return };
    assert_eq!(first.status == Status::Done, met && !verdicts.is_empty());
    let words = "status: in-progress\r\n".len();
    assert!(first.text.len() <= story.text.len() + words, "{}", first.text);
    let again = marked(&first.text, &given, &verdicts).expect("what was marked can be marked");
    assert_eq!(again.text, first.text);
}
