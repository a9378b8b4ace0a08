//! Clocks that are set while a run goes on: nothing is due earlier or later for it.

use fastrand::Rng;

use super::missions::{each_seed, play_in, plays, random_plan, row};
use super::plans::{command, plan};
use super::play::Play;
use super::world::World;
use crate::amount::{At, Ceiling, Millis};
use crate::kernel::event::Event;
use crate::kernel::fact::Attended;
use crate::mission::model::{Retry, RetryFrom, WorkspaceMode};

/// All that happened and when, on the clocks of the engines; what is told in wall time, as the time from then on.
fn happened(world: &World) -> Vec<(Millis, Event)> {
    let told = world.records.iter().zip(&world.moments);
    let told = told.filter(|((_, event), _)| !matches!(event, Event::ClockJumped { .. }));
    told.map(|((at, event), moment)| {
        let mut event = event.clone();
        if let Event::BackingOff { until, .. }
        | Event::Limited { until, .. }
        | Event::AgentFaltered { until, .. }
        | Event::AgentSuspended { until: Some(until), .. } = &mut event
        {
            *until = crate::amount::WallTime(until.0 - at.0);
        }
        (*moment, event)
    })
    .collect()
}

fn play(seed: u64, jumps: Option<Rng>) -> World {
    let mut rng = Rng::with_seed(seed);
    let mut plan = random_plan(&mut rng);
    if rng.bool() {
        plan.budget.ceiling.time = Some(Millis(rng.u64(60_000..2_000_000)));
    }
    play_in(rng, plan, |world| {
        world.jumps = jumps;
        // A moment on the clock is what is named then, whatever the clock says.
        world.names_moments = false;
    })
}

/// How often the clock jumped.
fn jumps_change_nothing(seed: u64) -> u64 {
    let steady = play(seed, None);
    let jumpy = play(seed, Some(Rng::with_seed(seed)));
    let jumped = jumpy.jumped;
    let (steady, jumpy) = (happened(&steady), happened(&jumpy));
    let differs = steady.iter().zip(&jumpy).find(|(one, two)| one != two);
    assert_eq!(differs, None);
    assert_eq!(steady.len(), jumpy.len());
    jumped
}

#[test]
fn a_run_under_a_clock_that_jumps_goes_as_under_a_steady_one() {
    let mut jumped = 0;
    each_seed(2_000_000, plays(60), |seed| jumped += jumps_change_nothing(seed));
    assert!(jumped > 0, "no clock jumped: nothing is shown");
    let faults = "the wall clock is set by up to 11 hours, both ways, while random missions run, die and are resumed; \
                  compared with the same under a steady clock";
    row("10", "clock jumps change no deadline", faults, (jumped, jumped));
}

fn failing() -> Play {
    let mut task = command();
    task.retry = Retry { max: 1, backoff: Millis::from_mins(1), from: RetryFrom::Base, model: None };
    let mut plan = plan(WorkspaceMode::Directory, 1, vec![("a", task)]);
    plan.budget.ceiling = Ceiling { time: Some(Millis::from_mins(60)), ..Ceiling::NONE };
    Play::of(plan, Attended::No)
}

fn hours(play: &mut Play, by: i64) {
    play.now = At { mono: play.now.mono, wall: play.now.wall.shifted(by * 3_600_000) };
}

#[test]
fn a_clock_set_back_before_a_resume_makes_no_wait_long() {
    let mut play = failing();
    play.exit("a", 1);
    hours(&mut play, -9);
    play.resume(Attended::No, Vec::new());
    play.wait(Millis::from_mins(5));
    play.exit("a", 0);
    assert!(play.succeeded("a"), "{}", play.why("a"));
}

#[test]
fn neither_a_jump_nor_the_night_between_engines_uses_time_up() {
    let mut play = failing();
    play.exit("a", 1);
    for _ in 0..3 {
        hours(&mut play, 9);
        play.wait(Millis(10));
        // The engine dies, and goes on the next morning.
        hours(&mut play, 9);
        play.resume(Attended::No, Vec::new());
    }
    assert!(play.run.state().ledger.time < Millis::from_mins(2), "{:?}", play.run.state().ledger.time);
    play.wait(Millis::from_mins(5));
    play.exit("a", 0);
    assert!(play.succeeded("a"), "{}", play.why("a"));
    assert_eq!(play.count(|event| matches!(event, Event::ClockJumped { by: 32_400_000 })), 3);
}
