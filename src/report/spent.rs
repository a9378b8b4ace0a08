//! What was used, as people are told it.

use std::fmt;

use crate::amount::{Cost, TokenUse, Usage, Usd};

/// Use added up. A cost nobody knows is said to be unknown, never counted as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Money that is known.
    pub usd: Usd,
    /// Tokens that are known.
    pub tokens: TokenUse,
    /// Whether all of it is known.
    pub known: Known,
}

/// Whether all use is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Known {
    /// All.
    #[default]
    All,
    /// Of some sessions neither money nor tokens are known, or no money.
    InPart,
}

impl Spent {
    /// Adds one report.
    pub fn add(&mut self, usage: Usage) {
        match usage.cost {
            Cost::Reported(usd) => self.usd += usd,
            Cost::Unknown => self.known = Known::InPart,
        }
        if let Some(tokens) = usage.tokens {
            self.tokens = self.tokens + tokens;
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Spent {
    /// `$0.31`; `$0.31+?` where some is unknown; `12.4k tokens` or `cost unknown` where no money is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = self.tokens.billed();
        match (self.known, self.usd) {
            (Known::All, usd) => write!(f, "{usd}"),
            (Known::InPart, Usd::ZERO) if tokens.0 > 0 => write!(f, "{tokens} tokens"),
            (Known::InPart, Usd::ZERO) => f.write_str("cost unknown"),
            (Known::InPart, usd) => write!(f, "{usd}+?"),
        }
    }
}
