//! `ai-sdlc story new TITLE`: a story to begin with. Nothing is overwritten.

use clap::Args;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::fresh::{self, Made};
use crate::cli::project::Project;
use crate::cli::story::Where;
use crate::cli::story_mark::alone;
use crate::cli::templates;
use crate::name::StoryId;
use crate::story::board::{next_id, task_id};

/// Longest part of a title that its file is called by.
const MOST_OF_TITLE: usize = 40;

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct StoryNew {
    /// What it is about, in a line.
    #[arg(value_name = "TITLE")]
    title: String,
    /// Its id; left out: the next one after those that there are.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    place: Where,
}

/// Writes it, and says what to do next.
pub(super) fn run(args: &StoryNew, context: &mut Context) -> Result<Exit, Failure> {
    let title = args.title.trim();
    if title.is_empty() || title.contains(char::is_control) {
        let what = "a title is one line of text";
        return Err(Failure::new(Exit::Usage, "cli::bad-name", what).help("ai-sdlc story new \"Search by title\""));
    }
    let project = Project::find(context)?;
    // Two at the same time would take the same id.
    let _alone = alone(&project)?;
    let board = args.place.board(context, &project)?;
    let ids: Vec<&StoryId> = board.stories.iter().map(|story| &story.id).collect();
    let id = match &args.id {
        Some(given) => StoryId::parse(given).map_err(|bad| {
            Failure::new(Exit::Usage, "cli::bad-name", bad.to_string()).help("an id such as `S-12` will do")
        })?,
        None => next_id(&ids).ok_or_else(|| {
            Failure::new(Exit::Usage, "cli::bad-name", "no id can be made after those that there are")
                .help("give one with `--id`")
        })?,
    };
    if let Some(other) = board.stories.iter().find(|other| task_id(&other.id) == task_id(&id)) {
        return Err(fresh::already_there("story", other.id.as_str(), other.file.clone()));
    }
    let path = args.place.folder(context, &project)?.join(format!("{id}{}.md", slug(title)));
    let shown = project.shown(&path);
    if fresh::make(&path, &text(&id, title))? == Made::Before {
        return Err(fresh::already_there("story", id.as_str(), shown));
    }
    context.terminal.out(&format!("made {shown}"));
    context.terminal.out("Say in it what is wanted and by what it is judged, set `status: ready`, and commit it.");
    let commands = [format!("story list{}", spaced(&args.place)), format!("story run {}{id}", args.place.typed())];
    context.terminal.out(&format!("\n{}", fresh::next(context, &commands)));
    Ok(Exit::Success)
}

fn spaced(place: &Where) -> String {
    let typed = place.typed();
    if typed.is_empty() { typed } else { format!(" {}", typed.trim_end()) }
}

/// The template with an id and a title of its own. A JSON string is one of YAML too, whatever it holds.
fn text(id: &StoryId, title: &str) -> String {
    let line = |line: &str| match line.split_once(':') {
        Some(("id", _)) => format!("id: {}", plain(id)),
        Some(("title", _)) => format!("title: {}", serde_json::Value::from(title)),
        Some(_) | None => line.to_owned(),
    };
    templates::STORY.lines().map(|text| line(text) + "\n").collect()
}

/// An id as YAML reads it as text: `007` would be a number.
fn plain(id: &StoryId) -> String {
    let first = id.as_str().trim_start_matches(['-', '_', '.']).chars().next();
    if first.is_some_and(|c| c.is_ascii_digit()) || is_word_of_yaml(id.as_str()) {
        format!("\"{id}\"")
    } else {
        id.to_string()
    }
}

fn is_word_of_yaml(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    words.contains(&text.to_ascii_lowercase().as_str())
}

/// What of a title is good for the name of a file.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        if slug.len() >= MOST_OF_TITLE {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { String::new() } else { format!("-{slug}") }
}
