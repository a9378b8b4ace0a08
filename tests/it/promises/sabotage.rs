//! Promise 9: a worktree that is deleted, left locked or dirty, or told to be elsewhere, under a run; and what else somebody may
//! take away or change beside it: its branches, files of the run's folder, the temporary folder.
//!
//! The engine says what is wrong or goes on; it never hangs, never calls it a fault of its own, loses nothing that was
//! merged, and a resume comes to the end.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::promises::site::Site;
use crate::promises::theirs::{Belongings, Into};
use crate::promises::{AtOnce, Promise, Trial, slice};
use crate::world::{World, wait_for};

pub(super) const PROMISE: Promise = Promise {
    id: "9",
    what: "a worktree deleted or left locked or dirty under a run, a branch or a file of the run taken away: told or mended, nothing merged is lost, and the run can go on",
    faults: "each of these while a task is at work or is being merged, then a resume",
    whole: 50,
    at_once: AtOnce::Several,
    trial,
};

/// What somebody does to the worktree of a task that is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hurt {
    Deleted,
    ReplacedByFile,
    IndexLocked,
    Locked,
    Pruned,
    Dirty,
    DotGitRewritten,
    DotGitDeleted,
    HeadMoved,
}

/// What somebody does to a run that is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    Worktree(Hurt),
    TaskBranchDeleted,
    TaskBranchMoved,
    IntegrationMoved,
    MergeWorktreeDeleted,
    MergeIndexLocked,
    RunLockDeleted,
    InboxDeleted,
    HeadFileDeleted,
    NoteDeleted,
    LogsDeleted,
    TemporaryDeleted,
    StateDeleted,
}

const ALL: [Sabotage; 21] = [
    Sabotage::Worktree(Hurt::Deleted),
    Sabotage::Worktree(Hurt::ReplacedByFile),
    Sabotage::Worktree(Hurt::IndexLocked),
    Sabotage::Worktree(Hurt::Locked),
    Sabotage::Worktree(Hurt::Pruned),
    Sabotage::Worktree(Hurt::Dirty),
    Sabotage::Worktree(Hurt::DotGitRewritten),
    Sabotage::Worktree(Hurt::DotGitDeleted),
    Sabotage::Worktree(Hurt::HeadMoved),
    Sabotage::TaskBranchDeleted,
    Sabotage::TaskBranchMoved,
    Sabotage::IntegrationMoved,
    Sabotage::MergeWorktreeDeleted,
    Sabotage::MergeIndexLocked,
    Sabotage::RunLockDeleted,
    Sabotage::InboxDeleted,
    Sabotage::HeadFileDeleted,
    Sabotage::NoteDeleted,
    Sabotage::LogsDeleted,
    Sabotage::TemporaryDeleted,
    Sabotage::StateDeleted,
];

const HELD: &str = "touch $HOME/up; until test -e $HOME/go; do sleep 0.01; done; cd \\\"$AI_SDLC_WORKSPACE\\\" && echo held > held.txt";

fn mission(into: Into) -> String {
    let into = if into == Into::Asked { "into = \"main\"\ndeliver = \"each\"\n" } else { "" };
    format!(
        r#"
[mission]
name = "sabotage"
[merge]
checks = ["true"]
{into}
[tasks.first]
run = "echo first > first.txt"
[tasks.held]
needs = ["first"]
run = "{HELD}"
[tasks.last]
needs = ["held"]
run = "cat first.txt held.txt > last.txt"
"#
    )
}

/// The worktrees of the run by what is in their names.
fn worktree(site: &Site<'_>, named: &str) -> Option<PathBuf> {
    let list = site.git(&["worktree", "list", "--porcelain"]);
    let paths = list.lines().filter_map(|line| line.strip_prefix("worktree ")).map(PathBuf::from);
    paths.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(named)))
}

/// The git folder of a worktree, whatever its `.git` says.
fn git_folder(site: &Site<'_>, worktree: &Path) -> PathBuf {
    let folders = fs::read_dir(site.dir.join(".git/worktrees")).unwrap().flatten().map(|entry| entry.path());
    let is_its = |folder: &PathBuf| {
        fs::read_to_string(folder.join("gitdir")).is_ok_and(|text| Path::new(text.trim()).parent() == Some(worktree))
    };
    folders.into_iter().find(is_its).unwrap()
}

fn branches(site: &Site<'_>, ending: &str) -> Vec<String> {
    let all = site.git(&["for-each-ref", "--format=%(refname)", "refs/heads/ai-sdlc/"]);
    all.lines().filter(|name| name.ends_with(ending)).map(str::to_owned).collect()
}

fn remove(path: &Path) {
    let _there_or_not = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

fn of_worktree(site: &Site<'_>, hurt: Hurt, path: &Path) {
    match hurt {
        Hurt::Deleted => remove(path),
        Hurt::ReplacedByFile => {
            remove(path);
            fs::write(path, "a file\n").unwrap();
        }
        Hurt::IndexLocked => fs::write(git_folder(site, path).join("index.lock"), "").unwrap(),
        Hurt::Locked => fs::write(git_folder(site, path).join("locked"), "by somebody else\n").unwrap(),
        Hurt::Pruned => {
            remove(&path.join(".git"));
            site.git(&["worktree", "prune", "--expire", "now"]);
        }
        Hurt::Dirty => {
            fs::write(path.join("README.md"), "changed\n").unwrap();
            fs::write(path.join("more.txt"), "more\n").unwrap();
        }
        Hurt::DotGitRewritten => {
            fs::write(path.join(".git"), format!("gitdir: {}\n", site.dir.join(".git").display())).unwrap();
        }
        Hurt::DotGitDeleted => remove(&path.join(".git")),
        Hurt::HeadMoved => {
            let head = site.git(&["rev-parse", "main~1"]);
            fs::write(git_folder(site, path).join("HEAD"), format!("{head}\n")).unwrap();
        }
    }
}

fn do_it(site: &Site<'_>, sabotage: Sabotage) {
    let state = site.world.home().join(".local/state/ai-sdlc");
    match sabotage {
        Sabotage::Worktree(hurt) => of_worktree(site, hurt, &worktree(site, "held").expect("it has a worktree")),
        Sabotage::TaskBranchDeleted => {
            for branch in branches(site, "/held").into_iter().chain(branches(site, "/first")) {
                site.git(&["update-ref", "-d", &branch]);
            }
        }
        Sabotage::TaskBranchMoved => {
            for branch in branches(site, "/held").into_iter().chain(branches(site, "/first")) {
                site.git(&["update-ref", &branch, "main~1"]);
            }
        }
        Sabotage::IntegrationMoved => {
            let branch = branches(site, "/integration").pop().unwrap();
            let commit = site.git(&["commit-tree", "-m", "theirs", "-p", &branch, &format!("{branch}^{{tree}}")]);
            site.git(&["update-ref", &branch, &commit]);
        }
        Sabotage::MergeWorktreeDeleted => remove(&worktree(site, "merge").or(worktree(site, "integration")).unwrap()),
        Sabotage::MergeIndexLocked => {
            let path = worktree(site, "merge").or(worktree(site, "integration")).unwrap();
            fs::write(git_folder(site, &path).join("index.lock"), "").unwrap();
        }
        Sabotage::RunLockDeleted => remove(&site.run_dir().join("lock")),
        Sabotage::InboxDeleted => remove(&site.run_dir().join("inbox.db")),
        Sabotage::HeadFileDeleted => remove(&site.run_dir().join("head")),
        Sabotage::NoteDeleted => remove(&site.run_dir().join("run.json")),
        Sabotage::LogsDeleted => {
            for name in ["first", "held", "integration", "guard.log"] {
                remove(&site.run_dir().join(name));
            }
        }
        Sabotage::TemporaryDeleted => remove(&site.world.home().parent().unwrap().join("tmp")),
        Sabotage::StateDeleted => remove(&state),
    }
}

/// Where first.txt must be: it was merged before anybody meddled.
fn still_has_the_first(site: &Site<'_>, into: Into) {
    let branch = if into == Into::Asked { "main".to_owned() } else { branches(site, "/integration").pop().unwrap() };
    assert_eq!(site.git(&["show", &format!("{branch}:first.txt")]), "first");
}

fn trial(trial: &mut Trial) {
    let sabotage = ALL[usize::try_from(trial.number).unwrap() % ALL.len()];
    let into = if trial.draws.bool() { Into::Asked } else { Into::Not };
    let world = World::new();
    world.mission(&mission(into));
    let before = Belongings::of(&world, into);
    let mut site = Site::of(&world, &"mission run mission.toml --yes --ui json".split(' ').collect::<Vec<_>>());
    let mut engine = site.start(None);
    wait_for("the task", || world.home().join("up").exists() || engine.is_over());
    site.learn(&engine);
    trial.fault(&format!("{sabotage:?}"));
    do_it(&site, sabotage);
    if sabotage == Sabotage::RunLockDeleted {
        let _refused = site.tell(&["run", "resume", site.run.as_deref().unwrap()], 6);
    }
    fs::write(world.home().join("go"), "").unwrap();
    let mut code = engine.wait();
    println!("{sabotage:?}, {into:?}: {code:?}: {}", engine.said());
    assert!(!matches!(code, None | Some(70 | 101)), "{sabotage:?}: {code:?}: {}", engine.said());
    still_has_the_first(&site, into);
    let _folder = fs::create_dir(world.home().parent().unwrap().join("tmp"));
    if sabotage == Sabotage::HeadFileDeleted {
        // The journal may have been cut: nobody can tell any more, and it is refused with what to do.
        if code != Some(0) {
            let refused = world.run(["run", "resume"]);
            assert!(refused.stderr.contains("help:") || refused.code == Some(0), "{refused:?}");
        }
        world.is_quiet();
        trial.compare(&before, &Belongings::of(&world, into));
        return;
    }
    for _ in 0..3 {
        if code == Some(0) {
            break;
        }
        let mut again = site.start(None);
        code = again.wait();
        println!("resumed: {code:?}: {}", again.said());
    }
    let ends: Vec<Value> = site.events().into_iter().filter(|event| event["type"] == "task-finished").collect();
    assert_eq!(code, Some(0), "{sabotage:?}: it does not come to its end: {ends:#?}");
    still_has_the_first(&site, into);
    let branch = if into == Into::Asked { "main".to_owned() } else { branches(&site, "/integration").pop().unwrap() };
    assert_eq!(site.git(&["show", &format!("{branch}:last.txt")]), "first\nheld");
    world.is_quiet();
    trial.compare(&before, &Belongings::of(&world, into));
}

#[test]
fn a_slice() {
    slice(&PROMISE);
}
