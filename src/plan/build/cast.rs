//! Who does a task: role, agent, model, permissions, skills.

use super::skills::{Part, Session};
use super::{Home, Making, PlanError, agents};
use crate::catalog::choose::By;
use crate::catalog::role::{Body, RoleTemplate};
use crate::catalog::suit::suited;
use crate::mission::model::{self, Assignee, Permissions, RoleOverride};
use crate::name::{AgentName, RoleName, SkillName, TaskId};
use crate::plan::{Agent, AgentWork, Review, Role, RoleBody};

/// A role as a mission means it: its own table, and the file.
#[derive(Clone, Copy)]
pub(super) struct Cast<'a> {
    pub(super) said: Option<&'a RoleOverride>,
    pub(super) found: Option<&'a RoleTemplate>,
}

/// What a task says over its role.
#[derive(Default)]
struct Over<'a> {
    agent: Option<&'a AgentName>,
    model: Option<&'a str>,
    permissions: Option<Permissions>,
    skills: &'a [SkillName],
    part: Part,
}

/// Who does it, by the names of the plan.
struct Done {
    role: RoleName,
    agent: AgentName,
    model: Option<String>,
    permissions: Permissions,
    skills: Vec<SkillName>,
}

impl Making<'_> {
    /// The role of a task, as its mission means it.
    pub(super) fn cast<'c>(&'c self, home: &'c Home<'_>, name: &'c RoleName) -> Cast<'c> {
        let said = home.mission.roles.get(name);
        let file = said.and_then(|said| said.template.as_ref()).unwrap_or(name);
        Cast { said, found: self.request.catalog.roles.get(file).map(|found| &found.value) }
    }

    /// The role that a task names, or the mission's that covers its capabilities best.
    pub(super) fn role_of(&self, home: &Home<'_>, id: &TaskId, of: &Assignee) -> Result<RoleName, PlanError> {
        let wanted = match of {
            Assignee::Role(role) => return Ok(role.clone()),
            Assignee::Capabilities(wanted) => wanted,
        };
        let mut names: Vec<&RoleName> = home.mission.roles.keys().collect();
        let told = if names.is_empty() { "no role" } else { "no role of the mission" };
        if names.is_empty() {
            names = self.request.catalog.roles.keys().collect();
        }
        let able = |name: &'_ RoleName| self.cast(home, name).found.map(|found| found.capabilities.clone());
        let able: Vec<(&RoleName, Vec<String>)> = names.iter().filter_map(|name| Some((*name, able(name)?))).collect();
        let wanted: Vec<&str> = wanted.iter().map(|one| one.as_str()).collect();
        let best = suited(able.iter().map(|(name, able)| (*name, able.as_slice())), &wanted);
        best.map(|best| best.role).ok_or_else(|| {
            PlanError::new(format!("{told} covers `capabilities` of task `{id}`: {}", wanted.join(", ")))
                .help("name a `role`, or add a role with these capabilities")
        })
    }

    /// The work of an agent task.
    pub(super) fn agent_work(
        &mut self,
        home: &Home<'_>,
        (id, title): (&TaskId, &str),
        work: &model::AgentWork,
    ) -> Result<AgentWork, PlanError> {
        let role = self.role_of(home, id, &work.assignee)?;
        let over = Over {
            agent: work.agent.as_ref(),
            model: work.model.as_deref(),
            permissions: work.permissions,
            skills: &work.skills,
            part: Part::Work,
        };
        let Done { role, agent, model, permissions, skills } =
            self.done(home, (id, &role), &over, &format!("{title} {}", work.prompt))?;
        Ok(AgentWork { prompt: work.prompt.clone(), role, agent, model, permissions, skills })
    }

    /// Who reads the work of a task.
    pub(super) fn review(
        &mut self,
        home: &Home<'_>,
        (id, title): (&TaskId, &str),
        role: &RoleName,
    ) -> Result<Review, PlanError> {
        let over = Over { part: Part::Review, ..Over::default() };
        let Done { role, agent, model, permissions: _, skills } =
            self.done(home, (id, role), &over, &format!("Review {title}"))?;
        Ok(Review { role, agent, model, skills })
    }

    /// The model of new attempts, as the agent of the task knows it.
    pub(super) fn model_of(&self, agent: &AgentName, asked: Option<&str>) -> Option<String> {
        agents::model(self.agents.get(agent)?, asked)
    }

    fn done(
        &mut self,
        home: &Home<'_>,
        (id, role): (&TaskId, &RoleName),
        over: &Over<'_>,
        text: &str,
    ) -> Result<Done, PlanError> {
        let request = self.request;
        let (said, found) = {
            let cast = self.cast(home, role);
            (cast.said.cloned().unwrap_or_default(), cast.found.cloned())
        };
        let found = found.as_ref();
        let named = [over.agent, said.agent.as_ref(), found.and_then(|role| role.agent.as_ref())];
        let taken = self.take_role(home, role)?;
        let (agent, ready) = agents::of_task(request, home, named)?;
        let model = over
            .model
            .or(said.model.as_deref())
            .or_else(|| found.and_then(|role| role.model.as_deref()))
            .or(home.mission.default_model.as_deref());
        let permissions = over
            .permissions
            .or(said.permissions)
            .or_else(|| found.and_then(|role| role.permissions))
            .or(home.mission.default_permissions)
            .unwrap_or_default();
        let model = agents::model(ready, model);
        let agent = self.take_agent(home, &agent, ready)?;
        let asked = found.map(|role| role.skills.as_slice()).unwrap_or_default();
        let asked = [(By::Role, asked), (By::Mission, &said.skills), (By::Task, over.skills)];
        let skills = self.skills_of(home, Session { task: id, part: over.part, agent: &agent, text }, asked)?;
        Ok(Done { role: taken, agent, model, permissions, skills })
    }

    /// Takes a role into the plan, once. Two missions may mean different things by one name: the second is told apart
    /// by its mission's name.
    fn take_role(&mut self, home: &Home<'_>, name: &RoleName) -> Result<RoleName, PlanError> {
        let said = home.mission.roles.get(name);
        let file = said.and_then(|said| said.template.as_ref()).unwrap_or(name);
        let found = self.request.catalog.roles.get(file).ok_or_else(|| {
            PlanError::new(format!("there is no role `{file}`")).help("`ai-sdlc role list` shows those there are")
        })?;
        let body = match &found.value.body {
            Body::Template(text) => RoleBody::Template(text.clone()),
            Body::Text(text) => RoleBody::Text(text.clone()),
        };
        let role = Role {
            description: found.value.description.clone(),
            body,
            vars: said.map(|said| said.vars.clone()).unwrap_or_default(),
            max: said.and_then(|said| said.max),
            origin: found.path.clone(),
        };
        let (name, mission) = (name.as_str(), home.mission.name.as_str());
        put(&mut self.roles, name, mission, role).ok_or_else(|| too_many("role", name, mission))
    }

    /// Takes an agent into the plan, as [`Self::take_role`] does with a role.
    fn take_agent(&mut self, home: &Home<'_>, name: &AgentName, agent: &Agent) -> Result<AgentName, PlanError> {
        let (name, mission) = (name.as_str(), home.mission.name.as_str());
        put(&mut self.agents, name, mission, agent.clone()).ok_or_else(|| too_many("agent", name, mission))
    }
}

fn too_many(what: &str, name: &str, mission: &str) -> PlanError {
    PlanError::new(format!("the {what} `{name}` of mission `{mission}` has the name of another, and no other fits"))
        .help("give one of them a name of its own")
}

/// The name under which a thing is kept: its own, unless another thing has that name.
fn put<K: std::str::FromStr + Ord + Clone, T: PartialEq>(
    all: &mut std::collections::BTreeMap<K, T>,
    name: &str,
    mission: &str,
    thing: T,
) -> Option<K> {
    let own = [name.to_owned(), format!("{mission}-{name}")];
    let names = own.into_iter().chain((2..1000).map(|number| format!("{mission}-{name}-{number}")));
    let key =
        names.filter_map(|name| name.parse().ok()).find(|key| all.get(key).is_none_or(|there| *there == thing))?;
    all.entry(key.clone()).or_insert(thing);
    Some(key)
}
