//! Gates of a rehearsal: nobody is asked, the scenario answers.

use std::rc::Rc;

use crate::driver::hands::Hands;
use crate::kernel::event::{Event, PlaceKind};
use crate::kernel::fact::{Answer, Fact};
use crate::name::TaskId;
use crate::plan::scenario::{ScriptedAnswer, ScriptedGate};

impl Hands {
    /// Counts how often each gate has asked.
    pub(super) fn count_gate(&self, event: &Event) {
        if let Event::GateOpened { task, .. } = event {
            let mut opened = self.opened.borrow_mut();
            let times = opened.entry(task.clone()).or_insert(0);
            *times = u32::saturating_add(*times, 1);
        }
    }

    /// Answers a gate in a scratch clone. Anywhere else a person does, and whoever shows the run has asked them.
    pub(super) fn answer_gate(self: &Rc<Self>, task: TaskId, binding: String) {
        match self.setting.place.kind {
            PlaceKind::Repository => return,
            PlaceKind::ScratchWithChecks | PlaceKind::ScratchWithoutChecks => {}
        }
        let time = self.opened.borrow().get(&task).copied().unwrap_or(1);
        let plan = self.setting.plan();
        let mut scripted = plan.agents.values().filter_map(|agent| agent.scenario.as_ref());
        let scripted = scripted.find_map(|scenario| scenario.answer(&task, time)).cloned();
        let by = if scripted.is_some() { "the scenario" } else { "the rehearsal" };
        let ScriptedGate { answer, message, .. } = scripted.unwrap_or_default();
        let answer = match answer {
            ScriptedAnswer::Approve => Answer::Approve,
            ScriptedAnswer::Reject => Answer::Reject,
        };
        self.tell(Fact::Answered { task, answer, message, by: by.to_owned(), binding: Some(binding) });
    }
}
