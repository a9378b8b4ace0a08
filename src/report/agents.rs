//! How the agents of a run fare: limited, faltering, taken out; how many tasks wait for each; and the pace.

use serde_json::{Value, json};

use crate::amount::{Millis, WallTime};
use crate::kernel::event::Event;
use crate::name::AgentName;
use crate::report::event_json::rfc3339;
use crate::report::line::{Line, Tone};
use crate::report::task::{Stage, TaskReport, Worker};
use crate::report::{Report, coarse, plural, safe};

/// How an agent fares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentReport {
    /// Where it stands.
    pub standing: AgentStanding,
    /// Why it stood badly last.
    pub why: String,
    /// How often it was limited.
    pub limits: u32,
    /// How often its service failed, and its sessions went on.
    pub falters: u32,
    /// How often it was taken out.
    pub suspensions: u32,
}

/// Where an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AgentStanding {
    /// Its sessions begin.
    #[default]
    Well,
    /// Its limit is reached.
    Limited {
        /// Until when.
        until: WallTime,
    },
    /// Its service failed.
    Faltering {
        /// When its sessions go on.
        until: WallTime,
    },
    /// It is taken out.
    Suspended {
        /// Until when; `None`: until a person tries it again.
        until: Option<WallTime>,
    },
    /// It is tried with one session.
    Tried,
}

impl AgentStanding {
    /// In a word, for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Limited { .. } => "limited",
            Self::Faltering { .. } => "faltering",
            Self::Suspended { .. } => "suspended",
            Self::Tried => "tried",
        }
    }

    /// Until when, where it is known.
    pub fn until(self) -> Option<WallTime> {
        match self {
            Self::Limited { until } | Self::Faltering { until } => Some(until),
            Self::Suspended { until } => until,
            Self::Well | Self::Tried => None,
        }
    }
}

/// How many tasks work at once for now, and why not as many as may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaceReport {
    /// So many.
    pub at_once: u32,
    /// Why.
    pub why: String,
}

impl Report {
    /// Takes in an event of an agent, or of a task that waits for one.
    pub(super) fn fold_agent(&mut self, at: WallTime, event: &Event) {
        if let Event::Limited { agent, until, why, .. } = event {
            let agent = self.stands(agent, AgentStanding::Limited { until: *until }, why);
            agent.limits = agent.limits.saturating_add(1);
        } else if let Event::AgentFaltered { agent, until, why, .. } = event {
            let agent = self.stands(agent, AgentStanding::Faltering { until: *until }, why);
            agent.falters = agent.falters.saturating_add(1);
        } else if let Event::AgentSuspended { agent, until, why, .. } = event {
            let agent = self.stands(agent, AgentStanding::Suspended { until: *until }, why);
            agent.suspensions = agent.suspensions.saturating_add(1);
        } else if let Event::AgentReady { agent } | Event::AgentBack { agent } = event {
            self.agents.entry(agent.clone()).or_default().standing = AgentStanding::Well;
        } else if let Event::AgentTried { agent } = event {
            self.agents.entry(agent.clone()).or_default().standing = AgentStanding::Tried;
        } else if let Event::AgentAwaited { task, agent, .. } = event {
            self.with(task, |t| {
                t.close(at);
                t.doing = None;
                t.stage = Stage::Limited { agent: agent.clone() };
            });
        } else if let Event::GoesOn { task, .. } = event {
            self.with(task, |t| {
                t.begin(at);
                t.stage = Stage::Between;
            });
        } else if let Event::PaceChanged { at_once, why } = event {
            let pace = PaceReport { at_once: *at_once, why: why.clone() };
            self.pace = Some(pace).filter(|pace| pace.at_once < self.max);
        }
    }

    fn stands(&mut self, agent: &AgentName, standing: AgentStanding, why: &str) -> &mut AgentReport {
        let report = self.agents.entry(agent.clone()).or_default();
        // What is taken out stays so, whatever its last sessions run into.
        if !matches!((report.standing, standing), (AgentStanding::Suspended { .. }, AgentStanding::Limited { .. })) {
            report.standing = standing;
            why.clone_into(&mut report.why);
        }
        report
    }

    /// A later engine tries again what was taken out, and begins at full pace.
    pub(super) fn agents_begin_again(&mut self) {
        self.pace = None;
        for agent in self.agents.values_mut() {
            if matches!(agent.standing, AgentStanding::Suspended { .. }) {
                agent.standing = AgentStanding::Tried;
            }
        }
    }

    /// How many tasks wait for an agent.
    pub fn wait_for(&self, agent: &AgentName) -> usize {
        let waits = |task: &&TaskReport| match (&task.stage, &task.worker) {
            (Stage::Limited { agent: other }, _) => other == agent,
            (Stage::Ready | Stage::Between, Worker::Agent { agent: other, .. }) => other == agent.as_str(),
            _ => false,
        };
        self.tasks.values().filter(waits).count()
    }

    /// `limited for 12m (429: …)`; nothing for one that fares well.
    pub(super) fn agent_words(&self, agent: &AgentName, now: WallTime) -> Option<String> {
        let AgentReport { standing, why, .. } = self.agents.get(agent)?;
        let left = |until: WallTime| coarse(Millis(until.since(now).0.saturating_add(999)));
        let why = safe(why);
        match standing {
            AgentStanding::Well => None,
            AgentStanding::Limited { until } => Some(format!("limited, asked again in {} ({why})", left(*until))),
            AgentStanding::Faltering { until } => {
                Some(format!("does not answer, asked again in {} ({why})", left(*until)))
            }
            AgentStanding::Suspended { until: Some(until) } => {
                Some(format!("taken out, tried again in {} ({why})", left(*until)))
            }
            AgentStanding::Suspended { until: None } => Some(format!("taken out ({why})")),
            AgentStanding::Tried => Some(format!("tried with one session first ({why})")),
        }
    }

    /// One row an agent that does not fare well, with how many tasks wait for it.
    pub(super) fn agent_rows(&self, now: WallTime) -> Vec<(String, String)> {
        let row = |agent: &AgentName| {
            let waiting = match self.wait_for(agent) {
                0 => String::new(),
                1 => "; 1 task waits".to_owned(),
                many => format!("; {many} tasks wait"),
            };
            Some((agent.to_string(), format!("{}{waiting}", self.agent_words(agent, now)?)))
        };
        self.agents.keys().filter_map(row).collect()
    }

    /// What the report at the end says of agents that did not always fare well.
    pub(super) fn agents_in_the_end(&self) -> Vec<String> {
        let times = |count: u32, what: &str| (count > 0).then(|| format!("{what} {}", crate::amount::often(count)));
        let row = |(name, agent): (&AgentName, &AgentReport)| {
            let told = [
                times(agent.limits, "limited"),
                times(agent.falters, "without an answer"),
                times(agent.suspensions, "taken out"),
            ];
            let told: Vec<String> = told.into_iter().flatten().collect();
            let now = self.agent_words(name, self.last()).map(|words| format!("; now {words}")).unwrap_or_default();
            let last = if now.is_empty() { format!(" (the last: {})", safe(&agent.why)) } else { now };
            (!told.is_empty()).then(|| format!("{name} was {}{last}", told.join(", ")))
        };
        self.agents.iter().filter_map(row).collect()
    }
}

/// For programs.
pub(super) fn agents_json(report: &Report) -> Vec<Value> {
    let of = |(name, agent): (&AgentName, &AgentReport)| {
        json!({
            "agent": name,
            "standing": agent.standing.word(),
            "until": agent.standing.until().map(rfc3339),
            "why": agent.why,
            "limits": agent.limits,
            "falters": agent.falters,
            "suspensions": agent.suspensions,
            "waiting": report.wait_for(name),
        })
    };
    report.agents.iter().map(of).collect()
}

/// The line about one of them.
pub(super) fn line(at: WallTime, event: &Event, report: &Report) -> Option<Line> {
    let new = |tone, word, text: String| Line::new(at, tone, word, text);
    if let Event::Limited { agent, until, why, .. } = event {
        let waiting = match report.wait_for(agent) {
            0 => String::new(),
            1 => "; 1 task waits".to_owned(),
            many => format!("; {many} tasks wait"),
        };
        let text = format!("{agent} is limited for {}, until {until} ({why}){waiting}", until.since(at));
        return Some(new(Tone::Careful, "limited", text));
    }
    if let Event::AgentFaltered { agent, until, why, .. } = event {
        let text = format!("{agent} does not answer, its sessions go on in {} ({why})", until.since(at));
        return Some(new(Tone::Careful, "faltered", text));
    }
    if let Event::AgentSuspended { agent, until, why, failures } = event {
        let so_many = plural(usize::try_from(*failures).unwrap_or(usize::MAX), "session");
        let until = match until {
            Some(until) => format!("for {}", until.since(at)),
            None => "until the run is resumed".to_owned(),
        };
        let text = format!("{agent} is taken out {until}: {so_many} failed in a row, the last: {why}");
        return Some(new(Tone::Bad, "suspended", text));
    }
    if let Event::AgentReady { agent } = event {
        return Some(new(Tone::Busy, "ready", format!("{agent} is asked again")));
    }
    if let Event::AgentTried { agent } = event {
        return Some(new(Tone::Busy, "tried", format!("{agent} is tried with one session")));
    }
    if let Event::AgentBack { agent } = event {
        return Some(new(Tone::Good, "back", format!("{agent} works again")));
    }
    if let Event::AgentAwaited { task, agent, .. } = event {
        return Some(new(Tone::Idle, "waits", format!("waits for {agent}")).of(task).without_panel());
    }
    if let Event::GoesOn { task, .. } = event {
        return Some(new(Tone::Busy, "goes-on", String::new()).of(task).without_panel());
    }
    let Event::PaceChanged { at_once, why } = event else { return None };
    Some(new(Tone::Careful, "pace", format!("{at_once} at once from here on: {why}")))
}
