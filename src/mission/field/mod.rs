//! Parts of the language with a grammar of their own.
//!
//! A type here is read by a visitor that takes exactly what its hand-written schema allows: the two are compared by
//! a test over thousands of changed files.

pub mod command;
pub mod duration;
pub mod glob;
pub mod late;
pub mod number;
pub mod place;
pub mod shape;
pub mod size;
