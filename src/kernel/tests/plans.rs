//! Plans made by hand.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use indexmap::IndexMap;

use crate::amount::{Ceiling, Millis};
use crate::kernel::event::{Place, PlaceKind};
use crate::mission::model::{
    BackendKind, CommandLine, Deliver, Importance, Join, Keep, ListSource, MergeCommit, MergePolicy, OnConflict,
    OnExceeded, Pace, Permissions, PromptVia, Retry, RetryFrom, RunBudget, Strategy, TaskWorkspace, UnknownUse,
    WorkspaceMode, WorkspacePolicy,
};
use crate::mission::sandbox::{AgentSandbox, SandboxPolicy};
use crate::name::{AgentName, CommitId, MissionName, OutputId, RoleName, RunId, TaskId, VarId};
use crate::plan::{Agent, AgentWork, Each, Plan, ReportsUse, Review, Role, RoleBody, SubMission, Task, TaskKind};
use crate::price::Prices;

pub(super) fn id(text: &str) -> TaskId {
    TaskId::parse(text).unwrap()
}

pub(super) fn run_id() -> RunId {
    RunId::parse("bcdfghjk").unwrap()
}

pub(super) fn commit(number: u64) -> CommitId {
    CommitId::parse(&format!("{number:040x}")).unwrap()
}

pub(super) fn argv(words: &[&str]) -> CommandLine {
    CommandLine::Argv(words.iter().map(|word| (*word).to_owned()).collect())
}

pub(super) fn place(mode: WorkspaceMode) -> Place {
    let base = (mode == WorkspaceMode::Worktree).then(|| commit(0));
    Place { directory: PathBuf::from("/project"), base, kind: PlaceKind::Repository }
}

pub(super) fn command() -> Task {
    Task {
        title: "a task".to_owned(),
        kind: TaskKind::Command(argv(&["true"])),
        needs: Vec::new(),
        scope: None,
        when: None,
        importance: Importance::Required,
        review: None,
        rework: Vec::new(),
        late_touches: None,
        secrets: Vec::new(),
        artifacts: Vec::new(),
        cache: None,
        join: Join::AllSuccess,
        priority: 0,
        estimate: Millis::from_mins(1),
        touches: None,
        fence: None,
        locks: Vec::new(),
        checks: Vec::new(),
        rounds: NonZeroU32::new(3).unwrap(),
        retry: Retry { max: 0, backoff: Millis::from_secs(10), from: RetryFrom::LastWork, model: None },
        timeout: Millis::from_mins(30),
        idle_timeout: Millis::from_mins(10),
        check_timeout: Millis::from_mins(10),
        budget: Ceiling::NONE,
        outputs: IndexMap::new(),
        handoff_from: Vec::new(),
        workspace: TaskWorkspace::Own,
        branch: None,
        env: BTreeMap::new(),
    }
}

pub(super) fn gate(question: &str) -> Task {
    Task { kind: TaskKind::Gate(question.to_owned()), ..command() }
}

pub(super) fn review(agent: &str) -> Review {
    Review {
        role: RoleName::parse("worker").unwrap(),
        agent: AgentName::parse(agent).unwrap(),
        model: None,
        skills: Vec::new(),
    }
}

pub(super) fn agent() -> Task {
    let work = AgentWork {
        prompt: "Do it.".to_owned(),
        role: RoleName::parse("worker").unwrap(),
        agent: AgentName::parse("robot").unwrap(),
        model: None,
        permissions: Permissions::Edit,
        skills: Vec::new(),
    };
    Task { kind: TaskKind::Agent(work), ..command() }
}

/// An instance of that task for each of these values of `v`.
pub(super) fn each(values: &[&str], body: Task) -> Task {
    let values = values.iter().map(|value| serde_json::Value::from(*value)).collect();
    each_of(ListSource::Values(values), body)
}

/// An instance of that task for each value of a list, which is `v`.
pub(super) fn each_of(list: ListSource, mut body: Task) -> Task {
    let needs = body.needs.clone();
    let join = body.join;
    let importance = std::mem::take(&mut body.importance);
    let each = Each {
        variables: IndexMap::from([(VarId::parse("v").unwrap(), list)]),
        key: None,
        max_instances: NonZeroU32::new(20_000).unwrap(),
        body,
    };
    Task { kind: TaskKind::Each(Box::new(each)), needs, join, importance, ..command() }
}

/// A task that stands for these.
pub(super) fn mission(tasks: Vec<(&str, Task)>, outputs: &[(&str, &str)]) -> Task {
    let output = |(id, text): &(&str, &str)| (OutputId::parse(id).unwrap(), (*text).to_owned());
    let work = SubMission {
        name: MissionName::parse("inner").unwrap(),
        description: String::new(),
        with: IndexMap::new(),
        inputs: IndexMap::new(),
        tasks: tasks.into_iter().map(|(name, task)| (id(name), task)).collect(),
        outputs: outputs.iter().map(output).collect(),
    };
    Task { kind: TaskKind::Mission(Box::new(work)), ..command() }
}

impl Task {
    pub(super) fn joining(mut self, join: Join) -> Self {
        self.join = join;
        self
    }

    pub(super) fn when(mut self, text: &str) -> Self {
        self.when = Some(text.to_owned());
        self
    }

    pub(super) fn is_agent(&self) -> bool {
        matches!(self.kind, TaskKind::Agent(_))
    }

    pub(super) fn optional(mut self) -> Self {
        self.importance = Importance::Optional;
        self
    }

    pub(super) fn giving(mut self, output: &str) -> Self {
        self.outputs.insert(
            OutputId::parse(output).unwrap(),
            crate::mission::field::shape::Shape::Schema(serde_json::json!({})),
        );
        self
    }

    pub(super) fn needing(mut self, needs: &[&str]) -> Self {
        self.needs = needs.iter().map(|need| id(need)).collect();
        self
    }

    pub(super) fn reworking(mut self, tasks: &[&str]) -> Self {
        self.rework = tasks.iter().map(|task| id(task)).collect();
        self
    }

    pub(super) fn touching(mut self, globs: &[&str]) -> Self {
        self.touches = Some(globs.iter().map(|glob| (*glob).to_owned()).collect());
        self
    }
}

pub(super) fn robot(max: Option<u32>) -> Agent {
    Agent {
        backend: BackendKind::Rehearsal,
        command: Vec::new(),
        models: BTreeMap::new(),
        max: max.and_then(NonZeroU32::new),
        prompt: PromptVia::Stdin,
        resume: None,
        events: Vec::new(),
        scenario: None,
        reports: ReportsUse::Yes,
        sandbox: AgentSandbox::Engine,
        writable: Vec::new(),
    }
}

pub(super) fn role(max: Option<u32>) -> Role {
    Role {
        description: String::new(),
        body: RoleBody::Text("You work.".to_owned()),
        vars: BTreeMap::new(),
        max: max.and_then(NonZeroU32::new),
        origin: "built-in".to_owned(),
    }
}

pub(super) fn plan(mode: WorkspaceMode, max: u32, tasks: Vec<(&str, Task)>) -> Plan {
    Plan {
        mission: MissionName::parse("test").unwrap(),
        description: String::new(),
        file: "test.toml".to_owned(),
        inputs: BTreeMap::new(),
        budget: RunBudget {
            ceiling: Ceiling::NONE,
            warn_percent: 80,
            on_exceeded: OnExceeded::Stop,
            unknown: UnknownUse::Allow,
        },
        max: NonZeroU32::new(max).unwrap(),
        pace: Pace::Fixed,
        secrets: Vec::new(),
        notify: Vec::new(),
        agents: BTreeMap::from([(AgentName::parse("robot").unwrap(), robot(None))]),
        roles: BTreeMap::from([(RoleName::parse("worker").unwrap(), role(None))]),
        partials: BTreeMap::new(),
        skills: BTreeMap::new(),
        prices: Prices::default(),
        workspace: WorkspacePolicy {
            mode,
            base: None,
            branch: "ai-sdlc/{{run.id}}/{{task.id}}".to_owned(),
            copy: Vec::new(),
            link: Vec::new(),
            setup: Vec::new(),
            pass: Vec::new(),
            keep: Keep::Failed,
            root: None,
            sandbox: SandboxPolicy::default(),
            max_disk: None,
            max_worktrees: None,
            keep_for: None,
        },
        merge: MergePolicy {
            into: None,
            deliver: Deliver::End,
            strategy: Strategy::Squash,
            checks: Vec::new(),
            commit: MergeCommit::Task,
            on_conflict: OnConflict::Escalate,
        },
        tasks: tasks.into_iter().map(|(name, task)| (id(name), task)).collect(),
        given: BTreeMap::new(),
        ranking: None,
        sources: Vec::new(),
    }
}
