//! Fences: one entry that ends everything of a scope which began before it, however much that is.
//!
//! Every read and every command looks at them, so nothing fenced is alive from the moment the fence stands;
//! a sweep removes the objects afterwards, a bounded number per entry. A fence takes a millisecond of its own
//! (the clock moves on behind it), so that "began before" is never a question of equal times. Where sessions
//! have rows a fence has one too, for those that are not in memory, and stays until it is written.

use std::collections::BTreeMap;

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    command::FenceScope,
    handle::Sid,
    row::Version,
    session::{ClientSession, Kind, UserSession},
};

/// All fences, and the sweeps behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fences {
    by_scope: BTreeMap<(FenceScope, Kind), Fence>,
    /// The same by time; no two have the same millisecond.
    by_time: BTreeMap<UnixMs, (FenceScope, Kind)>,
    sweeps: BTreeMap<(FenceScope, Kind), Cursor>,
}

/// One fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fence {
    /// What began until then is over.
    pub(crate) at: UnixMs,
    /// The entry that set it.
    pub(crate) version: Version,
    /// Whether its row may not be written yet.
    pub(crate) is_dirty: bool,
}

/// How far a sweep has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    /// The slot it works on.
    pub(crate) slot: u16,
    /// The last place within the scope's realm in that slot's index that it looked at.
    pub(crate) after: Option<([u8; 4], Kind, Sid)>,
}

impl Fences {
    /// How long a fence is remembered after its sweep: longer than any login in progress.
    pub(crate) const MEMORY: DurationMs = DurationMs(24 * 3_600_000);

    /// Whether there is none at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_scope.is_empty()
    }

    /// Sets a fence and starts its sweep at `slot`; returns the one it replaces.
    pub(crate) fn set(&mut self, key: (FenceScope, Kind), fence: Fence, slot: u16) -> Option<Fence> {
        self.sweeps.insert(key.clone(), Cursor { slot, after: None });
        self.by_time.insert(fence.at, key.clone());
        let old = self.by_scope.insert(key, fence);
        if let Some(old) = old {
            self.by_time.remove(&old.at);
        }
        old
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

    /// The oldest fence, if it may be forgotten.
    fn oldest_done(&self, now: UnixMs) -> Option<UnixMs> {
        let (at, key) = self.by_time.first_key_value()?;
        let is_dirty = self.by_scope.get(key).is_some_and(|fence| fence.is_dirty);
        let is_needed = is_dirty || self.sweeps.contains_key(key) || at.plus(Self::MEMORY) > now;
        (!is_needed).then_some(*at)
    }

    /// Removes one fence that is swept, written and old; says whether there was one.
    pub(crate) fn forget_one(&mut self, now: UnixMs) -> bool {
        let oldest = self.oldest_done(now).and_then(|at| self.by_time.remove(&at));
        oldest.is_some_and(|key| self.by_scope.remove(&key).is_some())
    }

    /// Whether one may be forgotten.
    pub(crate) fn is_due(&self, now: UnixMs) -> bool {
        self.oldest_done(now).is_some()
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
        self.by_scope.get(&(scope, kind)).is_some_and(|fence| began <= fence.at)
    }

    /// A fence.
    pub(crate) fn get(&self, key: &(FenceScope, Kind)) -> Option<&Fence> {
        self.by_scope.get(key)
    }

    /// A fence, to note what is known of its row.
    pub(crate) fn get_mut(&mut self, key: &(FenceScope, Kind)) -> Option<&mut Fence> {
        self.by_scope.get_mut(key)
    }

    /// All fences.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&(FenceScope, Kind), &Fence)> {
        self.by_scope.iter()
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

    /// The one client of a scope, where it has one.
    pub fn client(&self) -> Option<&ClientUuid> {
        match self {
            Self::Client(_, client) | Self::ClientAtUser(_, _, client) => Some(client),
            Self::Realm(_) | Self::User(..) => None,
        }
    }
}
