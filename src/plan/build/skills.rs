//! The skills of a session: chosen by the index, or in the order that an agent gave.

use serde_json::Value;

use super::{Home, Making, Place, PlanError};
use crate::catalog::choose::{By, Refusal, Selection, spoken};
use crate::mission::model::{BackendKind, SkillRanking};
use crate::name::{AgentName, SkillName, TaskId};
use crate::plan::ranking::{SkillsRanked, Unranked};

/// Which sessions of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// Those that do it.
    #[default]
    Work,
    /// Those that read what was done.
    Review,
}

/// Sessions that are given skills.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) task: &'a TaskId,
    pub(super) part: Part,
    /// Their agent, by the name of the plan.
    pub(super) agent: &'a AgentName,
    /// What they are told: a template.
    pub(super) text: &'a str,
}

impl Making<'_> {
    /// The skills of sessions. `asked`: those that are named, and where.
    pub(super) fn skills_of(
        &mut self,
        home: &Home<'_>,
        session: Session<'_>,
        asked: [(By, &[SkillName]); 3],
    ) -> Result<Vec<SkillName>, PlanError> {
        let text = match home.place {
            Place::Run => spoken(session.text, &self.values),
            Place::Task => spoken(session.text, &Value::Null),
        };
        let name = self.name_session(home, session);
        let asked: Vec<(By, &SkillName)> =
            asked.iter().flat_map(|(by, skills)| skills.iter().map(|skill| (*by, skill))).collect();
        let order = self.request.overrides.orders.as_ref().and_then(|orders| orders.by_session.get(&name));
        let selection = self.chooser.select(&asked, &text, order).map_err(|refusal| {
            let help = match &refusal {
                Refusal::Missing(name) => format!("add `skills/{name}/SKILL.md`, or leave it out"),
                Refusal::Conflict(_, _) => "leave one of them out".to_owned(),
            };
            PlanError::new(format!("task `{}`: {refusal}", session.task)).help(help)
        })?;
        if home.mission.skill_ranking == SkillRanking::Agent {
            self.leave_to_rank(session, (name, text), &selection);
        }
        let skills = selection.names();
        for skill in &skills {
            self.skill(skill);
        }
        Ok(skills)
    }

    /// A name for sessions that no others have: the same each time this plan is made.
    fn name_session(&mut self, home: &Home<'_>, session: Session<'_>) -> String {
        let task = match home.place {
            Place::Run => session.task.to_string(),
            Place::Task => format!("{}/{}", home.mission.name, session.task),
        };
        let name = match session.part {
            Part::Work => task,
            Part::Review => format!("{task} (review)"),
        };
        let mut free = name.clone();
        let mut number = 1_u32;
        while !self.sessions.insert(free.clone()) {
            number = number.saturating_add(1);
            free = format!("{name} {number}");
        }
        free
    }

    /// Notes what an agent should rank. The embedded one would only repeat the index.
    fn leave_to_rank(&mut self, session: Session<'_>, (name, text): (String, String), selection: &Selection) {
        let embedded = self.agents.get(session.agent).is_some_and(|agent| agent.backend == BackendKind::Rehearsal);
        let Some(candidates) = selection.to_be_ranked().filter(|_| !embedded) else { return };
        let given = selection.names().into_iter().filter(|skill| !candidates.contains(skill)).collect();
        self.unranked.push(Unranked {
            session: name,
            task: self.present.clone().unwrap_or_else(|| session.task.clone()),
            text,
            given,
            candidates: candidates.to_vec(),
            agent: session.agent.clone(),
        });
    }

    /// How far the ranking is.
    pub(super) fn ranking(&mut self) -> Option<SkillsRanked> {
        let unranked = std::mem::take(&mut self.unranked);
        match &self.request.overrides.orders {
            Some(orders) => Some(SkillsRanked::Done(orders.ranked.clone())),
            None => (!unranked.is_empty()).then_some(SkillsRanked::Open(unranked)),
        }
    }
}
