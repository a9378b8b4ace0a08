//! `ai-sdlc story mark`: writes back what a review said of a story. For the last command of a story's mission.
//!
//! What was said comes as JSON, out of the typed outputs of the task that judged. The file is replaced as a whole, under
//! a lock, and nothing of it changes but boxes and status.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;

use crate::cli::Context;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::driver::environment::REHEARSAL;
use crate::story::Status;
use crate::story::mark::{Given, Marked, Verdict, marked};

/// Arguments.
#[derive(Debug, Args)]
pub(super) struct StoryMark {
    /// The story as the mission was given it, as JSON: its `id`, its `file` and its `criteria`.
    #[arg(long, value_name = "JSON")]
    story: String,
    /// What was said of its criteria, as JSON: a list of `number`, `met` and `evidence`.
    #[arg(long, value_name = "JSON")]
    criteria: String,
}

/// Marks it; 1 where a criterion is not met.
pub(super) fn run(args: &StoryMark, context: &mut Context) -> Result<Exit, Failure> {
    let given: Given = parsed("--story", &args.story)?;
    let verdicts: Vec<Verdict> = parsed("--criteria", &args.criteria)?;
    if given.file.is_empty() {
        context.terminal.out("This story has no file: nothing is written back.");
        return Ok(Exit::Success);
    }
    // Where nothing was judged, nothing was found wanting: a rehearsal goes to its end.
    let verdicts = if context.environment.get(REHEARSAL).is_some() { all_met(&given) } else { verdicts };
    let project = Project::find(context)?;
    let path = inside(context, &project, &given)?;
    let _alone = alone(&project)?;
    let failed = |what: String| Failure::new(Exit::Environment, "cli::cannot-write", what).at(given.file.clone());
    let text = fs::read_to_string(&path).map_err(|error| {
        failed("the story cannot be read".to_owned())
            .because(&error)
            .help("the story must be committed where the run begins: what is not committed is in no worktree")
    })?;
    let marked = marked(&text, &given, &verdicts).map_err(|error| {
        let failure = Failure::new(Exit::Usage, "cli::cannot-mark", format!("`{}` cannot be marked", given.id));
        failure.at(given.file.clone()).because(&error).help("put the file back as it was committed, then mark it again")
    })?;
    if marked.text != text {
        replace(&path, &marked.text)
            .map_err(|error| failed("the story cannot be written".to_owned()).because(&error))?;
    }
    context.terminal.out(&told(&given, &marked));
    Ok(if marked.status == Status::Done { Exit::Success } else { Exit::Failed })
}

/// What became of it: the last lines of a command are what is given back with its work.
fn told(given: &Given, marked: &Marked) -> String {
    let Marked { criteria, open, .. } = marked;
    let met = criteria - open.len();
    if open.is_empty() {
        return format!("{}: done, {met} of {criteria} acceptance criteria are met.", given.id);
    }
    let mut rows = vec![format!("{}: not done, {met} of {criteria} acceptance criteria are met. Not met:", given.id)];
    for one in open {
        rows.push(format!("{}. {}", one.number, one.text));
        rows.push(format!("   {}", one.why.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    rows.join("\n")
}

fn all_met(given: &Given) -> Vec<Verdict> {
    let met = |number: usize| Verdict { number, met: true, evidence: String::new() };
    given.criteria.iter().map(|criterion| met(criterion.number)).collect()
}

fn parsed<T: DeserializeOwned>(flag: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new(Exit::Usage, "cli::cannot-mark", format!("what is given with `{flag}` is not as it should be"))
            .because(&error)
            .help("a mission gives it from outputs, as missions/story.toml does; `ai-sdlc story mark --help`")
    })
}

/// The story's file: a plain one, in this checkout.
fn inside(context: &Context, project: &Project, given: &Given) -> Result<PathBuf, Failure> {
    let outside = |why: &str| {
        let what = format!("the file of `{}` {why}", given.id);
        Failure::new(Exit::Usage, "cli::cannot-mark", what).at(given.file.clone()).help("name a file of this checkout")
    };
    let file = Path::new(&given.file);
    let plain = file.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !plain {
        return Err(outside("is named by a path that leads elsewhere"));
    }
    // A session must not lead what is written to somewhere else.
    let path = project.root.join(file);
    let folder = path.parent().unwrap_or(&project.root);
    let real = fs::canonicalize(folder).map_err(|error| outside("is not there").because(&error))?;
    let root = fs::canonicalize(&project.root).unwrap_or_else(|_| context.directory());
    let is_link = fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file());
    if !real.starts_with(root) || is_link {
        return Err(outside("is a link, or lies behind one"));
    }
    Ok(path)
}

/// Writes a file under another name and renames it: readers see the old one or the new, never a part.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = OpenOptions::new().write(true).create_new(true).open(&new).and_then(|mut file| {
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&new, path));
    if renamed.is_err() {
        // What is half-written is of no use; failing to remove it changes nothing.
        drop(fs::remove_file(&new));
    }
    renamed
}

/// Lets one at a time change the stories of a repository: a lock on the folder itself, which needs no writing in it, as
/// what runs in a sandbox may not. `None` where the file system knows no such locks.
pub(super) fn alone(project: &Project) -> Result<Option<File>, Failure> {
    let folder = project.common.as_deref().unwrap_or(&project.root);
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Environment, "cli::cannot-write", "the stories cannot be locked")
            .at(folder.display().to_string())
            .because(&error)
            .help("let your account read that folder")
    };
    let file = File::open(folder).map_err(failed)?;
    Ok(flock(&file, FlockOperation::LockExclusive).ok().map(|()| file))
}
