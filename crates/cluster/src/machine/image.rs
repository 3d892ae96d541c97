//! The state as a snapshot sees it: globals and slots, sharing all values with the state they came from.
//!
//! Indexes, counters, sizes and orders of expiry are not stored: they follow from the objects, and a state
//! that is read back makes them anew.

use std::sync::Arc;

use keyraft_model::{RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    command::Hash,
    handle::{SLOTS, Sid},
    machine::{
        State,
        change::Change,
        fences::Fences,
        origins::Origins,
        record::{Code, Failures, Taken},
        slot::{SessionKey, Slot},
        usage::{self, Map},
    },
    session::UserSession,
};

/// A state at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) globals: Globals,
    slots: Vec<Arc<Slot>>,
}

/// What is not in slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Globals {
    clock: UnixMs,
    bound: u64,
    fences: Arc<Fences>,
    origins: Origins,
}

/// One slot's objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotImage {
    index: u16,
    sessions: Vec<Arc<UserSession>>,
    tombstones: Vec<(SessionKey, UnixMs)>,
    codes: Vec<(Hash, Arc<Code>)>,
    taken: Vec<(Hash, Taken)>,
    failures: Vec<(RealmId, UserId, Arc<Failures>)>,
    revocations: Vec<(Hash, UnixMs)>,
}

impl Image {
    /// The slots that hold anything.
    pub(crate) fn slots(&self) -> impl Iterator<Item = SlotImage> {
        (0..SLOTS)
            .zip(&self.slots)
            .map(|(index, slot)| SlotImage::of(index, slot))
            .filter(SlotImage::holds_anything)
    }
}

impl SlotImage {
    fn of(index: u16, slot: &Slot) -> Self {
        Self {
            index,
            sessions: slot.sessions.values().cloned().collect(),
            tombstones: slot.tombstones.iter().map(|(key, until)| (*key, *until)).collect(),
            codes: slot.codes.iter().map(|(hash, code)| (*hash, Arc::clone(code))).collect(),
            taken: slot.taken.iter().map(|(key, taken)| (*key, taken.clone())).collect(),
            failures: slot
                .failures
                .iter()
                .map(|((realm, user), failures)| (realm.clone(), user.clone(), Arc::clone(failures)))
                .collect(),
            revocations: slot.revocations.iter().map(|(key, until)| (*key, *until)).collect(),
        }
    }

    fn holds_anything(&self) -> bool {
        !(self.sessions.is_empty()
            && self.tombstones.is_empty()
            && self.codes.is_empty()
            && self.taken.is_empty()
            && self.failures.is_empty()
            && self.revocations.is_empty())
    }
}

impl State {
    /// The state as it stands, to be written down while it moves on.
    pub(crate) fn image(&self) -> Image {
        let globals = Globals {
            clock: self.clock,
            bound: self.bound,
            fences: Arc::clone(&self.fences),
            origins: self.origins.clone(),
        };
        Image { globals, slots: self.slots.clone() }
    }

    /// A state with those globals and empty slots.
    pub(crate) fn from_image(globals: Globals) -> Self {
        let Globals { clock, bound, fences, origins } = globals;
        let mut state = Self { clock, bound, fences, origins, ..Self::default() };
        for _ in 0..state.fences.len() {
            state.usage.add(Map::Fences, usage::of_marker());
        }
        state
    }

    /// Puts a slot's objects.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub(crate) fn put_slot(&mut self, slot: SlotImage) -> Result<(), &'static str> {
        let index = slot.index;
        if index >= SLOTS {
            return Err("a slot that cannot be");
        }
        for session in slot.sessions {
            let sid = Sid::parse(&session.sid).filter(|sid| sid.slot() == index);
            let sid = sid.ok_or("a session in a slot that is not its own")?;
            let session = self.with_shared_ids(session);
            self.put_session(sid, session);
        }
        for (key, until) in slot.tombstones {
            // Not as an end: an offline session may have begun anew behind the tombstone of an earlier one.
            self.put_tombstone(key, until);
        }
        for (hash, code) in slot.codes {
            self.change(Change::Code { slot: index, hash, code });
        }
        for (key, taken) in slot.taken {
            self.change(Change::Take { slot: index, key, taken });
        }
        for (realm, user, failures) in slot.failures {
            self.change(Change::Failures { realm, user, failures: Some(failures) });
        }
        for (key, until) in slot.revocations {
            self.change(Change::Revoke { key, until });
        }
        Ok(())
    }

    /// Lets sessions of one realm share the texts of its id and of its clients' ids again.
    fn with_shared_ids(&self, session: Arc<UserSession>) -> Arc<UserSession> {
        let mut session = Arc::unwrap_or_clone(session);
        session.realm = self.counters.shared_realm(&session.realm);
        let clients = std::mem::take(&mut session.clients);
        session.clients = clients
            .into_iter()
            .map(|(client, held)| (self.counters.shared_client(&session.realm, &client), held))
            .collect();
        Arc::new(session)
    }
}
