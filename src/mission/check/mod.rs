//! The meaning of a mission: what a schema cannot know. Each file is one pass over the literal form.
//!
//! The passes also run over what could be read of a file that does not fit its schema, so they take nothing for
//! granted that an earlier one checks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use crate::catalog::Catalog;
use crate::diagnostic::codes;
use crate::mission::check::graph::Graph;
use crate::mission::check::marker::Marker;
use crate::mission::check::templates::Walked;
use crate::mission::explain::Read;
use crate::mission::file::{MissionFile, TaskFile};
use crate::mission::library::{Part, Sessions};
use crate::mission::model::AgentTable;
use crate::name::{AgentName, LocalTaskId};

pub mod again;
pub mod agents;
pub mod budgets;
pub mod commands;
pub mod conditions;
pub mod fields;
pub mod given;
pub mod graph;
pub mod inputs;
pub mod instances;
pub mod joins;
pub mod kinds;
pub mod limits;
pub mod lone;
pub mod marker;
pub mod outside;
pub mod part;
pub mod roles;
pub mod templates;
pub mod twice;
pub mod types;
pub mod uses;
pub mod variables;
pub mod workspace;

/// What a mission is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Against<'a> {
    /// Roles, skills and partials.
    pub catalog: &'a Catalog,
    /// Agents of configuration.
    pub agents: &'a BTreeMap<AgentName, AgentTable>,
    /// Folder of the mission file, for JSON Schemas in files.
    pub dir: &'a Path,
}

/// A mission file and all that its checks look at.
#[derive(Debug)]
pub struct Scene<'a> {
    /// What could be read of the file.
    pub file: &'a MissionFile,
    /// JSON pointers of what was left out, because it did not fit.
    pub left_out: &'a BTreeSet<String>,
    /// What it is checked against.
    pub against: Against<'a>,
    /// What needs what.
    pub graph: Graph<'a>,
    /// The missions that its tasks use, as far as they could be read.
    pub parts: &'a BTreeMap<LocalTaskId, Rc<Part>>,
    /// As what it is read.
    pub standing: Standing,
}

/// As what a mission is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As the mission of a run.
    Alone,
    /// As a task of another.
    Task,
}

impl<'a> Scene<'a> {
    /// Of a file.
    pub fn new(
        read: &'a Read<MissionFile>,
        against: Against<'a>,
        parts: &'a BTreeMap<LocalTaskId, Rc<Part>>,
        standing: Standing,
    ) -> Self {
        let Read { file, left_out } = read;
        Self { file, left_out, against, graph: Graph::new(&file.tasks), parts, standing }
    }

    /// True where a task starts sessions of agents, itself or through its mission.
    pub fn has_sessions(&self, id: &LocalTaskId, task: &TaskFile) -> bool {
        task.prompt.is_some() || self.parts.get(id).is_some_and(|part| part.sessions == Sessions::Some)
    }

    /// True where `needs` of some task did not fit, so that nothing sure can be said of what comes before what.
    pub fn has_unsure_needs(&self) -> bool {
        self.left_out.iter().any(|out| out.starts_with("/tasks/") && out.ends_with("/needs"))
    }

    /// True where something below this pointer did not fit, so that nothing sure can be said of it.
    pub fn is_unsure(&self, pointer: &str) -> bool {
        self.left_out
            .iter()
            .any(|out| out.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// Runs all passes.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) -> Walked {
    marker.version(scene.file.version);
    if scene.file.tasks.is_empty() && !scene.is_unsure("/tasks") {
        let span = marker.key("/tasks");
        marker.error(codes::NO_TASKS, span, "the mission has no task").help("add at least one `[tasks.<id>]`");
    }
    graph::check(&scene.graph, marker);
    kinds::check(scene, marker);
    fields::check(scene, marker);
    inputs::check(scene, marker);
    agents::check_agents(marker, &scene.file.agents);
    agents::check_names(scene, marker);
    roles::check(scene, marker);
    let walked = templates::check(scene, marker);
    commands::check(scene, marker);
    workspace::check(scene, marker);
    uses::check(scene, &walked.used, marker);
    instances::check(scene, marker);
    joins::check(scene, marker);
    again::check(scene, marker);
    outside::check(scene, marker);
    part::check(scene, marker);
    budgets::check(scene, marker);
    limits::check(scene, marker);
    twice::check(scene, marker);
    lone::check(scene, marker);
    instances::unused(scene, &walked.used, marker);
    walked
}
