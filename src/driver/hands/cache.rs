//! The cache of commands: looked into before one runs, filled once its work is accepted. Nothing of it harms the run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use walkdir::WalkDir;

use crate::driver::clock::wall_now;
use crate::driver::hands::notify::Going;
use crate::driver::hands::place::worktree_at;
use crate::driver::hands::{Briefing, Hands};
use crate::driver::setting::Setting;
use crate::handoff::Change;
use crate::kernel::event::{CacheFound, PlaceKind};
use crate::kernel::fact::Fact;
use crate::name::{Attempt, CommitId, OutputId, TaskId};
use crate::plan::argv::Argv;
use crate::workspace::{CacheKey, CacheStore, Changes, LookedUp, NewEntry};

/// Where there is no git, folders of more files are not compared.
const MAX_FILES: usize = 50_000;

/// A command that was not found, and what it runs on.
#[derive(Debug)]
pub(super) struct Uncached {
    key: CacheKey,
    /// Without git: the files before it ran.
    before: Option<Files>,
}

/// Files by path: size, time of the last change, mode.
type Files = BTreeMap<String, (u64, Option<SystemTime>, u32)>;

/// What a command runs on.
struct Asked {
    task: TaskId,
    root: PathBuf,
    command: String,
    env: BTreeMap<String, String>,
}

impl Hands {
    /// Looks for what a command made of the same before, and puts it into the workspace.
    pub(super) async fn look_up_cache(
        self: Rc<Self>,
        of: (TaskId, Attempt),
        command: Argv,
        briefing: Briefing,
    ) -> Fact {
        let (task, attempt) = of.clone();
        let command = serde_json::to_string(&command).unwrap_or_else(|_| command.to_string());
        let asked = Asked { root: self.place_of(&task, attempt), task: task.clone(), command, env: briefing.env };
        let looked = self.blocking(move |setting| look_up(setting, &asked)).await;
        let miss = |why| (CacheFound::Miss { why }, None);
        let (found, outputs) = match looked {
            Ok(Looked::Hit { run, task, outputs }) => (CacheFound::Hit { run, task }, Some(outputs)),
            Ok(Looked::Miss { why, uncached }) => {
                self.uncached.borrow_mut().insert(of, *uncached);
                miss(why)
            }
            Err(why) => miss(why),
        };
        Fact::CacheLookedUp { task, attempt, found, outputs }
    }

    /// Keeps what a command made.
    pub(super) async fn fill_cache(self: Rc<Self>, task: TaskId, attempt: Attempt, outputs: BTreeMap<OutputId, Value>) {
        let _waited_for = Going::begin(&self);
        let _until_it_is_kept = self.filling.lock().await;
        let of = (task.clone(), attempt);
        let Some(uncached) = self.uncached.borrow_mut().remove(&of) else { return };
        let made = Made {
            root: self.place_of(&task, attempt),
            since: self.since.borrow().get(&of).cloned(),
            saved: self.saved.borrow().get(&of).cloned().flatten(),
            outputs: serde_json::to_string(&outputs).unwrap_or_default(),
            task: task.clone(),
        };
        if let Err(why) = self.blocking(move |setting| fill(setting, &uncached, &made)).await {
            tracing::info!(%task, why, "what the command made is not kept for the next run");
        }
    }
}

enum Looked {
    Hit { run: String, task: TaskId, outputs: String },
    Miss { why: String, uncached: Box<Uncached> },
}

fn store(setting: &Setting) -> CacheStore {
    // The run's folder lies in `runs` of the store.
    let above = setting.run_dir.parent().and_then(Path::parent).unwrap_or(&setting.run_dir);
    CacheStore::at(above.join("cache"))
}

fn look_up(setting: &Setting, asked: &Asked) -> Result<Looked, String> {
    match setting.place.kind {
        PlaceKind::Repository => {}
        PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks => {
            return Err("a rehearsal takes nothing from the cache".to_owned());
        }
    }
    let plan = setting.plan();
    let planned = plan.tasks.get(&asked.task).and_then(|task| task.cache.as_ref());
    let cache = planned.ok_or("the task has no `cache`")?;
    let key = CacheKey::of(&asked.root, &asked.command, &cache.inputs, variables(setting, asked, &cache.env))?;
    let store = store(setting);
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(wall_now().0).unwrap_or(0));
    let why = match store.look_up(&key, plan.mission.as_str(), asked.task.as_str()) {
        LookedUp::Miss(why) => why,
        LookedUp::Hit(entry) => match store.apply(&entry, &asked.root, &setting.artifacts_dir(&asked.task), now) {
            Ok(()) => {
                let task = TaskId::parse(&entry.task).unwrap_or_else(|_| asked.task.clone());
                return Ok(Looked::Hit { run: entry.run.clone(), task, outputs: entry.outputs.clone() });
            }
            Err(error) => {
                store.forget(&entry);
                put_back(setting, &asked.root)?;
                format!("what it had made cannot be used: {error}")
            }
        },
    };
    let before = if setting.repository.is_none() { files(&asked.root) } else { None };
    Ok(Looked::Miss { why, uncached: Box::new(Uncached { key, before }) })
}

/// The variables that decide what a command makes: those that are named, and all that the mission gives it. The run's id
/// is another each time, and means nothing to what is made.
fn variables<'a>(setting: &'a Setting, asked: &'a Asked, named: &[String]) -> BTreeMap<String, Option<&'a str>> {
    let outside = named.iter().map(|name| (name.clone(), setting.base_env.get(name).map(String::as_str)));
    let given = asked.env.iter().filter(|(name, _)| *name != "AI_SDLC_RUN");
    outside.chain(given.map(|(name, value)| (name.clone(), Some(value.as_str())))).collect()
}

/// Takes away what was half applied.
fn put_back(setting: &Setting, root: &Path) -> Result<(), String> {
    if setting.repository.is_none() {
        return Ok(());
    }
    let (worktree, repository) = worktree_at(setting, root)?;
    repository.restore(&worktree, &worktree.base, &[]).map(drop).map_err(|error| error.to_string())
}

struct Made {
    task: TaskId,
    root: PathBuf,
    since: Option<CommitId>,
    saved: Option<CommitId>,
    outputs: String,
}

fn fill(setting: &Setting, uncached: &Uncached, made: &Made) -> Result<(), String> {
    let changes = match (&setting.repository, &uncached.before) {
        (Some(_), _) => changed_in_worktree(setting, made)?,
        (None, Some(before)) => differing(before, &files(&made.root).ok_or("the folder has too many files")?),
        (None, None) => return Err("the folder has too many files".to_owned()),
    };
    let plan = setting.plan();
    store(setting).keep(&NewEntry {
        key: &uncached.key,
        mission: plan.mission.as_str(),
        run: setting.run.as_str(),
        task: made.task.as_str(),
        outputs: &made.outputs,
        root: &made.root,
        changes: &changes,
        artifacts: &setting.artifacts_dir(&made.task),
    })
}

fn changed_in_worktree(setting: &Setting, made: &Made) -> Result<Changes, String> {
    let Some(saved) = &made.saved else { return Ok(Changes::new()) };
    let (worktree, repository) = worktree_at(setting, &made.root)?;
    let since = made.since.as_ref().unwrap_or(&worktree.base);
    let files = repository.changed_files(since, saved).map_err(|error| error.to_string())?;
    Ok(files.into_iter().map(|file| (file.path, file.change)).collect())
}

/// The files of a folder; `None` where they are too many.
fn files(root: &Path) -> Option<Files> {
    use std::os::unix::fs::PermissionsExt as _;
    let walk = WalkDir::new(root).into_iter();
    let walk = walk.filter_entry(|entry| entry.file_name() != ".git" && entry.file_name() != ".ai-sdlc");
    let mut files = Files::new();
    for entry in walk.flatten().filter(|entry| !entry.file_type().is_dir()) {
        let path = entry.path().strip_prefix(root).ok()?.to_str()?.to_owned();
        let meta = entry.metadata().ok()?;
        files.insert(path, (meta.len(), meta.modified().ok(), meta.permissions().mode()));
        if files.len() > MAX_FILES {
            return None;
        }
    }
    Some(files)
}

fn differing(before: &Files, now: &Files) -> Changes {
    let mut changes = Changes::new();
    for (path, file) in now {
        match before.get(path) {
            None => changes.insert(path.clone(), Change::Added),
            Some(earlier) if earlier != file => changes.insert(path.clone(), Change::Modified),
            Some(_) => None,
        };
    }
    changes.extend(before.keys().filter(|path| !now.contains_key(*path)).map(|path| (path.clone(), Change::Deleted)));
    changes
}

#[cfg(test)]
mod tests {
    use super::{differing, files};
    use crate::handoff::Change;

    #[test]
    fn without_git_what_changed_is_found_by_looking() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["same", "other", "gone"] {
            std::fs::write(dir.path().join(file), file).unwrap();
        }
        let before = files(dir.path()).unwrap();
        std::fs::write(dir.path().join("other"), "longer than before").unwrap();
        std::fs::remove_file(dir.path().join("gone")).unwrap();
        std::fs::write(dir.path().join("new"), "").unwrap();
        let changes: Vec<_> = differing(&before, &files(dir.path()).unwrap()).into_iter().collect();
        let expected = [("gone", Change::Deleted), ("new", Change::Added), ("other", Change::Modified)];
        assert_eq!(changes, expected.map(|(path, change)| (path.to_owned(), change)));
    }
}
