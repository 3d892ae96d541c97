//! Fences: one entry that ends everything of a scope which began before it, however much that is.
//!
//! Every read and every command looks at them, so nothing fenced is alive from the moment the fence stands;
//! a sweep removes the objects afterwards, a bounded number per entry. A fence takes a millisecond of its own
//! (the clock moves on behind it), so that "began before" is never a question of equal times.

use std::collections::BTreeMap;

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    command::FenceScope,
    machine::slot::ByUser,
    session::{ClientSession, Kind, UserSession},
};

/// All fences, and the sweeps behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fences {
    by_scope: BTreeMap<(FenceScope, Kind), UnixMs>,
    /// The same by time; no two have the same millisecond.
    by_time: BTreeMap<UnixMs, (FenceScope, Kind)>,
    sweeps: BTreeMap<(FenceScope, Kind), Cursor>,
}

/// How far a sweep has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The slot it works on.
    pub(crate) slot: u16,
    /// The last place in that slot's index it looked at.
    pub(crate) after: Option<ByUser>,
}

impl Fences {
    /// How long a fence is remembered after its sweep: longer than any login in progress.
    pub(crate) const MEMORY: DurationMs = DurationMs(24 * 3_600_000);

    /// Whether there is none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_scope.is_empty()
    }

    /// Sets a fence and starts its sweep at `slot`; says whether it is new.
    pub(crate) fn set(&mut self, scope: FenceScope, kind: Kind, at: UnixMs, slot: u16) -> bool {
        self.sweeps.insert((scope.clone(), kind), Cursor { slot, after: None });
        self.by_time.insert(at, (scope.clone(), kind));
        let old = self.by_scope.insert((scope, kind), at);
        if let Some(old) = old {
            self.by_time.remove(&old);
        }
        old.is_none()
    }

    /// The sweep to work on next.
    pub(crate) fn next_sweep(&self) -> Option<((FenceScope, Kind), Cursor)> {
        self.sweeps.first_key_value().map(|(key, cursor)| (key.clone(), cursor.clone()))
    }

    /// Notes how far a sweep has come; `None`: it is done.
    pub(crate) fn swept(&mut self, key: &(FenceScope, Kind), cursor: Option<Cursor>) {
        match cursor {
            Some(cursor) => drop(self.sweeps.insert(key.clone(), cursor)),
            None => drop(self.sweeps.remove(key)),
        }
    }

    /// Removes one fence that is swept and old; says whether there was one.
    pub(crate) fn forget_one(&mut self, now: UnixMs) -> bool {
        let Some(oldest) = self.by_time.first_entry() else { return false };
        if oldest.key().plus(Self::MEMORY) > now || self.sweeps.contains_key(oldest.get()) {
            return false;
        }
        let key = oldest.remove();
        self.by_scope.remove(&key).is_some()
    }

    /// When the next fence may be forgotten.
    pub(crate) fn next_due(&self) -> Option<UnixMs> {
        self.by_time.keys().next().map(|at| at.plus(Self::MEMORY))
    }

    /// Whether objects of that realm may stand in the maps that are ended already.
    pub(crate) fn is_sweeping(&self, realm: &RealmId) -> bool {
        self.sweeps.keys().any(|(scope, _)| scope.realm() == realm)
    }

    /// Whether a user session is behind a fence.
    pub(crate) fn ends_session(&self, session: &UserSession) -> bool {
        self.ends_user(&session.realm, &session.user, session.kind, session.started)
    }

    /// Whether what a user began at `began` is behind a fence of his or of his realm.
    pub(crate) fn ends_user(&self, realm: &RealmId, user: &UserId, kind: Kind, began: UnixMs) -> bool {
        !self.is_empty()
            && (self.ends(FenceScope::Realm(realm.clone()), kind, began)
                || self.ends(FenceScope::User(realm.clone(), user.clone()), kind, began))
    }

    /// Whether a client session is behind a fence of its client.
    pub(crate) fn ends_client(
        &self,
        session: &UserSession,
        client: &ClientUuid,
        held: &ClientSession,
    ) -> bool {
        let (realm, user) = (&session.realm, &session.user);
        !self.is_empty()
            && (self.ends(FenceScope::Client(realm.clone(), client.clone()), session.kind, held.started)
                || self.ends(
                    FenceScope::ClientAtUser(realm.clone(), user.clone(), client.clone()),
                    session.kind,
                    held.started,
                ))
    }

    fn ends(&self, scope: FenceScope, kind: Kind, began: UnixMs) -> bool {
        self.by_scope.get(&(scope, kind)).is_some_and(|at| began <= *at)
    }

    /// How many fences stand.
    pub(crate) fn len(&self) -> usize {
        self.by_scope.len()
    }
}

impl FenceScope {
    /// The realm that a scope lies in.
    pub fn realm(&self) -> &RealmId {
        match self {
            Self::Realm(realm)
            | Self::User(realm, _)
            | Self::Client(realm, _)
            | Self::ClientAtUser(realm, _, _) => realm,
        }
    }

    /// The one user of a scope, where it has one.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(_, user) | Self::ClientAtUser(_, user, _) => Some(user),
            Self::Realm(_) | Self::Client(..) => None,
        }
    }
}
