//! The fold of how agents fare.

use super::{Event, Fold, Phase, Status, TaskId, TaskNo};
use crate::amount::WallTime;
use crate::kernel::event::{Ended, LimitBy, SessionKind};
use crate::kernel::fact::{EndKind, StopWhy};
use crate::kernel::health::{Health, Standing, Told, Wait, told_by};
use crate::mission::model::BackendKind;
use crate::name::AgentName;

impl Fold<'_> {
    /// Events of agents, and of tasks that wait for one.
    pub(super) fn agent_event(&mut self, event: &Event) {
        let at = self.at;
        if let Event::Limited { agent, until, why, times, by, .. } = event {
            let wait = Wait { until: *until, length: until.since(at), by: *by };
            self.health(agent, |health| {
                health.limits = *times;
                health.begin_wait(wait, why);
            });
        } else if let Event::AgentFaltered { agent, until, why, times, .. } = event {
            let wait = Wait { until: *until, length: until.since(at), by: LimitBy::BackOff };
            self.health(agent, |health| {
                health.falters = *times;
                health.begin_wait(wait, why);
            });
        } else if let Event::AgentSuspended { agent, until, why, .. } = event {
            self.health(agent, |health| health.take_out(*until, at, why));
        } else if let Event::AgentReady { agent } = event {
            self.health(agent, |health| health.standing = Standing::Well);
        } else if let Event::AgentTried { agent } = event {
            self.health(agent, |health| health.standing = Standing::Tried { by: None });
        } else if let Event::AgentBack { agent } = event {
            self.state.agents.remove(agent);
        } else if let Event::AgentAwaited { task, .. } = event {
            self.rest(task);
        } else if let Event::GoesOn { task, .. } = event {
            self.go_on(task);
        } else if let Event::PaceChanged { at_once, .. } = event {
            let max = self.known.plan.max.get();
            self.state.pace = Some(*at_once).filter(|at_once| *at_once < max);
        }
    }

    fn health(&mut self, agent: &AgentName, change: impl FnOnce(&mut Health)) {
        let health = self.state.agents.entry(agent.clone()).or_default();
        change(health);
        if health.is_nothing() {
            self.state.agents.remove(agent);
        }
    }

    /// What the end of a session tells of its agent.
    pub(super) fn hear_of_agent(&mut self, t: TaskNo, task: &TaskId, end: &Ended) {
        let Some(running) = self.state.task(t).running() else { return };
        let stopped = matches!(
            running.stopping,
            Some(StopWhy::Interrupt | StopWhy::Cancelled | StopWhy::Budget | StopWhy::HandOff)
        );
        let attempt = running.attempt;
        let Some(agent) = self.known.agent(t, running.kind).filter(|_| !stopped) else { return };
        // Of a program without a stream the exit code is what it says of the task.
        let backend = self.known.plan.agents.get(agent).map(|agent| agent.backend);
        if backend == Some(BackendKind::Command) && matches!(end.how, EndKind::Exited { .. }) {
            return;
        }
        let Some((what, why)) = told_by(&end.how) else { return };
        let told = Told { task: task.clone(), attempt, at: self.at, what, why };
        self.health(agent, |health| health.hear(told));
    }

    fn rest(&mut self, task: &TaskId) {
        let Some(t) = self.find(task) else { return };
        self.give_back_slot(t);
        if let Some(running) = self.state.task_mut(t).running_mut() {
            running.phase = Phase::Resting(running.phase.next_session());
        }
    }

    fn go_on(&mut self, task: &TaskId) {
        let Some(t) = self.find(task) else { return };
        self.take_slot(t);
        let Some(running) = self.state.task_mut(t).running_mut() else { return };
        running.has_slot = true;
        if let Phase::Resting(kind) = running.phase {
            running.phase = match kind {
                SessionKind::Work => Phase::Starting,
                SessionKind::Review => Phase::Reviewing,
            };
        }
    }

    /// The task that takes a slot now is the one with which its agent is tried, where one is looked for.
    pub(super) fn may_be_tried_by(&mut self, t: TaskNo) {
        let rests = matches!(&self.state.task(t).status,
            Status::Running(running) if running.phase == Phase::Resting(SessionKind::Review));
        self.tried_by(t, if rests { SessionKind::Review } else { SessionKind::Work });
    }

    pub(super) fn tried_by(&mut self, t: TaskNo, kind: SessionKind) {
        if self.state.agents.is_empty() {
            return;
        }
        let health = self.known.agent(t, kind).and_then(|agent| self.state.agents.get_mut(agent));
        if let Some(Health { standing: Standing::Tried { by: by @ None }, .. }) = health {
            *by = Some(t);
        }
    }

    /// What gives its slot back is tried no longer: another may be.
    pub(super) fn is_tried_no_longer(&mut self, t: TaskNo) {
        for health in self.state.agents.values_mut() {
            if health.standing == (Standing::Tried { by: Some(t) }) {
                health.standing = Standing::Tried { by: None };
            }
        }
    }

    /// A person tries again what these tasks need.
    pub(super) fn try_agents_again(&mut self, tasks: &[TaskId]) {
        if self.state.agents.is_empty() {
            return;
        }
        for t in self.numbers(tasks) {
            for kind in [SessionKind::Work, SessionKind::Review] {
                let health = self.known.agent(t, kind).and_then(|agent| self.state.agents.get_mut(agent));
                if let Some(health) = health {
                    health.try_again();
                }
            }
        }
    }
}

impl Health {
    fn begin_wait(&mut self, wait: Wait, why: &str) {
        self.open = None;
        if !matches!(self.standing, Standing::Suspended(_) | Standing::Out) {
            self.standing = Standing::Waits(wait);
            why.clone_into(&mut self.why);
        }
    }

    fn take_out(&mut self, until: Option<WallTime>, at: WallTime, why: &str) {
        self.open = None;
        self.suspensions = self.suspensions.saturating_add(1);
        why.clone_into(&mut self.why);
        self.standing = match until {
            Some(until) => Standing::Suspended(Wait { until, length: until.since(at), by: LimitBy::BackOff }),
            None => Standing::Out,
        };
    }
}
