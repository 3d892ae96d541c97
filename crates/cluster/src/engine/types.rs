//! openraft's types as this room uses them.

use std::{fmt, sync::Arc};

use openraft::EntryPayload;
use serde::{Deserialize, Serialize};

use crate::{command::Outcome, machine};

/// What is proposed: shared between the log in memory and the entry being applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proposal(pub(crate) Arc<machine::Entry>);

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the body: logs must not carry what commands carry.
        write!(f, "{}/{}/{}", self.0.origin, self.0.boot, self.0.sequence)
    }
}

/// A node of the group, as its peers know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The node's name, unique in the cluster; its certificate carries it.
    pub name: String,
    /// Where it listens for its peers, `host:port`.
    pub addr: String,
}

impl Member {
    /// A member of that name, at that address.
    pub fn new(name: impl Into<String>, addr: impl Into<String>) -> Self {
        Self { name: name.into(), addr: addr.into() }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.addr)
    }
}

/// What applying answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply(pub(crate) Arc<Outcome>);

openraft::declare_raft_types!(
    /// The choices that openraft leaves open.
    pub(crate) Types:
        D = Proposal,
        R = Reply,
        NodeId = u64,
        Node = Member,
        LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, u64>,
);

pub(crate) type LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, u64>;
pub(crate) type LogId = openraft::LogId<LeaderId>;
pub(crate) type Vote = openraft::Vote<LeaderId>;
pub(crate) type Membership = openraft::Membership<u64, Member>;
pub(crate) type StoredMembership = openraft::StoredMembership<LeaderId, u64, Member>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<LeaderId, u64, Member>;
pub(crate) type Payload = EntryPayload<Proposal, u64, Member>;
pub(crate) type LogEntry = openraft::Entry<LeaderId, Payload>;
pub(crate) type Snapshot = openraft::Snapshot<LeaderId, u64, Member, super::snapshot::SnapshotFile>;
pub(crate) type Raft = openraft::Raft<Types, super::applier::Applier>;
