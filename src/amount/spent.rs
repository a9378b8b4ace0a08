//! Use added up: the one place where figures that agents report, figures that are computed and figures that nobody
//! knows come together, and stay apart.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::amount::{Cost, TokenUse, Usage, Usd};

/// Use added up. A cost nobody knows is said to be unknown, never counted as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Money, as agents say.
    pub reported: Usd,
    /// Money, from tokens and a table of prices.
    pub computed: Usd,
    /// Reports of a cost.
    pub told: u32,
    /// Reports of use whose cost nobody knows.
    pub unknown: u32,
    /// Tokens that are known.
    pub tokens: TokenUse,
}

/// Where a sum of money comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Agents said all of it.
    Reported,
    /// Some of it is from tokens and a table of prices.
    Computed,
    /// Of a part nobody knows the cost: it is this much or more.
    PartlyUnknown,
    /// Nobody knows it.
    Unknown,
}

impl Spent {
    /// The money that is known.
    pub fn usd(&self) -> Usd {
        self.reported + self.computed
    }

    /// Adds one report.
    pub fn add(&mut self, usage: &Usage) {
        self.add_within(&Self::default(), usage);
    }

    /// Adds a report of a session that used so much before: what its agent says that the whole of it cost stands in
    /// place of that. An end without a word adds nothing unknown where its cost was told before.
    pub fn add_within(&mut self, session: &Self, usage: &Usage) {
        match (usage.cost, usage.tokens) {
            (Cost::Reported(usd), _) => self.reported += usd,
            (Cost::Computed(usd), _) => self.computed += usd,
            (Cost::Whole(usd), _) => {
                self.reported = self.reported.saturating_sub(session.reported) + usd;
                self.computed = self.computed.saturating_sub(session.computed);
                self.unknown = self.unknown.saturating_sub(session.unknown);
            }
            (Cost::Unknown, Some(tokens)) if tokens == TokenUse::default() => {}
            (Cost::Unknown, None) if session.told > 0 => {}
            (Cost::Unknown, _) => self.unknown = self.unknown.saturating_add(1),
        }
        if usage.cost != Cost::Unknown {
            self.told = self.told.saturating_add(1);
        }
        self.tokens = self.tokens + usage.tokens.unwrap_or_default();
    }

    /// Adds a report of the session that this is the sum of.
    pub fn take(&mut self, usage: &Usage) {
        let before = *self;
        self.add_within(&before, usage);
    }

    /// Adds another sum.
    pub fn include(&mut self, other: &Self) {
        self.reported += other.reported;
        self.computed += other.computed;
        self.told = self.told.saturating_add(other.told);
        self.unknown = self.unknown.saturating_add(other.unknown);
        self.tokens = self.tokens + other.tokens;
    }

    /// Where the money comes from.
    pub fn basis(&self) -> Basis {
        match (self.unknown, self.usd(), self.computed) {
            (0, _, Usd::ZERO) => Basis::Reported,
            (0, _, _) => Basis::Computed,
            (_, Usd::ZERO, _) => Basis::Unknown,
            (_, _, _) => Basis::PartlyUnknown,
        }
    }

    /// The same as one report: a cost of which a part is unknown is unknown.
    pub fn usage(&self) -> Usage {
        let cost = match self.basis() {
            Basis::Reported => Cost::Reported(self.reported),
            Basis::Computed => Cost::Computed(self.usd()),
            Basis::PartlyUnknown | Basis::Unknown => Cost::Unknown,
        };
        let untold = self.basis() == Basis::Unknown && self.tokens == TokenUse::default();
        Usage { tokens: (!untold).then_some(self.tokens), cost }
    }

    /// Whether there is nothing to tell.
    pub fn is_nothing(&self) -> bool {
        self.usd() == Usd::ZERO && self.unknown == 0 && self.tokens == TokenUse::default()
    }
}

impl fmt::Display for Spent {
    /// `$0.31`; `~$0.31` where some of it is computed; `$0.31+?` where some is unknown; `12.4k tokens` or `cost unknown`
    /// where no money is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = if self.computed == Usd::ZERO { "" } else { "~" };
        let tokens = self.tokens.billed();
        match self.basis() {
            Basis::Reported | Basis::Computed => write!(f, "{about}{}", self.usd()),
            Basis::PartlyUnknown => write!(f, "{about}{}+?", self.usd()),
            Basis::Unknown if tokens.0 > 0 => write!(f, "{tokens} tokens"),
            Basis::Unknown => f.write_str("cost unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Basis, Spent};
    use crate::amount::{Cost, TokenUse, Usage, Usd};

    fn used(output: u64, cost: Cost) -> Usage {
        Usage { tokens: Some(TokenUse { output, ..TokenUse::default() }), cost }
    }

    fn sum(all: &[Usage]) -> Spent {
        all.iter().fold(Spent::default(), |mut sum, usage| {
            sum.take(usage);
            sum
        })
    }

    #[test]
    fn a_sum_keeps_where_its_parts_come_from() {
        let (reported, computed) = (used(10, Cost::Reported(Usd(200_000))), used(20, Cost::Computed(Usd(110_000))));
        let unknown = used(30, Cost::Unknown);
        for (parts, basis, shown) in [
            (&[][..], Basis::Reported, "$0.00"),
            (&[reported][..], Basis::Reported, "$0.20"),
            (&[computed][..], Basis::Computed, "~$0.11"),
            (&[reported, computed][..], Basis::Computed, "~$0.31"),
            (&[reported, unknown][..], Basis::PartlyUnknown, "$0.20+?"),
            (&[unknown, computed, reported][..], Basis::PartlyUnknown, "~$0.31+?"),
            (&[unknown][..], Basis::Unknown, "30 tokens"),
            (&[Usage::default()][..], Basis::Unknown, "cost unknown"),
        ] {
            let sum = sum(parts);
            assert_eq!((sum.basis(), sum.to_string().as_str()), (basis, shown), "{parts:?}");
        }
        assert_eq!(sum(&[reported, computed]).usage(), used(30, Cost::Computed(Usd(310_000))));
        assert_eq!(sum(&[reported, unknown]).usage().cost, Cost::Unknown);
    }

    #[test]
    fn what_the_whole_session_cost_stands_in_place_of_what_was_told_of_it_before() {
        let (step, first) = (used(40, Cost::Computed(Usd(900))), used(1, Cost::Reported(Usd(5_000))));
        let mut session = sum(&[step, used(7, Cost::Unknown)]);
        let mut run = sum(&[first]);
        run.include(&session);
        assert_eq!((run.usd(), run.basis()), (Usd(5_900), Basis::PartlyUnknown));
        let whole = used(2, Cost::Whole(Usd(800)));
        run.add_within(&session, &whole);
        session.take(&whole);
        assert_eq!((run.usd(), run.basis(), run.tokens.output), (Usd(5_800), Basis::Reported, 50));
        assert_eq!((session.usd(), session.basis(), session.tokens.output), (Usd(800), Basis::Reported, 49));
    }

    #[test]
    fn nothing_used_is_nothing_unknown() {
        let mut told = sum(&[Usage::NONE]);
        told.take(&Usage::default());
        told.take(&used(0, Cost::Unknown));
        assert_eq!((told.basis(), told.is_nothing()), (Basis::Reported, true), "its cost was told before");
    }
}
