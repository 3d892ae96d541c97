//! Reading: what is alive in the maps, as of the moment the view was taken or later.
//!
//! A view holds no copy and no lock: each call looks at the state as it then stands, which is never older than
//! the view. Dead things are left out, whether or not they have been dropped yet.

use std::{fmt, sync::Arc};

use keyraft_model::{ClientUuid, RealmId, UnixMs, UserId};

use crate::{
    command::{LoginFailures, OnceKey},
    handle::{SLOTS, Sid, slot_of_user},
    machine::State,
    maps::{login_failures, revocations, single_use, user_sessions},
    session::{Kind, UserSession},
    shared::Shared,
};

/// A linearizable read; see [`crate::Cluster::view`].
#[derive(Clone)]
pub struct View {
    shared: Arc<Shared>,
    now: UnixMs,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("now", &self.now).finish_non_exhaustive()
    }
}

impl View {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let clock = shared.read().clock;
        let now = shared.time.now().max(clock);
        Self { shared, now }
    }

    /// The cluster's time when the view was taken: what `iat`, `exp` and every other comparison go by.
    pub fn now(&self) -> UnixMs {
        self.now
    }

    /// The live session of a handle, with those of its clients that are alive.
    pub fn session(&self, sid: &str, kind: Kind) -> Option<Arc<UserSession>> {
        user_sessions::live(&self.shared.read(), Sid::parse(sid)?, kind, self.now)
    }

    /// All live sessions of a user.
    pub fn sessions_of_user(&self, realm: &RealmId, user: &UserId, kind: Kind) -> Vec<Arc<UserSession>> {
        let state = self.shared.read();
        let from = (realm.clone(), user.clone(), kind, Sid::MIN);
        let to = (realm.clone(), user.clone(), kind, Sid::MAX);
        let places = state.slot(slot_of_user(realm, user)).by_user.range(from..=to);
        places.filter_map(|(_, _, kind, sid)| user_sessions::live(&state, *sid, *kind, self.now)).collect()
    }

    /// All live sessions that a client has a part in; prefer [`View::page_of_client`] where there may be many.
    pub fn sessions_of_client(
        &self,
        realm: &RealmId,
        client: &ClientUuid,
        kind: Kind,
    ) -> Vec<Arc<UserSession>> {
        self.page_of_client(realm, client, kind, (0, usize::MAX))
    }

    /// Live sessions that a client has a part in: `max` from the `first`, in an order that stays the same.
    pub fn page_of_client(
        &self,
        realm: &RealmId,
        client: &ClientUuid,
        kind: Kind,
        (first, max): (usize, usize),
    ) -> Vec<Arc<UserSession>> {
        let state = self.shared.read();
        let from = (realm.clone(), client.clone(), kind, Sid::MIN);
        let to = (realm.clone(), client.clone(), kind, Sid::MAX);
        let places = (0..SLOTS).flat_map(|slot| state.slot(slot).by_client.range(from.clone()..=to.clone()));
        places
            .filter_map(|(_, _, kind, sid)| user_sessions::live(&state, *sid, *kind, self.now))
            .filter(|session| session.clients.contains_key(client))
            .skip(first)
            .take(max)
            .collect()
    }

    /// Live sessions of a realm: `max` from the `first`, in an order that stays the same.
    pub fn page_of_realm(
        &self,
        realm: &RealmId,
        kind: Kind,
        (first, max): (usize, usize),
    ) -> Vec<Arc<UserSession>> {
        let state = self.shared.read();
        self.of_realm(&state, realm, kind).skip(first).take(max).collect()
    }

    /// All live sessions of a realm; prefer [`View::page_of_realm`] where there may be many.
    pub fn sessions_of_realm(&self, realm: &RealmId, kind: Kind) -> Vec<Arc<UserSession>> {
        self.page_of_realm(realm, kind, (0, usize::MAX))
    }

    fn of_realm<'a>(
        &self,
        state: &'a State,
        realm: &'a RealmId,
        kind: Kind,
    ) -> impl Iterator<Item = Arc<UserSession>> + use<'a> {
        let now = self.now;
        let from = (realm.clone(), UserId::default(), Kind::Online, Sid::MIN);
        (0..SLOTS)
            .flat_map(move |slot| {
                state.slot(slot).by_user.range(from.clone()..).take_while(move |place| place.0 == *realm)
            })
            .filter(move |place| place.2 == kind)
            .filter_map(move |(_, _, kind, sid)| user_sessions::live(state, *sid, *kind, now))
    }

    /// How many live sessions a user has.
    pub fn count_of_user(&self, realm: &RealmId, user: &UserId, kind: Kind) -> usize {
        self.sessions_of_user(realm, user, kind).len()
    }

    /// How many sessions a client has a part in.
    ///
    /// From counters, so that it costs nothing: sessions that expired within the last moments may still be
    /// counted. While something of the realm is being ended by a fence, the sessions themselves are counted.
    pub fn count_of_client(&self, realm: &RealmId, client: &ClientUuid, kind: Kind) -> u64 {
        let state = self.shared.read();
        if state.fences.is_sweeping(realm) {
            drop(state);
            return self.sessions_of_client(realm, client, kind).len() as u64;
        }
        state.counters.of_client(realm, client, kind)
    }

    /// How many sessions a realm has; as exact as [`View::count_of_client`].
    pub fn count_of_realm(&self, realm: &RealmId, kind: Kind) -> u64 {
        let state = self.shared.read();
        if state.fences.is_sweeping(realm) {
            return self.of_realm(&state, realm, kind).count() as u64;
        }
        state.counters.of_realm(realm, kind)
    }

    /// Every client of a realm with its numbers of online and offline sessions, where it has any.
    pub fn client_session_stats(&self, realm: &RealmId) -> Vec<(ClientUuid, u64, u64)> {
        let clients = self.shared.read().counters.clients_of_realm(realm);
        let exact = |client: &ClientUuid, kind| self.count_of_client(realm, client, kind);
        clients
            .into_iter()
            .map(|(client, _)| {
                let (online, offline) = (exact(&client, Kind::Online), exact(&client, Kind::Offline));
                (client, online, offline)
            })
            .filter(|(_, online, offline)| online + offline > 0)
            .collect()
    }

    /// Whether an access token was revoked.
    pub fn is_revoked(&self, realm: &RealmId, jti: &str) -> bool {
        revocations::is_revoked(&self.shared.read(), realm, jti, self.now)
    }

    /// Whether a login in progress of that user was finished before: its form is of the past.
    pub fn is_login_taken(&self, realm: &RealmId, user: &UserId, id: &str) -> bool {
        single_use::is_login_taken(&self.shared.read(), realm, user, id)
    }

    /// Whether something that may be taken once was taken.
    pub fn is_taken(&self, key: &OnceKey) -> bool {
        single_use::is_key_taken(&self.shared.read(), key)
    }

    /// A user's failures as they stand now; `None` where there is nothing to say.
    pub fn failures(&self, realm: &RealmId, user: &UserId) -> Option<LoginFailures> {
        login_failures::current(&self.shared.read(), realm, user, self.now).map(|failures| failures.value)
    }
}
