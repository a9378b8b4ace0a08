//! A mission that is read as a task of another: tables that do not count then.

use crate::diagnostic::codes;
use crate::mission::check::marker::Marker;
use crate::mission::check::{Scene, Standing};
use crate::mission::file::MissionFile;

/// Checks which tables it has.
pub fn check(scene: &Scene<'_>, marker: &mut Marker<'_>) {
    if scene.standing == Standing::Alone {
        return;
    }
    let MissionFile { concurrency, workspace, merge, notify, .. } = scene.file;
    let tables = [
        ("concurrency", concurrency.is_some()),
        ("workspace", workspace.is_some()),
        ("merge", merge.is_some()),
        ("notify", !notify.is_empty()),
    ];
    for (key, _) in tables.iter().filter(|(_, given)| *given) {
        let span = marker.key(&format!("/{key}"));
        marker
            .warning(
                codes::TABLE_OF_RUN,
                span,
                format!(
                    "`[{key}]` does not count here: another mission uses this one as a task, and its own table holds"
                ),
            )
            .help(format!("move `[{key}]` to the mission that is run"));
    }
}
