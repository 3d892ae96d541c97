//! openraft's types as this room uses them.

use std::{fmt, sync::Arc};

use openraft::{BasicNode, EntryPayload};
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

/// What applying answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply(pub(crate) Arc<Outcome>);

openraft::declare_raft_types!(
    /// The choices that openraft leaves open.
    pub(crate) Types:
        D = Proposal,
        R = Reply,
        NodeId = u64,
        Node = BasicNode,
        LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, u64>,
);

pub(crate) type LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, u64>;
pub(crate) type LogId = openraft::LogId<LeaderId>;
pub(crate) type Vote = openraft::Vote<LeaderId>;
pub(crate) type Membership = openraft::Membership<u64, BasicNode>;
pub(crate) type StoredMembership = openraft::StoredMembership<LeaderId, u64, BasicNode>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<LeaderId, u64, BasicNode>;
pub(crate) type Payload = EntryPayload<Proposal, u64, BasicNode>;
pub(crate) type LogEntry = openraft::Entry<LeaderId, Payload>;
pub(crate) type Raft = openraft::Raft<Types, super::applier::Applier>;
