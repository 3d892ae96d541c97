//! Devices without a browser (RFC 8628): the request waits until a person decides, and the device asks.
//!
//! A request lies under its user code, in the slot that the device code carries too. Approved and denied are
//! said once; then the request stays as a marker until its codes would have expired.

use std::sync::Arc;

use keyraft_model::{ClientUuid, RealmId, UnixMs};

use crate::{
    command::{DeviceDecision, DeviceRequest, Hash, Outcome, Polled, StartDevice},
    handle::{SLOTS, digest, slot_of_user_code},
    machine::{
        State,
        change::{Change, Decision},
        record::{Device, DeviceState},
    },
    maps::room,
};

/// Decides `StartDevice`. A user code that is in use already is refused: the caller draws another.
pub(crate) fn start(state: &State, start: &StartDevice) -> Decision {
    let now = state.clock;
    let (slot, key) = place(&start.realm, &start.user_code);
    let of = state.slot(slot);
    let is_used = of.devices.contains_key(&key) || of.by_device_code.contains_key(&start.device_code);
    if is_used || !room::for_request(state, &start.realm) {
        return Decision::only(if is_used { Outcome::Taken(false) } else { Outcome::Full });
    }
    let device = Device {
        realm: start.realm.clone(),
        device_code: start.device_code,
        client: start.client.clone(),
        scope: start.scope.clone(),
        notes: start.notes.clone(),
        issued: now,
        expires: now.plus(start.lifespan),
        interval: start.interval,
        polled: None,
        state: DeviceState::Waiting,
    };
    Decision::with(Outcome::Done { now }, Change::Device { slot, key, device: Arc::new(device) })
}

/// Decides `DecideDevice`: once, while it waits.
pub(crate) fn decide(
    state: &State,
    realm: &RealmId,
    user_code: &Hash,
    decision: &DeviceDecision,
) -> Decision {
    let (slot, key) = place(realm, user_code);
    let Some(device) = waiting(state, slot, &key, state.clock) else {
        return Decision::only(Outcome::Decided(false));
    };
    let decided = Device { state: DeviceState::Decided(decision.clone()), ..device.clone() };
    Decision::with(Outcome::Decided(true), Change::Device { slot, key, device: Arc::new(decided) })
}

/// Decides `PollDevice`.
pub(crate) fn poll(state: &State, slot: u16, device_code: &Hash, client: &ClientUuid) -> Decision {
    let now = state.clock;
    let key = (slot < SLOTS).then(|| state.slot(slot).by_device_code.get(device_code)).flatten();
    let found = key.and_then(|key| Some((key, good(state, slot, key, now)?)));
    let Some((&key, device)) = found else { return answer(Polled::Unknown) };
    if device.client != *client {
        return answer(Polled::OtherClient);
    }
    let put = |device: Device| Change::Device { slot, key, device: Arc::new(device) };
    match &device.state {
        DeviceState::Spent => answer(Polled::Unknown),
        DeviceState::Waiting => {
            let is_soon = device.polled.is_some_and(|last| now.since(last) < device.interval);
            let polled = if is_soon { Polled::SlowDown } else { Polled::Pending };
            Decision::with(Outcome::Polled(polled), put(Device { polled: Some(now), ..device.clone() }))
        }
        DeviceState::Decided(decision) => {
            let polled = match decision.clone() {
                DeviceDecision::Deny => Polled::Denied,
                DeviceDecision::Approve { sid, user, scope, notes } => {
                    let mut all = device.notes.clone();
                    all.extend(notes);
                    Polled::Approved { sid, user, scope, notes: all, now }
                }
            };
            Decision::with(Outcome::Polled(polled), put(device.spent()))
        }
    }
}

/// The request of a user code, as long as nobody has decided.
pub(crate) fn request(
    state: &State,
    realm: &RealmId,
    user_code: &Hash,
    now: UnixMs,
) -> Option<DeviceRequest> {
    let (slot, key) = place(realm, user_code);
    let Device { client, scope, notes, expires, .. } = waiting(state, slot, &key, now)?.clone();
    Some(DeviceRequest { client, scope, notes, expires })
}

impl Device {
    /// The marker that stays until the codes would have expired.
    fn spent(&self) -> Self {
        Self {
            scope: String::new(),
            notes: crate::session::Notes::new(),
            state: DeviceState::Spent,
            ..self.clone()
        }
    }
}

fn good<'a>(state: &'a State, slot: u16, key: &Hash, now: UnixMs) -> Option<&'a Device> {
    let device = state.slot(slot).devices.get(key)?;
    (device.expires > now && !state.epoch.refuses(device.issued)).then_some(device)
}

fn waiting<'a>(state: &'a State, slot: u16, key: &Hash, now: UnixMs) -> Option<&'a Device> {
    good(state, slot, key, now).filter(|device| device.state == DeviceState::Waiting)
}

fn place(realm: &RealmId, user_code: &Hash) -> (u16, Hash) {
    (slot_of_user_code(realm, user_code), digest([realm.as_str().as_bytes(), user_code]))
}

fn answer(polled: Polled) -> Decision {
    Decision::only(Outcome::Polled(polled))
}
