//! Budgets against sessions that report late, and everything at once.

use fastrand::Rng;

use super::missions::{each_seed, play_in, plays, random_plan, row};
use super::world::{STEP, World};
use crate::amount::{Ceiling, Usd};
use crate::kernel::event::Event;

/// A mission with a tight budget, whose sessions say nothing for long and then a sum of up to 40 usual steps. What is
/// asserted is asserted in the world and by its rules: at the ceiling every session is stopped in that very step, none
/// begins, and what is spent is never more than one report of each session beyond it.
fn play(seed: u64) -> World {
    let mut rng = Rng::with_seed(seed);
    let mut plan = random_plan(&mut rng);
    plan.budget.ceiling = Ceiling { usd: Some(Usd(rng.u64(1..3_000_000))), ..Ceiling::NONE };
    play_in(rng, plan, |world| world.step = 40 * STEP)
}

#[test]
fn late_reports_pass_a_budget_by_one_step_of_each_session_at_most() {
    let (mut reports, mut lost, mut reached) = (0, 0, 0);
    each_seed(3_000_000, plays(150), |seed| {
        let world = play(seed);
        reports += world.reports;
        lost += world.lost_reports;
        reached += u64::from(world.records.iter().any(|(_, event)| matches!(event, Event::BudgetExceeded { .. })));
    });
    println!("{reports} reports, {lost} of them lost with their engine; the ceiling was reached in {reached} runs");
    assert!(reached > 0, "no budget was used up: nothing is shown");
    let faults =
        "reports that come late and all at once, up to 40 times the usual; engines killed between use and record";
    row(
        "15a",
        "a budget is never passed by more than one reported step of each running session",
        faults,
        (reports, reports),
    );
}
