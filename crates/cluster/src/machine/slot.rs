//! One of 1,024 slots: its piece of every map, the indexes over it, and what is due in it, in order.
//!
//! Only `put` and `remove` functions of this file change a map, so that indexes and the order of expiry can
//! never disagree with it. Keys of indexes are bytes without gaps: they are most of what a session costs beside
//! itself. A snapshot shares a slot; one that is written meanwhile is copied, sharing what its values hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keyraft_model::{RealmId, UnixMs, UserId};

use crate::{
    command::{Hash, PendingKind},
    handle::Sid,
    machine::{
        packed::Packed,
        record::{Code, Device, Failures, OutboxEntry, Pending, Pushed, Taken, Tombstone},
    },
    session::Kind,
};

/// Where a session is found: its handle and which of the two.
pub(crate) type SessionKey = (Sid, Kind);

/// A place in the index of sessions by user. Realms are numbered by each node; within a realm the order is the
/// same on every node, and nothing looks across realms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByUser {
    pub(crate) realm: [u8; 4],
    pub(crate) user: [u8; 4],
    pub(crate) kind: Kind,
    pub(crate) sid: Sid,
}

/// A place in the index of sessions by client; as [`ByUser`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByClient {
    pub(crate) realm: [u8; 4],
    pub(crate) client: [u8; 4],
    pub(crate) kind: Kind,
    pub(crate) sid: Sid,
}

/// A session in the order of expiry; the time in big-endian, so that its bytes order as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SessionDue {
    at: [u8; 8],
    sid: Sid,
    kind: Kind,
}

impl SessionDue {
    fn new(at: UnixMs, (sid, kind): SessionKey) -> Self {
        Self { at: (at.0.cast_unsigned() ^ (1 << 63)).to_be_bytes(), sid, kind }
    }

    fn at(&self) -> UnixMs {
        UnixMs((u64::from_be_bytes(self.at) ^ (1 << 63)).cast_signed())
    }
}

/// An object that falls due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Session(Sid, Kind),
    Tombstone(Sid, Kind),
    Code(Hash),
    Taken(Hash),
    Failures(RealmId, UserId),
    Revocation(Hash),
    Pending(Hash, PendingKind),
    Device(Hash),
    Pushed(Hash),
    Notice(u64),
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) sessions: BTreeMap<SessionKey, Packed>,
    pub(crate) tombstones: BTreeMap<SessionKey, Tombstone>,
    pub(crate) codes: BTreeMap<Hash, Arc<Code>>,
    pub(crate) taken: BTreeMap<Hash, Taken>,
    pub(crate) failures: BTreeMap<(RealmId, UserId), Arc<Failures>>,
    pub(crate) revocations: BTreeMap<Hash, UnixMs>,
    pub(crate) pending: BTreeMap<(Hash, PendingKind), Arc<Pending>>,
    /// By the user code's place.
    pub(crate) devices: BTreeMap<Hash, Arc<Device>>,
    /// From a device code to its request.
    pub(crate) by_device_code: BTreeMap<Hash, Hash>,
    pub(crate) pushed: BTreeMap<Hash, Arc<Pushed>>,
    /// In slot 0 alone.
    pub(crate) outbox: BTreeMap<u64, Arc<OutboxEntry>>,
    pub(crate) by_user: BTreeSet<ByUser>,
    pub(crate) by_client: BTreeSet<ByClient>,
    /// The last entry that ended or evicted something here: what was read before it may be of the past.
    pub(crate) mark: u64,
    /// No row of what was evicted from here expires later.
    pub(crate) stored_until: UnixMs,
    due_sessions: BTreeSet<SessionDue>,
    due: BTreeSet<(UnixMs, Due)>,
}

impl Slot {
    /// When the next object falls due.
    pub(crate) fn next_due(&self) -> Option<UnixMs> {
        let sessions = self.due_sessions.first().map(SessionDue::at);
        let others = self.due.first().map(|(at, _)| *at);
        sessions.into_iter().chain(others).min()
    }

    /// The object that is due at `now` for longest.
    pub(crate) fn first_due(&self, now: UnixMs) -> Option<Due> {
        let session = self.due_sessions.first().map(|due| (due.at(), Due::Session(due.sid, due.kind)));
        let other = self.due.first().cloned();
        session.into_iter().chain(other).min().filter(|(at, _)| *at <= now).map(|(_, due)| due)
    }

    /// Puts a session and returns the one it replaces.
    pub(crate) fn put_session(&mut self, key: SessionKey, session: Packed) -> Option<Packed> {
        let old = self.remove_session(key);
        self.by_user.insert(by_user(key, &session));
        for client in session.clients() {
            self.by_client.insert(by_client(key, &session, client));
        }
        self.due_sessions.insert(SessionDue::new(session.due, key));
        self.sessions.insert(key, session);
        old
    }

    /// Removes a session and returns it.
    pub(crate) fn remove_session(&mut self, key: SessionKey) -> Option<Packed> {
        let old = self.sessions.remove(&key)?;
        self.by_user.remove(&by_user(key, &old));
        for client in old.clients() {
            self.by_client.remove(&by_client(key, &old, client));
        }
        self.due_sessions.remove(&SessionDue::new(old.due, key));
        Some(old)
    }

    /// Notes that a session has ended; returns an earlier note.
    pub(crate) fn put_tombstone(&mut self, key: SessionKey, tombstone: Tombstone) -> Option<Tombstone> {
        let old = self.remove_tombstone(key);
        self.due.insert((tombstone.due, Due::Tombstone(key.0, key.1)));
        self.tombstones.insert(key, tombstone);
        old
    }

    /// Forgets that a session has ended.
    pub(crate) fn remove_tombstone(&mut self, key: SessionKey) -> Option<Tombstone> {
        let old = self.tombstones.remove(&key)?;
        self.due.remove(&(old.due, Due::Tombstone(key.0, key.1)));
        Some(old)
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

    /// Keeps something for a login in progress; returns what it replaces.
    pub(crate) fn put_pending(
        &mut self,
        key: (Hash, PendingKind),
        pending: Arc<Pending>,
    ) -> Option<Arc<Pending>> {
        let old = self.remove_pending(key);
        self.due.insert((pending.expires, Due::Pending(key.0, key.1)));
        self.pending.insert(key, pending);
        old
    }

    /// Takes out what was kept for a login in progress.
    pub(crate) fn remove_pending(&mut self, key: (Hash, PendingKind)) -> Option<Arc<Pending>> {
        let old = self.pending.remove(&key)?;
        self.due.remove(&(old.expires, Due::Pending(key.0, key.1)));
        Some(old)
    }

    /// Puts a device's request; returns what it replaces.
    pub(crate) fn put_device(&mut self, key: Hash, device: Arc<Device>) -> Option<Arc<Device>> {
        let old = self.remove_device(key);
        self.due.insert((device.expires, Due::Device(key)));
        self.by_device_code.insert(device.device_code, key);
        self.devices.insert(key, device);
        old
    }

    /// Removes a device's request.
    pub(crate) fn remove_device(&mut self, key: Hash) -> Option<Arc<Device>> {
        let old = self.devices.remove(&key)?;
        self.due.remove(&(old.expires, Due::Device(key)));
        self.by_device_code.remove(&old.device_code);
        Some(old)
    }

    /// Puts a pushed request; returns what it replaces.
    pub(crate) fn put_pushed(&mut self, key: Hash, pushed: Arc<Pushed>) -> Option<Arc<Pushed>> {
        let old = self.remove_pushed(key);
        self.due.insert((pushed.expires, Due::Pushed(key)));
        self.pushed.insert(key, pushed);
        old
    }

    /// Removes a pushed request.
    pub(crate) fn remove_pushed(&mut self, key: Hash) -> Option<Arc<Pushed>> {
        let old = self.pushed.remove(&key)?;
        self.due.remove(&(old.expires, Due::Pushed(key)));
        Some(old)
    }

    /// Puts a notice; returns what it replaces.
    pub(crate) fn put_notice(&mut self, id: u64, entry: Arc<OutboxEntry>) -> Option<Arc<OutboxEntry>> {
        let old = self.remove_notice(id);
        self.due.insert((entry.notice.expires, Due::Notice(id)));
        self.outbox.insert(id, entry);
        old
    }

    /// Removes a notice.
    pub(crate) fn remove_notice(&mut self, id: u64) -> Option<Arc<OutboxEntry>> {
        let old = self.outbox.remove(&id)?;
        self.due.remove(&(old.notice.expires, Due::Notice(id)));
        Some(old)
    }

    /// How many places the order of expiry has; every object has one.
    #[cfg(test)]
    pub(crate) fn due_len(&self) -> usize {
        self.due.len() + self.due_sessions.len()
    }
}

fn by_user((sid, kind): SessionKey, session: &Packed) -> ByUser {
    ByUser { realm: session.realm.to_be_bytes(), user: session.user_tag, kind, sid }
}

fn by_client((sid, kind): SessionKey, session: &Packed, client: u32) -> ByClient {
    ByClient { realm: session.realm.to_be_bytes(), client: client.to_be_bytes(), kind, sid }
}
