//! Sizes: how many bytes each object is taken to cost with its places in the indexes.
//!
//! Constants and lengths, not the allocator's word: every node must come to the same refusals. A test holds
//! them against what the allocator gives. A tree's node is about seven tenths full, so an entry costs its size
//! by [`IN_TREE`]; an allocation is rounded up to 16 bytes.

use std::mem::size_of;

use serde::{Deserialize, Serialize};

use crate::{
    command::{LoginFailures, Notice},
    machine::{
        packed::Packed,
        record::{
            Code, CodeState, Device, DeviceState, Failures, OutboxEntry, Pending, Pushed, Taken, Tombstone,
        },
        slot::{ByClient, ByUser, Due, SessionKey},
    },
    session::Notes,
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
    Pending,
    DeviceCodes,
    PushedRequests,
    Outbox,
    Leases,
    Changes,
    Names,
    Dirty,
}

impl Map {
    /// All of them, with their names in metrics.
    pub(crate) const ALL: [(Self, &'static str); 15] = [
        (Self::Sessions, "user_sessions"),
        (Self::Tombstones, "tombstones"),
        (Self::Codes, "codes"),
        (Self::SingleUse, "single_use"),
        (Self::LoginFailures, "login_failures"),
        (Self::Revocations, "revocations"),
        (Self::Fences, "fences"),
        (Self::Pending, "pending"),
        (Self::DeviceCodes, "device_codes"),
        (Self::PushedRequests, "pushed_requests"),
        (Self::Outbox, "outbox"),
        (Self::Leases, "leases"),
        (Self::Changes, "changes"),
        (Self::Names, "names"),
        (Self::Dirty, "dirty"),
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

/// An entry of a tree by its size, in hundredths: nodes are not full, and have headers and edges.
const IN_TREE: u64 = 155;
/// Counts of an `Arc`.
const COUNTS: u64 = 16;

/// An entry of a tree.
const fn in_tree(size: usize) -> u64 {
    size as u64 * IN_TREE / 100
}

/// An allocation of that many bytes.
const fn allocated(bytes: u64) -> u64 {
    bytes.next_multiple_of(16)
}

/// A place in the order of expiry.
const DUE: u64 = in_tree(8 + size_of::<Due>());
const HASH: usize = 32;

/// Bytes of a user session with all its clients and its places in the indexes.
pub(crate) fn of_session(session: &Packed) -> u64 {
    let (length, clients) = session.size();
    let own = in_tree(size_of::<SessionKey>() + size_of::<Packed>()) + allocated(COUNTS + length as u64);
    let due = in_tree(8 + size_of::<SessionKey>());
    own + due + in_tree(size_of::<ByUser>()) + clients as u64 * in_tree(size_of::<ByClient>())
}

/// Bytes of an ended session.
pub(crate) fn of_tombstone(tombstone: &Tombstone) -> u64 {
    in_tree(size_of::<SessionKey>() + size_of::<Tombstone>()) + allocated(tombstone.user.heap()) + DUE
}

/// Bytes of a code or its marker.
pub(crate) fn of_code(code: &Code) -> u64 {
    let held = match &code.state {
        CodeState::Fresh { redirect_uri, notes: held, .. } => {
            redirect_uri.as_deref().map_or(0, text) + notes(held)
        }
        CodeState::Redeemed { .. } | CodeState::Burnt => 0,
    };
    boxed(HASH, size_of::<Code>()) + id(code.client.as_str()) + held
}

/// Bytes of a user's failures.
pub(crate) fn of_failures(realm: &str, user: &str, failures: &Failures) -> u64 {
    let LoginFailures { last_ip_address, reserved, .. } = &failures.value;
    boxed(32, size_of::<Failures>())
        + id(realm)
        + id(user)
        + text(last_ip_address)
        + allocated(16 * reserved.len() as u64)
}

/// Bytes of something taken once.
pub(crate) const fn of_taken() -> u64 {
    in_tree(HASH + size_of::<Taken>()) + DUE
}

/// Bytes of a revocation.
pub(crate) const fn of_revocation() -> u64 {
    in_tree(HASH + 8) + DUE
}

/// Bytes of a fence, by place and by time.
pub(crate) const fn of_fence() -> u64 {
    2 * in_tree(104) + 3 * 64
}

/// Bytes of what a login keeps.
pub(crate) fn of_pending(pending: &Pending) -> u64 {
    boxed(HASH + 1, size_of::<Pending>()) + id(pending.realm.as_str()) + allocated(pending.value.len() as u64)
}

/// Bytes of a device's request.
pub(crate) fn of_device(device: &Device) -> u64 {
    let decided = match &device.state {
        DeviceState::Decided(crate::command::DeviceDecision::Approve { sid, user, scope, notes: held }) => {
            text(sid) + id(user.as_str()) + text(scope) + notes(held)
        }
        DeviceState::Decided(crate::command::DeviceDecision::Deny)
        | DeviceState::Waiting
        | DeviceState::Spent => 0,
    };
    let ids = id(device.realm.as_str()) + id(device.client.as_str());
    boxed(HASH, size_of::<Device>())
        + in_tree(2 * HASH)
        + ids
        + text(&device.scope)
        + notes(&device.notes)
        + decided
}

/// Bytes of a pushed request.
pub(crate) fn of_pushed(pushed: &Pushed) -> u64 {
    let ids = id(pushed.realm.as_str()) + id(pushed.client.as_str());
    boxed(HASH, size_of::<Pushed>()) + ids + allocated(pushed.value.len() as u64)
}

/// Bytes of a notice.
pub(crate) fn of_notice(entry: &OutboxEntry) -> u64 {
    let Notice { issuer, realm, user, sid, clients, .. } = &entry.notice;
    let told: u64 = clients.iter().map(|client| 16 + id(client.as_str())).sum();
    boxed(8, size_of::<OutboxEntry>())
        + text(issuer)
        + id(realm.as_str())
        + id(user.as_str())
        + text(sid)
        + told
}

/// Bytes of a job's lease.
pub(crate) fn of_lease(job: &str, holder: &str) -> u64 {
    in_tree(64) + text(job) + text(holder)
}

/// Changed entities.
pub(crate) fn of_changes(count: usize) -> Tally {
    let each = in_tree(32) + in_tree(24);
    Tally { entries: count as u64, bytes: count as u64 * each }
}

/// Texts that sessions share, by their number and length together.
pub(crate) fn of_names((count, length): (u64, u64)) -> Tally {
    let each = in_tree(24) + 24 + COUNTS + 8;
    Tally { entries: count, bytes: count * each + length }
}

/// What waits to be written.
pub(crate) fn of_dirty(count: usize) -> Tally {
    Tally { entries: count as u64, bytes: count as u64 * in_tree(56) }
}

/// A value behind an `Arc` in a tree, with its place in the order of expiry.
fn boxed(key: usize, value: usize) -> u64 {
    in_tree(key + 8) + allocated(COUNTS + value as u64) + DUE
}

fn notes(notes: &Notes) -> u64 {
    let texts: u64 = notes.iter().map(|(name, value)| text(name) + text(value)).sum();
    48 * notes.len() as u64 + texts
}

/// What a text allocates.
fn text(text: &str) -> u64 {
    allocated(text.len() as u64)
}

/// What an id allocates.
fn id(id: &str) -> u64 {
    allocated(COUNTS + id.len() as u64)
}
