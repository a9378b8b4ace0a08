//! Promise 12: nothing an agent leaves in a worktree, or writes into the repository's settings, makes the engine's git
//! run a program or look elsewhere.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ai_sdlc::kernel::event::KeepWorkspace;
use ai_sdlc::kernel::fact::CandidateResult;
use ai_sdlc::mission::model::Strategy;
use ai_sdlc::workspace::{CandidateAsk, Repository, SnapshotAsk, Worktree};
use fastrand::Rng;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use walkdir::WalkDir;

use super::{AtOnce, Promise, Trial, slice};
use crate::workspace::{AT, Field, person, put, source, task_id, trap};

pub(super) const PLANTED: Promise = Promise {
    id: "12",
    what: "nothing an agent leaves in a worktree makes the engine's git run a program or look elsewhere",
    faults: "links, `..`, hard links, pipes, sockets, hooks, settings of every kind that name a program, included \
             settings, filters, submodules, a rewritten `.git`, odd names; several at once",
    whole: 200,
    at_once: AtOnce::Several,
    trial: play,
};

/// Where an agent does its worst.
struct Site<'a> {
    field: &'a Field,
    worktree: &'a Worktree,
    /// A program that leaves a mark.
    evil: PathBuf,
    outside: PathBuf,
}

impl Site<'_> {
    fn at(&self, path: &str) -> PathBuf {
        self.worktree.path.join(path)
    }

    fn evil(&self) -> String {
        self.evil.to_string_lossy().into_owned()
    }

    /// As the agent would; it need not succeed.
    fn git(&self, args: &[&str]) {
        let _refused = self.field.try_git_in(&self.worktree.path, args);
    }

    fn set(&self, key: &str, value: &str) {
        self.git(&["config", key, value]);
    }

    fn hook(&self, folder: &Path, name: &str) {
        drop(fs::create_dir_all(folder));
        drop(fs::copy(&self.evil, folder.join(name)));
    }
}

type Plant = fn(&Site<'_>, &mut Rng);

/// Settings that name a program, or lead to one.
const SETTINGS: [&str; 32] = [
    "core.fsmonitor",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "sequence.editor",
    "gpg.program",
    "gpg.ssh.program",
    "gpg.ssh.defaultKeyCommand",
    "credential.helper",
    "diff.external",
    "diff.evil.textconv",
    "diff.evil.command",
    "merge.evil.driver",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "uploadpack.packObjectsHook",
    "remote.origin.uploadpack",
    "interactive.diffFilter",
    "pager.diff",
    "pager.log",
    "alias.add",
    "alias.diff-tree",
    "submodule.lib.update",
    "browser.evil.cmd",
    "trailer.evil.command",
    "mailmap.file",
    "core.attributesFile",
    "core.excludesFile",
];

const HOOKS: [&str; 10] = [
    "pre-commit",
    "post-commit",
    "post-checkout",
    "post-merge",
    "post-index-change",
    "reference-transaction",
    "pre-auto-gc",
    "prepare-commit-msg",
    "fsmonitor-watchman",
    "post-rewrite",
];

const PLANTS: [(&str, Plant); 24] = [
    ("a setting that names a program", |site, draws| {
        let key = SETTINGS[draws.usize(..SETTINGS.len())];
        site.set(
            key,
            &if key.starts_with("alias") || key.ends_with("update") {
                format!("!{}", site.evil())
            } else {
                site.evil()
            },
        );
    }),
    ("a setting of this worktree alone", |site, draws| {
        site.set("extensions.worktreeConfig", "true");
        let key = SETTINGS[draws.usize(..17)];
        site.git(&["config", "--worktree", key, &site.evil()]);
    }),
    ("included settings", |site, _| {
        let text = format!(
            "[core]\n\tfsmonitor = {0}\n[diff]\n\texternal = {0}\n[filter \"evil\"]\n\tclean = {0}\n\tsmudge = {0}\n",
            site.evil()
        );
        put(&site.worktree.path, "settings", &text);
        site.set("include.path", &site.at("settings").to_string_lossy());
    }),
    ("hooks", |site, draws| {
        let folder = site.field.root().join(".git/hooks");
        site.hook(&folder, HOOKS[draws.usize(..HOOKS.len())]);
    }),
    ("a folder of hooks", |site, draws| {
        site.hook(&site.at("hooks"), HOOKS[draws.usize(..HOOKS.len())]);
        site.set("core.hooksPath", &site.at("hooks").to_string_lossy());
    }),
    ("attributes with a filter, a diff and a merge driver", |site, _| {
        for part in ["clean", "smudge", "process"] {
            site.set(&format!("filter.evil.{part}"), &site.evil());
        }
        site.set("filter.evil.required", "true");
        site.set("merge.evil.driver", &format!("{} %A", site.evil()));
        put(
            &site.worktree.path,
            ".gitattributes",
            "* filter=evil diff=evil merge=evil ident working-tree-encoding=UTF-16\n",
        );
    }),
    ("attributes of the repository", |site, _| {
        site.set("filter.evil.clean", &site.evil());
        put(&site.field.root(), ".git/info/attributes", "* filter=evil\n");
    }),
    ("a rewritten `.git`", |site, _| {
        let other = site.outside.join("repo");
        drop(site.field.try_git_in(&site.outside, &["init", "-q", "repo"]));
        drop(site.field.try_git_in(&other, &["config", "core.fsmonitor", &site.evil()]));
        drop(fs::write(site.at(".git"), format!("gitdir: {}\n", other.join(".git").display())));
    }),
    ("a repository in the place of `.git`", |site, _| {
        drop(fs::remove_file(site.at(".git")));
        site.git(&["init", "-q"]);
        site.hook(&site.at(".git/hooks"), "post-index-change");
        site.set("core.fsmonitor", &site.evil());
    }),
    ("a link in the place of `.git`", |site, _| {
        drop(fs::remove_file(site.at(".git")));
        drop(symlink(&site.outside, site.at(".git")));
    }),
    ("links that lead out", |site, _| {
        drop(symlink(&site.outside, site.at("link")));
        drop(symlink("../../../../../../etc/passwd", site.at("passwd")));
        drop(symlink(site.outside.join("theirs"), site.at("file")));
        drop(fs::remove_dir_all(site.at("src")));
        drop(symlink(&site.outside, site.at("src")));
    }),
    ("links in the engine's places", |site, _| {
        drop(fs::remove_dir_all(site.at(".ai-sdlc")));
        drop(symlink(&site.outside, site.at(".ai-sdlc")));
        drop(symlink(&site.outside, site.at(".claude")));
    }),
    ("links that go round", |site, _| {
        drop(symlink("round", site.at("round")));
        drop(symlink(".", site.at("self")));
    }),
    ("hard links", |site, _| {
        drop(fs::hard_link(site.outside.join("theirs"), site.at("hard")));
        drop(fs::remove_file(site.at("a.txt")));
        drop(fs::hard_link(site.outside.join("theirs"), site.at("a.txt")));
    }),
    ("pipes, sockets and devices", |site, _| {
        let mode = Mode::from_raw_mode(0o666);
        let _made = mknodat(CWD, site.at("pipe"), FileType::Fifo, mode, 0);
        drop(std::os::unix::net::UnixListener::bind(site.at("s")));
        let _made = mknodat(CWD, site.at("null"), FileType::CharacterDevice, mode, rustix::fs::makedev(1, 3));
        drop(fs::remove_file(site.at("a.txt")));
        let _made = mknodat(CWD, site.at("a.txt"), FileType::Fifo, mode, 0);
    }),
    ("names that are no names", |site, _| {
        for name in [
            "-rf",
            "--exec=evil",
            "a\nb",
            ":(top)",
            ":!x",
            "*",
            "$(evil)",
            "`evil`",
            "\u{202e}txt.exe",
            " ",
            "con",
            "a\tb\"c\\",
        ] {
            drop(fs::write(site.at(name), "x"));
        }
        drop(fs::write(site.worktree.path.join(OsStr::from_bytes(b"\xff\xfe")), "x"));
    }),
    ("names like `.git`", |site, _| {
        for name in
            [".GIT", ".git ", ".git.", "git~1", ".g\u{200c}it", ".git::$INDEX_ALLOCATION", ".gitmodules ", ".Git"]
        {
            drop(fs::create_dir_all(site.at(name)));
            put(&site.worktree.path, &format!("{name}/config"), &format!("[core]\n\tfsmonitor = {}\n", site.evil()));
        }
    }),
    ("a deep tree and long names", |site, draws| {
        let deep: Vec<String> = (0..draws.usize(2..30)).map(|_| "d".repeat(60)).collect();
        drop(fs::create_dir_all(site.at(&deep.join("/"))));
        drop(fs::write(site.at(&"n".repeat(255)), "x"));
    }),
    ("submodules with a command", |site, _| {
        let text = format!(
            "[submodule \"lib\"]\n\tpath = lib\n\turl = ext::{0}\n\tupdate = !{0}\n[submodule \"../../x\"]\n\tpath = ../x\n\turl = -u{0}\n",
            site.evil()
        );
        put(&site.worktree.path, ".gitmodules", &text);
        drop(site.field.try_git_in(&site.worktree.path, &["init", "-q", "lib"]));
        drop(site.field.try_git_in(&site.at("lib"), &["config", "core.fsmonitor", &site.evil()]));
        put(&site.worktree.path, "lib/x", "x");
        drop(site.field.try_git_in(&site.at("lib"), &["add", "-A"]));
        drop(site.field.try_git_in(&site.at("lib"), &["commit", "-q", "-m", "x"]));
        site.git(&["add", "lib"]);
    }),
    ("HEAD, index and branches of its own", |site, _| {
        site.git(&["checkout", "-q", "--orphan", "own"]);
        site.git(&["commit", "-q", "--allow-empty", "-m", "own"]);
        site.git(&["rm", "-q", "-r", "--cached", "."]);
        site.git(&["symbolic-ref", "HEAD", "refs/heads/../../../../evil"]);
    }),
    ("a sparse checkout", |site, _| site.git(&["sparse-checkout", "set", "--no-cone", "nothing"])),
    ("everything ignored", |site, _| put(&site.worktree.path, ".gitignore", "*\n!.gitignore\n")),
    ("replaced objects and grafts", |site, _| {
        site.git(&["replace", "HEAD", "HEAD^"]);
        site.git(&["commit-tree", "-m", "x", "HEAD^{tree}"]);
        put(&site.field.root(), ".git/info/grafts", &format!("{}\n", site.worktree.base));
        put(&site.field.root(), ".git/objects/info/alternates", &format!("{}\n", site.outside.display()));
    }),
    ("variables of git in files", |site, _| {
        for name in [".env", ".envrc", ".profile"] {
            put(
                &site.worktree.path,
                name,
                &format!("export GIT_DIR={}\nexport GIT_EXTERNAL_DIFF={}\n", site.outside.display(), site.evil()),
            );
        }
        let of_person = format!("{}\n", site.evil());
        put(&site.worktree.path, "GIT_EXEC_PATH", &of_person);
    }),
];

/// All that lies outside: what is there, and what it holds.
fn outside(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = WalkDir::new(folder).into_iter().flatten();
    let skip = |path: &Path| path.components().any(|part| part.as_os_str() == ".git");
    let files = entries.filter(|entry| entry.file_type().is_file() && !skip(entry.path()));
    files.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap())).collect()
}

/// Everything that the engine does with a worktree. What is refused is told; nothing waits and nothing is run.
fn handle(field: &Field, repository: &Repository, worktree: &Worktree) {
    let (identity, task) = (person(), task_id("plan"));
    let branch = field.task_branch("plan");
    let snapshot = repository.snapshot(
        worktree,
        &SnapshotAsk {
            task: &task,
            branch: Some(&branch),
            title: "Work",
            agent: None,
            identity: &identity,
            at: AT,
            exclude: &[],
        },
    );
    if let Ok(commit) = snapshot.as_ref().map_err(drop).and_then(|made| made.commit.clone().ok_or(())) {
        drop(repository.diff(&worktree.base, &commit));
        drop(repository.changed_files(&worktree.base, &commit));
        let ask = CandidateAsk {
            run: &field.run,
            batch: &[source("plan", &worktree.base, &commit)],
            strategy: Strategy::Squash,
            identity: &identity,
            agent_of: &|_| None,
        };
        if let CandidateResult::Clean { commit, .. } = repository.make_candidate(&ask) {
            drop(repository.checkout_candidate(&field.run, &commit, &field.path("state/merge"), &[]));
        }
    }
    drop(repository.copy_in(worktree, &["a.txt".to_owned()], &[]));
    drop(repository.restore(worktree, &worktree.base, &[]));
    drop(repository.close(worktree, KeepWorkspace::Remove, &identity, AT));
    drop(repository.list_worktrees(Some(&field.run)));
}

fn play(trial: &mut Trial) {
    let field = Field::new();
    let (mark, away) = (field.path("mark"), field.path("outside"));
    put(&away, "theirs", "theirs\n");
    trap(&field.path("evil"), &mark);
    let runs = field.root().join(".git/ai-sdlc/runs/bcdfghjk");
    fs::create_dir_all(&runs).unwrap();
    let repository = field.repository().for_run_in(&field.run, &runs).unwrap();
    let base = repository.resolve("HEAD").unwrap();
    repository.create_integration(&field.run, &base).unwrap();
    let worktree = field.worktree("plan");
    put(&worktree.path, "b.txt", "b\n");
    let site = Site { field: &field, worktree: &worktree, evil: field.path("evil"), outside: away.clone() };
    let mut planted = Vec::new();
    for _ in 0..trial.draws.u64(1..6).min(trial.wanted.max(1)) {
        let (name, plant) = PLANTS[trial.draws.usize(..PLANTS.len())];
        plant(&site, &mut trial.draws);
        planted.push(name);
        trial.fault(name);
    }
    // The agent's own git may have run what it planted.
    drop(fs::remove_file(&mark));
    let before = (outside(&away), outside(&field.root()), outside(&field.path("home")));
    // An engine that resumes opens the repository anew, after the agent was in it.
    let resumed = field.repository().for_run_in(&field.run, &runs).unwrap();
    let repository = if trial.draws.bool() { resumed } else { repository };
    handle(&field, &repository, &worktree);
    let ran = fs::read_to_string(&mark).unwrap_or_default();
    assert!(ran.is_empty(), "{planted:?}: a program was run: {ran}");
    let after = (outside(&away), outside(&field.root()), outside(&field.path("home")));
    assert!(before == after, "{planted:?}: something outside was changed");
}

#[test]
fn a_slice() {
    slice(&PLANTED);
}
