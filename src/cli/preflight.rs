//! What is looked at before a run begins. All that stands in its way is told at once, each with what mends it; nothing
//! is made yet.

use std::path::{Component, Path, PathBuf};

use crate::cli::Context;
use crate::cli::carry_out::{Ready, draw, git, surroundings, worktrees};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::locked::{Clock, Force, refused};
use crate::cli::making::{Making, bytes, free};
use crate::cli::project::Project;
use crate::cli::secrets;
use crate::driver::clock::wall_now;
use crate::driver::target::Aim;
use crate::journal::lock::InTheWay;
use crate::journal::network;
use crate::kernel::event::{Place, PlaceKind};
use crate::mission::model::{BackendKind, WorkspaceMode};
use crate::name::CommitId;
use crate::plan::Plan;
use crate::report::plural;
use crate::workspace::{PreflightAsk, Refusal, Repository};

/// Less free space than this where worktrees lie, in bytes, and nothing is begun.
const LEAST_FREE: u64 = 64 << 20;

/// The same where journals lie: as little as the first events take.
const LEAST_FOR_JOURNAL: u64 = 512 << 10;

/// Whether others at the same branch or directory are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// They are.
    InTheWay,
    /// `--force`: the person is asked about them.
    AskedAbout,
}

/// What is found, as it is looked for.
#[derive(Debug, Default)]
struct Found {
    failures: Vec<Failure>,
    notes: Vec<String>,
}

impl Found {
    fn take<T>(&mut self, looked: Result<T, Failure>) -> Option<T> {
        looked.map_err(|failure| self.failures.push(failure)).ok()
    }

    fn refuse(self) -> Result<Vec<String>, Failure> {
        let told = Failure::together(self.failures, "cli::preflight", |count| {
            format!("{count} things stand in the way of this run")
        });
        told.map_or(Ok(self.notes), Err)
    }
}

/// Looks whether a run can take place in the project itself.
pub(super) fn in_project(context: &Context, project: &Project, plan: &Plan, others: Others) -> Result<Ready, Failure> {
    let mut found = Found::default();
    found.failures.extend(programs(context, plan));
    let secrets = found.take(secrets::looked_at(context, plan, PlaceKind::Repository));
    found.notes.extend(secrets.unwrap_or_default());
    found.failures.extend(store(&project.store));
    let run = draw();
    let looked = match plan.workspace.mode {
        WorkspaceMode::Directory => {
            found.failures.extend(unwritable(&project.root, "the directory in which the tasks work"));
            let place = Place { directory: project.root.clone(), base: None, kind: PlaceKind::Repository };
            Some(Looked { place, repository: None, root: None })
        }
        WorkspaceMode::Worktree => in_repository(context, project, plan, &mut found),
    };
    let Some(Looked { place, repository, root }) = looked else {
        return Err(found.refuse().err().unwrap_or_else(no_repository));
    };
    let making = repository
        .as_ref()
        .zip(place.base.as_ref())
        .zip(root.as_ref())
        .map(|((repository, base), root)| Making::of(plan, &run, root, repository.tree_size(base).ok()));
    if let Some((making, root)) = making.as_ref().zip(root.as_ref()) {
        found.failures.extend(making.lacks().map(|what| no_room(root, what)));
    }
    let aim = Aim { plan, place: &place, repository: repository.as_ref(), store: &project.store };
    let held = aim.in_the_way(&surroundings(context, project)?).unwrap_or_default();
    let beside = match others {
        Others::AskedAbout => held,
        Others::InTheWay => {
            found.failures.extend(held.iter().map(|by| in_the_way(by, context)));
            Vec::new()
        }
    };
    let notes = found.refuse()?;
    Ok(Ready { run, place, repository, making, notes, beside })
}

/// Where a run would take place.
struct Looked {
    place: Place,
    repository: Option<Repository>,
    root: Option<PathBuf>,
}

/// `None` where nothing more can be looked at; why is among what was found.
fn in_repository(context: &Context, project: &Project, plan: &Plan, found: &mut Found) -> Option<Looked> {
    let repository = found.take(discover(context, &project.directory))?;
    let directory = repository.checkout().unwrap_or(repository.common_dir()).to_owned();
    let own_root = plan.workspace.root.as_ref().map(|root| straight(&directory.join(root)));
    let root = own_root.unwrap_or_else(|| worktrees(context, project));
    let into = plan.merge.into.as_deref();
    match repository.preflight(&PreflightAsk { into, root: Some(&root) }) {
        Ok(looked) => {
            found.notes.extend(looked.notes);
            if looked.uncommitted > 0 {
                let files = plural(looked.uncommitted, "file");
                let note = format!("{files} of yours with changes that are not committed: no task sees them");
                found.notes.push(note);
            }
        }
        Err(refusals) => found.failures.extend(refusals.into_iter().map(|no| refusal(no, &directory))),
    }
    found.failures.extend(unwritable(&root, "the folder of worktrees"));
    let room = free(&root);
    if room < LEAST_FREE {
        let what = format!("too little disk space for the worktrees: {} are free", bytes(room));
        found.failures.push(no_room(&root, what));
    }
    found.notes.extend(network::worktrees(&root));
    let base = begin_at(&repository, plan, found)?;
    look_into(&repository, &base, (&root, plan), found);
    let place = Place { directory, base: Some(base), kind: PlaceKind::Repository };
    Some(Looked { place, repository: Some(repository), root: Some(root) })
}

/// What checking the commit out would meet.
fn look_into(repository: &Repository, base: &CommitId, of: (&Path, &Plan), found: &mut Found) {
    let (root, plan) = of;
    let content = match repository.look_into(base, root) {
        Ok(content) => content,
        Err(error) => {
            let what = "what is to be checked out cannot be looked at";
            let help = "`git fsck` shows what is wrong with the repository";
            found.failures.push(Failure::new(Exit::Environment, "git::refused", what).because(&error).help(help));
            return;
        }
    };
    let place = repository.checkout().unwrap_or(repository.common_dir());
    found.failures.extend(content.refusals.into_iter().map(|no| refusal(no, place)));
    found.notes.extend(content.notes);
    let sees_to_them = format!("{:?}", plan.workspace.setup).contains("submodule");
    if content.submodules > 0 && !sees_to_them {
        let submodules = plural(content.submodules, "submodule");
        found.notes.push(format!(
            "{submodules} of this repository will be empty in worktrees: `[workspace] setup = [\"git submodule update --init\"]` fills them"
        ));
    }
}

/// The commit that the run begins from.
fn begin_at(repository: &Repository, plan: &Plan, found: &mut Found) -> Option<CommitId> {
    let into = plan.merge.into.as_deref();
    let revision = plan.workspace.base.clone().unwrap_or_else(|| repository.default_base(into));
    let base = match repository.resolve(&revision) {
        Ok(base) => base,
        // A repository without a commit, or without the branch: that has been told.
        Err(_) if plan.workspace.base.is_none() && !found.failures.is_empty() => return None,
        Err(error) => {
            let what = format!("`{revision}` cannot be begun from");
            let help = error.remedy();
            found.failures.push(Failure::new(Exit::Usage, "git::no-base", what).because(&error).help(help));
            return None;
        }
    };
    if let Some(into) = into
        && let Ok(tip) = repository.resolve(into)
        && let Ok(ahead @ 1..) = repository.commits_ahead(&tip, &base)
    {
        let commits = plural(ahead, "commit");
        found.notes.push(format!("{commits} of `{revision}` that `{into}` lacks will come along"));
    }
    Some(base)
}

fn refusal(no: Refusal, directory: &Path) -> Failure {
    let place = directory.display().to_string();
    Failure::new(Exit::Environment, "git::preflight", no.what).at(place).help(no.remedy)
}

fn in_the_way(by: &InTheWay, context: &Context) -> Failure {
    let clock = Clock { now: wall_now(), zone: context.terminal.zone().clone() };
    refused(by, &context.directory(), Force::Possible, &clock)
}

/// Agents whose program is not there.
fn programs(context: &Context, plan: &Plan) -> Vec<Failure> {
    let missing = plan.agents.iter().filter_map(|(name, agent)| {
        let program = agent.command.first().filter(|_| agent.backend != BackendKind::Rehearsal)?;
        let there = context.environment.find_program(program, &context.directory());
        there.is_none().then(|| {
            let what = format!("the program `{program}` of the agent `{name}` was not found");
            Failure::new(Exit::Environment, "agent::missing-program", what)
                .help("install it, or name another agent with `--agent`; `ai-sdlc doctor` shows what is there")
        })
    });
    missing.collect()
}

/// Where journals and locks lie.
fn store(folder: &Path) -> Vec<Failure> {
    let mut failures: Vec<Failure> = unwritable(folder, "the folder of journals and locks").into_iter().collect();
    let free = free(folder);
    if free < LEAST_FOR_JOURNAL {
        let what = format!("no space is left for the journal of a run: {} are free", bytes(free));
        let help = format!("make room on that disk: `df -h {}`", folder.display());
        failures
            .push(Failure::new(Exit::Environment, "cli::disk-full", what).at(folder.display().to_string()).help(help));
    }
    failures
}

/// A folder in which nothing could be made; nothing is made to find out.
pub(super) fn unwritable(folder: &Path, what: &str) -> Option<Failure> {
    let there = folder.ancestors().find(|folder| folder.exists())?;
    let why = if there.is_dir() {
        rustix::fs::access(there, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).err()?.into()
    } else {
        std::io::Error::from(std::io::ErrorKind::NotADirectory)
    };
    let help = if why.kind() == std::io::ErrorKind::ReadOnlyFilesystem {
        "that file system is read-only: use another, or mount it writable"
    } else if why.kind() == std::io::ErrorKind::NotADirectory {
        "a file is in the way: move it elsewhere"
    } else {
        "let your account write there (`ls -ld` shows who may)"
    };
    let what = format!("{what} cannot be written");
    let failure = Failure::new(Exit::Environment, "cli::unwritable-folder", what);
    Some(failure.at(there.display().to_string()).because(&why).help(help))
}

/// A path without `..`, so that it can be seen whether it lies inside of another.
fn straight(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut straight, part| {
        match part {
            Component::ParentDir => {
                straight.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => straight.push(part),
        }
        straight
    })
}

fn no_room(root: &Path, what: String) -> Failure {
    Failure::new(Exit::Environment, "cli::disk-full", what)
        .at(root.display().to_string())
        .help("make room, or set `[workspace] root` to a larger disk")
}

fn no_repository() -> Failure {
    Failure::new(Exit::Environment, "git::no-repository", "the repository cannot be used")
}

/// The repository that a directory lies in.
pub(super) fn discover(context: &Context, directory: &Path) -> Result<Repository, Failure> {
    Repository::discover(&git(context)?, directory)
        .map_err(|error| Failure::new(Exit::Environment, "git::no-repository", error.to_string()).help(error.remedy()))
}
