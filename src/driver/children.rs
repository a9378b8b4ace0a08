//! The engine's view of its children: each is started through the guard and awaited here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::amount::Millis;
use crate::driver::guard::{ChildId, Guard, GuardReport, ProcessEnd, Spawn, Stop};
use crate::kernel::fact::{EndKind, StopWhy};
use crate::name::TaskId;

/// What a child tells the one who started it, in order; `Ended` or `NotStarted` is the last.
#[derive(Debug)]
pub enum Told {
    /// It runs.
    Started {
        /// Its process id.
        pid: u32,
    },
    /// It could not be started.
    NotStarted {
        /// Why, in words.
        why: String,
    },
    /// A line of a host.
    Line(String),
    /// It ended.
    Ended(ChildEnd),
}

/// How a child ended.
#[derive(Debug, Clone)]
pub struct ChildEnd {
    /// What became of it.
    pub end: ProcessEnd,
    /// Running time.
    pub ran: Millis,
    /// The last lines of its output, made safe.
    pub tail: String,
    /// Its output was cut.
    pub truncated: bool,
    /// Processes it left behind.
    pub swept: u32,
}

impl ChildEnd {
    /// As the kernel calls it. `stopped`: why we stopped it, where we did.
    pub fn kind(&self, stopped: Option<StopWhy>) -> EndKind {
        match (&self.end, stopped) {
            (_, Some(why)) => EndKind::Stopped { why },
            (ProcessEnd::Exited(0), None) => EndKind::Completed,
            (ProcessEnd::Exited(code), None) => EndKind::Exited { code: *code },
            (ProcessEnd::Signalled(signal), None) => EndKind::Signalled { signal: *signal },
            (ProcessEnd::TimedOut, None) => EndKind::Stopped { why: StopWhy::Timeout },
            (ProcessEnd::Stopped, None) => EndKind::Stopped { why: StopWhy::Interrupt },
        }
    }
}

/// A child that was ordered.
#[derive(Debug)]
pub struct Child {
    /// Its id.
    pub id: ChildId,
    told: UnboundedReceiver<Told>,
}

impl Child {
    /// The next thing it tells; `None` when the guard is gone.
    pub async fn next(&mut self) -> Option<Told> {
        self.told.recv().await
    }

    /// Waits for the end of a child whose lines nobody wants.
    pub async fn ended(mut self) -> Result<ChildEnd, String> {
        loop {
            match self.next().await {
                Some(Told::Ended(end)) => return Ok(end),
                Some(Told::NotStarted { why }) => return Err(why),
                Some(Told::Started { .. } | Told::Line(_)) => {}
                None => return Err("the guard of this run is gone".to_owned()),
            }
        }
    }
}

/// All children of a run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Children {
    guard: Rc<Guard>,
    next: Rc<Cell<u64>>,
    live: Rc<RefCell<HashMap<ChildId, Live>>>,
}

#[derive(Debug)]
struct Live {
    told: UnboundedSender<Told>,
    /// What it works for; `None`: the run.
    task: Option<TaskId>,
}

impl Children {
    /// Children of this guard.
    pub fn new(guard: Guard) -> Self {
        Self { guard: Rc::new(guard), next: Rc::new(Cell::new(1)), live: Rc::default() }
    }

    /// An id for the next child.
    pub fn next_id(&self) -> ChildId {
        let id = self.next.get();
        self.next.set(id.saturating_add(1));
        ChildId(id)
    }

    /// Orders a child, which works for this task, or for the run.
    pub fn spawn(&self, spawn: Spawn, task: Option<TaskId>) -> Child {
        let (tell, told) = unbounded_channel();
        let id = spawn.child;
        self.live.borrow_mut().insert(id, Live { told: tell, task });
        self.guard.spawn(spawn);
        Child { id, told }
    }

    /// Hands a report to the one who waits for it. Returns why the guard is gone, when it is.
    pub fn route(&self, report: GuardReport) -> Option<String> {
        match report {
            GuardReport::Started { child, pid } => self.tell(child, Told::Started { pid }),
            GuardReport::Line { child, line } => self.tell(child, Told::Line(line)),
            GuardReport::NotStarted { child, why } => self.tell_last(child, Told::NotStarted { why }),
            GuardReport::Ended { child, end, ran, tail, truncated, swept } => {
                self.tell_last(child, Told::Ended(ChildEnd { end, ran, tail, truncated, swept }));
            }
            GuardReport::Gone { why } => {
                self.live.borrow_mut().clear();
                return Some(why);
            }
        }
        None
    }

    fn tell(&self, child: ChildId, told: Told) {
        if let Some(live) = self.live.borrow().get(&child) {
            let _nobody_waits = live.told.send(told);
        }
    }

    fn tell_last(&self, child: ChildId, told: Told) {
        if let Some(live) = self.live.borrow_mut().remove(&child) {
            let _nobody_waits = live.told.send(told);
        }
    }

    /// Sends a line to a host's standard input.
    pub fn write(&self, child: ChildId, line: String) {
        self.guard.tell(child, line);
    }

    /// Stops one child.
    pub fn stop(&self, child: ChildId, how: Stop) {
        self.guard.stop(child, how);
    }

    /// Stops what works for a task, or for one of its parts.
    pub fn stop_of(&self, task: &TaskId, how: Stop) {
        let live = self.live.borrow();
        let of_task = live.iter().filter(|(_, live)| live.task.as_ref().is_some_and(|other| is_below(other, task)));
        let stopped: Vec<ChildId> = of_task.map(|(child, _)| *child).collect();
        drop(live);
        for child in stopped {
            self.guard.stop(child, how);
        }
    }

    /// Stops all that live, but for what works for a task that is spared.
    pub fn stop_all(&self, how: Stop, is_spared: impl Fn(&TaskId) -> bool) {
        let live = self.live.borrow();
        let stopped = live.iter().filter(|(_, live)| !live.task.as_ref().is_some_and(&is_spared));
        let stopped: Vec<ChildId> = stopped.map(|(child, _)| *child).collect();
        drop(live);
        for child in stopped {
            self.guard.stop(child, how);
        }
    }

    /// True when nothing lives.
    pub fn is_empty(&self) -> bool {
        self.live.borrow().is_empty()
    }

    /// Says that the end of this child is in the journal.
    pub fn recorded(&self, child: ChildId) {
        self.guard.recorded(child);
    }

    /// Lets the guard go: it ends whatever still runs.
    pub fn leave(&self) {
        self.guard.leave();
    }
}

/// Whether a task is the other, or part of it.
fn is_below(task: &TaskId, other: &TaskId) -> bool {
    let rest = task.as_str().strip_prefix(other.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_below_their_group() {
        let id = |text| TaskId::parse(text).unwrap();
        for part in ["api", "api[1]", "api/test"] {
            assert!(is_below(&id(part), &id("api")), "{part}");
        }
        assert!(!is_below(&id("api2"), &id("api")) && !is_below(&id("api"), &id("api/test")));
    }
}
