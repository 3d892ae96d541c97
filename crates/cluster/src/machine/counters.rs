//! How many sessions each client and each realm has, and how many bytes each realm holds, kept with every
//! change, so that asking costs nothing.
//!
//! Realms and clients are the numbers of their ids in [`super::names::Names`]: keys to look things up by,
//! never an order.

use std::collections::BTreeMap;

use crate::{machine::packed::Packed, session::Kind};

/// Sessions by kind, online first.
pub(crate) type Pair = [u64; 2];

/// Counts, derived from the objects and never stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    realms: BTreeMap<u32, RealmCount>,
}

#[derive(Clone, Debug, Default)]
struct RealmCount {
    sessions: Pair,
    bytes: u64,
    /// Those of them that requests of clients hold.
    requests: u64,
    /// Objects that are charged by bytes.
    charged: u64,
    clients: BTreeMap<u32, Pair>,
}

impl Counters {
    /// Counts a session in.
    pub(crate) fn add(&mut self, session: &Packed, kind: Kind, bytes: u64) {
        self.charge(session.realm, bytes);
        let realm = self.realms.entry(session.realm).or_default();
        realm.sessions[kind as usize] += 1;
        for client in session.clients() {
            realm.clients.entry(client).or_default()[kind as usize] += 1;
        }
    }

    /// Counts a session out.
    pub(crate) fn remove(&mut self, session: &Packed, kind: Kind, bytes: u64) {
        if let Some(realm) = self.realms.get_mut(&session.realm) {
            realm.sessions[kind as usize] -= 1;
            for client in session.clients() {
                if let Some(pair) = realm.clients.get_mut(&client) {
                    pair[kind as usize] -= 1;
                    if *pair == [0, 0] {
                        realm.clients.remove(&client);
                    }
                }
            }
        }
        self.discharge(session.realm, bytes);
    }

    /// Charges a realm with an object's bytes.
    pub(crate) fn charge(&mut self, realm: u32, bytes: u64) {
        let realm = self.realms.entry(realm).or_default();
        realm.bytes += bytes;
        realm.charged += 1;
    }

    /// Takes an object's bytes off a realm.
    pub(crate) fn discharge(&mut self, number: u32, bytes: u64) {
        let Some(realm) = self.realms.get_mut(&number) else { return };
        realm.bytes = realm.bytes.saturating_sub(bytes);
        realm.charged -= 1;
        if realm.charged == 0 {
            self.realms.remove(&number);
        }
    }

    /// Notes that bytes already charged are of a request.
    pub(crate) fn charge_request(&mut self, realm: u32, bytes: u64) {
        self.realms.entry(realm).or_default().requests += bytes;
    }

    /// Takes a request's bytes off a realm's requests; before they are discharged.
    pub(crate) fn discharge_request(&mut self, realm: u32, bytes: u64) {
        if let Some(realm) = self.realms.get_mut(&realm) {
            realm.requests = realm.requests.saturating_sub(bytes);
        }
    }

    /// Bytes that a realm's requests hold.
    pub(crate) fn requests_of_realm(&self, realm: u32) -> u64 {
        self.realms.get(&realm).map_or(0, |realm| realm.requests)
    }

    /// Sessions of a realm.
    pub(crate) fn of_realm(&self, realm: u32, kind: Kind) -> u64 {
        self.realms.get(&realm).map_or(0, |realm| realm.sessions[kind as usize])
    }

    /// Bytes that a realm holds.
    pub(crate) fn bytes_of_realm(&self, realm: u32) -> u64 {
        self.realms.get(&realm).map_or(0, |realm| realm.bytes)
    }

    /// Sessions of a client.
    pub(crate) fn of_client(&self, realm: u32, client: u32, kind: Kind) -> u64 {
        self.realms
            .get(&realm)
            .and_then(|realm| realm.clients.get(&client))
            .map_or(0, |pair| pair[kind as usize])
    }

    /// Every client of a realm that has sessions, in no order that means anything.
    pub(crate) fn clients_of_realm(&self, realm: u32) -> impl Iterator<Item = (u32, Pair)> {
        self.realms
            .get(&realm)
            .into_iter()
            .flat_map(|realm| &realm.clients)
            .map(|(client, pair)| (*client, *pair))
    }

    /// Every realm that holds anything, with its sessions and bytes.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, Pair, u64, u64)> {
        self.realms.iter().map(|(number, realm)| (*number, realm.sessions, realm.bytes, realm.requests))
    }
}
