//! What a decided command changes: the only way from a decision to the state.

use std::sync::Arc;

use keyraft_model::{RealmId, UnixMs, UserId};

use crate::{
    command::{FenceScope, Hash, Outcome},
    handle::Sid,
    machine::record::{Code, Failures, Taken},
    session::{Kind, UserSession},
};

/// One change. Applying it cannot fail.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Puts a session in place of the one of that handle and kind.
    Session(Sid, Arc<UserSession>),
    /// Ends a session; the tombstone stays until then.
    End { sid: Sid, kind: Kind, until: UnixMs },
    /// Puts a code or its marker.
    Code { slot: u16, hash: Hash, code: Arc<Code> },
    /// Notes that something was taken once.
    Take { slot: u16, key: Hash, taken: Taken },
    /// Puts a user's failures, or forgets them.
    Failures { realm: RealmId, user: UserId, failures: Option<Arc<Failures>> },
    /// Forgets the failures of a realm.
    ForgetFailures(RealmId),
    /// Revokes a token until then.
    Revoke { key: Hash, until: UnixMs },
    /// Sets a fence at the present millisecond.
    Fence(FenceScope, Kind),
}

/// What a command was decided to be: its answer, and its changes.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) outcome: Outcome,
    pub(crate) changes: Vec<Change>,
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
