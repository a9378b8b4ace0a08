//! The sandbox: what is started may write to named folders and nowhere else. The kernel sees to it (Landlock).
//!
//! A thread that has restricted itself hands its restriction down to whatever it spawns, for good: nothing below can
//! take it off. So a child is confined by being spawned from such a thread; the process that the thread belongs to is
//! as free as before. A rule opens a folder with all that lies in it, and cannot take anything out of it again.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, LandlockStatus, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetStatus, Scope, path_beneath_rules,
};

/// The newest interface of the kernel that was tried with this: what a newer one can do besides is not asked for.
const TRIED: ABI = ABI::V7;

/// The oldest one that is of use: before it, moving a file from one folder to another was refused everywhere.
const OLDEST: u32 = 2;

/// The oldest one that also keeps files elsewhere from being emptied.
pub const WHOLE: u32 = 3;

/// What programs print who were not let.
const REFUSED: [&str; 6] = [
    "Permission denied",
    "permission denied",
    "EACCES",
    "Operation not permitted",
    "Read-only file system",
    "Invalid cross-device link",
];

/// What is told beside the last words of a program that may have been refused something.
const HINT: &str = "[the sandbox lets it write only to its workspace, temporary and cache folders: what else it needs \
                    is named by `writable = [\"~/folder\"]` under `[workspace]`]";

/// Asks the kernel what it can do, by doing it: a thread restricts itself and ends. Gives the version of its
/// interface, or why there is none.
pub fn probe() -> Result<u32, String> {
    let tried = thread::Builder::new().name("probe".to_owned()).spawn(|| restrict(&[]));
    let status = match tried.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(status))) => status,
        Ok(Ok(Err(error))) => return Err(format!("Landlock cannot be used: {error}")),
        Ok(Err(_)) | Err(_) => return Err("Landlock could not be tried".to_owned()),
    };
    match status {
        Enforced::Abi(abi) if abi >= OLDEST => Ok(abi),
        Enforced::Abi(_) => Err("the Landlock of this kernel is too old (Linux 5.19 is needed)".to_owned()),
        Enforced::Not(why) => Err(why.to_owned()),
    }
}

/// Lets this thread, and all that it spawns from now on, write to these folders and files only. Those that are not
/// there are left out.
pub fn confine(writable: &[PathBuf]) -> io::Result<()> {
    match restrict(writable)? {
        Enforced::Abi(_) => Ok(()),
        Enforced::Not(why) => Err(io::Error::other(why)),
    }
}

/// Does something on a thread that may write to these folders only.
pub fn confined<T: Send>(writable: &[PathBuf], work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("confined".to_owned());
        let done = thread.spawn_scoped(scope, || {
            confine(writable)?;
            work()
        })?;
        done.join().unwrap_or_else(|_| Err(io::Error::other("a fault of ours while something was started")))
    })
}

/// Adds to the last words of a program that failed what it may have failed of.
pub fn explain(tail: &mut String) {
    if REFUSED.iter().any(|words| tail.contains(words)) && !tail.contains(HINT) {
        if !tail.is_empty() && !tail.ends_with('\n') {
            tail.push('\n');
        }
        tail.push_str(HINT);
    }
}

/// Whether one path lies in the other, or is it.
pub fn holds(folder: &Path, path: &Path) -> bool {
    path.starts_with(folder)
}

enum Enforced {
    Abi(u32),
    Not(&'static str),
}

fn restrict(writable: &[PathBuf]) -> io::Result<Enforced> {
    let handled = AccessFs::from_write(TRIED);
    let scopes: BitFlags<Scope> = Scope::from_all(TRIED);
    let made = Ruleset::default().handle_access(handled).and_then(|ruleset| ruleset.scope(scopes));
    // A device that is made anew is a way to a disk past all its files.
    let let_in = handled & !(AccessFs::MakeBlock | AccessFs::MakeChar);
    let done = made
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(writable, let_in)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(io::Error::other)?;
    Ok(match (done.landlock, done.ruleset) {
        (_, RulesetStatus::NotEnforced) | (LandlockStatus::NotImplemented, _) => {
            Enforced::Not("this kernel has no Landlock")
        }
        (LandlockStatus::NotEnabled, _) => Enforced::Not("Landlock is not switched on in this kernel (`lsm=`)"),
        (LandlockStatus::Available { effective_abi, .. }, _) => Enforced::Abi(number(effective_abi)),
    })
}

fn number(abi: ABI) -> u32 {
    let known = [ABI::V1, ABI::V2, ABI::V3, ABI::V4, ABI::V5, ABI::V6, ABI::V7, ABI::V8, ABI::V9];
    (1..).zip(known).find(|(_, one)| *one == abi).map_or(0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Whether there is anything to try here.
    fn can() -> bool {
        probe().inspect_err(|why| println!("not tried: {why}")).is_ok()
    }

    #[test]
    fn a_confined_thread_writes_where_it_may_and_the_others_everywhere() {
        if !can() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("in"), dir.path().join("out"));
        fs::create_dir_all(&inside).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("theirs"), "theirs").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        let (file, link, theirs) = (inside.join("a"), inside.join("link/a"), outside.join("theirs"));
        let tried = confined(std::slice::from_ref(&inside), || {
            fs::write(&file, "mine")?;
            let refused = [
                fs::write(outside.join("new"), "x"),
                fs::write(&link, "x"),
                fs::write(inside.join("../out/new"), "x"),
                fs::write(&theirs, "x"),
                fs::File::options().write(true).truncate(true).open(&theirs).map(drop),
                fs::remove_file(&theirs),
                fs::rename(&theirs, inside.join("theirs")),
                fs::rename(&file, outside.join("a")),
                fs::hard_link(&theirs, inside.join("hard")),
                fs::create_dir(outside.join("folder")),
                symlink("x", outside.join("link")),
            ];
            Ok(refused.map(|tried| tried.is_err()))
        });
        assert_eq!(tried.unwrap(), [true; 11]);
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        fs::write(outside.join("new"), "this thread is free").unwrap();
    }

    #[test]
    fn a_file_alone_can_be_let_and_what_is_not_there_is_left_out() {
        if !can() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("file"), dir.path().join("other"));
        fs::write(&file, "").unwrap();
        let let_in = [file.clone(), dir.path().join("none/at/all")];
        let wrote = confined(&let_in, || Ok((fs::write(&file, "x").is_ok(), fs::write(&other, "x").is_ok())));
        assert_eq!(wrote.unwrap(), (true, false));
    }

    #[test]
    fn what_was_refused_is_explained_once() {
        let mut tail = "sh: cannot create /x: Permission denied".to_owned();
        explain(&mut tail);
        explain(&mut tail);
        assert_eq!(tail.matches("[workspace]").count(), 1, "{tail}");
        let mut other = "2 tests failed".to_owned();
        explain(&mut other);
        assert_eq!(other, "2 tests failed");
    }
}
