//! What a session used: tokens with the answer to its prompt, money as a figure that counts on.

use serde_json::Value;

use crate::amount::{Cost, TokenUse, Usage, Usd};

/// What was told of a session so far.
#[derive(Debug)]
pub(super) struct Count {
    /// What the conversation had cost before: the figure counts over all of it.
    before: Usd,
    cost: Option<Usd>,
}

impl Count {
    pub(super) fn after(before: Usage) -> Self {
        Self { before: before.cost.known().unwrap_or_default(), cost: None }
    }

    /// What the conversation has cost by now, all of it.
    pub(super) fn costs(&mut self, cost: Option<&Value>) -> Option<Usage> {
        let cost = cost?;
        let is_money =
            cost.get("currency").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case("USD"));
        let all = cost.get("amount").and_then(Value::as_f64).and_then(Usd::from_dollars).filter(|_| is_money)?;
        // A program that begins anew with each process tells less than there was before.
        let own = if all >= self.before { all.saturating_sub(self.before) } else { all };
        let is_news = own > Usd::ZERO && self.cost != Some(own);
        self.cost = Some(own);
        is_news.then_some(Usage { tokens: Some(TokenUse::default()), cost: Cost::Whole(own) })
    }

    /// What its whole turn used, as the answer tells.
    pub(super) fn turn(&self, answer: &Value) -> Option<Usage> {
        let told = answer.get("usage").filter(|usage| usage.is_object());
        let quota = || answer.pointer("/_meta/quota/token_count").filter(|usage| usage.is_object());
        let tokens = told.or_else(quota).map(tokens)?;
        let cost = self.cost.filter(|cost| *cost > Usd::ZERO).map_or(Cost::Unknown, Cost::Whole);
        Some(Usage { tokens: Some(tokens), cost })
    }
}

/// Tokens, in any of the spellings that are in use.
fn tokens(usage: &Value) -> TokenUse {
    let count = |names: &[&str]| names.iter().find_map(|name| usage.get(name)?.as_u64()).unwrap_or(0);
    let input = count(&["inputTokens", "input_tokens"]);
    let output = count(&["outputTokens", "output_tokens"]);
    let thought = count(&["thoughtTokens", "reasoningOutputTokens", "reasoning_tokens"]);
    let read = count(&["cachedReadTokens", "cachedInputTokens", "cached_input_tokens"]);
    let written = count(&["cachedWriteTokens", "cacheWriteInputTokens"]);
    let all = count(&["totalTokens", "total_tokens"]);
    let cached = read.saturating_add(written);
    // Some count what came from the cache as a part of what was read, and what was thought as a part of what was
    // written: the sum tells.
    let apart = all.saturating_sub(input.saturating_add(output));
    let (input, cached_apart) = if apart >= cached { (input, cached) } else { (input.saturating_sub(cached), 0) };
    let output = if apart.saturating_sub(cached_apart) >= thought { output } else { output.saturating_sub(thought) };
    TokenUse { input, output, reasoning: thought, cache_write: written, cache_read: read }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_from_the_cache_is_counted_once() {
        let apart = json!({ "totalTokens": 175, "inputTokens": 100, "outputTokens": 20, "cachedReadTokens": 50,
                            "thoughtTokens": 5 });
        let within = json!({ "totalTokens": 120, "inputTokens": 100, "outputTokens": 20, "cachedReadTokens": 50,
                             "thoughtTokens": 5 });
        let told = |input, output| TokenUse { input, output, reasoning: 5, cache_write: 0, cache_read: 50 };
        assert_eq!(tokens(&apart), told(100, 20));
        assert_eq!(tokens(&within), told(50, 15));
        let short = json!({ "input_tokens": 300, "output_tokens": 60 });
        assert_eq!(tokens(&short), TokenUse { input: 300, output: 60, ..TokenUse::default() });
    }

    #[test]
    fn a_cost_counts_over_the_conversation() {
        let before = Usage { tokens: None, cost: Cost::Reported(Usd(3_200)) };
        let mut count = Count::after(before);
        let told = |amount: f64, currency: &str| json!({ "amount": amount, "currency": currency });
        let whole = |usd| Some(Usage { tokens: Some(TokenUse::default()), cost: Cost::Whole(Usd(usd)) });
        assert_eq!(count.costs(Some(&told(0.0072, "USD"))), whole(4_000));
        assert_eq!(count.costs(Some(&told(0.0072, "USD"))), None);
        assert_eq!(count.costs(Some(&told(0.5, "credits"))), None);
        assert_eq!(count.costs(Some(&told(0.001, "USD"))), whole(1_000), "it began anew");
        assert_eq!(Count::after(Usage::default()).costs(Some(&told(0.0, "USD"))), None, "a price nobody knows");
    }
}
