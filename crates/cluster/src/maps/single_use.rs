//! What may be taken once: one-time codes, logins in progress, action tokens, assertions.

use keyraft_model::{DurationMs, RealmId, UnixMs, UserId};

use crate::{
    command::{Hash, OnceKey, OnceKind, Outcome},
    handle::{digest, slot_of_owner, slot_of_user},
    machine::{
        State,
        change::{Change, Decision},
    },
    maps::room,
};

/// Decides `TakeOnce`.
pub(crate) fn take(state: &State, key: &OnceKey, lifespan: DurationMs) -> Decision {
    let slot = slot_of_owner(&key.realm, &key.owner);
    let hash = key_of(key);
    // A marker that stands is the answer at any bound.
    if is_taken(state, slot, hash) {
        return Decision::only(Outcome::Taken(false));
    }
    if !room::for_jti(state, &key.realm) {
        return Decision::only(Outcome::Full);
    }
    match take_in(state, slot, hash, &key.realm, lifespan) {
        Some(change) => Decision::with(Outcome::Taken(true), change),
        None => Decision::only(Outcome::Taken(false)),
    }
}

/// Decides `TakeIssued`: what was issued before the epoch may have been taken in one that nobody remembers.
pub(crate) fn take_issued(state: &State, key: &OnceKey, issued: UnixMs, lifespan: DurationMs) -> Decision {
    if state.epoch.refuses(issued) {
        return Decision::only(Outcome::Taken(false));
    }
    take(state, key, lifespan)
}

/// The change that takes a key in a slot; none where it was taken before.
pub(crate) fn take_in(
    state: &State,
    slot: u16,
    key: Hash,
    realm: &RealmId,
    lifespan: DurationMs,
) -> Option<Change> {
    let (realm, expires) = (realm.clone(), state.clock.plus(lifespan));
    (!is_taken(state, slot, key)).then_some(Change::Take { slot, key, realm, expires })
}

/// The key of a login in progress, in the slot of whoever signs in.
pub(crate) fn login_key(realm: &RealmId, id: &str) -> Hash {
    digest([&[OnceKind::Login as u8], realm.as_str().as_bytes(), b"", id.as_bytes()])
}

/// Whether a login in progress of that user was taken.
pub(crate) fn is_login_taken(state: &State, realm: &RealmId, user: &UserId, id: &str) -> bool {
    is_taken(state, slot_of_user(realm, user), login_key(realm, id))
}

/// Whether something was taken.
pub(crate) fn is_key_taken(state: &State, key: &OnceKey) -> bool {
    is_taken(state, slot_of_owner(&key.realm, &key.owner), key_of(key))
}

fn key_of(key: &OnceKey) -> Hash {
    digest([&[key.kind as u8], key.realm.as_str().as_bytes(), key.owner.as_bytes(), &key.id])
}

fn is_taken(state: &State, slot: u16, key: Hash) -> bool {
    state.slot(slot).taken.get(&key).is_some_and(|taken| taken.expires > state.clock)
}
