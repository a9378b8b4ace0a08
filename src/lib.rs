//! `ai-sdlc`: a workflow engine for missions, DAGs of AI coding agents and commands, each in its own git worktree.
//!
//! Data flows one way, and the modules stand in that order; each may use only those above it:
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`name`], [`amount`], [`mask`], [`diagnostic`] | validated names and ids; money, tokens and time as integers; hiding secrets; findings |
//! | [`expression`] | CEL: read, type-check and evaluate the conditions and values of a mission |
//! | [`catalog`] | roles, skills and templates as data: find, load, validate, choose |
//! | [`mission`] | the language: text to a valid mission, or all findings at once |
//! | [`story`] | stories of a project: read, ordered, made a mission, marked |
//! | [`handoff`] | what one session leaves for the next: parse, verify, render |
//! | [`plan`] | mission, catalog and inputs to a closed plan; prompts, graph, forecast |
//! | [`kernel`] | everything that decides: facts in, events and effects out; pure |
//! | [`report`] | folds of events for people |
//! | [`journal`] | one SQLite database a run: the only truth |
//! | [`agent`] | adapters of agent programs: pure functions |
//! | [`workspace`] | git: worktrees, snapshots, merges |
//! | [`session`] | the host of one agent process |
//! | [`driver`] | carries effects out, feeds facts back; the guard that owns all children |
//! | [`cli`] | the command line |

pub mod agent;
pub mod amount;
pub mod catalog;
pub mod cli;
pub mod diagnostic;
pub mod driver;
pub mod expression;
pub mod handoff;
pub mod journal;
pub mod kernel;
pub mod mask;
pub mod mission;
pub mod name;
pub mod plan;
pub mod price;
pub mod report;
pub mod session;
pub mod story;
pub mod workspace;
