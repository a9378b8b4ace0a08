//! Which agent may be asked, and what is handed on.

use super::Rules;
use crate::kernel::event::{Event, HandoffStep, SessionKind};
use crate::name::{AgentName, TaskId};
use crate::plan::{Plan, TaskKind};

impl Rules {
    /// A task is handed on in order, and without its slot where it is to count against other limits.
    pub(super) fn hands_on(&mut self, event: &Event) {
        match event {
            Event::HandingOff { task, to, .. } => {
                assert!(!self.ended.contains_key(task), "{task} is handed on after its end");
                assert!(!self.cancelling.contains(task), "{task} is handed on though it is cancelled");
                let before = self.handing.insert(task.clone(), to.is_some());
                assert_eq!(before, None, "{task} is handed on twice at once");
            }
            Event::HandoffStep { task, attempt, step } => {
                assert!(!self.sessions.contains(task), "{task} is handed on while its session works");
                let to_others = self.handing.get(task).copied();
                assert!(to_others.is_some(), "{task} is not being handed on: {step:?}");
                match step {
                    HandoffStep::Commit { .. } if to_others == Some(true) => {
                        self.slots.remove(task);
                    }
                    HandoffStep::Document { .. } | HandoffStep::Commit { .. } => {}
                    HandoffStep::Next => {
                        self.handing.remove(task);
                        self.handed.insert(task.clone(), *attempt);
                        if !self.slots.contains(task) {
                            self.resting.insert(task.clone(), *attempt);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// No session begins of an agent that is limited or taken out; of one that is tried, one at a time.
    pub(super) fn may_be_asked(&mut self, plan: &Plan, task: &TaskId, kind: SessionKind) {
        let agent = match (&plan.tasks[task].kind, kind) {
            (_, SessionKind::Review) => plan.tasks[task].review.as_ref().unwrap().agent.clone(),
            (TaskKind::Agent(work), SessionKind::Work) => work.agent.clone(),
            _ => panic!("{task} has no session"),
        };
        assert!(!self.away.contains(&agent), "{task} asks {agent}, which is away");
        let slots = &self.slots;
        if let Some(by) = self.tried.get_mut(&agent) {
            let other = by.as_ref().filter(|by| *by != task && slots.contains(*by));
            assert_eq!(other, None, "{agent} is tried with one session, and {task} asks it too");
            *by = Some(task.clone());
        }
    }

    /// What a person tries again, a resume or a wish, is asked again.
    pub(super) fn ask_again(&mut self, plan: &Plan, tasks: Option<&[TaskId]>) {
        let uses = |agent: &AgentName, task: &TaskId| {
            let task = &plan.tasks[task];
            let works = matches!(&task.kind, TaskKind::Agent(work) if work.agent == *agent);
            works || task.review.as_ref().is_some_and(|review| review.agent == *agent)
        };
        for agent in self.suspended.clone() {
            if tasks.is_none_or(|tasks| tasks.iter().any(|task| uses(&agent, task))) {
                self.away.remove(&agent);
                self.suspended.remove(&agent);
                self.tried.insert(agent, None);
            }
        }
    }
}
