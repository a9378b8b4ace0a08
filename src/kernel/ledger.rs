//! The budget: before a session a part is set aside, its use is settled as it is reported, and at the ceiling
//! sessions are stopped and nothing more starts. Never over by more than one reported step of each running session.

use crate::amount::{Ceiling, Millis, Spent, Tokens, Usage, Usd};
use crate::kernel::Run;
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, SessionKind, Settled};
use crate::kernel::fact::{StopWhy, WorkKey};
use crate::kernel::graph::TaskNo;
use crate::kernel::inflight::Job;
use crate::kernel::order::Hold;
use crate::kernel::state::Ledger;
use crate::kernel::step::Turn;
use crate::mission::model::UnknownUse;

/// The least that is set aside for a session, where the ceiling is not smaller still.
const FLOOR_USD: u64 = 10_000;
const FLOOR_TOKENS: u64 = 1_000;

/// What a session may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// This much.
    Granted(Ceiling),
    /// Nothing: only money is limited, and nobody knows what it costs.
    Unbound,
    /// The task's own budget is used up.
    TaskSpent,
    /// That of a group it is a part of is.
    GroupSpent(TaskNo),
    /// Too little is free now; running sessions may give some back.
    Short,
}

impl Ledger {
    pub(crate) fn reserve(&mut self, part: Ceiling) {
        self.reserved_usd = self.reserved_usd.saturating_add(part.usd.unwrap_or_default().0);
        self.reserved_tokens = self.reserved_tokens.saturating_add(part.tokens.unwrap_or_default().0);
    }

    pub(crate) fn release(&mut self, part: Ceiling) {
        self.reserved_usd = self.reserved_usd.saturating_sub(part.usd.unwrap_or_default().0);
        self.reserved_tokens = self.reserved_tokens.saturating_sub(part.tokens.unwrap_or_default().0);
    }

    /// Settles a report of a session that used so much before.
    pub(crate) fn settle(&mut self, session: &Spent, usage: &Usage) {
        self.spent.add_within(session, usage);
    }

    /// Money neither used nor set aside; `None`: no ceiling.
    fn free_usd(&self) -> Option<u64> {
        self.ceiling.usd.map(|usd| usd.0.saturating_sub(self.spent.usd().0).saturating_sub(self.reserved_usd))
    }

    fn free_tokens(&self) -> Option<u64> {
        let used = self.spent.tokens.billed().0;
        self.ceiling.tokens.map(|tokens| tokens.0.saturating_sub(used).saturating_sub(self.reserved_tokens))
    }

    /// True where enough is free to set some aside for one more session.
    pub(crate) fn is_open(&self) -> bool {
        let usd = self.free_usd().is_none_or(|free| free >= floor(self.ceiling.usd.unwrap_or_default().0, FLOOR_USD));
        let tokens = self
            .free_tokens()
            .is_none_or(|free| free >= floor(self.ceiling.tokens.unwrap_or_default().0, FLOOR_TOKENS));
        usd && tokens
    }

    /// One session's part of the money that is free, where so many are to share it.
    fn share_of_usd(&self, slots: u64) -> Option<u64> {
        let floor = floor(self.ceiling.usd.unwrap_or_default().0, FLOOR_USD);
        self.free_usd().map(|free| share(free, slots, floor))
    }

    fn share_of_tokens(&self, slots: u64) -> Option<u64> {
        let floor = floor(self.ceiling.tokens.unwrap_or_default().0, FLOOR_TOKENS);
        self.free_tokens().map(|free| share(free, slots, floor))
    }

    /// True where less is left than a session needs, even if all that is set aside came back; or no time is.
    pub(crate) fn is_spent(&self) -> bool {
        let nothing_set_aside = Self { reserved_usd: 0, reserved_tokens: 0, ..self.clone() };
        !nothing_set_aside.is_open() || self.ceiling.time.is_some_and(|most| self.time >= most)
    }

    /// True where money or tokens are used up.
    pub(crate) fn money_is_gone(&self) -> bool {
        self.ceiling.usd.is_some_and(|most| self.spent.usd() >= most)
            || self.ceiling.tokens.is_some_and(|most| self.spent.tokens.billed() >= most)
    }

    /// True where money, tokens or `time` is used up to this part of the ceiling, in percent.
    fn reached(&self, percent: u8, time: Millis) -> bool {
        let reached =
            |used: u64, most: u64| most > 0 && u128::from(used) * 100 >= u128::from(most) * u128::from(percent);
        self.ceiling.usd.is_some_and(|most| reached(self.spent.usd().0, most.0))
            || self.ceiling.tokens.is_some_and(|most| reached(self.spent.tokens.billed().0, most.0))
            || self.ceiling.time.is_some_and(|most| reached(time.0, most.0))
    }
}

/// The least that is set aside under that ceiling.
fn floor(ceiling: u64, usual: u64) -> u64 {
    usual.min(ceiling / 20).max(1)
}

/// One session's part of what is free, at least the floor.
fn share(free: u64, slots: u64, floor: u64) -> u64 {
    (free / slots.max(1)).max(floor).min(free)
}

impl Run {
    /// Whether nothing keeps a session within a ceiling: only money is limited, its agent tells tokens, and nobody knows
    /// what they cost.
    pub(crate) fn is_unbound(&self, t: TaskNo, kind: SessionKind) -> bool {
        let Some((_, name)) = self.who(t, kind) else { return false };
        let tells_cost = self.plan.agents.get(name).is_some_and(|agent| agent.backend.reports_cost());
        if tells_cost || self.plan.budget.unknown == UnknownUse::Allow || !self.state.unpriced.contains(name) {
            return false;
        }
        let own = self.task(t).1.budget;
        let ceilings = || self.pots(t).map(|(_, pot)| pot.ceiling).chain([own, self.state.ledger.ceiling]);
        ceilings().any(|ceiling| ceiling.usd.is_some()) && !ceilings().any(|ceiling| ceiling.tokens.is_some())
    }

    /// The same in words, with what to do.
    pub(crate) fn why_unbound(&self, t: TaskNo, kind: SessionKind) -> String {
        let agent = self.who(t, kind).map(|(_, agent)| agent.to_string()).unwrap_or_default();
        format!(
            "nobody knows what `{agent}` costs, and only money is limited: resume with `--budget-tokens N`, or price its model"
        )
    }
}

impl Turn<'_> {
    /// What the next session of a task may use: its own ceiling or its part of what is free.
    pub(crate) fn grant(&self, t: TaskNo, kind: SessionKind) -> Grant {
        let own = self.task(t).budget;
        let past = self.run.state.task(t).past.as_deref();
        let ran = past.map_or(Millis::ZERO, |past| past.ran);
        let time = own.time.map(|most| most.saturating_sub(ran));
        if time == Some(Millis::ZERO) {
            return Grant::TaskSpent;
        }
        if let Some(group) = self.run.spent_pot(t) {
            return Grant::GroupSpent(group);
        }
        if !self.run.reports(t, kind) {
            return Grant::Granted(Ceiling { time, ..Ceiling::NONE });
        }
        if self.run.is_unbound(t, kind) {
            return Grant::Unbound;
        }
        let spent = past.map(|past| past.spent).unwrap_or_default();
        let usd = own.usd.map(|most| most.saturating_sub(spent.usd()).0);
        let tokens = own.tokens.map(|most| most.0.saturating_sub(spent.tokens.billed().0));
        if usd == Some(0) || tokens == Some(0) {
            return Grant::TaskSpent;
        }
        let ledger = &self.run.state.ledger;
        if !ledger.is_open() || self.run.short_pot(t).is_some() {
            return Grant::Short;
        }
        let slots = self.slots_to_fund();
        let mut cap = Ceiling { usd: usd.map(Usd), tokens: tokens.map(Tokens), time };
        for (ledger, slots) in std::iter::once((ledger, slots)).chain(self.run.pots_to_share(t, slots)) {
            let usd = ledger.share_of_usd(slots).map(Usd);
            let tokens = ledger.share_of_tokens(slots).map(Tokens);
            cap.usd = cap.usd.into_iter().chain(usd).min();
            cap.tokens = cap.tokens.into_iter().chain(tokens).min();
        }
        Grant::Granted(cap)
    }

    /// Slots in which nothing works yet, this task's own among them; not more than there are tasks left.
    fn slots_to_fund(&self) -> u64 {
        let working = self.run.inflight.jobs.values().filter(|job| **job == Job::Work).count();
        let max = usize::try_from(self.run.plan.max.get()).unwrap_or(usize::MAX);
        let left = self.run.state.unfinished.saturating_sub(self.run.state.groups);
        let slots = max.saturating_sub(working).min(left);
        u64::try_from(slots).unwrap_or(u64::MAX)
    }

    /// A report of use.
    pub(crate) fn used(&mut self, key: &WorkKey, usage: Usage) {
        let Some(t) = self.current_work(key).filter(|t| self.is_session(*t)) else { return };
        let (task, attempt, session) = (key.task.clone(), key.attempt, key.session);
        self.emit(Event::Usage { task, attempt, session, usage });
        let kind = self.running(t).map(|running| running.kind).unwrap_or_default();
        if self.run.is_unbound(t, kind) {
            self.stop_work(t, StopWhy::Budget);
        }
        self.watch_task_budget(t);
        self.watch_pots(t);
        self.watch_budget();
    }

    fn watch_task_budget(&mut self, t: TaskNo) {
        let own = self.task(t).budget;
        let spent = self.run.state.task(t).past.as_ref().map(|past| past.spent).unwrap_or_default();
        let usd = own.usd.is_some_and(|most| spent.usd() >= most);
        let tokens = own.tokens.is_some_and(|most| spent.tokens.billed() >= most);
        if usd || tokens {
            self.stop_work(t, StopWhy::Budget);
        }
    }

    /// Warns once, and stops sessions when the ceiling is reached.
    pub(crate) fn watch_budget(&mut self) {
        // Clean-up after a stop is paid for out of the same budget.
        if !self.is_live() && !self.run.winds_up() {
            return;
        }
        let percent = self.run.plan.budget.warn_percent;
        let settled = self.settled();
        let ledger = &self.run.state.ledger;
        if !ledger.warned && ledger.reached(percent, settled.time) {
            self.emit(Event::BudgetWarning { percent, settled });
        }
        if self.run.state.exceeded {
            // What is left goes on: clean-up while there is money, commands while there is time.
            self.stop_for_budget(settled.time);
        } else if self.run.state.ledger.reached(100, settled.time) {
            self.exceed();
        }
    }

    /// The budget is used up.
    pub(crate) fn exceed(&mut self) {
        let settled = self.settled();
        let time = settled.time;
        self.emit(Event::BudgetExceeded { settled });
        self.stop_for_budget(time);
    }

    /// Stops what the budget is used up for: all sessions where it is money or tokens; sessions and commands, but for
    /// clean-up, where it is the time.
    fn stop_for_budget(&mut self, time: Millis) {
        let ledger = &self.run.state.ledger;
        let out_of_time = ledger.ceiling.time.is_some_and(|most| time >= most);
        let out_of_money = ledger.money_is_gone();
        let working: Vec<TaskNo> =
            self.run.inflight.jobs.iter().filter(|(_, job)| **job == Job::Work).map(|(t, _)| *t).collect();
        for t in working {
            if (out_of_time && !self.run.graph.is_always(t)) || (out_of_money && self.is_session(t)) {
                self.hand_off_for_budget(t);
                self.stop_work(t, StopWhy::Budget);
            }
        }
    }

    /// Asks for work to be stopped, once for each reason that is stronger than the one before.
    pub(crate) fn stop_work(&mut self, t: TaskNo, why: StopWhy) {
        let Some(running) = self.running(t) else { return };
        let stronger = match running.stopping {
            None => true,
            Some(before) => why == StopWhy::Interrupt && before != StopWhy::Interrupt,
        };
        let attempt = running.attempt;
        if let Some(key) = self.work_key(t)
            && stronger
        {
            let task = key.task.clone();
            self.emit(Event::Stopping { task, attempt, why });
            self.ask(Effect::StopWork { key, why });
        }
    }

    /// What is settled now, time on this engine's own clock.
    pub(crate) fn settled(&self) -> Settled {
        let inflight = &self.run.inflight;
        let spent = &self.run.state.ledger.spent;
        let known = Spent { unknown: 0, ..*spent };
        Settled {
            usage: known.usage(),
            time: inflight.time_before + self.now.mono.saturating_sub(inflight.began),
            some_unknown: spent.unknown > 0,
        }
    }

    /// True where ready tasks wait for nothing but money.
    pub(crate) fn waits_for_budget(&self) -> bool {
        !self.run.inflight.unfunded.is_empty() || self.run.inflight.ready.holds(Hold::Budget)
    }
}
