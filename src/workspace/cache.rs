//! What commands made of the same inputs before: found by the contents of what they read, and put back.
//!
//! ```text
//! cache/<key>/entry.json   what it was made of, what it made
//! cache/<key>/0, 1, …      contents of files
//! cache/<key>/artifact-0…  contents of what it wrote beside its workspace, for people
//! cache/tasks/<hash>       the key of a task's newest entry
//! ```
//! An entry is whole or not there: it is made beside and renamed. Whatever goes wrong here only costs the time of
//! running the command.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::catalog::sha256;
use crate::handoff::Change;
use crate::workspace::prepare::matching;
use crate::workspace::{WorkspaceError, files};

/// All that one entry may hold, in bytes.
const MAX_ENTRY: u64 = 256 * 1024 * 1024;
/// All entries together; the oldest go.
const MAX_TOTAL: u64 = 2 * 1024 * 1024 * 1024;
/// The most entries.
const MAX_ENTRIES: usize = 500;
/// The most files that are read to know whether they changed.
const MAX_INPUTS: usize = 50_000;
/// What the contents of files are named by, before their number.
const FILE: &str = "";
/// The same of artifacts.
const ARTIFACT: &str = "artifact-";
/// How many of the differences are named.
const NAMED: usize = 3;

/// Changes of a workspace, by path.
pub type Changes = BTreeMap<String, Change>;

/// What decides whether a command need not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheKey {
    command: String,
    /// Hash of content and mode of each file.
    inputs: BTreeMap<String, String>,
    /// Hash of each variable's value; `None` where it is not set.
    env: BTreeMap<String, Option<String>>,
    platform: String,
}

impl CacheKey {
    /// Of a command with these inputs in a workspace. The error says why it cannot be told.
    pub fn of(
        root: &Path,
        command: &str,
        inputs: &[String],
        env: BTreeMap<String, Option<&str>>,
    ) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        for path in inputs.iter().flat_map(|glob| matching(root, glob)) {
            if path.starts_with(super::snapshot::SESSION_DIR) || found.len() > MAX_INPUTS {
                continue;
            }
            let name = path.to_str().ok_or_else(|| format!("the name of `{}` is no UTF-8", path.display()))?;
            found.insert(name.to_owned(), content(root, &path)?);
        }
        if found.len() > MAX_INPUTS {
            return Err(format!("its `inputs` are more than {MAX_INPUTS} files"));
        }
        let env = env.into_iter().map(|(name, value)| (name, value.map(|value| sha256(value.as_bytes())))).collect();
        let platform = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        Ok(Self { command: command.to_owned(), inputs: found, env, platform })
    }

    fn hash(&self) -> String {
        sha256(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// What differs from how it was before, in words.
    fn differs(&self, before: &Self) -> String {
        let mut words = Vec::new();
        if self.command != before.command {
            words.push("the command changed".to_owned());
        }
        words.extend(changed(&self.inputs, &before.inputs));
        words.extend(changed(&self.env, &before.env).into_iter().map(|what| format!("the variable {what}")));
        if self.platform != before.platform {
            words.push(format!("it ran on {}", before.platform));
        }
        match words.len().saturating_sub(NAMED) {
            0 if words.is_empty() => "what it had made is no longer there".to_owned(),
            0 => words.join(", "),
            more => format!("{} and {more} more", words.get(..NAMED).unwrap_or_default().join(", ")),
        }
    }
}

/// Content and mode of a file, or where a link leads.
fn content(root: &Path, path: &Path) -> Result<String, String> {
    let whole = root.join(path);
    let unreadable = |error: io::Error| format!("`{}` cannot be read: {error}", path.display());
    let meta = whole.symlink_metadata().map_err(unreadable)?;
    if meta.is_symlink() {
        let target = fs::read_link(&whole).map_err(unreadable)?;
        return Ok(format!("link {}", target.display()));
    }
    let executable = meta.permissions().mode() & 0o111 != 0;
    let bytes = fs::read(&whole).map_err(unreadable)?;
    Ok(format!("{} {}", if executable { "x" } else { "-" }, sha256(&bytes)))
}

fn changed<T: PartialEq>(now: &BTreeMap<String, T>, before: &BTreeMap<String, T>) -> Vec<String> {
    let differing = now.iter().filter(|(name, value)| before.get(*name).is_some_and(|before| before != *value));
    let mut words: Vec<String> = differing.map(|(name, _)| format!("{name} changed")).collect();
    words.extend(now.keys().filter(|name| !before.contains_key(*name)).map(|name| format!("{name} is new")));
    words.extend(before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("{name} is gone")));
    words
}

/// What a command had made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    key: CacheKey,
    /// In which run.
    pub run: String,
    /// As which task.
    pub task: String,
    /// Its outputs, as JSON.
    pub outputs: String,
    files: Vec<Made>,
    /// What it wrote into its folder for artifacts.
    #[serde(default)]
    artifacts: Vec<Made>,
    bytes: u64,
}

/// One file that it had changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    path: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    File { sha256: String, mode: u32 },
    Link(String),
    Gone,
}

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookedUp {
    /// It is there.
    Hit(Box<Entry>),
    /// It is not; why, in words.
    Miss(String),
}

/// Something to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewEntry<'a> {
    /// What it was made of.
    pub key: &'a CacheKey,
    /// Of which mission.
    pub mission: &'a str,
    /// In which run.
    pub run: &'a str,
    /// As which task.
    pub task: &'a str,
    /// Its outputs, as JSON.
    pub outputs: &'a str,
    /// Where it made them.
    pub root: &'a Path,
    /// What it changed.
    pub changes: &'a Changes,
    /// The folder of its artifacts.
    pub artifacts: &'a Path,
}

/// All that is kept.
#[derive(Debug, Clone)]
pub struct CacheStore {
    dir: PathBuf,
}

impl CacheStore {
    /// In this folder, which is made when something is kept.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Looks for what a command made of the same before.
    pub fn look_up(&self, key: &CacheKey, mission: &str, task: &str) -> LookedUp {
        if let Some(entry) = self.read(&key.hash()).filter(|entry| entry.key == *key) {
            return LookedUp::Hit(Box::new(entry));
        }
        let newest = fs::read_to_string(self.newest(mission, task)).ok();
        match newest.and_then(|hash| self.read(hash.trim())) {
            Some(before) => LookedUp::Miss(key.differs(&before.key)),
            None => LookedUp::Miss("it has not succeeded before".to_owned()),
        }
    }

    fn read(&self, hash: &str) -> Option<Entry> {
        serde_json::from_slice(&fs::read(self.dir.join(hash).join("entry.json")).ok()?).ok()
    }

    fn newest(&self, mission: &str, task: &str) -> PathBuf {
        self.dir.join("tasks").join(sha256(format!("{mission}\n{task}").as_bytes()))
    }

    /// Puts what it had changed into a workspace, and its artifacts into their folder. Nothing is changed where something
    /// of it is damaged.
    pub fn apply(&self, entry: &Entry, root: &Path, artifacts: &Path, now: SystemTime) -> Result<(), WorkspaceError> {
        let dir = self.dir.join(entry.key.hash());
        let changes = contents(&dir, FILE, &entry.files)?;
        let products = contents(&dir, ARTIFACT, &entry.artifacts)?;
        put(root, &entry.files, &changes)?;
        if !products.is_empty() {
            fs::create_dir_all(artifacts).map_err(WorkspaceError::file("make", artifacts))?;
            put(artifacts, &entry.artifacts, &products)?;
        }
        // Used last is thrown away last; a clock that cannot be set costs no more than that.
        let used = fs::File::options().append(true).open(dir.join("entry.json"));
        used.and_then(|file| file.set_modified(now)).ok();
        Ok(())
    }

    /// Throws an entry away that cannot be used.
    pub fn forget(&self, entry: &Entry) {
        fs::remove_dir_all(self.dir.join(entry.key.hash())).ok();
    }

    /// Keeps what a command made. The error says why it is not kept.
    pub fn keep(&self, new: &NewEntry<'_>) -> Result<(), String> {
        let hash = new.key.hash();
        let beside = self.dir.join(format!(".new-{}-{}", new.run, hash.get(..16).unwrap_or_default()));
        let made = make(new, &beside).and_then(|()| {
            let place = self.dir.join(&hash);
            fs::remove_dir_all(&place).ok();
            fs::rename(&beside, &place).map_err(|error| error.to_string())
        });
        if made.is_err() {
            fs::remove_dir_all(&beside).ok();
        }
        made?;
        let newest = self.newest(new.mission, new.task);
        let folder = newest.parent().unwrap_or(&self.dir);
        fs::create_dir_all(folder).and_then(|()| fs::write(&newest, &hash)).map_err(|error| error.to_string())?;
        self.prune(&hash);
        Ok(())
    }

    /// Throws the oldest away until all fits, but not the one just made.
    fn prune(&self, fresh: &str) {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for dir in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let meta = fs::metadata(dir.path().join("entry.json")).and_then(|meta| meta.modified());
            if let (Ok(at), true) = (meta, dir.file_name() != fresh) {
                let entry = dir.file_name().to_str().and_then(|name| self.read(name));
                entries.push((at, entry.map_or(0, |entry| entry.bytes), dir.path()));
            }
        }
        entries.sort();
        let mut total = entries.iter().fold(0_u64, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        let mut count = entries.len();
        for (_, bytes, path) in entries {
            if total <= MAX_TOTAL && count < MAX_ENTRIES {
                break;
            }
            fs::remove_dir_all(path).ok();
            total = total.saturating_sub(bytes);
            count -= 1;
        }
    }
}

/// The contents of what was made, all of them whole.
fn contents(dir: &Path, prefix: &str, made: &[Made]) -> Result<Vec<Vec<u8>>, WorkspaceError> {
    let mut contents = Vec::new();
    for (at, made) in made.iter().enumerate() {
        contents.push(match &made.what {
            What::File { sha256: wanted, .. } => {
                let path = dir.join(format!("{prefix}{at}"));
                let bytes = fs::read(&path).map_err(WorkspaceError::file("read", &path))?;
                if sha256(&bytes) != *wanted {
                    let damaged = io::Error::new(io::ErrorKind::InvalidData, "it is damaged");
                    return Err(WorkspaceError::file("use", path)(damaged));
                }
                bytes
            }
            What::Link(_) | What::Gone => Vec::new(),
        });
    }
    Ok(contents)
}

fn put(root: &Path, made: &[Made], contents: &[Vec<u8>]) -> Result<(), WorkspaceError> {
    for (made, bytes) in made.iter().zip(contents) {
        let path = Path::new(&made.path);
        match &made.what {
            What::File { mode, .. } => files::write(root, path, &files::NewFile { bytes, mode: *mode })?,
            What::Link(target) => files::link(root, path, Path::new(target))?,
            What::Gone => files::remove(root, path)?,
        }
    }
    Ok(())
}

/// Writes an entry, contents first.
fn make(new: &NewEntry<'_>, beside: &Path) -> Result<(), String> {
    fs::create_dir_all(beside).map_err(|error| error.to_string())?;
    let (mut files, mut artifacts, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
    for (at, (path, change)) in new.changes.iter().enumerate() {
        let what = match change {
            Change::Deleted => What::Gone,
            Change::Added | Change::Modified => {
                copied((new.root, path), &beside.join(format!("{FILE}{at}")), &mut bytes)?
            }
        };
        files.push(Made { path: path.clone(), what });
    }
    for (at, path) in plain_files(new.artifacts)?.into_iter().enumerate() {
        let what = copied((new.artifacts, &path), &beside.join(format!("{ARTIFACT}{at}")), &mut bytes)?;
        artifacts.push(Made { path, what });
    }
    let entry = Entry {
        key: new.key.clone(),
        run: new.run.to_owned(),
        task: new.task.to_owned(),
        outputs: new.outputs.to_owned(),
        files,
        artifacts,
        bytes,
    };
    let text = serde_json::to_vec(&entry).map_err(|error| error.to_string())?;
    fs::write(beside.join("entry.json"), text).map_err(|error| error.to_string())
}

/// Copies a file of a folder, unless all of them become too many bytes.
fn copied(of: (&Path, &str), into: &Path, bytes: &mut u64) -> Result<What, String> {
    let (root, path) = of;
    let whole = root.join(path);
    let said = |error: io::Error| format!("`{path}`: {error}");
    let meta = whole.symlink_metadata().map_err(said)?;
    if meta.is_symlink() {
        return Ok(What::Link(fs::read_link(&whole).map_err(said)?.to_string_lossy().into_owned()));
    }
    if !meta.is_file() {
        return Err(format!("`{path}` is no file"));
    }
    *bytes = bytes.saturating_add(meta.len());
    if *bytes > MAX_ENTRY {
        return Err(format!("what it made is larger than {MAX_ENTRY} bytes"));
    }
    let content = fs::read(&whole).map_err(said)?;
    fs::write(into, &content).map_err(said)?;
    Ok(What::File { sha256: sha256(&content), mode: meta.permissions().mode() & 0o777 })
}

/// The plain files below a folder, which need not be there: links lead to what may be another tomorrow.
fn plain_files(folder: &Path) -> Result<Vec<String>, String> {
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    let paths = walk.filter(|entry| entry.file_type().is_file()).map(|entry| {
        let path = entry.path().strip_prefix(folder).ok().and_then(Path::to_str);
        path.map(str::to_owned).ok_or_else(|| format!("the name of `{}` is no UTF-8", entry.path().display()))
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        dir: tempfile::TempDir,
        store: CacheStore,
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("w/src")).unwrap();
            fs::write(dir.path().join("w/src/a"), "a").unwrap();
            let store = CacheStore::at(dir.path().join("cache"));
            Self { dir, store }
        }

        fn root(&self) -> PathBuf {
            self.dir.path().join("w")
        }

        fn artifacts(&self) -> PathBuf {
            self.dir.path().join("artifacts")
        }

        fn key(&self, command: &str, ci: Option<&str>) -> CacheKey {
            let env = BTreeMap::from([("CI".to_owned(), ci)]);
            CacheKey::of(&self.root(), command, &["src/**".to_owned()], env).unwrap()
        }

        fn keep(&self, key: &CacheKey, changes: &[(&str, Change)]) -> Result<(), String> {
            let changes = changes.iter().map(|(path, change)| ((*path).to_owned(), *change)).collect();
            let new = NewEntry {
                key,
                mission: "m",
                run: "bcdfghjk",
                task: "t",
                outputs: "{}",
                root: &self.root(),
                changes: &changes,
                artifacts: &self.artifacts(),
            };
            self.store.keep(&new)
        }

        fn why(&self, key: &CacheKey) -> String {
            match self.store.look_up(key, "m", "t") {
                LookedUp::Miss(why) => why,
                LookedUp::Hit(entry) => panic!("{entry:?}"),
            }
        }
    }

    #[test]
    fn what_it_changed_is_applied_again() {
        let world = World::new();
        let key = world.key("make", None);
        assert_eq!(world.why(&key), "it has not succeeded before");
        fs::create_dir_all(world.root().join("out")).unwrap();
        fs::write(world.root().join("out/x"), "made").unwrap();
        fs::set_permissions(world.root().join("out/x"), fs::Permissions::from_mode(0o755)).unwrap();
        world.keep(&key, &[("out/x", Change::Added), ("old", Change::Deleted)]).unwrap();
        fs::remove_dir_all(world.root().join("out")).unwrap();
        fs::write(world.root().join("old"), "").unwrap();
        let LookedUp::Hit(entry) = world.store.look_up(&key, "m", "t") else { panic!("a miss") };
        world.store.apply(&entry, &world.root(), &world.artifacts(), SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(fs::read_to_string(world.root().join("out/x")).unwrap(), "made");
        assert_eq!(fs::metadata(world.root().join("out/x")).unwrap().permissions().mode() & 0o777, 0o755);
        assert!(!world.root().join("old").exists());
    }

    #[test]
    fn a_miss_says_what_differs() {
        let world = World::new();
        world.keep(&world.key("make", None), &[]).unwrap();
        assert_eq!(world.why(&world.key("make all", None)), "the command changed");
        assert_eq!(world.why(&world.key("make", Some("1"))), "the variable CI changed");
        fs::write(world.root().join("src/a"), "b").unwrap();
        fs::write(world.root().join("src/b"), "b").unwrap();
        assert_eq!(world.why(&world.key("make", None)), "src/a changed, src/b is new");
        fs::remove_file(world.root().join("src/b")).unwrap();
        fs::write(world.root().join("src/a"), "a").unwrap();
        fs::set_permissions(world.root().join("src/a"), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(world.why(&world.key("make", None)), "src/a changed");
    }

    #[test]
    fn a_damaged_entry_changes_nothing() {
        let world = World::new();
        let key = world.key("make", None);
        fs::write(world.root().join("x"), "made").unwrap();
        fs::write(world.root().join("y"), "made").unwrap();
        world.keep(&key, &[("x", Change::Added), ("y", Change::Added)]).unwrap();
        fs::write(world.store.dir.join(key.hash()).join("1"), "other").unwrap();
        fs::remove_file(world.root().join("x")).unwrap();
        let LookedUp::Hit(entry) = world.store.look_up(&key, "m", "t") else { panic!("a miss") };
        assert!(world.store.apply(&entry, &world.root(), &world.artifacts(), SystemTime::UNIX_EPOCH).is_err());
        assert!(!world.root().join("x").exists());
        world.store.forget(&entry);
        assert_eq!(world.why(&key), "it has not succeeded before");
    }

    #[test]
    fn the_oldest_go() {
        let world = World::new();
        for n in 0..=MAX_ENTRIES {
            world.keep(&world.key(&format!("make {n}"), None), &[]).unwrap();
        }
        assert!(fs::read_dir(&world.store.dir).unwrap().count() <= MAX_ENTRIES + 1, "and the folder of tasks");
        assert_eq!(world.why(&world.key("make", None)), "the command changed");
    }
}
