//! Processes as `/proc` shows them: who is below whom, and ending all of them.
//!
//! A process group is not enough: agents start tools in sessions of their own. Guard and hosts are child
//! subreapers, so whatever they started stays below them, and a walk by parent finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::time::Duration;

use rustix::event::poll;
use rustix::fs::Timespec;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, wait};

/// Environment variable that every child of a guard carries: which guard, which child.
pub const STAMP: &str = "AI_SDLC_SPAWN";

/// One process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Whether it only waits to be taken by its parent.
    pub zombie: bool,
    /// Processor time it used, in ticks.
    pub ticks: u64,
}

impl Process {
    /// The process of this id, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        Self::parse(pid, str::from_utf8(&read(&format!("/proc/{pid}/stat"))?).ok()?)
    }

    /// Reads a line of `/proc/<pid>/stat`. The name in it may hold anything, also `)` and spaces.
    pub fn parse(pid: i32, stat: &str) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let zombie = matches!(fields.next()?, "Z" | "X");
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        let user: u64 = fields.nth(8)?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some(Self { pid, parent, group, zombie, ticks: user.saturating_add(system) })
    }

    /// What [`STAMP`] was in its environment when it began.
    pub fn stamp(&self) -> Option<String> {
        let environ = read(&format!("/proc/{}/environ", self.pid))?;
        let wanted = format!("{STAMP}=");
        let value = environ.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(wanted.as_bytes()))?;
        String::from_utf8(value.to_vec()).ok()
    }

    /// Whether its environment, when it began, held this variable with this value.
    pub fn carries(&self, name: &str, value: &str) -> bool {
        let environ = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        let wanted = format!("{name}={value}");
        environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
    }

    /// Ends it at once.
    pub fn kill(&self) {
        signal(self.pid, Signal::KILL);
    }
}

/// Reads a file of `/proc`: in one piece, while its size is told as nothing and readers go by small steps then.
fn read(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4096);
    File::open(path).ok()?.take(16 << 20).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// All processes there are.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(Process::of).collect()
}

/// Those of `all` that are below one of `roots` and still run; the roots are not among them.
pub fn below(roots: &[i32], all: &[Process]) -> Vec<Process> {
    let mut children = BTreeMap::<i32, Vec<Process>>::new();
    for process in all {
        children.entry(process.parent).or_default().push(*process);
    }
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut open = roots.to_vec();
    while let Some(parent) = open.pop() {
        // Ids are reused while the list is read: a process may seem to be its own ancestor.
        for child in children.get(&parent).into_iter().flatten().filter(|child| seen.insert(child.pid)) {
            open.push(child.pid);
            if !child.zombie && !roots.contains(&child.pid) {
                found.push(*child);
            }
        }
    }
    found
}

/// This process's own id.
pub fn me() -> i32 {
    rustix::process::getpid().as_raw_pid()
}

/// Sends a signal to one process; one that is gone already is fine.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        kill_process(pid, signal).ok();
    }
}

/// Sends a signal to a process group; one that is gone already is fine.
pub fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group).filter(|group| group.as_raw_pid() > 1) {
        kill_process_group(group, signal).ok();
    }
}

/// Ends everything below this process and takes what ended, until nothing is left or `rounds` passes of some
/// milliseconds are over. Tells how many processes it ended.
///
/// It takes *any* child's end: only for those who have no child left whose end they want to know.
pub fn end_all_below_me(rounds: u32) -> u32 {
    let mut ended = BTreeSet::new();
    for _ in 0..rounds {
        let left = below(&[me()], &all());
        for process in &left {
            process.kill();
            ended.insert(process.pid);
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if left.is_empty() {
            break;
        }
        pause(Duration::from_millis(5));
    }
    u32::try_from(ended.len()).unwrap_or(u32::MAX)
}

/// Waits without doing anything.
pub fn pause(length: Duration) {
    if let Ok(length) = Timespec::try_from(length) {
        poll(&mut [], Some(&length)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::{Process, all, below, me};

    #[test]
    fn reads_a_line_with_an_ugly_name() {
        let line = "7 (a) b) (c) S 3 7 5 0 -1 4194560 1 2 3 4 11 31 0 0 20 0 1 0 99 100 200";
        assert_eq!(Process::parse(7, line), Some(Process { pid: 7, parent: 3, group: 7, zombie: false, ticks: 42 }));
        assert!(Process::parse(7, "7 (x) Z 1 7 7 0 -1 0 0 0 0 0 0 0").unwrap().zombie);
        assert_eq!(Process::parse(7, "nonsense"), None);
    }

    #[test]
    fn finds_what_is_below() {
        let process = |pid, parent, zombie| Process { pid, parent, group: pid, zombie, ticks: 0 };
        let list = [
            process(2, 1, false),
            process(3, 2, true),
            process(4, 3, false),
            process(5, 1, false),
            process(6, 6, false),
            process(7, 4, false),
        ];
        let mut pids: Vec<_> = below(&[2], &list).iter().map(|process| process.pid).collect();
        pids.sort_unstable();
        assert_eq!(pids, [4, 7]);
        assert_eq!(below(&[6], &list), []);
        assert!(all().iter().any(|process| process.pid == me()));
    }
}
