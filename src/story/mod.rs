//! Stories: what is to be built, one Markdown file each, with front matter and acceptance criteria.
//!
//! Bytes → [`file::Story`] (one file, or its findings) → [`board::Board`] (all of them: ids, dependencies, what can be
//! run now) → [`compose`] (the mission that carries some of them out). [`mark`] writes back what a review said, and
//! changes nothing else of a file. Nothing here opens a file or knows what a run is.

pub mod board;
pub mod compose;
pub mod criteria;
pub mod file;
pub mod mark;
pub mod schema;

#[cfg(test)]
mod tests;

pub use board::{Board, Why};
pub use criteria::Criterion;
pub use file::{Status, Story};
pub use schema::story_schema;
