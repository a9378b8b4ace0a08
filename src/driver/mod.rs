//! Carries the effects of the kernel out and feeds facts back. It decides nothing.
//!
//! [`launch`] begins a run or goes on with one; [`drive`] is the loop; [`hands`] carries effects out; [`guard`] owns all
//! children; [`commit`] makes events durable; [`consult`] asks an agent something outside of any run.

pub mod adopt;
pub mod audience;
pub mod children;
pub mod clock;
pub mod commit;
pub mod consult;
pub mod drive;
pub mod environment;
pub mod guard;
pub mod hands;
pub mod launch;
pub mod notice;
pub mod sandbox;
pub mod secrets;
pub mod setting;
mod stopping;
pub mod survivors;
pub mod target;
mod wishes;
