//! From a scenario's text to what it plays, or everything that is wrong with it.

use std::sync::OnceLock;

use crate::diagnostic::{Finding, codes, has_errors, sort};
use crate::mission::check::marker::Marker;
use crate::mission::explain;
use crate::mission::field::number::Signed;
use crate::mission::model::{Mission, TaskKind};
use crate::mission::nearest::nearest;
use crate::mission::schema::{Explained, Explainer, explainer};
use crate::mission::spans::Document;
use crate::name::TaskId;
use crate::plan::scenario::{Act, Scenario, without_keys};

impl Explained for Scenario {
    fn explainer() -> Option<&'static Explainer> {
        static ONCE: OnceLock<Option<Explainer>> = OnceLock::new();
        ONCE.get_or_init(explainer::<Self>).as_ref()
    }
}

/// A scenario as far as it could be read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadedScenario {
    /// What it says; `None` where a finding is an error.
    pub scenario: Option<Scenario>,
    /// Everything found, by place.
    pub findings: Vec<Finding>,
}

/// Reads a scenario. `file` is its name as findings show it; `mission` the one that it is played for, where that is
/// known.
pub fn load(file: &str, text: &str, mission: Option<&Mission>) -> LoadedScenario {
    let (mut document, errors) = Document::parse(text);
    let mut findings = Vec::new();
    let read = explain::read::<Scenario>(file, &mut document, &errors, &mut findings);
    let scenario = read.map(|read| {
        check(&read.file, mission, &mut Marker::new(file, &document, &mut findings));
        read.file
    });
    sort(&mut findings);
    LoadedScenario { scenario: scenario.filter(|_| !has_errors(&findings)), findings }
}

fn check(scenario: &Scenario, mission: Option<&Mission>, marker: &mut Marker<'_>) {
    marker.version(Some(Signed(i64::from(scenario.version))));
    for (at, session) in scenario.sessions.iter().enumerate() {
        for (act, Act { sleep, wait, .. }) in session.play.iter().enumerate() {
            for (key, length) in [("sleep", sleep), ("wait", wait)] {
                if let Some(length) = length {
                    marker.duration(&format!("/sessions/{at}/play/{act}/{key}"), length);
                }
            }
        }
        if let Some((task, mission)) = session.task.as_ref().zip(mission) {
            known(&format!("/sessions/{at}/task"), task, mission, marker);
        }
    }
    for (at, gate) in scenario.gates.iter().enumerate() {
        if let Some((task, mission)) = gate.task.as_ref().zip(mission) {
            known(&format!("/gates/{at}/task"), task, mission, marker);
        }
    }
}

/// A task of the mission, of one that it uses, or an instance of either.
fn known(pointer: &str, task: &TaskId, mission: &Mission, marker: &mut Marker<'_>) {
    let mut all = Vec::new();
    tasks_of(mission, None, &mut all);
    let meant = without_keys(task.as_str());
    if all.iter().any(|id| id.as_str() == meant || id.local() == meant) {
        return;
    }
    let span = marker.value(pointer);
    let mut note = marker.warning(codes::UNKNOWN_TASK, span, format!("the mission has no task `{task}`"));
    note.help(match nearest(&meant, all.iter().map(AsRef::as_ref)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "take one of the tasks of the mission, or leave it out".to_owned(),
    });
}

fn tasks_of(mission: &Mission, within: Option<&TaskId>, all: &mut Vec<TaskId>) {
    for (id, task) in &mission.tasks {
        let id = within.map_or_else(|| id.clone(), |group| group.child(id));
        if let TaskKind::Mission(work) = &task.kind {
            tasks_of(&work.mission, Some(&id), all);
        }
        all.push(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_has_its_place() {
        let text =
            "[[sessions]]\ntask = \"a\"\nplay = [{ sleeep = \"2s\" }, { sleep = \"2 ages\" }, { exit = \"3\" }]\n";
        let loaded = load("s.toml", text, None);
        let told: Vec<(&str, usize)> =
            loaded.findings.iter().map(|finding| (finding.code.0, finding.span.start)).collect();
        assert_eq!(
            told,
            [("mission::unknown-key", 34), ("mission::bad-duration", 61), ("mission::wrong-type", 82)],
            "{:#?}",
            loaded.findings
        );
        assert_eq!(loaded.scenario, None);
    }
}
