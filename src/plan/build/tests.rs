//! Fixtures for the tests of plans, and the tests of building them.

use std::path::Path;

use super::*;
use crate::amount::Usd;
use crate::catalog::Places;
use crate::mission::model::{
    self, AgentWork, Assignee, BackendKind, CommandLine, Deliver, Importance, Input, Join, Keep, MergeCommit,
    OnConflict, OnExceeded, Pace, Permissions, Retry, RetryFrom, RoleOverride, SkillRanking, Strategy, TaskWorkspace,
    Touches, WorkspaceMode,
};
use crate::name::MissionName;
use crate::plan::TaskKind;

pub(crate) fn id(text: &str) -> TaskId {
    TaskId::parse(text).unwrap()
}

/// A mission of these tasks that says nothing else.
pub(crate) fn mission(tasks: impl IntoIterator<Item = (&'static str, model::Task)>) -> Mission {
    Mission {
        name: MissionName::parse("m").unwrap(),
        description: "About m.".to_owned(),
        inputs: IndexMap::new(),
        budget: RunBudget {
            ceiling: Ceiling::NONE,
            warn_percent: 80,
            on_exceeded: OnExceeded::Stop,
            unknown: UnknownUse::Refuse,
        },
        max: NonZeroU32::new(3).unwrap(),
        pace: Pace::Fixed,
        secrets: Vec::new(),
        notify: Vec::new(),
        skill_ranking: SkillRanking::Index,
        outputs: IndexMap::new(),
        agents: BTreeMap::new(),
        roles: BTreeMap::new(),
        workspace: WorkspacePolicy {
            mode: WorkspaceMode::Worktree,
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
            commit: MergeCommit::Task,
            checks: Vec::new(),
            on_conflict: OnConflict::Escalate,
        },
        default_agent: None,
        default_model: None,
        default_permissions: None,
        tasks: tasks.into_iter().map(|(name, task)| (id(name), task)).collect(),
    }
}

/// `run = ["true"]`.
pub(crate) fn command(needs: &[&str]) -> model::Task {
    model::Task {
        title: None,
        kind: model::TaskKind::Command(CommandLine::Argv(vec!["true".to_owned()])),
        needs: needs.iter().map(|need| id(need)).collect(),
        for_each: None,
        when: None,
        importance: Importance::Required,
        review: None,
        rework: Vec::new(),
        artifacts: Vec::new(),
        cache: None,
        secrets: Vec::new(),
        join: Join::AllSuccess,
        priority: 0,
        estimate: None,
        touches: None,
        locks: Vec::new(),
        checks: Vec::new(),
        rounds: NonZeroU32::new(3).unwrap(),
        retry: Retry { max: 0, backoff: Millis::from_secs(10), from: RetryFrom::LastWork, model: None },
        timeout: Millis::from_mins(30),
        idle_timeout: Millis::from_mins(10),
        check_timeout: Millis::from_mins(10),
        budget: None,
        outputs: IndexMap::new(),
        handoff_from: None,
        workspace: TaskWorkspace::Own,
        env: BTreeMap::new(),
    }
}

/// A task of the role `dev`.
pub(crate) fn agent(needs: &[&str], prompt: &str) -> model::Task {
    let work = AgentWork {
        prompt: prompt.to_owned(),
        assignee: Assignee::Role(RoleName::parse("dev").unwrap()),
        agent: None,
        model: None,
        permissions: None,
        skills: Vec::new(),
    };
    model::Task { kind: model::TaskKind::Agent(work), ..command(needs) }
}

/// A catalog of the role `dev` with this body, and the skill `testing`.
pub(crate) fn catalog(body: &str) -> Catalog {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("roles/dev.md", &format!("---\ndescription: Builds.\nmodel: fast\nskills: [testing]\n---\n{body}"));
    write("roles/partials/handoff-format.md", "Write to the file in `AI_SDLC_HANDOFF_OUT`.\n");
    write("skills/testing/SKILL.md", "---\nname: testing\ndescription: How to test.\n---\nTest.\n");
    Catalog::load(&Places { mission_dir: None, root: Some(Path::new(root.path()).to_path_buf()), user: None })
}

/// A request that takes the rehearsal agent for everything.
pub(crate) fn with<T>(mission: &Mission, catalog: &Catalog, work: impl FnOnce(Request<'_>) -> T) -> T {
    work(Request {
        mission,
        catalog,
        prices: &PriceList::shipped(),
        file: "m.toml".to_owned(),
        sha256: "0".to_owned(),
        config_agents: &BTreeMap::new(),
        config_default_agent: None,
        config_sandbox: SandboxPolicy::default(),
        auto: Some(AgentName::parse("rehearsal").unwrap()),
        scenarios: BTreeMap::new(),
        inputs: BTreeMap::new(),
        overrides: Overrides::default(),
    })
}

pub(crate) fn plan(mission: &Mission) -> Plan {
    with(mission, &catalog("You."), |request| build(&request)).unwrap()
}

fn refusals(mission: &Mission) -> Vec<String> {
    let errors = with(mission, &catalog("You."), |request| build(&request)).unwrap_err();
    errors.into_iter().map(|error| error.message).collect()
}

fn command_agent() -> AgentTable {
    AgentTable {
        backend: Some(BackendKind::Command),
        command: Some(vec!["agent".to_owned()]),
        models: BTreeMap::from([("fast".to_owned(), "small-1".to_owned())]),
        ..AgentTable::default()
    }
}

fn work(plan: &Plan, task: &str) -> crate::plan::AgentWork {
    match &plan.tasks[task].kind {
        TaskKind::Agent(work) => work.clone(),
        TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => panic!("no agent"),
    }
}

#[test]
fn defaults_are_filled_in() {
    let plan = plan(&mission([("a", agent(&[], "Do.")), ("b", command(&["a"]))]));
    let a = &plan.tasks["a"];
    assert_eq!(
        (a.title.as_str(), a.estimate, a.branch.as_deref()),
        ("a", Millis::from_mins(10), Some("ai-sdlc/{{run.id}}/a"))
    );
    assert_eq!(plan.tasks["b"].estimate, Millis::from_mins(1));
    assert_eq!(plan.tasks["b"].handoff_from, [id("a")]);
    let work = work(&plan, "a");
    assert_eq!((work.agent.as_str(), work.permissions, work.model), ("rehearsal", Permissions::Edit, None));
    assert_eq!(work.skills.first().map(SkillName::as_str), Some("testing"));
    assert!(plan.skills.contains_key("testing") && plan.roles.contains_key("dev"));
    let paths: Vec<&str> = plan.sources.iter().map(|source| source.path.as_str()).collect();
    assert!(["m.toml", "roles/dev.md", "skills/testing"].iter().all(|path| paths.contains(path)), "{paths:?}");
}

#[test]
fn the_nearest_word_on_agent_model_and_permissions_counts() {
    let name = |text: &str| AgentName::parse(text).unwrap();
    let mut mission = mission([("a", agent(&[], "Do."))]);
    mission.agents = ["one", "two", "three"].into_iter().map(|text| (name(text), command_agent())).collect();
    mission.default_agent = Some(name("one"));
    mission.default_permissions = Some(Permissions::Read);
    let first = work(&plan(&mission), "a");
    assert_eq!(
        (first.agent.as_str(), first.model.as_deref(), first.permissions),
        ("one", Some("small-1"), Permissions::Read)
    );
    let table = RoleOverride { agent: Some(name("two")), model: Some("big".to_owned()), ..RoleOverride::default() };
    mission.roles.insert(RoleName::parse("dev").unwrap(), table);
    let second = work(&plan(&mission), "a");
    assert_eq!((second.agent.as_str(), second.model.as_deref()), ("two", Some("big")));
    if let model::TaskKind::Agent(work) = &mut mission.tasks[0].kind {
        work.agent = Some(name("three"));
        work.permissions = Some(Permissions::Full);
    }
    let third = work(&plan(&mission), "a");
    assert_eq!((third.agent.as_str(), third.permissions), ("three", Permissions::Full));
}

#[test]
fn tables_of_agents_lie_over_one_another_key_by_key() {
    let name = AgentName::parse("x").unwrap();
    let above = AgentTable {
        models: BTreeMap::from([("strong".to_owned(), "big".to_owned())]),
        max: NonZeroU32::new(2),
        ..AgentTable::default()
    };
    let all =
        agents::overlay_all([&BTreeMap::from([(name.clone(), command_agent())]), &BTreeMap::from([(name, above)])]);
    let table = &all["x"];
    assert_eq!((table.backend, table.max, table.models.len()), (Some(BackendKind::Command), NonZeroU32::new(2), 2));
    assert!(all.contains_key("rehearsal"));
}

#[test]
fn a_budget_that_nobody_can_keep_is_refused() {
    let mut mission = mission([("a", agent(&[], "Do."))]);
    mission.agents.insert(AgentName::parse("x").unwrap(), command_agent());
    mission.default_agent = Some(AgentName::parse("x").unwrap());
    mission.budget.ceiling.time = Some(Millis(1));
    plan(&mission);
    mission.budget.ceiling.usd = Some(Usd(1));
    assert_eq!(
        refusals(&mission),
        ["the budget limits money or tokens, and the agent `x` (task `a`) does not report what it uses"]
    );
    mission.budget.unknown = UnknownUse::Allow;
    plan(&mission);
}

#[test]
fn a_budget_binds_an_agent_whose_lines_tell_its_use() {
    let rules = serde_json::json!([{ "means": "used", "usd": "cost" }]);
    let table = AgentTable { events: serde_json::from_value(rules).unwrap(), ..command_agent() };
    let mut mission = mission([("a", agent(&[], "Do."))]);
    mission.agents.insert(AgentName::parse("x").unwrap(), table);
    mission.default_agent = Some(AgentName::parse("x").unwrap());
    mission.budget.ceiling.usd = Some(Usd(1));
    let plan = plan(&mission);
    assert_eq!((plan.agents["x"].reports, plan.agents["x"].events.len()), (ReportsUse::Yes, 1));
}

#[test]
fn who_needs_a_link_of_a_chain_waits_for_its_last() {
    let with = |before: &str| model::Task { workspace: TaskWorkspace::With(id(before)), ..command(&[before]) };
    let plan = plan(&mission([("a", command(&[])), ("b", with("a")), ("c", with("b")), ("d", command(&["a"]))]));
    assert_eq!(plan.tasks["d"].needs, [id("a"), id("c")]);
    assert_eq!(plan.tasks["d"].handoff_from, [id("a")]);
    assert_eq!(plan.tasks["b"].needs, [id("a")]);
    assert_eq!(plan.tasks["c"].branch, plan.tasks["a"].branch);
}

#[test]
fn a_chain_that_waits_for_its_own_merge_is_refused() {
    let with = model::Task { workspace: TaskWorkspace::With(id("a")), ..command(&["a", "x"]) };
    let refused = refusals(&mission([("a", command(&[])), ("x", command(&["a"])), ("b", with)]));
    assert_eq!(refused, ["these tasks wait for one another: x, b"]);
}

#[test]
fn branches_that_collide_are_refused() {
    let mut mission = mission([("a", command(&[])), ("b", command(&[]))]);
    mission.workspace.branch = "work/{{run.id}}".to_owned();
    assert_eq!(refusals(&mission), ["the tasks `a` and `b` have the same branch, `work/{{run.id}}`"]);
    for name in ["ai-sdlc/{{run.id}}", "ai-sdlc/{{run.id}}/integration/{{task.id}}"] {
        mission.workspace.branch = name.to_owned();
        assert!(refusals(&mission)[0].contains("cannot exist beside"));
    }
    mission.workspace.branch = "x y/{{task.id}}".to_owned();
    assert!(refusals(&mission)[0].contains("cannot be a branch"));
    mission.workspace.mode = WorkspaceMode::Directory;
    assert_eq!(plan(&mission).tasks["a"].branch, None);
}

#[test]
fn touches_are_rendered_and_checked() {
    let mut mission = mission([(
        "a",
        model::Task { touches: Some(Touches::Globs(vec!["{{inputs.dir}}/**".to_owned()])), ..command(&[]) },
    )]);
    let input = |default: &str| Input {
        description: "d".to_owned(),
        schema: json!({"type": "string"}),
        default: Some(json!(default)),
    };
    let dir = InputId::parse("dir").unwrap();
    mission.inputs.insert(dir.clone(), input("src"));
    assert_eq!(plan(&mission).tasks["a"].touches.as_deref(), Some(&["src/**".to_owned()][..]));
    mission.inputs.insert(dir, input("../up"));
    assert!(refusals(&mission)[0].contains("lead out of the workspace"));
}

#[test]
fn inputs_are_read_as_what_they_are_declared() {
    let input = |schema: Value, default: Option<Value>| Input { description: "What.".to_owned(), schema, default };
    let declared: IndexMap<InputId, Input> = [
        ("n", input(json!({"type": "integer", "minimum": 1}), None)),
        ("list", input(json!({"type": "array"}), None)),
        ("word", input(json!({"type": "string", "pattern": "^[a-z]+$"}), Some(json!("abc")))),
        ("flag", input(json!({"type": "boolean"}), None)),
    ]
    .into_iter()
    .map(|(name, input)| (InputId::parse(name).unwrap(), input))
    .collect();
    let given = |pairs: &[(&str, &str)]| -> BTreeMap<String, inputs::GivenInput> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), inputs::GivenInput::Text((*v).to_owned()))).collect()
    };
    let values = inputs::typed(&declared, &given(&[("n", "3"), ("list", "[1]"), ("flag", "true")])).unwrap();
    assert_eq!(json!(values), json!({"n": 3, "list": [1], "word": "abc", "flag": true}));
    let errors =
        inputs::typed(&declared, &given(&[("n", "0"), ("list", "x"), ("word", "A1"), ("wrod", "x")])).unwrap_err();
    let told: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    assert_eq!(errors[0].help.as_deref(), Some("did you mean `word`?"));
    assert_eq!(told[0], "the mission has no input `wrod`");
    assert!(told[1].starts_with("the input `n` does not fit:"), "{told:?}");
    assert!(told[2].starts_with("the input `list` must be a JSON list"), "{told:?}");
    assert!(told[3].starts_with("the input `word` does not fit:"), "{told:?}");
    assert_eq!(told[4], "the input `flag` is missing: What.");
}

#[test]
fn all_that_is_in_the_way_is_told_at_once() {
    let mut mission = mission([("a", agent(&[], "Do.")), ("b", agent(&[], "Do."))]);
    for (index, task) in mission.tasks.values_mut().enumerate() {
        if let model::TaskKind::Agent(work) = &mut task.kind {
            if index == 0 {
                work.assignee = Assignee::Role(RoleName::parse("nobody").unwrap());
            } else {
                work.agent = Some(AgentName::parse("none").unwrap());
            }
        }
    }
    assert_eq!(refusals(&mission), ["there is no role `nobody`", "there is no agent `none`"]);
}

#[test]
fn ten_thousand_tasks_are_planned() {
    let mut big = mission([("t0", command(&[]))]);
    for index in 1..10_000 {
        big.tasks.insert(id(&format!("t{index}")), command(&[&format!("t{}", index / 2)]));
    }
    let plan = plan(&big);
    assert_eq!(plan.tasks.len(), 10_000);
    let levels = crate::plan::graph::bottom_levels(&plan);
    assert_eq!((levels[0], levels[9_999]), (Millis::from_mins(15), Millis::from_mins(1)));
}

#[test]
fn a_plan_is_as_its_schema_says_and_survives_being_stored() {
    let plan = plan(&mission([("a", agent(&[], "Do.")), ("b", command(&["a"]))]));
    let stored = serde_json::to_value(&plan).unwrap();
    let schema: Value = serde_json::from_str(&crate::plan::plan_schema()).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(&stored).map(|error| error.to_string()).collect();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(serde_json::from_value::<Plan>(stored).unwrap(), plan);
}

#[test]
fn the_scenario_schema_refuses_unknown_acts() {
    let schema: Value = serde_json::from_str(&crate::plan::scenario_schema()).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    assert!(validator.is_valid(&json!({"sessions": [{"play": [{"say": "hi"}]}]})));
    assert!(!validator.is_valid(&json!({"sessions": [{"play": [{"shout": "hi"}]}]})));
}

#[test]
fn one_mistake_of_many_tasks_is_told_once() {
    let none = AgentName::parse("none").unwrap();
    let mut mission = mission([("a", agent(&[], "Do.")), ("b", command(&[])), ("c", agent(&[], "Do."))]);
    mission.default_agent = Some(none);
    assert_eq!(refusals(&mission), ["there is no agent `none`"]);
}

fn used(name: &str, inner: Mission) -> model::Task {
    let work = model::MissionWork {
        file: format!("{name}.toml"),
        sha256: "1".to_owned(),
        mission: Box::new(Mission { name: MissionName::parse(name).unwrap(), ..inner }),
        with: IndexMap::new(),
    };
    model::Task { kind: model::TaskKind::Mission(work), ..command(&[]) }
}

#[test]
fn one_name_of_a_role_may_mean_two_things_in_two_missions() {
    let role = RoleName::parse("dev").unwrap();
    let mut inner = mission([("b", agent(&[], "Do."))]);
    inner.roles.insert(role.clone(), RoleOverride { max: NonZeroU32::new(1), ..RoleOverride::default() });
    let same = used("same", mission([("b", agent(&[], "Do."))]));
    let plan = plan(&mission([("a", agent(&[], "Do.")), ("same", same), ("other", used("other", inner))]));
    let of = |task: &str| {
        let inner = plan.tasks[task].work()[0];
        match &inner.kind {
            TaskKind::Agent(work) => work.role.to_string(),
            TaskKind::Command(_) | TaskKind::Gate(_) | TaskKind::Each(_) | TaskKind::Mission(_) => String::new(),
        }
    };
    assert_eq!((of("a"), of("same"), of("other")), ("dev".to_owned(), "dev".to_owned(), "other-dev".to_owned()));
    assert_eq!(plan.roles["other-dev"].max, NonZeroU32::new(1));
    assert!(plan.sources.iter().any(|source| source.path == "other.toml"));
}

#[test]
fn a_missions_budget_is_a_ceiling_within() {
    let mut inner = mission([("b", command(&[]))]);
    inner.budget.ceiling = Ceiling { usd: Some(Usd(3)), time: Some(Millis(9)), ..Ceiling::NONE };
    let mut group = used("inner", inner);
    group.budget = Some(Ceiling { usd: Some(Usd(5)), ..Ceiling::NONE });
    let plan = plan(&mission([("sub", group)]));
    assert_eq!(plan.tasks["sub"].budget, Ceiling { usd: Some(Usd(3)), time: Some(Millis(9)), ..Ceiling::NONE });
}

#[test]
fn what_always_runs_comes_after_all_that_does_not_wait_for_it() {
    let clean = || model::Task { join: Join::Always, ..command(&[]) };
    let inner = mission([("x", command(&[])), ("clean", clean())]);
    let plan = plan(&mission([
        ("clean", clean()),
        ("a", command(&[])),
        ("b", command(&["a"])),
        ("report", command(&["clean"])),
        ("sub", used("inner", inner)),
    ]));
    assert_eq!(plan.tasks["clean"].needs, [id("a"), id("b"), id("sub")]);
    assert_eq!(plan.tasks["sub"].work()[1].needs, [id("x")]);
}

#[test]
fn reviewers_retries_and_capabilities_are_decided_with_the_plan() {
    let mut a = agent(&[], "Do.");
    a.review = Some(RoleName::parse("dev").unwrap());
    a.retry = Retry { max: 1, model: Some("fast".to_owned()), ..a.retry };
    let mut b = agent(&[], "Do.");
    if let model::TaskKind::Agent(work) = &mut b.kind {
        work.assignee = Assignee::Capabilities(vec![model::Capability::WritesCode]);
    }
    let mut all = mission([("a", a)]);
    all.agents = BTreeMap::from([(AgentName::parse("one").unwrap(), command_agent())]);
    all.default_agent = Some(AgentName::parse("one").unwrap());
    let made = plan(&all);
    let review = made.tasks["a"].review.as_ref().unwrap();
    assert_eq!((review.role.as_str(), review.agent.as_str(), review.model.as_deref()), ("dev", "one", Some("small-1")));
    assert_eq!(review.skills.first().map(SkillName::as_str), Some("testing"));
    assert_eq!(made.tasks["a"].retry.model.as_deref(), Some("small-1"));
    // Of the roles there are, the built-in ones among them, one that writes code takes it.
    let chosen = work(&plan(&mission([("b", b.clone())])), "b").role;
    assert!(catalog("You.").roles[&chosen].value.capabilities.iter().any(|able| able == "writes-code"), "{chosen}");
    let mut named = mission([("b", b)]);
    named.roles.insert(RoleName::parse("dev").unwrap(), RoleOverride::default());
    let told = refusals(&named).join("; ");
    assert_eq!(told, "no role of the mission covers `capabilities` of task `b`: writes-code");
}
