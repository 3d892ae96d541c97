//! Lists and counts of sessions.

use std::sync::Arc;

use keyraft_model::{ClientUuid, RealmId, UserId};

use super::View;
use crate::{
    handle::{SLOTS, Sid, place_of_user},
    machine::{
        State,
        slot::{ByClient, ByUser},
    },
    maps::user_sessions,
    session::{Kind, UserSession},
};

impl View {
    /// All live sessions of a user.
    pub fn sessions_of_user(&self, realm: &RealmId, user: &UserId, kind: Kind) -> Vec<Arc<UserSession>> {
        let state = self.shared.read();
        let Some(number) = state.names.find(realm.as_str()) else { return Vec::new() };
        let (slot, tag) = place_of_user(realm, user);
        let at = |sid| ByUser { realm: number.to_be_bytes(), user: tag, kind, sid };
        let places = state.slot(slot).by_user.range(at(Sid::MIN)..=at(Sid::MAX));
        places
            .filter_map(|place| user_sessions::live(&state, place.sid, kind, self.now))
            .filter(|session| session.user == *user)
            .map(Arc::new)
            .collect()
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
        let numbers = state.names.find(realm.as_str()).zip(state.names.find(client.as_str()));
        let Some((of_realm, of_client)) = numbers else { return Vec::new() };
        let (of_realm, of_client) = (of_realm.to_be_bytes(), of_client.to_be_bytes());
        let at = |sid| ByClient { realm: of_realm, client: of_client, kind, sid };
        let places =
            (0..SLOTS).flat_map(|slot| state.slot(slot).by_client.range(at(Sid::MIN)..=at(Sid::MAX)));
        places
            .filter_map(|place| user_sessions::live(&state, place.sid, kind, self.now))
            .filter(|session| session.clients.contains_key(client))
            .skip(first)
            .take(max)
            .map(Arc::new)
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
        self.of_realm(&state, realm, kind).skip(first).take(max).map(Arc::new).collect()
    }

    /// All live sessions of a realm; prefer [`View::page_of_realm`] where there may be many.
    pub fn sessions_of_realm(&self, realm: &RealmId, kind: Kind) -> Vec<Arc<UserSession>> {
        self.page_of_realm(realm, kind, (0, usize::MAX))
    }

    fn of_realm<'a>(
        &self,
        state: &'a State,
        realm: &RealmId,
        kind: Kind,
    ) -> impl Iterator<Item = UserSession> + use<'a> {
        let now = self.now;
        let number = state.names.find(realm.as_str()).map(u32::to_be_bytes);
        number
            .into_iter()
            .flat_map(move |realm| {
                let from = ByUser { realm, user: [0; 4], kind: Kind::Online, sid: Sid::MIN };
                (0..SLOTS).flat_map(move |slot| {
                    state.slot(slot).by_user.range(from..).take_while(move |place| place.realm == realm)
                })
            })
            .filter(move |place| place.kind == kind)
            .filter_map(move |place| user_sessions::live(state, place.sid, place.kind, now))
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
        let numbers = state.names.find(realm.as_str()).zip(state.names.find(client.as_str()));
        numbers.map_or(0, |(realm, client)| state.counters.of_client(realm, client, kind))
    }

    /// How many sessions a realm has; as exact as [`View::count_of_client`].
    pub fn count_of_realm(&self, realm: &RealmId, kind: Kind) -> u64 {
        let state = self.shared.read();
        if state.fences.is_sweeping(realm) {
            return self.of_realm(&state, realm, kind).count() as u64;
        }
        state.names.find(realm.as_str()).map_or(0, |realm| state.counters.of_realm(realm, kind))
    }

    /// Every client of a realm with its numbers of online and offline sessions, where it has any.
    pub fn client_session_stats(&self, realm: &RealmId) -> Vec<(ClientUuid, u64, u64)> {
        let mut clients: Vec<ClientUuid> = {
            let state = self.shared.read();
            let Some(number) = state.names.find(realm.as_str()) else { return Vec::new() };
            let numbers = state.counters.clients_of_realm(number);
            numbers.map(|(client, _)| state.names.text(client).into()).collect()
        };
        clients.sort_unstable();
        let exact = |client: &ClientUuid, kind| self.count_of_client(realm, client, kind);
        clients
            .into_iter()
            .map(|client| {
                let (online, offline) = (exact(&client, Kind::Online), exact(&client, Kind::Offline));
                (client, online, offline)
            })
            .filter(|(_, online, offline)| online + offline > 0)
            .collect()
    }
}
