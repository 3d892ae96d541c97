//! What the log carries besides openraft's own entries.

use keyraft_model::UnixMs;
use serde::{Deserialize, Serialize};

use crate::command::Command;

/// One entry: a body, the leader's time, and who asked, so that asking twice is asking once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The leader's time when it was proposed.
    pub(crate) time: UnixMs,
    /// The node that asked.
    pub(crate) origin: u64,
    /// That node's start, counted; results of an earlier start are forgotten.
    pub(crate) boot: u64,
    /// The command's number within that start.
    pub(crate) sequence: u64,
    /// The oldest number whose answer the origin still waits for.
    pub(crate) oldest: u64,
    /// What to do.
    pub(crate) body: Body,
}

/// What an entry does. Only ever grows at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    /// A caller's command.
    Command(Box<Command>),
    /// Time passes: drops what is due.
    Tick,
    /// The bound of the state in bytes, as the leader is configured; the same on every node by being here.
    Bound(u64),
}
