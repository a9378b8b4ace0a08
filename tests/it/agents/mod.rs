//! Real agent programs, driven by the real engine, against a scripted model server on loopback.
//!
//! The programs are not part of a build: `tests/agents/install` fetches them, `AI_SDLC_REAL_AGENTS` names the folder
//! that they are in. To add one: its exact version in `tests/agents/package.json`, an arm in `harness::Kind`, a file
//! of tests here. No test reaches for a real service or a real login: a home folder of its own, a key that is none, an
//! address on loopback.

mod acp;
mod claude;
mod codex;
mod crowd;
mod gemini;
mod harness;
mod lost;
mod opencode;
mod tools;
