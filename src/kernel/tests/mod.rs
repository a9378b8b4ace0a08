//! Tests of the kernel: tables for `step`, and whole runs in virtual time.

#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::as_conversions,
    clippy::too_many_lines,
    reason = "a test looks at the few kinds that it is about"
)]

mod missions;
mod plans;
mod rules;
mod steps;
mod world;
