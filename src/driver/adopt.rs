//! What a dead engine's sessions and commands left as durable results: taken over before anything is started again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::driver::children::ChildEnd;
use crate::driver::guard::{UNRECORDED_ENDS, UnrecordedEnd};
use crate::driver::hands::work::{EXCHANGE_FOLDER, command_end, label, read_outputs, read_result};
use crate::driver::setting::Setting;
use crate::kernel::Run;
use crate::kernel::event::SessionKind;
use crate::kernel::fact::{WorkEnd, WorkKey};
use crate::mask::Mask;

/// Ends that were found.
#[derive(Debug, Default)]
pub struct Adopted {
    /// Whose, and how.
    pub ends: Vec<(WorkKey, WorkEnd)>,
    /// Those of them that were reviews: what a reviewer changed has to be put back.
    pub reviews: BTreeSet<WorkKey>,
    /// Of commands that began and ended before the journal knew of them, by label: they are not run again.
    pub early: BTreeMap<String, WorkEnd>,
}

/// Looks for the results of what was running when the engine died.
pub fn find(run: &Run, setting: &Setting) -> Adopted {
    let unrecorded: Vec<UnrecordedEnd> = fs::read(setting.run_dir.join(UNRECORDED_ENDS))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let working = run.working();
    let known: BTreeSet<String> = working.iter().map(label).collect();
    let early = unrecorded.iter().filter(|end| !known.contains(&end.label));
    let early = early.filter_map(|end| {
        Some((end.label.clone(), of_command(end, &setting.labelled_dir(&end.label)?, &setting.mask)))
    });
    let early = early.collect();
    let mut adopted = Adopted { early, ..Adopted::default() };
    for key in working {
        let dir = |kind| setting.work_dir(&key.task, key.attempt, (key.session, kind));
        let (review, work) = (dir(SessionKind::Review), dir(SessionKind::Work));
        // Numbers of sessions count both kinds, and the folder of one is made before it starts.
        let (dir, reviews) = if review.is_dir() { (review, true) } else { (work, false) };
        let of_guard =
            || unrecorded.iter().find(|end| end.label == label(&key)).map(|end| of_command(end, &dir, &setting.mask));
        if let Some(end) = read_result(&dir.join("result.json")).or_else(of_guard) {
            if reviews {
                adopted.reviews.insert(key.clone());
            }
            adopted.ends.push((key, end));
        }
    }
    adopted
}

fn of_command(end: &UnrecordedEnd, dir: &Path, mask: &Mask) -> WorkEnd {
    let UnrecordedEnd { label: _, end, ran, tail, truncated, swept } = end.clone();
    // Beside it is where an earlier release put them.
    let files = [dir.join(EXCHANGE_FOLDER).join("outputs.json"), dir.join("outputs.json")];
    let outputs = files.iter().find_map(|file| read_outputs(file, mask));
    command_end(ChildEnd { end, ran, tail, truncated, swept }, None, outputs)
}
