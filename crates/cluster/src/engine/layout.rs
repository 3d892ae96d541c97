//! What lies on disk of openraft's notions: own types and the conversions, nowhere else.
//!
//! openraft's own types never reach the disk, because their layout moves between its versions. Enums here
//! only grow at their end; a change to anything else needs a new `frame::FORMAT`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use openraft::BasicNode;
use serde::{Deserialize, Serialize};

use crate::{
    engine::{
        frame::damaged,
        types::{self, LeaderId, LogEntry, Payload, Proposal},
    },
    machine,
};

/// The place of an entry: its leader's term and id, and its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogId {
    pub(crate) term: u64,
    pub(crate) leader: u64,
    pub(crate) index: u64,
}

/// A vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vote {
    pub(crate) term: u64,
    pub(crate) node: u64,
    pub(crate) committed: bool,
}

/// Voters (two sets while they change) and all nodes with their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub(crate) voters: Vec<BTreeSet<u64>>,
    pub(crate) nodes: BTreeMap<u64, String>,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: LogId,
    pub(crate) body: EntryBody,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum EntryBody {
    /// A new leader's first.
    Blank,
    /// A change of the state.
    Apply(Arc<machine::Entry>),
    /// A change of the members.
    Members(Membership),
}

/// A record of the write-ahead log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Record {
    Append(Entry),
    Vote(Vote),
    /// Everything behind is gone; `None`: everything.
    TruncateAfter(Option<LogId>),
    /// Everything up to here is in a snapshot.
    Purge(LogId),
}

/// Where the log stood when a file of it was begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) vote: Option<Vote>,
    pub(crate) purged: Option<LogId>,
    pub(crate) last: Option<LogId>,
}

impl From<&types::LogId> for LogId {
    fn from(id: &types::LogId) -> Self {
        Self { term: id.leader_id.term, leader: id.leader_id.node_id, index: id.index }
    }
}

impl From<LogId> for types::LogId {
    fn from(id: LogId) -> Self {
        Self::new(LeaderId { term: id.term, node_id: id.leader }, id.index)
    }
}

impl From<&types::Vote> for Vote {
    fn from(vote: &types::Vote) -> Self {
        Self { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
    }
}

impl From<Vote> for types::Vote {
    fn from(vote: Vote) -> Self {
        Self { leader_id: LeaderId { term: vote.term, node_id: vote.node }, committed: vote.committed }
    }
}

impl From<&types::Membership> for Membership {
    fn from(membership: &types::Membership) -> Self {
        Self {
            voters: membership.get_joint_config().clone(),
            nodes: membership.nodes().map(|(id, node)| (*id, node.addr.clone())).collect(),
        }
    }
}

impl TryFrom<Membership> for types::Membership {
    type Error = io::Error;

    fn try_from(membership: Membership) -> io::Result<Self> {
        if membership == Membership::default() {
            return Ok(Self::default());
        }
        let nodes: BTreeMap<_, _> =
            membership.nodes.into_iter().map(|(id, name)| (id, BasicNode::new(name))).collect();
        Self::new(membership.voters, nodes).map_err(|error| damaged(error.to_string()))
    }
}

impl From<&LogEntry> for Entry {
    fn from(entry: &LogEntry) -> Self {
        let body = match &entry.payload {
            Payload::Blank => EntryBody::Blank,
            Payload::Normal(proposal) => EntryBody::Apply(Arc::clone(&proposal.0)),
            Payload::Membership(membership) => EntryBody::Members(membership.into()),
        };
        Self { id: (&entry.log_id).into(), body }
    }
}

impl TryFrom<Entry> for LogEntry {
    type Error = io::Error;

    fn try_from(entry: Entry) -> io::Result<Self> {
        let payload = match entry.body {
            EntryBody::Blank => Payload::Blank,
            EntryBody::Apply(entry) => Payload::Normal(Proposal(entry)),
            EntryBody::Members(membership) => Payload::Membership(membership.try_into()?),
        };
        Ok(Self { log_id: entry.id.into(), payload })
    }
}
