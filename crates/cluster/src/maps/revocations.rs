//! Revoked access tokens, by `jti`, until they would have expired.

use keyraft_model::{DurationMs, RealmId, UnixMs};

use crate::{
    command::{Hash, Outcome},
    handle::{digest, first_ten_bits},
    machine::{
        State,
        change::{Change, Decision},
    },
};

/// Decides `Revoke`; never refused, because a token that cannot be revoked is worse than a full map.
pub(crate) fn revoke(state: &State, realm: &RealmId, jti: &str, lifespan: DurationMs) -> Decision {
    let now = state.clock;
    let key = key_of(realm, jti);
    let standing = state.slot(first_ten_bits(&key)).revocations.get(&key).copied();
    let until = now.plus(lifespan).max(standing.unwrap_or(now));
    Decision::with(Outcome::Done { now }, Change::Revoke { key, until })
}

/// Whether a token is revoked.
pub(crate) fn is_revoked(state: &State, realm: &RealmId, jti: &str, now: UnixMs) -> bool {
    let key = key_of(realm, jti);
    state.slot(first_ten_bits(&key)).revocations.get(&key).is_some_and(|until| *until > now)
}

fn key_of(realm: &RealmId, jti: &str) -> Hash {
    digest([realm.as_str().as_bytes(), jti.as_bytes()])
}
