//! Ceilings of groups: the parts of a group together never use more than it may. What the run has in its ledger, a
//! group with a ceiling has in a pot: before a session a part of each is set aside, use is settled in all of them.

use crate::amount::Millis;
use crate::kernel::Run;
use crate::kernel::fact::StopWhy;
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::state::{Ledger, Status};
use crate::kernel::step::Turn;

impl Run {
    /// The pots that a task draws on, the innermost first.
    pub(crate) fn pots(&self, t: TaskNo) -> impl Iterator<Item = (TaskNo, &Ledger)> {
        let any = !self.state.pots.is_empty();
        let groups = any.then(|| self.graph.groups(t)).into_iter().flatten();
        groups.filter_map(|group| Some((group, self.state.pots.get(&group)?)))
    }

    /// The group whose ceiling a task's use has reached.
    pub(crate) fn spent_pot(&self, t: TaskNo) -> Option<TaskNo> {
        self.pots(t).find(|(_, pot)| pot.is_spent()).map(|(group, _)| group)
    }

    /// The group that has too little free for a session now, though running ones may give some back.
    pub(crate) fn short_pot(&self, t: TaskNo) -> Option<TaskNo> {
        self.pots(t).find(|(_, pot)| !pot.is_open() && !pot.is_spent()).map(|(group, _)| group)
    }

    /// True where a pot that kept tasks waiting keeps them no longer.
    pub(crate) fn pot_is_free(&self, group: TaskNo) -> bool {
        self.state.pots.get(&group).is_none_or(|pot| pot.is_open() || pot.is_spent())
    }

    /// True where the time of a group is used up.
    pub(crate) fn is_out_of_time(&self, group: TaskNo) -> bool {
        let pot = self.state.pots.get(&group);
        pot.is_some_and(|pot| pot.ceiling.time.is_some_and(|most| pot.time >= most))
    }

    /// Pots with the number of sessions that each is to be shared by.
    pub(crate) fn pots_to_share(&self, t: TaskNo, slots: u64) -> impl Iterator<Item = (&Ledger, u64)> {
        self.pots(t).map(move |(group, pot)| {
            let open = match self.state.task(group).status {
                Status::Expanded { open } => u64::from(open),
                Status::Waiting
                | Status::Ready
                | Status::Gated(_)
                | Status::Running(_)
                | Status::BackingOff { .. }
                | Status::Finished(_) => 1,
            };
            (pot, slots.min(open).max(1))
        })
    }
}

impl Turn<'_> {
    /// Stops the sessions of groups whose money or tokens are used up.
    pub(crate) fn watch_pots(&mut self, t: TaskNo) {
        let spent: Vec<TaskNo> =
            self.run.pots(t).filter(|(_, pot)| pot.money_is_gone()).map(|(group, _)| group).collect();
        for group in spent {
            for part in self.working_parts(group) {
                if self.is_agent(part) {
                    self.stop_work(part, StopWhy::Budget);
                }
            }
        }
    }

    /// Those tasks within a group whose sessions or commands run.
    pub(crate) fn working_parts(&self, group: TaskNo) -> Vec<TaskNo> {
        let jobs = self.run.inflight.jobs.iter();
        jobs.filter(|(t, job)| **job == Job::Work && self.run.graph.groups(**t).any(|outer| outer == group))
            .map(|(t, _)| *t)
            .collect()
    }

    /// Sets when the time of a task's groups will be used up, if what works now goes on.
    pub(crate) fn set_group_deadlines(&mut self, t: TaskNo) {
        let limited: Vec<(TaskNo, Millis)> = self
            .run
            .pots(t)
            .filter_map(|(group, pot)| Some((group, pot.ceiling.time?.saturating_sub(pot.time))))
            .collect();
        for (group, left) in limited {
            let working = self.working_parts(group);
            let now = self.now.mono;
            let since = |part: &TaskNo| self.run.inflight.work_since.get(part).copied().unwrap_or(now);
            let under_way = working.iter().fold(Millis::ZERO, |sum, part| sum + now.saturating_sub(since(part)));
            match u64::try_from(working.len()).ok().filter(|count| *count > 0) {
                Some(count) => {
                    let each = Millis(left.saturating_sub(under_way).0 / count);
                    self.run.inflight.set_deadline(group, now + each);
                }
                None => self.run.inflight.clear_deadline(group),
            }
        }
    }
}
