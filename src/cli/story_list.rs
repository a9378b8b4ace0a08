//! `ai-sdlc story list`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use crate::cli::Context;
use crate::cli::documents::{ListedCriterion, ListedStory, StoriesDocument, StoryRunSays};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::cli::run_list::pretty;
use crate::cli::story::{Where, tell};
use crate::cli::story_runs::{Said, said};
use crate::cli::table::table;
use crate::diagnostic::has_errors;
use crate::name::StoryId;
use crate::report::plural;
use crate::story::file::PRIORITIES;
use crate::story::{Board, Status, Story};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct StoryList {
    #[command(flatten)]
    place: Where,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Lists them, in the order in which they would be run.
pub(super) fn run(args: &StoryList, context: &mut Context) -> Result<Exit, Failure> {
    let project = Project::find(context)?;
    let board = args.place.board(context, &project)?;
    let said = said(context, &project, &board);
    tell(&board, context);
    let stories = board.in_order();
    if args.json {
        let stories = stories.iter().map(|story| listed(&board, story, said.get(&story.id))).collect();
        let document = StoriesDocument { schema: "ai-sdlc/stories/1", sound: !has_errors(&board.findings), stories };
        context.terminal.out(&pretty(&serde_json::to_value(document).unwrap_or_default()));
        return Ok(Exit::Success);
    }
    if stories.is_empty() && board.sources.is_empty() {
        let folder = args.place.folder(context, &project)?;
        let folder = project.shown(&folder);
        context.terminal.err(&format!("There are no stories in {folder}. `ai-sdlc story new TITLE` makes one."));
    } else if !stories.is_empty() {
        let rows: Vec<Vec<String>> = stories.iter().map(|story| row(&board, story, &said)).collect();
        context.terminal.out(&table(&rows, context.terminal.table_columns(), context.terminal.out_look));
    }
    if board.others > 0 {
        let files = plural(board.others, "other Markdown file");
        context.terminal.err(&format!("{files} there: front matter with an `id` makes a story."));
    }
    Ok(Exit::Success)
}

fn row(board: &Board, story: &Story, said: &BTreeMap<StoryId, Said>) -> Vec<String> {
    let met = story.criteria.iter().filter(|criterion| criterion.met).count();
    let mut notes: Vec<String> = said.get(&story.id).iter().map(|said| said.words.clone()).collect();
    let open = waits(board, story);
    if !open.is_empty() {
        notes.push(format!("waits for {}", open.join(", ")));
    }
    vec![
        story.id.to_string(),
        story.status.as_str().to_owned(),
        priority(story.priority),
        format!("{met}/{}", story.criteria.len()),
        story.title.clone(),
        notes.join("; "),
    ]
}

/// What a story that is not done waits for.
fn waits(board: &Board, story: &Story) -> Vec<String> {
    if story.status == Status::Done {
        return Vec::new();
    }
    let open = board.open(story, &BTreeSet::new());
    open.into_iter().map(|(id, status)| format!("{id} ({})", status.as_str())).collect()
}

/// A priority as people write it.
fn priority(number: i32) -> String {
    let word = PRIORITIES.iter().find(|(_, priority)| *priority == number);
    word.map_or_else(|| number.to_string(), |(word, _)| (*word).to_owned())
}

fn listed(board: &Board, story: &Story, said: Option<&Said>) -> ListedStory {
    let open = if story.status == Status::Done { Vec::new() } else { board.open(story, &BTreeSet::new()) };
    ListedStory {
        id: story.id.clone(),
        title: story.title.clone(),
        file: story.file.clone(),
        status: story.status,
        priority: story.priority,
        dependencies: story.dependencies.clone(),
        waits_for: open.into_iter().map(|(id, _)| id).collect(),
        criteria: story
            .criteria
            .iter()
            .map(|criterion| ListedCriterion {
                number: criterion.number,
                text: criterion.text.clone(),
                met: criterion.met,
            })
            .collect(),
        run: said.map(|said| StoryRunSays { run: said.run.to_string(), state: said.how, words: said.words.clone() }),
    }
}
