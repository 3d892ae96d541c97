//! What a login in progress keeps beyond its cookie: after a first proof, at most 16 KiB a kind, gone with the
//! login that takes it.

use keyraft_model::RealmId;

use std::sync::Arc;

use crate::{
    command::{Hash, Outcome, PendingKind, PutPending},
    handle::{digest, first_ten_bits},
    machine::{
        State,
        change::{Change, Decision},
        record::Pending,
    },
    maps::room,
};

/// The most that one thing may take; larger ones are refused at the door.
pub(crate) const VALUE_MAX: usize = 16 << 10;

const KINDS: [PendingKind; 3] = [PendingKind::Brokered, PendingKind::Passkey, PendingKind::Saml];

/// Decides `PutPending`; replaces what was kept of that kind.
pub(crate) fn put(state: &State, put: &PutPending) -> Decision {
    if put.value.len() > VALUE_MAX || !room::for_request(state, &put.realm) {
        return Decision::only(Outcome::Full);
    }
    let now = state.clock;
    let pending = Pending {
        realm: put.realm.clone(),
        issued: now,
        expires: now.plus(put.lifespan),
        value: put.value.clone(),
    };
    let (slot, id) = place(&put.realm, &put.id);
    let change = Change::Pending { slot, key: (id, put.kind), pending: Some(Arc::new(pending)) };
    Decision::with(Outcome::Done { now }, change)
}

/// Decides `TakePending`.
pub(crate) fn take(state: &State, realm: &RealmId, id: &str, kind: PendingKind) -> Decision {
    let (slot, id) = place(realm, id);
    let Some(pending) = state.slot(slot).pending.get(&(id, kind)) else {
        return Decision::only(Outcome::Kept(None));
    };
    let is_good = pending.expires > state.clock && !state.epoch.refuses(pending.issued);
    let kept = is_good.then(|| pending.value.clone());
    Decision::with(Outcome::Kept(kept), Change::Pending { slot, key: (id, kind), pending: None })
}

/// What was kept, to look at.
pub(crate) fn peek<'a>(
    state: &'a State,
    realm: &RealmId,
    id: &str,
    kind: PendingKind,
    now: keyraft_model::UnixMs,
) -> Option<&'a [u8]> {
    let (slot, id) = place(realm, id);
    let pending = state.slot(slot).pending.get(&(id, kind))?;
    (pending.expires > now && !state.epoch.refuses(pending.issued)).then_some(&pending.value)
}

/// The changes that forget everything that a login kept.
pub(crate) fn forget<'a>(
    state: &'a State,
    realm: &RealmId,
    id: &str,
) -> impl Iterator<Item = Change> + use<'a> {
    let (slot, id) = place(realm, id);
    let stands = move |kind: &PendingKind| state.slot(slot).pending.contains_key(&(id, *kind));
    KINDS.into_iter().filter(stands).map(move |kind| Change::Pending { slot, key: (id, kind), pending: None })
}

fn place(realm: &RealmId, id: &str) -> (u16, Hash) {
    let hash = digest([realm.as_str().as_bytes(), id.as_bytes()]);
    (first_ten_bits(&hash), hash)
}
