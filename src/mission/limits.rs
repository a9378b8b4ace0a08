//! The literal tables of how much a mission may use, and use at once: `[budget]` and `[concurrency]`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::mission::field::duration::DurationText;
use crate::mission::field::number::{Count, Dollars, Fraction, Large};
use crate::mission::model::{OnExceeded, UnknownUse};

/// Ceiling of the whole run.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetFile {
    /// US dollars.
    #[schemars(example = 20.0)]
    pub usd: Option<Dollars>,
    /// Tokens: input, output, reasoning and cache writes.
    #[schemars(example = 8_000_000)]
    pub tokens: Option<Large>,
    /// Time while the run is live.
    #[schemars(example = &"4h")]
    pub time: Option<DurationText>,
    /// At which part of a ceiling to warn; 0.8 where left out.
    #[schemars(example = 0.5, extend("default" = 0.8))]
    pub warn_at: Option<Fraction>,
    /// What happens when it is used up.
    #[serde(default)]
    pub on_exceeded: OnExceeded,
    /// What happens with agents that report no use.
    #[serde(default)]
    pub unknown: UnknownUse,
}

/// A ceiling of one task, all its attempts together.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CeilingFile {
    /// US dollars.
    #[schemars(example = 4.0)]
    pub usd: Option<Dollars>,
    /// Tokens: input, output, reasoning and cache writes.
    #[schemars(example = 1_000_000)]
    pub tokens: Option<Large>,
    /// Running time.
    #[schemars(example = &"1h")]
    pub time: Option<DurationText>,
}

/// How much runs at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencyFile {
    /// Tasks at once; 3 where left out.
    #[schemars(example = 4, extend("default" = 3))]
    pub max: Option<Count>,
    /// Whether the engine moves between 1 and `max` as failures show.
    #[serde(default)]
    pub auto: bool,
}
