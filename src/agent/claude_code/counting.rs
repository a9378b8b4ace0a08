//! What a session used: each answer of the service as it ends, and the rest when the program settles it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::amount::{Cost, TokenUse, Usage, Usd};

/// What was told of a session so far.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// The answer that is being written, by who asked (the session itself, or one of its subagents): what it began with, and what was told of it.
    answers: BTreeMap<String, Answer>,
    told: TokenUse,
    /// The cost of accounts before the last.
    cost: Usd,
    /// What the conversation had used before, where the program counts on from there.
    before: Usage,
}

#[derive(Debug, Default)]
struct Answer {
    id: String,
    began: TokenUse,
    told: TokenUse,
}

impl Count {
    pub(super) fn after(before: Usage) -> Self {
        Self { before, ..Self::default() }
    }

    /// An event of the service, as it is passed on. What an answer costs is known at its end only: the figure of its
    /// beginning is none.
    pub(super) fn event(&mut self, event: &Value, by: &str) -> Option<Usage> {
        match event.get("type").and_then(Value::as_str)? {
            "message_start" => {
                let message = event.get("message")?;
                let began = message.get("usage").map(|usage| tokens(usage, TokenUse::default())).unwrap_or_default();
                let id = message.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                let answer = self.answers.entry(by.to_owned()).or_default();
                if answer.id != id {
                    *answer = Answer { id, began: TokenUse { output: 0, reasoning: 0, ..began }, ..Answer::default() };
                }
                None
            }
            "message_delta" => {
                let answer = self.answers.entry(by.to_owned()).or_default();
                let now = tokens(event.get("usage")?, answer.began);
                let more = minus(now, answer.told);
                answer.told = now;
                self.told = self.told + more;
                (more != TokenUse::default()).then_some(Usage { tokens: Some(more), cost: Cost::Unknown })
            }
            _ => None,
        }
    }

    /// The program's own account, with what was not told before.
    pub(super) fn settle(&mut self, result: &Value) -> Usage {
        let (all, cost) = self.account(result);
        let more = minus(all, self.told);
        self.told = TokenUse::default();
        self.answers.clear();
        let cost = cost.map(|cost| {
            self.cost += cost;
            Cost::Whole(self.cost)
        });
        Usage { tokens: Some(more), cost: cost.unwrap_or_default() }
    }

    /// All that this session used. `usage` is nothing where a cap ended it, and the totals count over conversations.
    fn account(&self, result: &Value) -> (TokenUse, Option<Usd>) {
        if let Some(models) = result.get("model_usage_since_last_result").and_then(Value::as_object) {
            let all = models.values().fold(TokenUse::default(), |sum, model| sum + of_model(model));
            let cost = models.values().filter_map(|model| usd(model.get("costUSD"))).sum();
            return (all, priced(all, cost));
        }
        let total = usd(result.get("total_cost_usd"));
        let cost = total.unwrap_or_default().saturating_sub(self.before.cost.known().unwrap_or_default());
        let all = result.get("usage").map(|usage| tokens(usage, TokenUse::default())).unwrap_or_default();
        (all, total.and_then(|_| priced(all, cost)))
    }
}

/// Tokens that cost nothing at all are tokens whose price the program does not know.
fn priced(tokens: TokenUse, cost: Usd) -> Option<Usd> {
    (cost != Usd::ZERO || tokens == TokenUse::default()).then_some(cost)
}

/// Tokens as the service names them, those that are not named as they were.
fn tokens(usage: &Value, before: TokenUse) -> TokenUse {
    let count = |key: &str| usage.get(key).and_then(Value::as_u64);
    let thought = usage.pointer("/output_tokens_details/thinking_tokens").and_then(Value::as_u64).unwrap_or(0);
    let output = count("output_tokens").unwrap_or(before.output);
    let reasoning = thought.min(output);
    TokenUse {
        input: count("input_tokens").unwrap_or(before.input),
        output: output - reasoning,
        reasoning,
        cache_write: count("cache_creation_input_tokens").unwrap_or(before.cache_write),
        cache_read: count("cache_read_input_tokens").unwrap_or(before.cache_read),
    }
}

fn of_model(model: &Value) -> TokenUse {
    let count = |key: &str| model.get(key).and_then(Value::as_u64).unwrap_or(0);
    let output = count("outputTokens");
    let reasoning = count("thinkingTokens").min(output);
    TokenUse {
        input: count("inputTokens"),
        output: output - reasoning,
        reasoning,
        cache_write: count("cacheCreationInputTokens"),
        cache_read: count("cacheReadInputTokens"),
    }
}

fn usd(value: Option<&Value>) -> Option<Usd> {
    Usd::from_dollars(value?.as_f64()?)
}

fn minus(all: TokenUse, part: TokenUse) -> TokenUse {
    TokenUse {
        input: all.input.saturating_sub(part.input),
        output: all.output.saturating_sub(part.output),
        reasoning: all.reasoning.saturating_sub(part.reasoning),
        cache_write: all.cache_write.saturating_sub(part.cache_write),
        cache_read: all.cache_read.saturating_sub(part.cache_read),
    }
}
