//! The state machine: applies entries of the log, one after the other, the same way on every node.
//!
//! An entry carries its time; `clock = max(clock, time)` is part of the state and the only clock here. A
//! command is decided first (`maps`, pure, under `catch_unwind`) and changes the state only afterwards, by
//! [`change::Change`]s. Each entry also drops a bounded number of expired objects, so that no entry takes
//! long. Nothing here reads a clock, draws a random number, or iterates in an order of chance.

mod alter;
pub(crate) mod change;
pub(crate) mod changes;
pub(crate) mod counters;
pub(crate) mod dirty;
pub(crate) mod entry;
pub(crate) mod fences;
pub(crate) mod image;
pub(crate) mod names;
pub(crate) mod origins;
pub(crate) mod packed;
pub(crate) mod record;
pub(crate) mod rows;
pub(crate) mod skips;
pub(crate) mod slot;
pub(crate) mod state;
pub(crate) mod sweep;
pub(crate) mod usage;

#[cfg(test)]
mod tests;

pub(crate) use entry::{Body, Entry};
pub(crate) use state::State;
