//! What is told of work that will collide, when, and that it costs nothing where nothing can.

use super::gates::play;
use super::plans::{agent, argv, command, id, plan};
use super::play::Play;
use crate::amount::Millis;
use crate::handoff::CheckVerdict;
use crate::kernel::collisions::{MergeTried, MergeTry, Side};
use crate::kernel::effect::Effect;
use crate::kernel::event::Event;
use crate::kernel::fact::{Attended, Fact};
use crate::mission::model::{OnConflict, WorkspaceMode};
use crate::name::Attempt;
use crate::plan::Task;

fn checked() -> Task {
    Task { checks: vec![argv(&["true"])], ..agent() }
}

/// Two tasks with checks that change the same file.
fn two() -> Play {
    let mut play = play(WorkspaceMode::Worktree, vec![("a", checked()), ("b", checked())]);
    play.changes = Some("src/lib.rs".to_owned());
    play
}

fn side(task: &str) -> Side {
    Side::Task { task: id(task) }
}

fn is_tried(effect: &Effect) -> Option<Vec<MergeTry>> {
    match effect {
        Effect::TryMerges { tries } => Some(tries.clone()),
        _ => None,
    }
}

/// What is being tried.
fn tried(play: &mut Play) -> Vec<(Side, Side)> {
    play.take(is_tried).iter().map(|merge| (merge.one.side(), merge.two.side())).collect()
}

fn is_trying(play: &Play) -> bool {
    play.open.iter().any(|effect| is_tried(effect).is_some())
}

fn answer(play: &mut Play, one: Side, two: Side, files: &[&str]) {
    let files = files.iter().map(|file| (*file).to_owned()).collect();
    play.tell(Fact::MergesTried { tried: vec![MergeTried { one, two, files, more: 0 }] });
}

pub(super) fn check(play: &mut Play, task: &str, verdict: CheckVerdict) {
    let (round, index) = play.take(|effect| match effect {
        Effect::Check { task: of, round, index, .. } if of.as_str() == task => Some((*round, *index)),
        _ => None,
    });
    let (duration, tail, changed) = (Millis(1), String::new(), Vec::new());
    play.tell(Fact::CheckEnded {
        task: id(task),
        attempt: Attempt::FIRST,
        round,
        index,
        verdict,
        duration,
        tail,
        changed,
    });
}

fn foreseen(play: &Play) -> usize {
    play.count(|event| matches!(event, Event::CollisionForeseen { .. }))
}

fn gone(play: &Play) -> usize {
    play.count(|event| matches!(event, Event::CollisionGone { .. }))
}

#[test]
fn two_tasks_that_collide_are_told_of_while_both_are_checked() {
    let mut play = two();
    play.done("a");
    assert!(!is_trying(&play), "one alone collides with nothing");
    play.done("b");
    assert_eq!(tried(&mut play), [(side("a"), side("b"))]);
    answer(&mut play, side("a"), side("b"), &["src/lib.rs"]);
    assert_eq!(foreseen(&play), 1);
    for (task, other) in [("a", "b"), ("b", "a")] {
        let why = play.why(task);
        let tells = format!(
            "check 1 of 1 runs; will collide with `{other}` in src/lib.rs: whichever is merged second is left to you"
        );
        assert!(why.ends_with(&tells), "{why}");
    }
}

#[test]
fn what_was_merged_first_is_then_what_the_other_collides_with() {
    let mut play = two();
    play.done("a");
    play.done("b");
    tried(&mut play);
    answer(&mut play, side("a"), side("b"), &["src/lib.rs"]);
    check(&mut play, "a", CheckVerdict::Passed);
    assert!(play.succeeded("a"));
    assert_eq!(play.run.state().collisions.len(), 0, "a has ended");
    assert_eq!(tried(&mut play), [(side("b"), Side::Integration)]);
    answer(&mut play, side("b"), Side::Integration, &["src/lib.rs"]);
    let why = play.why("b");
    assert!(why.contains("; does not merge with what was merged meanwhile, in src/lib.rs"), "{why}");
    check(&mut play, "b", CheckVerdict::Passed);
    assert!(!is_trying(&play), "what is being merged need not be tried");
}

#[test]
fn a_collision_is_gone_when_the_next_round_has_mended_it() {
    let mut play = two();
    play.done("a");
    play.done("b");
    tried(&mut play);
    answer(&mut play, side("a"), side("b"), &["src/lib.rs"]);
    check(&mut play, "b", CheckVerdict::Exited(1));
    play.done("b");
    assert_eq!(tried(&mut play), [(side("a"), side("b"))], "its work is another now");
    answer(&mut play, side("a"), side("b"), &["src/lib.rs"]);
    assert_eq!((foreseen(&play), gone(&play)), (1, 0), "what is known is not told again");
    check(&mut play, "b", CheckVerdict::Exited(1));
    play.done("b");
    tried(&mut play);
    answer(&mut play, side("a"), side("b"), &[]);
    assert_eq!((foreseen(&play), gone(&play)), (1, 1));
    assert!(!play.why("a").contains("collide"), "{}", play.why("a"));
}

#[test]
fn an_answer_about_work_that_has_changed_since_counts_for_nothing() {
    let mut play = two();
    play.done("a");
    play.done("b");
    tried(&mut play);
    check(&mut play, "b", CheckVerdict::Exited(1));
    play.done("b");
    assert!(!is_trying(&play), "one at a time");
    answer(&mut play, side("a"), side("b"), &["src/lib.rs"]);
    assert_eq!(foreseen(&play), 0);
    assert_eq!(tried(&mut play), [(side("a"), side("b"))], "as it is now");
}

#[test]
fn nothing_is_tried_where_nothing_can_collide() {
    let mut own = play(WorkspaceMode::Worktree, vec![("a", checked()), ("b", checked())]);
    own.done("a");
    own.done("b");
    assert!(!is_trying(&own), "they changed other files");
    let nothing = || Task { touches: Some(Vec::new()), checks: vec![argv(&["true"])], ..command() };
    let mut idle = play(WorkspaceMode::Worktree, vec![("a", nothing()), ("b", nothing())]);
    idle.exit("a", 0);
    idle.exit("b", 0);
    assert!(!is_trying(&idle), "they changed nothing");
    let mut bare = play(WorkspaceMode::Directory, vec![("a", checked()), ("b", checked())]);
    bare.done("a");
    assert!(!is_trying(&bare), "there is nothing to merge");
}

#[test]
fn a_file_where_the_other_has_a_folder_may_collide() {
    let mut play = play(WorkspaceMode::Worktree, vec![("a", checked()), ("b", checked())]);
    play.changes = Some("src/lib".to_owned());
    play.done("a");
    play.changes = Some("src/lib/a.rs".to_owned());
    play.done("b");
    assert_eq!(tried(&mut play), [(side("a"), side("b"))]);
}

#[test]
fn tasks_of_one_worktree_do_not_collide_with_each_other() {
    use crate::mission::model::TaskWorkspace;
    let next = Task { needs: vec![id("a")], workspace: TaskWorkspace::With(id("a")), ..checked() };
    let mut play = play(WorkspaceMode::Worktree, vec![("a", checked()), ("b", next), ("c", checked())]);
    play.changes = Some("src/lib.rs".to_owned());
    play.done("a");
    check(&mut play, "a", CheckVerdict::Passed);
    assert!(play.succeeded("a"));
    assert!(!is_trying(&play));
    play.done("c");
    assert_eq!(tried(&mut play), [(side("b"), side("c"))], "b goes on with the work of a");
}

#[test]
fn new_commits_of_the_branch_that_is_delivered_to_are_looked_at_each_time() {
    let mut plan = plan(WorkspaceMode::Worktree, 4, vec![("a", checked())]);
    plan.merge.into = Some("main".to_owned());
    plan.merge.on_conflict = OnConflict::Rework;
    let mut play = Play::of(plan, Attended::Yes);
    play.done("a");
    let main = || Side::Into { branch: "main".to_owned() };
    assert_eq!(tried(&mut play), [(side("a"), main())]);
    answer(&mut play, side("a"), main(), &["a.txt"]);
    let why = play.why("a");
    assert!(why.ends_with("; does not merge with new commits of `main`, in a.txt"), "{why}");
    check(&mut play, "a", CheckVerdict::Exited(1));
    play.done("a");
    assert_eq!(tried(&mut play), [(side("a"), main())]);
}

#[test]
fn a_later_engine_tries_again_and_knows_what_was_told() {
    let mut play = two();
    play.done("a");
    play.done("b");
    tried(&mut play);
    answer(&mut play, side("a"), side("b"), &["src/lib.rs"]);
    play.resume(Attended::Yes, Vec::new());
    assert!(play.why("a").contains("will collide with `b`"), "{}", play.why("a"));
    assert_eq!(tried(&mut play), [(side("a"), side("b"))]);
    answer(&mut play, side("a"), side("b"), &["src/lib.rs"]);
    assert_eq!((foreseen(&play), gone(&play)), (1, 0));
}

#[test]
fn nothing_is_tried_for_a_run_that_stops() {
    let mut play = two();
    play.done("a");
    play.tell(Fact::Stop(crate::kernel::fact::StopCause::Interrupted));
    assert!(!is_trying(&play));
}
