//! Pushed authorization requests (RFC 9126): kept under the handle in their `request_uri`, used once, by their
//! own client. What was used stays as an empty marker until it would have expired.

use std::sync::Arc;

use keyraft_model::{ClientUuid, RealmId};

use crate::{
    command::{Hash, Outcome, PushRequest},
    handle::{digest, slot_of_sid},
    machine::{
        State,
        change::{Change, Decision},
        record::Pushed,
    },
    maps::room,
};

/// The most that a request may take; larger ones are refused at the door.
pub(crate) const VALUE_MAX: usize = 32 << 10;

/// Decides `PushRequest`.
pub(crate) fn push(state: &State, push: &PushRequest) -> Decision {
    let now = state.clock;
    let Some((slot, key)) = place(&push.realm, &push.handle) else {
        return Decision::only(Outcome::Taken(false));
    };
    if state.slot(slot).pushed.contains_key(&key) {
        return Decision::only(Outcome::Taken(false));
    }
    if push.value.len() > VALUE_MAX || !room::for_request(state, &push.realm) {
        return Decision::only(Outcome::Full);
    }
    let pushed = Pushed {
        realm: push.realm.clone(),
        client: push.client.clone(),
        issued: now,
        expires: now.plus(push.lifespan),
        value: push.value.clone(),
    };
    Decision::with(Outcome::Done { now }, Change::Pushed { slot, key, pushed: Arc::new(pushed) })
}

/// Decides `TakePushed`. Another client does not use it up.
pub(crate) fn take(state: &State, realm: &RealmId, handle: &str, client: &ClientUuid) -> Decision {
    let found = place(realm, handle).and_then(|(slot, key)| {
        let pushed = state.slot(slot).pushed.get(&key)?;
        let is_good = pushed.expires > state.clock && !state.epoch.refuses(pushed.issued);
        (is_good && pushed.client == *client && !pushed.value.is_empty()).then_some((slot, key, pushed))
    });
    let Some((slot, key, pushed)) = found else { return Decision::only(Outcome::Kept(None)) };
    let spent = Pushed { value: Vec::new(), ..Pushed::clone(pushed) };
    let change = Change::Pushed { slot, key, pushed: Arc::new(spent) };
    Decision::with(Outcome::Kept(Some(pushed.value.clone())), change)
}

fn place(realm: &RealmId, handle: &str) -> Option<(u16, Hash)> {
    let slot = slot_of_sid(handle)?;
    Some((slot, digest([realm.as_str().as_bytes(), handle.as_bytes()])))
}
