//! `ai-sdlc story list | new | run | mark`: the stories of a project.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use walkdir::WalkDir;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::loading::finding_look;
use crate::cli::project::Project;
use crate::cli::story_list::{self, StoryList};
use crate::cli::story_mark::{self, StoryMark};
use crate::cli::story_new::{self, StoryNew};
use crate::cli::story_run::{self, StoryRun};
use crate::diagnostic::{self, has_errors};
use crate::name::StoryId;
use crate::story::Board;
use crate::story::file::{MAX_BYTES, StoryFile};

/// The folder that stories lie in where no other is named.
const FOLDER: &str = "stories";

/// Stories.
#[derive(Debug, Subcommand)]
pub(super) enum StoryCommand {
    /// List the stories, with what they wait for and what runs say of them.
    List(StoryList),
    /// Make a story to begin with; nothing is overwritten.
    New(StoryNew),
    /// Run those that are ready, each through `missions/story.toml` in a worktree of its own.
    Run(StoryRun),
    /// For missions: tick the criteria that a review found met, and set the status by them.
    Mark(StoryMark),
}

/// Where stories are looked for.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Where {
    /// The folder of the stories; left out: the nearest `stories/`.
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
}

/// Does it.
pub(super) fn run(command: &StoryCommand, context: &mut Context) -> Result<Exit, Failure> {
    match command {
        StoryCommand::List(args) => story_list::run(args, context),
        StoryCommand::New(args) => story_new::run(args, context),
        StoryCommand::Run(args) => story_run::run(args, context),
        StoryCommand::Mark(args) => story_mark::run(args, context),
    }
}

impl Where {
    /// The folder, whether it is there or not.
    pub(super) fn folder(&self, context: &Context, project: &Project) -> Result<PathBuf, Failure> {
        let Some(dir) = &self.dir else {
            let above = project.directory.ancestors().take_while(|above| above.starts_with(&project.root));
            let mut folders = above.map(|above| above.join(FOLDER));
            return Ok(folders.find(|folder| folder.is_dir()).unwrap_or_else(|| project.root.join(FOLDER)));
        };
        let given = context.directory().join(dir);
        let folder = fs::canonicalize(&given).unwrap_or(given);
        if folder.starts_with(&project.root) {
            return Ok(folder);
        }
        Err(Failure::new(Exit::Usage, "cli::no-directory", "the folder of the stories lies outside of this project")
            .at(dir.display().to_string())
            .help(format!("name one below {}", project.root.display())))
    }

    /// What was typed of it, to be typed again.
    pub(super) fn typed(&self) -> String {
        self.dir.as_ref().map_or_else(String::new, |dir| {
            let text = dir.display().to_string();
            format!("--dir {} ", shlex::try_quote(&text).map_or_else(|_| text.clone(), std::borrow::Cow::into_owned))
        })
    }

    /// Reads the stories.
    pub(super) fn board(&self, context: &Context, project: &Project) -> Result<Board, Failure> {
        let folder = self.folder(context, project)?;
        if self.dir.is_some() && !folder.is_dir() {
            let what = "there is no such folder of stories";
            return Err(Failure::new(Exit::Usage, "cli::no-directory", what).at(project.shown(&folder)));
        }
        files(project, &folder).map(|files| Board::read(&files))
    }
}

/// The stories of the project, where they usually lie.
pub(super) fn usual_board(context: &Context, project: &Project) -> Result<Board, Failure> {
    Where::default().board(context, project)
}

/// The Markdown files of a folder and of those in it, by path; hidden ones are none.
fn files(project: &Project, folder: &Path) -> Result<Vec<StoryFile>, Failure> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    let mut files = Vec::new();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name())) {
        let unreadable = |error: &dyn std::error::Error| {
            Failure::new(Exit::Environment, "cli::unreadable-file", "a story cannot be read")
                .because(error)
                .help("see to it that you may read it")
        };
        let entry = entry.map_err(|error| unreadable(&error).at(project.shown(folder)))?;
        let path = entry.path();
        if !entry.file_type().is_file() || path.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let bytes = head(path).map_err(|error| unreadable(&error).at(project.shown(path)))?;
        let inner = path.strip_prefix(&project.root).unwrap_or(path);
        files.push(StoryFile { file: project.shown(path), path: inner.display().to_string(), bytes });
    }
    Ok(files)
}

/// As much of a file as a story may have, and one byte more where it has more.
fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tells what was found in stories.
pub(super) fn tell(board: &Board, context: &mut Context) {
    if !board.findings.is_empty() {
        let look = finding_look(context.terminal.err_look, context);
        context.terminal.err(&diagnostic::human(&board.findings, &board.sources, look));
    }
}

/// Refuses to go on with stories that have errors.
pub(super) fn sound(board: &Board) -> Result<(), Failure> {
    if !has_errors(&board.findings) {
        return Ok(());
    }
    Err(Failure::new(Exit::Usage, "cli::invalid-story", "the stories cannot be run as they are")
        .help("mend what is told above"))
}

/// There is no story of this id.
pub(super) fn unknown(board: &Board, given: &str) -> Failure {
    let names = || board.stories.iter().map(|story| story.id.as_str());
    let help = match board.meant(given) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if board.stories.is_empty() => "there are no stories yet: `ai-sdlc story new TITLE` makes one".to_owned(),
        None => format!("there are {}", diagnostic::nearest::listed(names())),
    };
    Failure::new(Exit::Usage, "cli::unknown-name", format!("there is no story `{given}`")).help(help)
}

/// A story's id, as it was typed.
pub(super) fn id(board: &Board, given: &str) -> Result<StoryId, Failure> {
    let found = board.stories.iter().find(|story| story.id.as_str() == given);
    found.map(|story| story.id.clone()).ok_or_else(|| unknown(board, given))
}
