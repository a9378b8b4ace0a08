//! Tests of the kernel: tables for `step`, and whole runs in virtual time.

#![expect(
    clippy::wildcard_enum_match_arm,
    clippy::as_conversions,
    clippy::too_many_lines,
    reason = "a test looks at the few kinds that it is about"
)]

mod always;
mod clock;
mod collisions;
mod costs;
mod gates;
mod groups;
mod handing;
mod joins;
mod kept;
mod limits;
mod missions;
mod plans;
mod play;
mod reviews;
mod rules;
mod send_back;
mod spending;
mod steps;
mod suspended;
mod wishes;
mod world;
