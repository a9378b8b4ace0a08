//! The cache: a command whose inputs are as when it last succeeded need not run again. What it had changed is put into
//! the workspace, and goes on as if the command had just made it: recorded, checked, merged.

use std::collections::BTreeMap;

use crate::amount::{Millis, Usage};
use crate::kernel::effect::Effect;
use crate::kernel::event::{CacheFound, Event};
use crate::kernel::fact::{Activity, EndKind, WorkEnd};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::step::Turn;
use crate::kernel::work::running_session;
use crate::name::{Attempt, TaskId};
use crate::plan::TaskKind;
use crate::plan::argv::Argv;

impl Turn<'_> {
    /// Looks for earlier work of a command that is about to start; false where there is nothing to look for.
    pub(crate) fn looks_up(&mut self, t: TaskNo) -> bool {
        let Some(running) = self.running(t) else { return false };
        let attempt = running.attempt;
        if self.task(t).cache.is_none() || matches!(running.cache, Some(CacheFound::Miss { .. })) {
            return false;
        }
        let Some(command) = self.cached_command(t) else { return false };
        let task = self.id(t);
        self.begin_job(t, Job::Cache);
        self.ask(Effect::LookUpCache { task, attempt, command });
        true
    }

    fn cached_command(&self, t: TaskNo) -> Option<Argv> {
        let TaskKind::Command(line) = &self.task(t).kind else { return None };
        self.final_command(t, line).ok()
    }

    /// What came of looking. Earlier work is read as the end of the command that it stands for.
    pub(crate) fn cache_looked_up(&mut self, of: (TaskId, Attempt), found: CacheFound, outputs: Option<String>) {
        let (task, attempt) = of;
        let Some(t) = self.answered(&task, attempt, Job::Cache) else { return };
        let hit = matches!(found, CacheFound::Hit { .. });
        self.emit(Event::CacheLookedUp { task: task.clone(), attempt, found });
        if !hit {
            return;
        }
        let end = WorkEnd {
            how: EndKind::Completed,
            duration: Millis::ZERO,
            usage: Usage::NONE,
            conversation: None,
            handoffs: Vec::new(),
            outputs,
            tail: String::new(),
            denied: Vec::new(),
            activity: Activity::Acted,
            truncated: false,
            swept: 0,
            model: None,
            version: None,
        };
        let end = Box::new(self.read_end(t, end));
        let Some(running) = self.running(t) else { return };
        let (round, session) = (running.round, running_session(Some(running)));
        self.emit(Event::SessionEnded { task, attempt, round, session, end });
    }

    /// What a command made is remembered once it is accepted.
    pub(crate) fn fill_cache(&mut self, t: TaskNo) {
        let Some(running) = self.running(t) else { return };
        let attempt = running.attempt;
        if !matches!(running.cache, Some(CacheFound::Miss { .. })) {
            return;
        }
        let outputs = running.end.as_ref().map_or_else(BTreeMap::new, |end| end.outputs.clone());
        let Some(command) = self.cached_command(t) else { return };
        let task = self.id(t);
        self.ask(Effect::FillCache { task, attempt, command, outputs });
    }
}
