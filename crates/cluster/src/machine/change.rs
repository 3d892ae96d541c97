//! What a decided command changes: the only way from a decision to the state.

use std::sync::Arc;

use keyraft_model::{RealmId, UnixMs, UserId};

use crate::{
    command::{ChangedEntity, Durability, FenceScope, Hash, Outcome, PendingKind},
    handle::Sid,
    machine::record::{Code, Device, Failures, Lease, OutboxEntry, Pending, Pushed},
    row::{RowKey, Version},
    session::{Kind, UserSession},
};

/// One change. Applying it cannot fail.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Puts a session in place of the one of that handle and kind.
    Session {
        sid: Sid,
        session: Box<UserSession>,
        /// Whether its row is to follow.
        row: RowFollows,
    },
    /// Ends a session; a tombstone stays.
    End { sid: Sid, kind: Kind },
    /// Puts a code or its marker.
    Code { slot: u16, hash: Hash, code: Arc<Code> },
    /// Notes that something was taken once.
    Take { slot: u16, key: Hash, realm: RealmId, expires: UnixMs },
    /// Puts a user's failures, or forgets them.
    Failures { realm: RealmId, user: UserId, failures: Option<Arc<Failures>> },
    /// Forgets the failures of a realm.
    ForgetFailures(RealmId),
    /// Revokes a token until then.
    Revoke { key: Hash, until: UnixMs },
    /// Sets a fence at the present millisecond.
    Fence(FenceScope, Kind),
    /// Says which maps have rows.
    Durable(Durability),
    /// Notes what the database holds.
    Persisted { rows: Vec<(RowKey, Version)>, position: Version },
    /// Drops a session from memory; its row stands for it.
    Evict { sid: Sid, kind: Kind },
    /// Brings a session back into memory.
    Load {
        sid: Sid,
        session: Box<UserSession>,
        /// What its row shows; `None`: the session has been changed since.
        version: Option<Version>,
    },
    /// Notes that there is no row of a session, for a moment.
    Absent { sid: Sid, kind: Kind },
    /// The database says only that: everything is to be written again.
    Restored(Version),
    /// A new epoch begins.
    Epoch { number: u64, over_rows: bool },
    /// Puts what a login keeps, or takes it out.
    Pending { slot: u16, key: (Hash, PendingKind), pending: Option<Arc<Pending>> },
    /// Puts a device's request.
    Device { slot: u16, key: Hash, device: Arc<Device> },
    /// Puts a pushed request.
    Pushed { slot: u16, key: Hash, pushed: Arc<Pushed> },
    /// Puts a notice, or forgets it.
    Notice { id: u64, entry: Option<Arc<OutboxEntry>> },
    /// Says who holds a job.
    Lease { job: String, lease: Lease },
    /// Notes which entities changed.
    Changed(Vec<ChangedEntity>),
}

/// Whether a changed session is worth a write to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFollows {
    /// What changed must not be lost.
    Yes,
    /// Only the time of the last use moved, and its row still has enough of it.
    NotYet,
}

/// What a command was decided to be: its answer, and its changes.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    pub(crate) changes: Vec<Change>,
}

impl Change {
    /// A session whose row is to follow.
    pub(crate) fn session(sid: Sid, session: UserSession) -> Self {
        Self::Session { sid, session: Box::new(session), row: RowFollows::Yes }
    }
}

impl Decision {
    /// An answer that changes nothing.
    pub(crate) fn only(outcome: Outcome) -> Self {
        Self { outcome, changes: Vec::new() }
    }

    /// An answer with one change.
    pub(crate) fn with(outcome: Outcome, change: Change) -> Self {
        Self { outcome, changes: vec![change] }
    }
}
