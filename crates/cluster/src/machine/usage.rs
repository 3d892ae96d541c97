//! Sizes: how many bytes each record is taken to cost, and who holds how many.
//!
//! Estimates by constants, not by the allocator: every node must come to the same refusals.

use serde::{Deserialize, Serialize};

use crate::{
    command::LoginFailures,
    machine::record::{Code, CodeState, Failures},
    session::{Chain, ClientSession, Notes, UserSession},
};

/// The kinds of objects that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Map {
    Sessions,
    Tombstones,
    Codes,
    SingleUse,
    LoginFailures,
    Revocations,
    Fences,
}

impl Map {
    /// All of them, with their names in metrics.
    pub(crate) const ALL: [(Self, &'static str); 7] = [
        (Self::Sessions, "user_sessions"),
        (Self::Tombstones, "tombstones"),
        (Self::Codes, "codes"),
        (Self::SingleUse, "single_use"),
        (Self::LoginFailures, "login_failures"),
        (Self::Revocations, "revocations"),
        (Self::Fences, "fences"),
    ];
}

/// Entries and bytes of one kind of object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// Entries and bytes of every kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage([Tally; Map::ALL.len()]);

impl Usage {
    /// One more object of `bytes`.
    pub(crate) fn add(&mut self, map: Map, bytes: u64) {
        let tally = &mut self.0[map as usize];
        tally.entries += 1;
        tally.bytes += bytes;
    }

    /// One object of `bytes` less.
    pub(crate) fn remove(&mut self, map: Map, bytes: u64) {
        let tally = &mut self.0[map as usize];
        tally.entries = tally.entries.saturating_sub(1);
        tally.bytes = tally.bytes.saturating_sub(bytes);
    }

    /// What one kind of object takes.
    pub(crate) fn of(&self, map: Map) -> Tally {
        self.0[map as usize]
    }

    /// What all of them take.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.iter().map(|tally| tally.bytes).sum()
    }
}

/// A tree node's share, an allocation's header, an entry in the order of expiry.
const PER_OBJECT: u64 = 160;
/// A text beyond its characters: pointer, length, capacity, header.
const PER_TEXT: u64 = 40;

/// Bytes of a user session with all its clients and its places in the indexes.
pub(crate) fn of_session(session: &UserSession) -> u64 {
    let clients: u64 = session.clients.values().map(of_client).sum();
    2 * PER_OBJECT + 300 + text(&session.ip_address) + notes(&session.notes) + clients
}

fn of_client(client: &ClientSession) -> u64 {
    let chains: u64 = client.chains.iter().map(|(id, chain)| text(id) + of_chain(chain)).sum();
    let redirect = client.redirect_uri.as_deref().map_or(0, text);
    PER_OBJECT + 200 + text(&client.scope) + redirect + notes(&client.notes) + chains
}

fn of_chain(chain: &Chain) -> u64 {
    64 + text(&chain.jti) + chain.issued.iter().map(|jti| text(jti)).sum::<u64>()
}

/// Bytes of a code or its marker.
pub(crate) fn of_code(code: &Code) -> u64 {
    let held = match &code.state {
        CodeState::Fresh { redirect_uri, notes: held, .. } => {
            redirect_uri.as_deref().map_or(0, text) + notes(held) + 80
        }
        CodeState::Redeemed { .. } | CodeState::Burnt => 0,
    };
    PER_OBJECT + 160 + held
}

/// Bytes of a user's failures.
pub(crate) fn of_failures(failures: &Failures) -> u64 {
    let LoginFailures { last_ip_address, reserved, .. } = &failures.value;
    PER_OBJECT + 280 + text(last_ip_address) + 16 * reserved.len() as u64
}

/// Bytes of something taken once, of a revocation, of a tombstone, of a fence.
pub(crate) const fn of_marker() -> u64 {
    PER_OBJECT + 64
}

fn notes(notes: &Notes) -> u64 {
    notes.iter().map(|(name, value)| text(name) + text(value) + 16).sum()
}

fn text(text: &str) -> u64 {
    PER_TEXT + text.len() as u64
}
