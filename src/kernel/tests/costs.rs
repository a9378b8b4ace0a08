//! Where the cost of use comes from, and what that means for ceilings.

use super::plans::{agent, id, plan};
use super::steps::{NOW, begin, end, key, made, names};
use crate::amount::{Basis, Ceiling, Cost, TokenUse, Tokens, Usage, Usd};
use crate::kernel::Run;
use crate::kernel::effect::Effect;
use crate::kernel::event::{Event, FailureClass, Outcome};
use crate::kernel::fact::{EndKind, Fact, StopWhy};
use crate::kernel::state::Ledger;
use crate::mission::model::{BackendKind, UnknownUse, WorkspaceMode};

const DOLLAR: Usd = Usd(1_000_000);

fn used(cost: Cost) -> Fact {
    let tokens = Some(TokenUse { input: 100, ..TokenUse::default() });
    Fact::Used { key: key("a"), usage: Usage { tokens, cost } }
}

/// A session under this ceiling, of an agent that may leave its cost out.
fn working(ceiling: Ceiling, unknown: UnknownUse) -> Run {
    let mut plan = plan(WorkspaceMode::Directory, 1, vec![("a", agent()), ("b", agent())]);
    plan.budget.ceiling = ceiling;
    plan.budget.unknown = unknown;
    let (mut run, _) = begin(plan);
    made(&mut run, "a");
    run
}

fn ledger(run: &Run) -> &Ledger {
    &run.state.ledger
}

#[test]
fn what_the_whole_session_cost_settles_what_was_computed_of_it() {
    let mut run = working(Ceiling { usd: Some(DOLLAR), ..Ceiling::NONE }, UnknownUse::Refuse);
    run.step(used(Cost::Computed(Usd(400_000))), NOW);
    assert_eq!((ledger(&run).spent.usd(), ledger(&run).reserved_usd), (Usd(400_000), 600_000));
    let whole = Usage { tokens: Some(TokenUse::default()), cost: Cost::Whole(Usd(300_000)) };
    let mut ended = end(EndKind::Completed);
    ended.usage = whole;
    let step = run.step(Fact::WorkEnded { key: key("a"), end: ended }, NOW);
    assert!(names(&step).contains(&"session-ended".to_owned()));
    let spent = ledger(&run).spent;
    assert_eq!((spent.usd(), spent.basis(), spent.tokens.input), (Usd(300_000), Basis::Reported, 100));
    let Some(past) = &run.state.tasks[0].past else { panic!("it worked") };
    assert_eq!(past.spent, spent);
}

#[test]
fn use_whose_cost_nobody_knows_is_bound_by_tokens_or_stopped() {
    let money = Ceiling { usd: Some(DOLLAR), ..Ceiling::NONE };
    let both = Ceiling { tokens: Some(Tokens(1_000_000)), ..money };
    for (ceiling, unknown, stops) in [
        (money, UnknownUse::Refuse, true),
        (money, UnknownUse::Allow, false),
        (both, UnknownUse::Refuse, false),
        (Ceiling::NONE, UnknownUse::Refuse, false),
    ] {
        let mut run = working(ceiling, unknown);
        let step = run.step(used(Cost::Unknown), NOW);
        let stopped = step.effects.iter().any(|effect| matches!(effect, Effect::StopWork { why: StopWhy::Budget, .. }));
        assert_eq!(stopped, stops, "{ceiling:?} {unknown:?}");
        assert_eq!((ledger(&run).spent.basis(), ledger(&run).spent.usd()), (Basis::Unknown, Usd::ZERO));
        if !stops {
            continue;
        }
        let stopped = EndKind::Stopped { why: StopWhy::Budget };
        run.step(Fact::WorkEnded { key: key("a"), end: end(stopped) }, NOW);
        made(&mut run, "b");
        for task in ["a", "b"] {
            let Some(Outcome::Failed { failure }) = run.task_outcome(&id(task)) else { panic!("{task}") };
            assert_eq!(failure.class, FailureClass::OutOfBudget, "{task}");
            assert!(failure.message.contains("nobody knows what `"), "{task}: {}", failure.message);
        }
    }
}

#[test]
fn an_agent_that_says_its_cost_in_the_end_is_let_go_on_until_then() {
    let mut plan = plan(WorkspaceMode::Directory, 1, vec![("a", agent())]);
    plan.budget.ceiling = Ceiling { usd: Some(DOLLAR), ..Ceiling::NONE };
    plan.budget.unknown = UnknownUse::Refuse;
    for agent in plan.agents.values_mut() {
        agent.backend = BackendKind::ClaudeCode;
    }
    let (mut run, _) = begin(plan);
    made(&mut run, "a");
    let step = run.step(used(Cost::Unknown), NOW);
    assert_eq!(names(&step), ["usage"]);
    run.step(used(Cost::Whole(Usd(7))), NOW);
    assert_eq!((ledger(&run).spent.basis(), ledger(&run).spent.usd()), (Basis::Reported, Usd(7)));
}

#[test]
fn a_warning_says_what_is_computed_and_what_is_unknown() {
    let mut run = working(Ceiling { usd: Some(DOLLAR), ..Ceiling::NONE }, UnknownUse::Allow);
    run.step(used(Cost::Unknown), NOW);
    let step = run.step(used(Cost::Computed(Usd(900_000))), NOW);
    let Some(Event::BudgetWarning { settled, .. }) = step.events.get(1) else { panic!("{step:?}") };
    assert_eq!((settled.usage.cost, settled.some_unknown), (Cost::Computed(Usd(900_000)), true));
}
