//! Numbers with a range. A number without a fraction counts as whole, `3.0` too, as JSON Schema has it.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::amount::Usd;

/// Largest whole number that a float holds exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

struct Whole {
    min: i64,
    max: i64,
}

impl Visitor<'_> for Whole {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {} to {}", self.min, self.max)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        if (self.min..=self.max).contains(&number) { Ok(number) } else { Err(E::custom("out of range")) }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        self.visit_i64(i64::try_from(number).map_err(E::custom)?)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        if number.fract() != 0.0 || number.abs() > EXACT {
            return Err(E::custom("not a whole number"));
        }
        #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        self.visit_i64(number as i64)
    }
}

macro_rules! whole {
    ($($(#[$meta:meta])* $Name:ident($inner:ty), $min:expr, $max:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $Name(pub $inner);

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = deserializer.deserialize_any(Whole { min: $min, max: $max })?;
                <$inner>::try_from(number).map(Self).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $Name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($Name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let Whole { min, max } = Whole { min: $min, max: $max };
                json_schema!({ "type": "integer", "minimum": min, "maximum": max })
            }
        }
    )*};
}

whole! {
    /// A count of things of which there is at least one.
    Count(u32), 1, 100_000;
    /// How many more of something.
    More(u32), 0, 1_000;
    /// A number that may be large.
    Large(u64), 0, 1_000_000_000_000_000_i64;
    /// A number with a sign.
    Signed(i64), -1_000_000, 1_000_000;
}

impl Count {
    /// As a type that is never 0.
    pub fn get(self) -> NonZeroU32 {
        NonZeroU32::new(self.0).unwrap_or(NonZeroU32::MIN)
    }
}

struct Ranged {
    min: f64,
    max: f64,
}

impl Visitor<'_> for Ranged {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number from {} to {}", self.min, self.max)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        if (self.min..=self.max).contains(&number) { Ok(number) } else { Err(E::custom("out of range")) }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the ranges are far below 2^53")]
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        self.visit_i64(i64::try_from(number).map_err(E::custom)?)
    }
}

macro_rules! ranged {
    ($($(#[$meta:meta])* $Name:ident, $min:expr, $max:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
        pub struct $Name(pub f64);

        impl<'de> Deserialize<'de> for $Name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Ranged { min: $min, max: $max }).map(Self)
            }
        }

        impl JsonSchema for $Name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($Name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "number", "minimum": $min, "maximum": $max })
            }
        }
    )*};
}

ranged! {
    /// US dollars.
    Dollars, 0.0, 1_000_000_000.0;
    /// A part of a whole.
    Fraction, 0.01, 1.0;
}

impl Dollars {
    /// As integer micro-dollars.
    pub fn usd(self) -> Usd {
        Usd::from_dollars(self.0).unwrap_or_default()
    }
}

impl Fraction {
    /// As whole percent, 1 to 100.
    pub fn percent(self) -> u8 {
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 1 to 100"
        )]
        let percent = (self.0 * 100.0).round().clamp(1.0, 100.0) as u8;
        percent
    }
}
