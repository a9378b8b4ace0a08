//! The meaning of a mission: what a schema cannot know. Each file is one pass over the literal form.
//!
//! The passes also run over what could be read of a file that does not fit its schema, so they take nothing for
//! granted that an earlier one checks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::catalog::Catalog;
use crate::diagnostic::codes;
use crate::mission::check::graph::Graph;
use crate::mission::check::marker::Marker;
use crate::mission::file::MissionFile;
use crate::mission::model::AgentTable;
use crate::name::AgentName;

pub mod agents;
pub mod budgets;
pub mod commands;
pub mod fields;
pub mod graph;
pub mod inputs;
pub mod kinds;
pub mod limits;
pub mod marker;
pub mod roles;
pub mod templates;
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
}

impl<'a> Scene<'a> {
    /// Of a file.
    pub fn new(file: &'a MissionFile, left_out: &'a BTreeSet<String>, against: Against<'a>) -> Self {
        Self { file, left_out, against, graph: Graph::new(&file.tasks) }
    }

    /// True where something below this pointer did not fit, so that nothing sure can be said of it.
    pub fn is_unsure(&self, pointer: &str) -> bool {
        self.left_out
            .iter()
            .any(|out| out.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// Runs all passes.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
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
    let used = templates::check(scene, marker);
    commands::check(scene, marker);
    workspace::check(scene, marker);
    uses::check(scene, &used, marker);
    budgets::check(scene, marker);
    limits::check(scene, marker);
}
