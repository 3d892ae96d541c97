//! How many sessions each client and each realm has, kept with every change, so that counting costs nothing.

use std::collections::BTreeMap;

use keyraft_model::{ClientUuid, RealmId};

use crate::session::{Kind, UserSession};

/// Sessions by kind, online first.
pub(crate) type Pair = [u64; 2];

/// Counts, derived from the sessions and never stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    realms: BTreeMap<RealmId, RealmCount>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RealmCount {
    sessions: Pair,
    bytes: u64,
    clients: BTreeMap<ClientUuid, Pair>,
}

impl Counters {
    /// Counts a session in.
    pub(crate) fn add(&mut self, session: &UserSession, bytes: u64) {
        let realm = self.realms.entry(session.realm.clone()).or_default();
        realm.sessions[session.kind as usize] += 1;
        realm.bytes += bytes;
        for client in session.clients.keys() {
            realm.clients.entry(client.clone()).or_default()[session.kind as usize] += 1;
        }
    }

    /// Counts a session out.
    pub(crate) fn remove(&mut self, session: &UserSession, bytes: u64) {
        let Some(realm) = self.realms.get_mut(&session.realm) else { return };
        realm.sessions[session.kind as usize] -= 1;
        realm.bytes -= bytes;
        for client in session.clients.keys() {
            if let Some(pair) = realm.clients.get_mut(client) {
                pair[session.kind as usize] -= 1;
                if *pair == [0, 0] {
                    realm.clients.remove(client);
                }
            }
        }
        if realm.sessions == [0, 0] {
            self.realms.remove(&session.realm);
        }
    }

    /// Sessions of a realm.
    pub(crate) fn of_realm(&self, realm: &RealmId, kind: Kind) -> u64 {
        self.realms.get(realm).map_or(0, |realm| realm.sessions[kind as usize])
    }

    /// Bytes that a realm's sessions hold.
    pub(crate) fn bytes_of_realm(&self, realm: &RealmId) -> u64 {
        self.realms.get(realm).map_or(0, |realm| realm.bytes)
    }

    /// Sessions of a client.
    pub(crate) fn of_client(&self, realm: &RealmId, client: &ClientUuid, kind: Kind) -> u64 {
        self.realms
            .get(realm)
            .and_then(|realm| realm.clients.get(client))
            .map_or(0, |pair| pair[kind as usize])
    }

    /// Every client of a realm that has sessions.
    pub(crate) fn clients_of_realm(&self, realm: &RealmId) -> Vec<(ClientUuid, Pair)> {
        let clients = self.realms.get(realm).map(|realm| &realm.clients);
        clients.into_iter().flatten().map(|(client, pair)| (client.clone(), *pair)).collect()
    }

    /// The realm's own copy of its id: sessions share it instead of each holding the text.
    pub(crate) fn shared_realm(&self, realm: &RealmId) -> RealmId {
        self.realms.get_key_value(realm).map_or_else(|| realm.clone(), |(known, _)| known.clone())
    }

    /// The realm's own copy of a client's id.
    pub(crate) fn shared_client(&self, realm: &RealmId, client: &ClientUuid) -> ClientUuid {
        let known = self.realms.get(realm).and_then(|realm| realm.clients.get_key_value(client));
        known.map_or_else(|| client.clone(), |(known, _)| known.clone())
    }
}
