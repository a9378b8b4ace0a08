//! Where the children of a run may write: worked out once, before the first of them is started.
//!
//! To the workspace of its task comes what every build needs: temporary folders, and the caches that programs share.
//! A folder in which a git folder lies, the run's own files, other worktrees or the person's home is never among
//! those, since a rule opens all that lies in a folder. More is named by the mission or by configuration; what the
//! person's own configuration asks for, no mission and no project can take back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::kernel::event::{Place, PlaceKind, Sandbox};
use crate::mission::model::WorkspaceMode;
use crate::mission::sandbox::{AgentSandbox, SandboxMode};
use crate::name::AgentName;
use crate::plan::{Agent, Plan};
use crate::session::sandbox::{self, holds};

/// Caches below the home folder that programs share. Beside `.cache` no folder is here that holds settings or programs.
const CACHES: [&str; 28] = [
    ".cache",
    ".cargo/registry",
    ".cargo/git",
    ".npm/_cacache",
    ".npm/_logs",
    ".npm/_npx",
    ".local/share/pnpm/store",
    ".pnpm-store",
    ".yarn/berry",
    ".bun/install/cache",
    "go/pkg",
    ".m2/repository",
    ".gradle/caches",
    ".gradle/daemon",
    ".gradle/native",
    ".gradle/notifications",
    ".gradle/workers",
    ".gradle/wrapper",
    ".gradle/.tmp",
    ".ivy2/cache",
    ".nuget/packages",
    ".local/share/NuGet",
    ".composer/cache",
    ".conan2/p",
    ".cabal/packages",
    ".hex",
    ".pub-cache/hosted",
    ".ccache",
];

/// Variables that name such a cache elsewhere, with what of the folder it is.
const NAMED: [(&str, &str); 9] = [
    ("XDG_CACHE_HOME", ""),
    ("CARGO_HOME", "registry"),
    ("CARGO_HOME", "git"),
    ("NPM_CONFIG_CACHE", ""),
    ("GOPATH", "pkg"),
    ("GOMODCACHE", ""),
    ("PIP_CACHE_DIR", ""),
    ("PNPM_HOME", "store"),
    ("GRADLE_USER_HOME", "caches"),
];

/// Folders for what need not last.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Devices that take whatever is written and give nothing away.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/full"];

/// What the person's own configuration says of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demands {
    /// The least that holds.
    pub mode: Option<SandboxMode>,
    /// What may be written besides, agents' folders included.
    pub writable: Vec<String>,
    /// Agents that bring a sandbox of their own, with their commands.
    pub own: BTreeMap<AgentName, Vec<String>>,
}

/// Why nothing can be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SandboxError {
    /// What is in the way.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl SandboxError {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// What it is worked out of.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What is carried out.
    pub plan: &'a Plan,
    /// Where it takes place.
    pub place: &'a Place,
    /// The repository's git folder.
    pub git: Option<&'a Path>,
    /// The run's folder.
    pub run_dir: &'a Path,
    /// Where worktrees lie.
    pub worktrees: &'a Path,
    /// The environment that children start from.
    pub env: &'a BTreeMap<String, String>,
    /// What sessions of each agent find there besides.
    pub agent_env: &'a BTreeMap<AgentName, BTreeMap<String, String>>,
    /// What the person's own configuration says.
    pub demands: &'a Demands,
}

impl Ask<'_> {
    fn home(&self) -> Option<PathBuf> {
        self.env.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
    }

    fn mode(&self) -> SandboxMode {
        let said = self.plan.workspace.sandbox.mode.unwrap_or_default();
        self.demands.mode.map_or(said, |least| said.max(least))
    }

    /// A folder as it is written, with `~` for the home folder.
    fn path(&self, text: &str) -> Option<PathBuf> {
        match text.strip_prefix('~') {
            Some(below) => Some(self.home()?.join(below.trim_start_matches('/'))),
            None => Some(PathBuf::from(text)),
        }
    }

    /// Git folders that nothing may write to.
    fn git_folders(&self) -> Vec<PathBuf> {
        let of_checkout = self.place.directory.join(".git");
        self.git.map(Path::to_owned).into_iter().chain([of_checkout]).filter_map(|git| real(&git)).collect()
    }
}

/// Where the children of a run may write.
#[derive(Debug, Clone, PartialEq)]
pub struct Confines {
    /// What is told of it.
    pub told: Sandbox,
    /// What a person should know besides.
    pub notes: Vec<String>,
    /// What all may write; `None`: they are not confined.
    base: Option<Vec<PathBuf>>,
    /// Whether a notification is confined, too.
    mode: SandboxMode,
    /// Of agents: those with a sandbox of their own, and what the others may write.
    agents: BTreeMap<AgentName, Option<Vec<PathBuf>>>,
    /// A temporary folder of the run's own, where none of the system's can be let.
    tmp: Option<PathBuf>,
    /// The person's cache folder, where it is not there yet.
    cache: Option<PathBuf>,
    /// What programs of agents keep, where it is not there yet.
    kept: Vec<Kept>,
}

impl Confines {
    /// Works it out. Nothing is made and nothing is started.
    pub fn find(ask: &Ask<'_>) -> Result<Self, SandboxError> {
        let mode = ask.mode();
        let nothing = |told| Self {
            told,
            notes: Vec::new(),
            base: None,
            mode,
            agents: BTreeMap::new(),
            tmp: None,
            cache: None,
            kept: Vec::new(),
        };
        if mode == SandboxMode::Off {
            return Ok(nothing(Sandbox::Off));
        }
        let named = named(ask)?;
        let abi = match sandbox::probe() {
            Ok(abi) if mode < SandboxMode::Required || abi >= sandbox::WHOLE => abi,
            Ok(_) => return Err(unavailable("the Landlock of this kernel cannot keep files from being emptied")),
            Err(why) if mode == SandboxMode::Required => return Err(unavailable(&why)),
            Err(why) => return Ok(nothing(Sandbox::Unavailable { why })),
        };
        let exposed = exposed(ask);
        if let (Some(git), SandboxMode::Required) = (&exposed, mode) {
            let what =
                format!("`{}` lies in the directory that tasks work in, and cannot be kept from them", git.display());
            return Err(SandboxError::new(what, "leave `mode = \"directory\"` out, or take `sandbox = \"auto\"`"));
        }
        let (temporary, tmp) = temporary(ask);
        let mut base: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
        base.extend(temporary);
        base.extend(caches(ask));
        base.extend(named.folders.iter().cloned());
        let cache = new_cache(ask);
        base.extend(tmp.iter().chain(&cache).cloned());
        let agents = ask.plan.agents.iter().map(|(name, agent)| (name.clone(), of_agent(ask, (name, agent), mode)));
        let agents: BTreeMap<_, _> = agents.collect();
        let own = agents.iter().filter(|(_, folders)| folders.is_none()).map(|(name, _)| name.clone()).collect();
        let mut writable = ask.plan.workspace.sandbox.writable.clone();
        writable.extend(
            ask.demands.writable.iter().filter(|path| !ask.plan.workspace.sandbox.writable.contains(path)).cloned(),
        );
        let told = Sandbox::Landlock { abi, writable, own, exposed };
        let kept =
            ask.plan.agents.iter().flat_map(|agent| kept(ask, agent)).filter(|kept| !kept.path.exists()).collect();
        Ok(Self { told, notes: named.notes, base: Some(base), mode, agents, tmp, cache, kept })
    }

    /// Whether children are confined.
    pub fn is_on(&self) -> bool {
        self.base.is_some()
    }

    /// What all that are confined may write.
    pub fn base(&self) -> Vec<PathBuf> {
        self.base.clone().unwrap_or_default()
    }

    /// What a command may write beside the base: these folders.
    pub fn of_command<const N: usize>(&self, own: [Option<&Path>; N]) -> Option<Vec<PathBuf>> {
        self.base.as_ref().map(|_| own.into_iter().flatten().map(Path::to_owned).collect())
    }

    /// What a notification may write beside the base: nothing where a sandbox is required, else it is not confined,
    /// since it is what pushes or tags.
    pub fn of_notice(&self) -> Option<Vec<PathBuf>> {
        self.base.as_ref().filter(|_| self.mode == SandboxMode::Required).map(|_| Vec::new())
    }

    /// All that the sessions of an agent may write; `None`: they are not confined by the engine.
    pub fn of_agent<const N: usize>(&self, agent: &AgentName, own: [Option<&Path>; N]) -> Option<Vec<PathBuf>> {
        let mut all = self.of_command(own)?;
        match self.agents.get(agent) {
            Some(None) => return None,
            Some(Some(more)) => all.extend(more.iter().cloned()),
            None => {}
        }
        all.extend(self.base());
        Some(all)
    }

    /// Makes the folders that are to be there.
    pub fn make(&self) -> std::io::Result<()> {
        if let Some(cache) = &self.cache {
            let _programs_go_without = fs::create_dir(cache);
        }
        for kept in &self.kept {
            let _its_program_says_what_it_lacks = kept.make();
        }
        self.tmp.as_ref().map_or(Ok(()), fs::create_dir_all)
    }

    /// Removes what is the run's own.
    pub fn clear(&self) {
        if let Some(tmp) = &self.tmp {
            let _the_run_goes_with_it = fs::remove_dir_all(tmp);
        }
    }

    /// Variables that go with it. Git in a worktree cannot refresh an index that it may not write, and need not.
    pub fn env(&self) -> impl Iterator<Item = (String, String)> {
        let git = self.is_on().then(|| ("GIT_OPTIONAL_LOCKS".to_owned(), "0".to_owned()));
        let tmp = self.tmp.as_ref().map(|tmp| ("TMPDIR".to_owned(), tmp.display().to_string()));
        git.into_iter().chain(tmp)
    }
}

fn unavailable(why: &str) -> SandboxError {
    SandboxError::new(
        format!("`sandbox = \"required\"`, and there is none: {why}"),
        "run it on Linux 6.2 or newer with Landlock, or take `sandbox = \"auto\"` and read docs/security.md first",
    )
}

/// The git folder of a checkout that tasks work in themselves.
fn exposed(ask: &Ask<'_>) -> Option<PathBuf> {
    let git = ask.place.directory.join(".git");
    (ask.plan.workspace.mode == WorkspaceMode::Directory && git.symlink_metadata().is_ok()).then_some(git)
}

struct Named {
    folders: Vec<PathBuf>,
    notes: Vec<String>,
}

/// What the mission and configuration name.
fn named(ask: &Ask<'_>) -> Result<Named, SandboxError> {
    let mut named = Named { folders: Vec::new(), notes: Vec::new() };
    let trusted: Vec<PathBuf> = ask.demands.writable.iter().filter_map(|text| real(&ask.path(text)?)).collect();
    let of_run: BTreeSet<&String> = ask.plan.workspace.sandbox.writable.iter().chain(&ask.demands.writable).collect();
    let of_agents: BTreeSet<&String> = ask.plan.agents.values().flat_map(|agent| &agent.writable).collect();
    for text in of_run.union(&of_agents) {
        let Some(path) = ask.path(text).and_then(|path| real(&path)) else {
            named.notes.push(format!("`{text}` is not there, so that nothing can be let write to it: make it first"));
            continue;
        };
        allowed(ask, text, (&path, &trusted))?;
        if of_run.contains(text) {
            let (open, note) = around(ask, text, path);
            named.notes.extend(note);
            named.folders.extend(open);
        }
    }
    Ok(named)
}

/// Whether a folder can be let by those who name it.
fn allowed(ask: &Ask<'_>, text: &str, at: (&Path, &[PathBuf])) -> Result<(), SandboxError> {
    let (path, trusted) = at;
    if let Some(git) = ask.git_folders().iter().find(|git| holds(git, path)) {
        let what = format!("`writable` names `{text}`, which lies in the git folder `{}`", git.display());
        return Err(SandboxError::new(what, "take it out: nothing that tasks run may write there, the engine commits"));
    }
    let is_demanded = ask.demands.mode == Some(SandboxMode::Required);
    if is_demanded && !trusted.iter().any(|trusted| holds(trusted, path)) {
        let what = format!(
            "`{text}` is to be written, which your own configuration, since it requires a sandbox, has to name"
        );
        let help = format!("add it there if you agree: `[workspace]` with `writable = [\"{text}\"]`");
        return Err(SandboxError::new(what, help));
    }
    Ok(())
}

/// A folder, or where the repository lies in it, all that lies beside the way there. A scratch clone is nobody's.
fn around(ask: &Ask<'_>, text: &str, path: PathBuf) -> (Vec<PathBuf>, Option<String>) {
    let git = match ask.place.kind {
        PlaceKind::Repository => ask.git_folders(),
        PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks => Vec::new(),
    };
    let Some(first) = git.iter().find(|git| holds(&path, git)) else { return (vec![path], None) };
    let note = format!(
        "of `{text}` only what is in it now is let, and not the way to `{}`: nothing new can be made beside it",
        first.display()
    );
    let (mut open, mut look) = (Vec::new(), vec![path]);
    while let Some(folder) = look.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let is_link = entry.is_symlink();
            match git.iter().find(|git| holds(&entry, git)) {
                Some(git) if *git != entry => look.push(entry),
                None if !is_link => open.push(entry),
                Some(_) | None => {}
            }
        }
    }
    open.sort();
    (open, Some(note))
}

/// What the sessions of an agent may write besides; `None`: it brings a sandbox of its own. Where the person requires
/// one, only the person can say that it does.
fn of_agent(ask: &Ask<'_>, agent: (&AgentName, &Agent), mode: SandboxMode) -> Option<Vec<PathBuf>> {
    let (name, agent) = agent;
    let brings = crate::agent::backend(agent.backend).sandbox(agent) == AgentSandbox::Own;
    let is_demanded = mode == SandboxMode::Required && ask.demands.mode == Some(SandboxMode::Required);
    let is_trusted = !is_demanded || ask.demands.own.get(name) == Some(&agent.command);
    if brings && is_trusted {
        return None;
    }
    let named = agent.writable.iter().filter_map(|text| real(&ask.path(text)?));
    Some(named.chain(kept(ask, (name, agent)).into_iter().map(|kept| kept.path)).collect())
}

/// What the program of an agent keeps, whether it is there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    path: PathBuf,
    is_folder: bool,
}

impl Kept {
    fn make(&self) -> std::io::Result<()> {
        if self.is_folder {
            return fs::create_dir_all(&self.path);
        }
        fs::OpenOptions::new().write(true).create_new(true).open(&self.path)?.write_all(b"{}\n")
    }
}

/// What the program of an agent keeps; nothing in which something lies that is to be kept from tasks.
fn kept(ask: &Ask<'_>, agent: (&AgentName, &Agent)) -> Vec<Kept> {
    let (name, agent) = agent;
    let mut env = ask.env.clone();
    env.extend(ask.agent_env.get(name).into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    let all = crate::agent::backend(agent.backend).keeps(agent, &env).into_iter().filter_map(|text| {
        let path = ask.path(&text).filter(|path| path.is_absolute())?;
        let Some(there) = real(&path) else { return Some(Kept { path, is_folder: text.ends_with('/') }) };
        let is_folder = there.is_dir();
        open(ask, &[there]).pop().map(|path| Kept { path, is_folder })
    });
    all.collect()
}

/// Temporary folders that can be let; where the one that programs take cannot, one of the run's own.
fn temporary(ask: &Ask<'_>) -> (Vec<PathBuf>, Option<PathBuf>) {
    let usual = ask.env.get("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let all: Vec<PathBuf> = TEMPORARY.iter().map(PathBuf::from).chain([usual.clone()]).collect();
    let open = open(ask, &all);
    let is_open = real(&usual).is_some_and(|usual| open.contains(&usual));
    (open, (!is_open).then(|| ask.run_dir.join("tmp")))
}

fn caches(ask: &Ask<'_>) -> Vec<PathBuf> {
    let home = ask.home();
    let below = CACHES.iter().filter_map(|cache| Some(home.as_ref()?.join(cache)));
    let named = NAMED.iter().filter_map(|(variable, part)| Some(Path::new(ask.env.get(*variable)?).join(part)));
    open(ask, &below.chain(named).collect::<Vec<_>>())
}

/// The usual cache folder, where the person has a home folder and nothing was ever kept in it.
fn new_cache(ask: &Ask<'_>) -> Option<PathBuf> {
    let home = ask.home().filter(|home| home.is_dir() && !ask.env.contains_key("XDG_CACHE_HOME"))?;
    let cache = real(&home)?.join(".cache");
    cache.symlink_metadata().is_err().then_some(cache)
}

/// Those of these folders that are there, and in which lies nothing that is to be kept from tasks.
fn open(ask: &Ask<'_>, folders: &[PathBuf]) -> Vec<PathBuf> {
    let git = ask.git_folders();
    let kept: Vec<PathBuf> =
        [ask.home().as_deref(), Some(ask.worktrees), Some(&ask.place.directory), Some(ask.run_dir)]
            .into_iter()
            .flatten()
            .map(|path| real(path).unwrap_or_else(|| path.to_owned()))
            .chain(git.iter().cloned())
            .collect();
    let mut open: Vec<PathBuf> = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_absolute()).filter_map(|folder| real(folder)) {
        let opens = kept.iter().any(|kept| holds(&folder, kept)) || git.iter().any(|git| holds(git, &folder));
        if !opens && !open.contains(&folder) {
            open.push(folder);
        }
    }
    open
}

/// A path without links; `None` where nothing is there.
fn real(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}
