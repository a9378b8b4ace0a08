//! What models cost: prices by model, and what tokens come to with them.
//!
//! Where they come from is told by `mission::prices`; here they are a closed value that a plan carries, so that
//! a resume computes with the same ones.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::amount::{Cost, TokenUse, Usage, Usd};

/// What a million tokens of a model cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Price {
    /// Read by the model.
    pub input: Usd,
    /// Written by it, while thinking too.
    pub output: Usd,
    /// Read from its cache.
    pub cache_read: Usd,
    /// Written into its cache.
    pub cache_write: Usd,
}

/// Prices by model: ids as agents name them, in which `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Prices(pub BTreeMap<String, Price>);

impl Price {
    /// What so many tokens cost, rounded up.
    pub fn of(&self, tokens: &TokenUse) -> Usd {
        let TokenUse { input, output, reasoning, cache_write, cache_read } = *tokens;
        let parts = [
            (input, self.input),
            (output, self.output),
            (reasoning, self.output),
            (cache_write, self.cache_write),
            (cache_read, self.cache_read),
        ];
        let sum = parts
            .into_iter()
            .map(|(tokens, price)| u128::from(tokens) * u128::from(price.0))
            .fold(0_u128, u128::saturating_add);
        Usd(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

impl Prices {
    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The price of a model as an agent names it: `provider/model`, `model-20260101` and `model[1m]` are the model where
    /// nothing is said of them in particular. `None`: nobody knows.
    pub fn of(&self, model: &str) -> Option<&Price> {
        self.named(model).and_then(|name| self.0.get(name))
    }

    /// Under which name that price stands here.
    pub fn named(&self, model: &str) -> Option<&str> {
        names(model).into_iter().find_map(|name| self.written(name))
    }

    /// That very name, else the pattern that says most of it.
    fn written(&self, model: &str) -> Option<&str> {
        if let Some((name, _)) = self.0.get_key_value(model) {
            return Some(name);
        }
        let fits = self.0.keys().filter(|name| name.contains('*') && matches(name, model));
        fits.max_by_key(|name| name.len()).map(String::as_str)
    }

    /// A report of use with its cost, where only that is missing and its model has a price.
    #[must_use]
    pub fn priced(&self, model: Option<&str>, usage: Usage) -> Usage {
        let price = model.and_then(|model| self.of(model));
        match (usage.cost, usage.tokens, price) {
            (Cost::Unknown, Some(tokens), Some(price)) => Usage { cost: Cost::Computed(price.of(&tokens)), ..usage },
            (Cost::Unknown | Cost::Reported(_) | Cost::Computed(_) | Cost::Whole(_), _, _) => usage,
        }
    }
}

/// The names that a model may stand under, the most particular first.
fn names(model: &str) -> Vec<&str> {
    let mut names = vec![model];
    let plain = model.split_once('[').map_or(model, |(plain, _)| plain);
    let bare = plain.rsplit_once('/').map_or(plain, |(_, bare)| bare);
    for name in [plain, without_date(plain), bare, without_date(bare)] {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// `model-20260101`, `model@20260101`, `model-2026-01-01` and `model-latest` without their ends.
fn without_date(model: &str) -> &str {
    const FORMS: [&str; 4] = ["-00000000", "@00000000", "-0000-00-00", "-latest"];
    let cut = |form: &str| {
        let (name, end) = model.split_at_checked(model.len().checked_sub(form.len())?)?;
        let like = |(is, form): (u8, u8)| if form == b'0' { is.is_ascii_digit() } else { is == form };
        (!name.is_empty() && end.bytes().zip(form.bytes()).all(like)).then_some(name)
    };
    FORMS.into_iter().find_map(cut).unwrap_or(model)
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Price, Prices};
    use crate::amount::{Cost, TokenUse, Usage, Usd};

    fn price(input: u64) -> Price {
        let [input, output] = [input, 5 * input].map(Usd);
        Price { input, output, cache_read: Usd(input.0 / 10), cache_write: Usd(input.0 * 5 / 4) }
    }

    fn prices(names: &[(&str, u64)]) -> Prices {
        Prices(names.iter().map(|(name, input)| ((*name).to_owned(), price(*input))).collect())
    }

    #[test]
    fn tokens_of_each_kind_have_their_price() {
        let sonnet = Price { input: Usd(2_000_000), output: Usd(10_000_000), ..price(2_000_000) };
        let tokens = TokenUse { input: 200, output: 40, ..TokenUse::default() };
        assert_eq!(sonnet.of(&tokens), Usd(800), "200 in and 40 out of $2 and $10 a million");
        let all = TokenUse { input: 1, output: 10, reasoning: 100, cache_write: 1_000, cache_read: 10_000 };
        assert_eq!(sonnet.of(&all), Usd(2 + 100 + 1_000 + 2_500 + 2_000));
        let one = TokenUse { input: 1, ..TokenUse::default() };
        assert_eq!(price(1).of(&one), Usd(1), "never less than it was");
        let many = TokenUse { input: u64::MAX, ..TokenUse::default() };
        assert_eq!(price(1 << 50).of(&many), Usd(u64::MAX));
    }

    #[test]
    fn a_model_is_known_by_each_of_its_names() {
        let all = prices(&[("claude-opus-4-5", 5), ("gpt-5", 1), ("gpt-5-*", 2), ("gpt-5-mini*", 3), ("or/gpt-5", 9)]);
        for (model, input) in [
            ("claude-opus-4-5", Some(5)),
            ("claude-opus-4-5-20251101", Some(5)),
            ("claude-opus-4-5@20251101", Some(5)),
            ("claude-opus-4-5-latest", Some(5)),
            ("claude-opus-4-5[1m]", Some(5)),
            ("anthropic/claude-opus-4-5-20251101", Some(5)),
            ("gpt-5", Some(1)),
            ("gpt-5-2025-08-07", Some(2)),
            ("gpt-5-mini-x", Some(3)),
            ("openai/gpt-5", Some(1)),
            ("or/gpt-5", Some(9)),
            ("gpt-5x", None),
            ("claude-opus-4", None),
            ("-latest", None),
            ("", None),
        ] {
            assert_eq!(all.of(model).map(|price| price.input.0), input, "{model}");
        }
        assert!(prices(&[("a*b*c", 1)]).of("a-b-b-c").is_some());
        assert!(prices(&[("a*b*c", 1)]).of("a-c-b").is_none());
    }

    #[test]
    fn only_what_nobody_told_is_computed() {
        let all = prices(&[("m", 1_000_000)]);
        let used = |cost| Usage { tokens: Some(TokenUse { input: 7, ..TokenUse::default() }), cost };
        assert_eq!(all.priced(Some("m"), used(Cost::Unknown)), used(Cost::Computed(Usd(7))));
        for (model, usage) in [
            (Some("m"), used(Cost::Reported(Usd(9)))),
            (Some("m"), used(Cost::Whole(Usd(9)))),
            (Some("m"), Usage::default()),
            (Some("other"), used(Cost::Unknown)),
            (None, used(Cost::Unknown)),
        ] {
            assert_eq!(all.priced(model, usage), usage, "{model:?}");
        }
    }
}
