//! What a session uses, as it is told: with its cost, where that is only missing and the model has a price.

use crate::agent::SessionSpec;
use crate::amount::Usage;
use crate::kernel::fact::{EndKind, Fault};
use crate::mission::model::BackendKind;
use crate::price::Prices;

/// Reads what an agent tells of its use.
#[derive(Debug)]
pub(super) struct Meter {
    prices: Prices,
    model: Option<String>,
    /// Who says nothing has used nothing.
    silence: Usage,
    told: bool,
}

impl Meter {
    pub(super) fn new(spec: &SessionSpec) -> Self {
        let asks_no_model = spec.agent.backend == BackendKind::Rehearsal;
        Self {
            prices: spec.prices.clone(),
            model: spec.model.clone(),
            silence: if asks_no_model { Usage::NONE } else { Usage::default() },
            told: false,
        }
    }

    /// This model answers from here on, whichever was asked for.
    pub(super) fn answers(&mut self, model: String) {
        self.model = Some(model);
    }

    /// A report of use with its cost, as far as that is known.
    pub(super) fn read(&mut self, usage: Usage) -> Usage {
        self.told = true;
        self.prices.priced(self.model.as_deref(), usage)
    }

    /// What was used beside all that was told: of a program that told nothing nobody knows it, unless it never got as far
    /// as a model.
    pub(super) fn rest(&self, how: &EndKind) -> Usage {
        let nothing_asked = matches!(how, EndKind::Failed { fault: Fault::Misconfigured, .. });
        if self.told || nothing_asked { Usage::NONE } else { self.silence }
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use crate::agent::tests::spec;
    use crate::amount::{Cost, TokenUse, Usage, Usd};
    use crate::kernel::fact::{EndKind, Fault};
    use crate::mission::model::BackendKind;
    use crate::price::{Price, Prices};

    fn meter(backend: BackendKind) -> Meter {
        let price = |usd| Price { input: Usd(usd), output: Usd(usd), cache_read: Usd(usd), cache_write: Usd(usd) };
        let prices = [("asked", price(1_000_000)), ("other", price(2_000_000))];
        let mut spec = spec();
        spec.agent.backend = backend;
        spec.model = Some("asked".to_owned());
        spec.prices = Prices(prices.map(|(name, price)| (name.to_owned(), price)).into());
        Meter::new(&spec)
    }

    #[test]
    fn the_model_that_answers_says_what_tokens_cost() {
        let used = |cost| Usage { tokens: Some(TokenUse { input: 10, ..TokenUse::default() }), cost };
        let mut meter = meter(BackendKind::Codex);
        assert_eq!(meter.read(used(Cost::Unknown)), used(Cost::Computed(Usd(10))));
        meter.answers("other".to_owned());
        assert_eq!(meter.read(used(Cost::Unknown)), used(Cost::Computed(Usd(20))));
        assert_eq!(meter.read(used(Cost::Reported(Usd(3)))), used(Cost::Reported(Usd(3))), "who says so knows better");
        meter.answers("unheard-of".to_owned());
        assert_eq!(meter.read(used(Cost::Unknown)), used(Cost::Unknown), "never nothing");
    }

    #[test]
    fn of_a_session_that_told_nothing_nobody_knows_what_it_used() {
        let (done, login) = (EndKind::Completed, EndKind::Failed { fault: Fault::Misconfigured, why: String::new() });
        let mut real = meter(BackendKind::ClaudeCode);
        assert_eq!((real.rest(&done), real.rest(&login)), (Usage::default(), Usage::NONE));
        real.read(Usage::NONE);
        assert_eq!(real.rest(&done), Usage::NONE);
        assert_eq!(meter(BackendKind::Rehearsal).rest(&done), Usage::NONE, "it asks no model");
    }
}
