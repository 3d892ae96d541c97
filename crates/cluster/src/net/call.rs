//! Whom to ask, on which of a pair's connections, and what can go wrong.

use super::wire::Refusal;
use crate::Member;

/// Which of a pair's two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Small and urgent: log entries, votes, forwarded commands, reads.
    Raft,
    /// Large: snapshots, copies of documents.
    Bulk,
}

/// A peer to talk to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    /// `host:port`.
    pub(crate) addr: String,
    /// Who must answer there, by its certificate; `None`: any node of the cluster.
    pub(crate) name: Option<String>,
    /// Which Raft id must answer there; `None`: any, or none.
    pub(crate) id: Option<u64>,
}

impl Target {
    /// Whoever listens at an address.
    pub(crate) fn at(addr: impl Into<String>) -> Self {
        Self { addr: addr.into(), name: None, id: None }
    }

    /// A member of the group, and nobody else.
    pub(crate) fn member(id: u64, member: &Member) -> Self {
        Self { addr: member.addr.clone(), name: Some(member.name.clone()), id: Some(id) }
    }
}

/// Why a call brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// There is no connection, and none could be made. The request was not sent.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The connection broke, or the deadline passed, after the request was sent: it may have been served.
    #[error("no answer")]
    Lost,
    /// Someone else listens at that address.
    #[error("another node answers there: {0}")]
    WrongPeer(String),
    /// The peer will not answer.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The request is larger than a frame may be.
    #[error("the request is too large")]
    TooLarge,
    /// The answer could not be read.
    #[error("the answer is garbled")]
    Garbled,
}
