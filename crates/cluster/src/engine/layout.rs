//! What lies on disk of openraft's notions: own types and the conversions, nowhere else.
//!
//! openraft's own types never reach the disk, because their layout moves between its versions. Enums here
//! only grow at their end; a change to anything else needs a new `frame::FORMAT`.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

use crate::{
    engine::{
        frame::{self, damaged},
        types::{self, LeaderId, LogEntry, Member, Payload, Proposal},
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

/// Voters (two sets while they change) and all nodes as `name@address`, or the name alone where a group has no
/// network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub(crate) voters: Vec<BTreeSet<u64>>,
    pub(crate) nodes: BTreeMap<u64, String>,
}

/// An entry of the log: its place, and its body as bytes. The log in memory keeps them like this, a quarter of
/// what the decoded commands would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: LogId,
    pub(crate) body: RawBody,
}

/// An [`EntryBody`], encoded.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RawBody(Arc<[u8]>);

impl RawBody {
    /// Bytes of it.
    pub(crate) fn size(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Debug for RawBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for RawBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for RawBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = RawBody;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bytes of an entry")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<RawBody, E> {
        Ok(RawBody(bytes.into()))
    }
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
            nodes: membership.nodes().map(|(id, member)| (*id, member_text(member))).collect(),
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
            membership.nodes.into_iter().map(|(id, text)| (id, member_of(&text))).collect();
        Self::new(membership.voters, nodes).map_err(|error| damaged(error.to_string()))
    }
}

fn member_text(member: &Member) -> String {
    let Member { name, addr } = member;
    if addr.is_empty() { name.clone() } else { format!("{name}@{addr}") }
}

fn member_of(text: &str) -> Member {
    let (name, addr) = text.split_once('@').unwrap_or((text, ""));
    Member::new(name, addr)
}

impl TryFrom<&LogEntry> for Entry {
    type Error = io::Error;

    fn try_from(entry: &LogEntry) -> io::Result<Self> {
        let body = match &entry.payload {
            Payload::Blank => EntryBody::Blank,
            Payload::Normal(proposal) => EntryBody::Apply(Arc::clone(&proposal.0)),
            Payload::Membership(membership) => EntryBody::Members(membership.into()),
        };
        Ok(Self { id: (&entry.log_id).into(), body: RawBody(frame::encode(&body)?.into()) })
    }
}

impl TryFrom<&Entry> for LogEntry {
    type Error = io::Error;

    fn try_from(entry: &Entry) -> io::Result<Self> {
        let payload = match frame::decode(&entry.body.0)? {
            EntryBody::Blank => Payload::Blank,
            EntryBody::Apply(entry) => Payload::Normal(Proposal(entry)),
            EntryBody::Members(membership) => Payload::Membership(membership.try_into()?),
        };
        Ok(Self { log_id: entry.id.into(), payload })
    }
}
