//! Money, tokens and time as integers, and what a session used of them.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod spent;

pub use spent::{Basis, Spent};

/// How often, in words: `once`, `3 times`.
pub fn often(times: u32) -> String {
    if times == 1 { "once".to_owned() } else { format!("{times} times") }
}

/// US dollars, as whole micro-dollars (1 USD = 1,000,000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Usd(pub u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From dollars as a person writes them; `None` if negative, not a number, or over 10^12.
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "range checked"
        )]
        (0.0..=1e12).contains(&dollars).then(|| Self((dollars * 1e6).round() as u64))
    }

    /// In dollars.
    pub fn dollars(self) -> f64 {
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "to be shown")]
        let micro = self.0 as f64;
        micro / 1e6
    }

    /// What is left after taking `other` away, at least nothing.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Usd {
    /// Two decimals, or four where two would show nothing: `$4.12`, `$0.0008`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micro = self.0;
        if micro > 0 && micro < 10_000 {
            write!(f, "${}.{:04}", micro / 1_000_000, (micro % 1_000_000).div_ceil(100))
        } else {
            let cents = micro.saturating_add(5_000) / 10_000;
            write!(f, "${}.{:02}", cents / 100, cents % 100)
        }
    }
}

/// A count of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Tokens(pub u64);

impl fmt::Display for Tokens {
    /// `812`, `12.4k`, `8.0M`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, millions) = (self.0, self.0.saturating_add(50_000));
        match n {
            0..=999 => write!(f, "{n}"),
            1_000..=999_949 => write!(f, "{}.{}k", (n + 50) / 1_000, (n + 50) % 1_000 / 100),
            _ => write!(f, "{}.{}M", millions / 1_000_000, millions % 1_000_000 / 100_000),
        }
    }
}

/// A length of time in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// None at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// From whole minutes.
    pub const fn from_mins(mins: u64) -> Self {
        Self::from_secs(mins.saturating_mul(60))
    }

    /// As the standard library's type.
    pub fn to_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// What is left after taking `other` away, at least nothing.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Millis {
    /// `450ms`, `3.2s`, `4m02s`, `1h05m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0 / 1_000;
        match self.0 {
            0..=999 => write!(f, "{}ms", self.0),
            1_000..=59_949 => write!(f, "{}.{}s", (self.0 + 50) / 1_000, (self.0 + 50) % 1_000 / 100),
            59_950..=3_599_999 => write!(f, "{}m{:02}s", secs.max(60) / 60, if secs < 60 { 0 } else { secs % 60 }),
            _ => write!(f, "{}h{:02}m", secs / 3_600, secs % 3_600 / 60),
        }
    }
}

/// A moment on both clocks. Deadlines within one engine are monotonic; what must survive a restart is wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
pub struct At {
    /// Time since this engine started.
    pub mono: Millis,
    /// Milliseconds since the Unix epoch.
    pub wall: WallTime,
}

/// Wall-clock time in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct WallTime(pub i64);

impl WallTime {
    /// How long after `earlier` this is; nothing if it is before.
    pub fn since(self, earlier: Self) -> Millis {
        Millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment and a length of time.
    #[must_use]
    pub fn plus(self, length: Millis) -> Self {
        Self(self.0.saturating_add(i64::try_from(length.0).unwrap_or(i64::MAX)))
    }

    /// The same moment on a clock that was set forward by so many milliseconds, or back.
    #[must_use]
    pub fn shifted(self, by: i64) -> Self {
        Self(self.0.saturating_add(by))
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339 in UTC, whole seconds: `2026-11-21T12:04:10Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.0}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// Where a cost figure comes from. A cost nobody knows is unknown, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "basis", content = "usd")]
pub enum Cost {
    /// The agent said so.
    Reported(Usd),
    /// From tokens and a table of prices.
    Computed(Usd),
    /// The agent said so of the whole session: it stands in place of all that was told of its cost before.
    Whole(Usd),
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Cost {
    /// The figure, where there is one.
    pub fn known(self) -> Option<Usd> {
        match self {
            Self::Reported(usd) | Self::Computed(usd) | Self::Whole(usd) => Some(usd),
            Self::Unknown => None,
        }
    }
}

/// What a session used, or several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens, where they are known.
    pub tokens: Option<TokenUse>,
    /// Money, where it is known.
    pub cost: Cost,
}

/// Tokens by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TokenUse {
    /// Read by the model and not from its cache.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Written while thinking, where it is told apart.
    pub reasoning: u64,
    /// Written into the cache.
    pub cache_write: u64,
    /// Read from the cache: counted apart, not against a token ceiling.
    pub cache_read: u64,
}

impl TokenUse {
    /// What counts against a ceiling: input, output, reasoning and cache writes.
    pub fn billed(self) -> Tokens {
        Tokens(self.input.saturating_add(self.output).saturating_add(self.reasoning).saturating_add(self.cache_write))
    }
}

impl Usage {
    /// A known use of nothing.
    pub const NONE: Self = Self {
        tokens: Some(TokenUse { input: 0, output: 0, reasoning: 0, cache_write: 0, cache_read: 0 }),
        cost: Cost::Reported(Usd::ZERO),
    };
}

impl Add for TokenUse {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            cache_read: self.cache_read.saturating_add(other.cache_read),
        }
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Add for Tokens {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Add for Millis {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// A ceiling: what may be used at most. A part left out has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ceiling {
    /// Money.
    pub usd: Option<Usd>,
    /// Tokens that count.
    pub tokens: Option<Tokens>,
    /// Time: of a run while it is live, of a task while its sessions run.
    pub time: Option<Millis>,
}

impl Ceiling {
    /// No limit at all.
    pub const NONE: Self = Self { usd: None, tokens: None, time: None };

    /// What neither this nor the other lets pass.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        fn least<T: Ord>(one: Option<T>, two: Option<T>) -> Option<T> {
            one.into_iter().chain(two).min()
        }
        Self {
            usd: least(self.usd, other.usd),
            tokens: least(self.tokens, other.tokens),
            time: least(self.time, other.time),
        }
    }

    /// True where nothing is limited.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}
