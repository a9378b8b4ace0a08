//! Collisions foreseen: what does not merge as things are.

use crate::amount::WallTime;
use crate::kernel::collisions::Side;
use crate::kernel::event::Event;
use crate::name::TaskId;
use crate::report::line::{Line, Tone};
use crate::report::look::safe;
use crate::report::task::few;
use crate::report::{Look, Report};

/// Two sides that do not merge as things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// One of them; of two tasks the one that stands first in the file.
    pub one: Side,
    /// The other.
    pub two: Side,
    /// The files, the first of them.
    pub files: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

impl Collision {
    /// The files, in a few words.
    fn files(&self) -> String {
        match self.more {
            0 => few(&self.files),
            more => {
                let all = self.files.len().saturating_add(more);
                format!("{all} files: {}", few(&self.files))
            }
        }
    }

    /// The task that it is about, and the rest of the sentence.
    fn words(&self) -> (Option<&TaskId>, String) {
        let files = self.files();
        match (&self.one, &self.two) {
            (Side::Task { task }, Side::Task { task: other }) => {
                (Some(task), format!("will collide with {other} in {files}"))
            }
            (Side::Task { task }, Side::Integration) | (Side::Integration, Side::Task { task }) => {
                (Some(task), format!("does not merge with what was merged meanwhile, in {files}"))
            }
            (Side::Task { task }, Side::Into { branch }) | (Side::Into { branch }, Side::Task { task }) => {
                (Some(task), format!("does not merge with new commits of {branch}, in {files}"))
            }
            (Side::Integration, other) | (other, Side::Integration) => {
                (None, format!("what was merged does not merge with {}, in {files}", named(other)))
            }
            (Side::Into { branch }, Side::Into { .. }) => (None, format!("{branch} collides in {files}")),
        }
    }

    /// The other side, seen from a task; `None` where it has no part in it.
    fn other(&self, id: &TaskId) -> Option<&Side> {
        let is = |side: &Side| matches!(side, Side::Task { task } if task == id);
        if is(&self.one) {
            Some(&self.two)
        } else if is(&self.two) {
            Some(&self.one)
        } else {
            None
        }
    }
}

fn named(side: &Side) -> String {
    match side {
        Side::Task { task } => task.to_string(),
        Side::Integration => "what was merged".to_owned(),
        Side::Into { branch } => format!("new commits of {branch}"),
    }
}

impl Report {
    /// Takes in what is foreseen, and what is not any more.
    pub(super) fn foresee(&mut self, event: &Event) {
        if let Event::CollisionForeseen { one, two, files, more } = event {
            self.forget_collision(one, two);
            let (one, two) = (one.clone(), two.clone());
            self.collisions.push(Collision { one, two, files: files.clone(), more: *more });
        } else if let Event::CollisionGone { one, two } = event {
            self.forget_collision(one, two);
        }
    }

    fn forget_collision(&mut self, one: &Side, two: &Side) {
        self.collisions.retain(|known| (&known.one, &known.two) != (one, two));
    }

    /// What has ended is merged, or will not be.
    pub(super) fn collides_no_more(&mut self, task: &TaskId) {
        self.collisions.retain(|known| known.other(task).is_none());
    }

    /// With what a task will collide, before what it is doing: empty where with nothing.
    pub(super) fn collides_words(&self, id: &TaskId, look: Look) -> String {
        let others: Vec<String> = self.collisions.iter().filter_map(|known| known.other(id)).map(named).collect();
        if others.is_empty() { String::new() } else { format!("collides with {}{}", few(&others), look.dot()) }
    }

    /// Collisions foreseen, one row each.
    pub(crate) fn collision_rows(&self) -> Vec<String> {
        const SHOWN: usize = 10;
        let row = |known: &Collision| match known.words() {
            (Some(task), words) => format!("{task} {words}"),
            (None, words) => words,
        };
        let mut rows: Vec<String> = self.collisions.iter().take(SHOWN).map(|known| safe(&row(known))).collect();
        rows.extend(
            self.collisions.len().checked_sub(SHOWN).filter(|more| *more > 0).map(|more| format!("and {more} more")),
        );
        rows
    }
}

/// The line about a collision that is foreseen, or is not any more.
pub(super) fn line(at: WallTime, event: &Event) -> Option<Line> {
    if let Event::CollisionForeseen { one, two, files, more } = event {
        let known = Collision { one: one.clone(), two: two.clone(), files: files.clone(), more: *more };
        let (task, words) = known.words();
        let line = Line::new(at, Tone::Careful, "collision", words);
        return Some(task.into_iter().fold(line, Line::of));
    }
    let Event::CollisionGone { one, two } = event else { return None };
    Some(match one {
        Side::Task { task } => {
            Line::new(at, Tone::Idle, "collision", format!("does not collide with {} any more", named(two))).of(task)
        }
        Side::Integration | Side::Into { .. } => {
            let text = format!("{} and {} merge again", named(one), named(two));
            Line::new(at, Tone::Idle, "collision", text)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Shown;

    fn task(id: &str) -> Side {
        Side::Task { task: TaskId::parse(id).unwrap() }
    }

    fn foreseen(one: Side, two: Side, files: &[&str]) -> Event {
        Event::CollisionForeseen { one, two, files: files.iter().map(|file| (*file).to_owned()).collect(), more: 0 }
    }

    #[test]
    fn what_is_foreseen_is_told_until_it_is_gone_or_a_task_has_ended() {
        let (api, into) = (TaskId::parse("api").unwrap(), Side::Into { branch: "main".to_owned() });
        let mut report = Report::default();
        let events = [
            foreseen(task("api"), task("ui"), &["a.rs", "b.rs"]),
            foreseen(task("api"), Side::Integration, &["c.rs"]),
            foreseen(Side::Integration, into.clone(), &["d.rs"]),
        ];
        for event in &events {
            report.fold(WallTime(0), event);
        }
        assert_eq!(
            report.collision_rows(),
            [
                "api will collide with ui in a.rs, b.rs",
                "api does not merge with what was merged meanwhile, in c.rs",
                "what was merged does not merge with new commits of main, in d.rs",
            ]
        );
        let words = report.collides_words(&api, Look::default());
        assert!(words.starts_with("collides with ui, what was merged"), "{words}");
        report.fold(WallTime(0), &foreseen(task("api"), task("ui"), &["b.rs"]));
        assert_eq!(report.collisions.len(), 3, "the same two are told once");
        report.fold(WallTime(0), &Event::CollisionGone { one: Side::Integration, two: into });
        assert_eq!(report.collisions.len(), 2);
        report.collides_no_more(&api);
        assert_eq!(report.collision_rows(), [""; 0]);
    }

    #[test]
    fn it_is_a_line_of_its_own() {
        let line = |event: &Event| line(WallTime(0), event).unwrap();
        let told = line(&foreseen(task("api"), task("ui"), &["a.rs"]));
        assert_eq!(told.plain(), "1970-01-01T00:00:00Z collision api will collide with ui in a.rs");
        assert_eq!((told.tone, told.shown), (Tone::Careful, Shown::Always));
        let gone = line(&Event::CollisionGone { one: task("api"), two: task("ui") });
        assert_eq!(gone.plain(), "1970-01-01T00:00:00Z collision api does not collide with ui any more");
    }
}
