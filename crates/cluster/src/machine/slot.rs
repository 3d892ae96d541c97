//! One of 1,024 slots: its piece of every map, the indexes over it, and what is due in it, in order.
//!
//! Only `put` and `remove` functions of this file change a map, so that indexes and the order of expiry can
//! never disagree with it. Values sit behind `Arc`: a snapshot shares them, and a slot written meanwhile is
//! copied without copying what it holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keyraft_model::{ClientUuid, RealmId, UnixMs, UserId};

use crate::{
    command::Hash,
    handle::Sid,
    machine::record::{Code, Failures, Taken},
    session::{Kind, UserSession},
};

/// Where a session is found: its handle and which of the two.
pub(crate) type SessionKey = (Sid, Kind);
/// A place in the index of sessions by user.
pub(crate) type ByUser = (RealmId, UserId, Kind, Sid);
/// A place in the index of sessions by client.
pub(crate) type ByClient = (RealmId, ClientUuid, Kind, Sid);

/// An object that falls due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Session(Sid, Kind),
    Tombstone(Sid, Kind),
    Code(Hash),
    Taken(Hash),
    Failures(RealmId, UserId),
    Revocation(Hash),
}

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) sessions: BTreeMap<SessionKey, Arc<UserSession>>,
    pub(crate) tombstones: BTreeMap<SessionKey, UnixMs>,
    pub(crate) codes: BTreeMap<Hash, Arc<Code>>,
    pub(crate) taken: BTreeMap<Hash, Taken>,
    pub(crate) failures: BTreeMap<(RealmId, UserId), Arc<Failures>>,
    pub(crate) revocations: BTreeMap<Hash, UnixMs>,
    pub(crate) by_user: BTreeSet<ByUser>,
    pub(crate) by_client: BTreeSet<ByClient>,
    due: BTreeSet<(UnixMs, Due)>,
}

impl Slot {
    /// When the next object falls due.
    pub(crate) fn next_due(&self) -> Option<UnixMs> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The object that is due at `now` for longest.
    pub(crate) fn first_due(&self, now: UnixMs) -> Option<Due> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, due)| due.clone())
    }

    /// Puts a session and returns the one it replaces.
    pub(crate) fn put_session(
        &mut self,
        key: SessionKey,
        session: Arc<UserSession>,
    ) -> Option<Arc<UserSession>> {
        let old = self.remove_session(key);
        self.by_user.insert((session.realm.clone(), session.user.clone(), key.1, key.0));
        for client in session.clients.keys() {
            self.by_client.insert((session.realm.clone(), client.clone(), key.1, key.0));
        }
        self.due.insert((session_due(&session), Due::Session(key.0, key.1)));
        self.sessions.insert(key, session);
        old
    }

    /// Removes a session and returns it.
    pub(crate) fn remove_session(&mut self, key: SessionKey) -> Option<Arc<UserSession>> {
        let old = self.sessions.remove(&key)?;
        self.by_user.remove(&(old.realm.clone(), old.user.clone(), key.1, key.0));
        for client in old.clients.keys() {
            self.by_client.remove(&(old.realm.clone(), client.clone(), key.1, key.0));
        }
        self.due.remove(&(session_due(&old), Due::Session(key.0, key.1)));
        Some(old)
    }

    /// Notes that a session has ended; says whether that is new.
    pub(crate) fn put_tombstone(&mut self, key: SessionKey, until: UnixMs) -> bool {
        let is_new = self.remove_tombstone(key).is_none();
        self.due.insert((until, Due::Tombstone(key.0, key.1)));
        self.tombstones.insert(key, until);
        is_new
    }

    /// Forgets that a session has ended.
    pub(crate) fn remove_tombstone(&mut self, key: SessionKey) -> Option<UnixMs> {
        let until = self.tombstones.remove(&key)?;
        self.due.remove(&(until, Due::Tombstone(key.0, key.1)));
        Some(until)
    }

    /// Puts a code or its marker and returns what it replaces.
    pub(crate) fn put_code(&mut self, hash: Hash, code: Arc<Code>) -> Option<Arc<Code>> {
        let old = self.remove_code(hash);
        self.due.insert((code.expires, Due::Code(hash)));
        self.codes.insert(hash, code);
        old
    }

    /// Removes a code.
    pub(crate) fn remove_code(&mut self, hash: Hash) -> Option<Arc<Code>> {
        let old = self.codes.remove(&hash)?;
        self.due.remove(&(old.expires, Due::Code(hash)));
        Some(old)
    }

    /// Notes that something was taken; returns an earlier note.
    pub(crate) fn put_taken(&mut self, key: Hash, taken: Taken) -> Option<Taken> {
        let old = self.remove_taken(key);
        self.due.insert((taken.expires, Due::Taken(key)));
        self.taken.insert(key, taken);
        old
    }

    /// Forgets that something was taken.
    pub(crate) fn remove_taken(&mut self, key: Hash) -> Option<Taken> {
        let old = self.taken.remove(&key)?;
        self.due.remove(&(old.expires, Due::Taken(key)));
        Some(old)
    }

    /// Puts a user's failures and returns what they replace.
    pub(crate) fn put_failures(
        &mut self,
        key: (RealmId, UserId),
        failures: Arc<Failures>,
    ) -> Option<Arc<Failures>> {
        let old = self.remove_failures(&key);
        self.due.insert((failures.due(), Due::Failures(key.0.clone(), key.1.clone())));
        self.failures.insert(key, failures);
        old
    }

    /// Forgets a user's failures.
    pub(crate) fn remove_failures(&mut self, key: &(RealmId, UserId)) -> Option<Arc<Failures>> {
        let old = self.failures.remove(key)?;
        self.due.remove(&(old.due(), Due::Failures(key.0.clone(), key.1.clone())));
        Some(old)
    }

    /// Revokes a token; returns an earlier revocation's end.
    pub(crate) fn put_revocation(&mut self, key: Hash, until: UnixMs) -> Option<UnixMs> {
        let old = self.remove_revocation(key);
        self.due.insert((until, Due::Revocation(key)));
        self.revocations.insert(key, until);
        old
    }

    /// Forgets a revocation.
    pub(crate) fn remove_revocation(&mut self, key: Hash) -> Option<UnixMs> {
        let old = self.revocations.remove(&key)?;
        self.due.remove(&(old, Due::Revocation(key)));
        Some(old)
    }
}

/// When something of a session ends: itself, one of its clients, or one of their chains.
fn session_due(session: &UserSession) -> UnixMs {
    let parts = session
        .clients
        .values()
        .flat_map(|client| client.chains.values().map(|chain| chain.expires).chain([client.expires]));
    parts.chain([session.expires]).min().unwrap_or(session.expires)
}
