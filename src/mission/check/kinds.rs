//! Which kind a task is, and keys that have no meaning for it.

use crate::diagnostic::codes;
use crate::diagnostic::nearest::listed;
use crate::mission::check::Scene;
use crate::mission::check::marker::Marker;
use crate::mission::file::TaskFile;
use crate::name::LocalTaskId;

/// The kinds of task, told apart by their own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `prompt`.
    Agent,
    /// `run`.
    Command,
    /// `gate`.
    Gate,
    /// `mission`.
    Mission,
}

use Kind::{Agent, Command, Gate, Mission};

impl Kind {
    const ALL: [Self; 4] = [Agent, Command, Gate, Mission];

    /// Its own key.
    fn key(self) -> &'static str {
        match self {
            Agent => "prompt",
            Command => "run",
            Gate => "gate",
            Mission => "mission",
        }
    }

    /// What a task of this kind is.
    fn one(self) -> &'static str {
        match self {
            Agent => "a task of an agent",
            Command => "a command",
            Gate => "a gate",
            Mission => "a mission",
        }
    }

    fn several(self) -> &'static str {
        match self {
            Agent => "agents",
            Command => "commands",
            Gate => "gates",
            Mission => "missions",
        }
    }

    fn is_given(self, task: &TaskFile) -> bool {
        match self {
            Agent => task.prompt.is_some(),
            Command => task.run.is_some(),
            Gate => task.gate.is_some(),
            Mission => task.mission.is_some(),
        }
    }

    /// The kind of a task that has exactly one.
    pub fn of(task: &TaskFile) -> Option<Self> {
        let mut given = Self::ALL.into_iter().filter(|kind| kind.is_given(task));
        given.next().filter(|_| given.next().is_none())
    }
}

/// Checks the kind of every task.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    for (id, task) in &scene.file.tasks {
        let left_out = |key: &str| scene.left_out.contains(&format!("/tasks/{id}/{key}"));
        let given: Vec<Kind> =
            Kind::ALL.into_iter().filter(|kind| kind.is_given(task) || left_out(kind.key())).collect();
        match given.as_slice() {
            [] => none(id, task, marker),
            [kind] => {
                foreign(id, task, *kind, marker);
                without(id, task, marker);
                if *kind == Agent {
                    nobody(scene, id, task, marker);
                }
            }
            several => two(id, several, marker),
        }
    }
}

fn two(id: &LocalTaskId, kinds: &[Kind], marker: &mut Marker<'_>) {
    let mut spots: Vec<_> =
        kinds.iter().map(|kind| (marker.key(&format!("/tasks/{id}/{}", kind.key())), *kind)).collect();
    spots.sort_by_key(|(span, _)| span.start);
    let Some((second, _)) = spots.get(1) else { return };
    let message = match kinds {
        [one, other] => format!("task `{id}` has both `{}` and `{}`", one.key(), other.key()),
        several => format!("task `{id}` has {}", listed(several.iter().map(|kind| kind.key()))),
    };
    let mut note = marker.error(codes::TWO_KINDS, *second, message);
    note.help("make several tasks of it, or leave one of these keys and remove the others");
    for (span, kind) in &spots {
        note.related(*span, format!("so it is {}", kind.one()));
    }
}

fn none(id: &LocalTaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    let span = marker.key(&format!("/tasks/{id}"));
    let help =
        if task.role.is_some() { "add `prompt`" } else { "add `prompt` and `role`, or `run`, `gate` or `mission`" };
    marker
        .error(codes::NO_KIND, span, format!("task `{id}` has neither `prompt` nor `run`, `gate` or `mission`"))
        .help(help);
}

/// The keys that not every kind has: whether a task has it, and who may.
fn keys(task: &TaskFile) -> [(&'static str, bool, &'static [Kind]); 25] {
    const AGENTS: &[Kind] = &[Agent];
    const WORKERS: &[Kind] = &[Agent, Command];
    [
        ("with", !task.with.is_empty(), &[Mission]),
        ("role", task.role.is_some(), AGENTS),
        ("capabilities", !task.capabilities.is_empty(), AGENTS),
        ("agent", task.agent.is_some(), AGENTS),
        ("model", task.model.is_some(), AGENTS),
        ("permissions", task.permissions.is_some(), AGENTS),
        ("skills", !task.skills.is_empty(), AGENTS),
        ("review", task.review.is_some(), AGENTS),
        ("idle_timeout", task.idle_timeout.is_some(), AGENTS),
        ("handoff", task.handoff.is_some(), AGENTS),
        ("cache", task.cache.is_some(), &[Command]),
        ("rework", !task.rework.is_empty(), &[Agent, Command, Gate]),
        ("rounds", task.rounds.is_some(), &[Agent, Command, Gate]),
        ("budget", task.budget.is_some(), &[Agent, Command, Mission]),
        ("estimate", task.estimate.is_some(), WORKERS),
        ("touches", task.touches.is_some(), WORKERS),
        ("locks", !task.locks.is_empty(), WORKERS),
        ("checks", task.checks.is_some(), WORKERS),
        ("check_timeout", task.check_timeout.is_some(), WORKERS),
        ("retry", task.retry.is_some(), WORKERS),
        ("timeout", task.timeout.is_some(), WORKERS),
        ("outputs", !task.outputs.is_empty(), WORKERS),
        ("workspace", task.workspace.is_some(), WORKERS),
        ("artifacts", !task.artifacts.is_empty(), WORKERS),
        ("env", !task.env.is_empty(), WORKERS),
    ]
}

fn foreign(id: &LocalTaskId, task: &TaskFile, kind: Kind, marker: &mut Marker<'_>) {
    let own = marker.key(&format!("/tasks/{id}/{}", kind.key()));
    let secrets = ("secrets", !task.secrets.is_empty(), &[Agent, Command][..]);
    for (key, _, may) in
        keys(task).into_iter().chain([secrets]).filter(|(_, given, may)| *given && !may.contains(&kind))
    {
        let span = marker.key(&format!("/tasks/{id}/{key}"));
        let who: Vec<&str> = may.iter().map(|kind| kind.several()).collect();
        let help = match (key, kind) {
            ("outputs", Gate) => "remove it: what is answered is the output `message`".to_owned(),
            ("outputs", Mission) => "remove it: what the mission hands over is its own `[outputs]`".to_owned(),
            _ => format!("remove `{key}`: only {} have it", who.join(" and ")),
        };
        marker
            .error(codes::KEY_OF_OTHER_KIND, span, format!("`{key}` has no meaning for {}", kind.one()))
            .help(help)
            .related(own, format!("`{id}` is {}", kind.one()));
    }
    let another_model = task.retry.as_ref().is_some_and(|retry| retry.model.is_some());
    if kind == Command && another_model {
        let span = marker.key(&format!("/tasks/{id}/retry/model"));
        marker
            .error(codes::KEY_OF_OTHER_KIND, span, "`retry.model` has no meaning for a command")
            .help("remove `model`: only agents have it")
            .related(own, format!("`{id}` is a command"));
    }
}

/// Keys that say more of another one, which is not there.
fn without(id: &LocalTaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    let works = Kind::of(task) != Some(Agent);
    let lone = [
        ("key", task.key.is_some() && task.for_each.is_none(), "for_each"),
        ("max_instances", task.max_instances.is_some() && task.for_each.is_none(), "for_each"),
        (
            "rounds",
            task.rounds.is_some() && works && Kind::of(task) != Some(Mission) && task.rework.is_empty(),
            "rework",
        ),
    ];
    for (key, _, of) in lone.into_iter().filter(|(_, is_lone, _)| *is_lone) {
        let span = marker.key(&format!("/tasks/{id}/{key}"));
        marker
            .error(codes::LONE_KEY, span, format!("`{key}` has no meaning without `{of}`"))
            .help(format!("add `{of}`, or remove `{key}`"));
    }
    if !works && task.role.is_some() && !task.capabilities.is_empty() {
        let span = marker.key(&format!("/tasks/{id}/capabilities"));
        let role = marker.key(&format!("/tasks/{id}/role"));
        marker
            .error(codes::LONE_KEY, span, "`capabilities` chooses a role, and `role` names one")
            .help("remove one of them")
            .related(role, "named here");
    }
}

fn nobody(scene: &Scene<'_>, id: &LocalTaskId, task: &TaskFile, marker: &mut Marker<'_>) {
    let by_default = scene.file.defaults.as_ref().is_some_and(|defaults| defaults.role.is_some());
    let chosen = task.role.is_some() || by_default || !task.capabilities.is_empty();
    let left_out = |key: &str| scene.left_out.iter().any(|out| out.starts_with(&format!("/tasks/{id}/{key}")));
    if !chosen && !left_out("role") && !left_out("capabilities") && !scene.left_out.contains("/defaults/role") {
        let span = marker.key(&format!("/tasks/{id}"));
        marker
            .error(codes::NO_ROLE, span, format!("task `{id}` has a prompt and no role"))
            .help("add `role = \"…\"`, or set one in `[defaults]`");
    }
}
