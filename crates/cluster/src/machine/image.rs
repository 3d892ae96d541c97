//! The state as a snapshot sees it: globals and slots, sharing all values with the state they came from.
//!
//! Indexes, counters, sizes, numbers of texts and orders of expiry are not stored: they follow from the
//! objects, and a state that is read back makes them anew. Sessions are written unpacked, with their texts.

use std::{collections::BTreeMap, sync::Arc};

use keyraft_model::{RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    command::{Durability, Hash, PendingKind},
    handle::{SLOTS, Sid},
    machine::{
        State,
        change::Change,
        changes::Changes,
        dirty::{DirtyKey, Rank},
        fences::Fences,
        names::Names,
        origins::Origins,
        packed::{Compact, RowMark},
        record::{Code, Device, Failures, Lease, OutboxEntry, Pending, Pushed, Tombstone},
        rows::Redo,
        slot::{SessionKey, Slot},
        state::Epoch,
        usage::{self, Map},
    },
    row::Version,
    session::UserSession,
};

/// A state at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) globals: Globals,
    slots: Vec<Arc<Slot>>,
    names: Names,
}

/// What is not in slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Globals {
    clock: UnixMs,
    applied: u64,
    epoch: Epoch,
    bound: u64,
    durable: Durability,
    persisted: Version,
    redo: Option<Redo>,
    stored_realms: BTreeMap<RealmId, UnixMs>,
    leases: BTreeMap<String, Lease>,
    changes: Changes,
    fences: Arc<Fences>,
    origins: Origins,
}

/// One slot's objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotImage {
    index: u16,
    mark: u64,
    stored_until: UnixMs,
    sessions: Vec<(UserSession, RowMark)>,
    tombstones: Vec<(SessionKey, StoredTombstone)>,
    codes: Vec<(Hash, Arc<Code>)>,
    taken: Vec<(Hash, RealmId, UnixMs)>,
    failures: Vec<(RealmId, UserId, Arc<Failures>)>,
    revocations: Vec<(Hash, UnixMs)>,
    pending: Vec<((Hash, PendingKind), Arc<Pending>)>,
    devices: Vec<(Hash, Arc<Device>)>,
    pushed: Vec<(Hash, Arc<Pushed>)>,
    outbox: Vec<Arc<OutboxEntry>>,
}

/// A tombstone with its realm's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredTombstone {
    realm: RealmId,
    user: Compact,
    started: UnixMs,
    until: UnixMs,
    due: UnixMs,
    version: Version,
    is_dirty: bool,
}

impl Image {
    /// The slots that hold anything.
    pub(crate) fn slots(&self) -> impl Iterator<Item = SlotImage> {
        (0..SLOTS)
            .zip(&self.slots)
            .map(|(index, slot)| SlotImage::of(index, slot, &self.names))
            .filter(SlotImage::holds_anything)
    }
}

impl SlotImage {
    fn of(index: u16, slot: &Slot, names: &Names) -> Self {
        let session = |(key, packed): (&SessionKey, &crate::machine::packed::Packed)| {
            (packed.session(key.0, key.1, names), packed.row)
        };
        Self {
            index,
            mark: slot.mark,
            stored_until: slot.stored_until,
            sessions: slot.sessions.iter().map(session).collect(),
            tombstones: slot
                .tombstones
                .iter()
                .map(|(key, one)| (*key, StoredTombstone::of(one, names)))
                .collect(),
            codes: slot.codes.iter().map(|(hash, code)| (*hash, Arc::clone(code))).collect(),
            taken: slot
                .taken
                .iter()
                .map(|(key, taken)| (*key, names.text(taken.realm).into(), taken.expires))
                .collect(),
            failures: slot
                .failures
                .iter()
                .map(|((realm, user), failures)| (realm.clone(), user.clone(), Arc::clone(failures)))
                .collect(),
            revocations: slot.revocations.iter().map(|(key, until)| (*key, *until)).collect(),
            pending: slot.pending.iter().map(|(key, one)| (*key, Arc::clone(one))).collect(),
            devices: slot.devices.iter().map(|(key, one)| (*key, Arc::clone(one))).collect(),
            pushed: slot.pushed.iter().map(|(key, one)| (*key, Arc::clone(one))).collect(),
            outbox: slot.outbox.values().cloned().collect(),
        }
    }

    fn holds_anything(&self) -> bool {
        let empty = Self::of(self.index, &Slot::default(), &Names::default());
        *self != empty
    }
}

impl StoredTombstone {
    fn of(tombstone: &Tombstone, names: &Names) -> Self {
        let Tombstone { realm, user, started, until, due, version, is_dirty } = tombstone.clone();
        Self { realm: names.text(realm).into(), user, started, until, due, version, is_dirty }
    }
}

impl State {
    /// The state as it stands, to be written down while it moves on.
    pub(crate) fn image(&self) -> Image {
        let globals = Globals {
            clock: self.clock,
            applied: self.applied,
            epoch: self.epoch,
            bound: self.bound,
            durable: self.durable,
            persisted: self.persisted,
            redo: self.redo.clone(),
            stored_realms: self.stored_realms.clone(),
            leases: self.leases.clone(),
            changes: self.changes.shared(),
            fences: Arc::clone(&self.fences),
            origins: self.origins.clone(),
        };
        Image { globals, slots: self.slots.clone(), names: self.names.clone() }
    }

    /// A state with those globals and empty slots.
    pub(crate) fn from_image(globals: Globals) -> Self {
        let Globals {
            clock,
            applied,
            epoch,
            bound,
            durable,
            persisted,
            redo,
            stored_realms,
            leases,
            changes,
            fences,
            origins,
        } = globals;
        let mut state = Self {
            clock,
            applied,
            epoch,
            bound,
            durable,
            persisted,
            redo,
            stored_realms,
            leases,
            changes,
            fences,
            origins,
            ..Self::default()
        };
        for (job, lease) in &state.leases {
            state.usage.add(Map::Leases, usage::of_lease(job, &lease.holder));
        }
        for (key, fence) in state.fences.iter() {
            state.usage.add(Map::Fences, usage::of_fence());
            if fence.is_dirty {
                state.dirty.add(Rank::End, fence.version, DirtyKey::Fence(Box::new(key.clone())));
            }
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
        for (session, row) in slot.sessions {
            let sid = Sid::parse(&session.sid).filter(|sid| sid.slot() == index);
            let sid = sid.ok_or("a session in a slot that is not its own")?;
            self.put_session(sid, &session, row);
        }
        for (key, stored) in slot.tombstones {
            let StoredTombstone { realm, user, started, until, due, version, is_dirty } = stored;
            let realm = self.names.hold(realm.as_str());
            self.put_tombstone(key, Tombstone { realm, user, started, until, due, version, is_dirty });
        }
        for (hash, code) in slot.codes {
            self.change(Change::Code { slot: index, hash, code });
        }
        for (key, realm, expires) in slot.taken {
            self.change(Change::Take { slot: index, key, realm, expires });
        }
        for (realm, user, failures) in slot.failures {
            self.change(Change::Failures { realm, user, failures: Some(failures) });
        }
        for (key, until) in slot.revocations {
            self.change(Change::Revoke { key, until });
        }
        for (key, pending) in slot.pending {
            self.change(Change::Pending { slot: index, key, pending: Some(pending) });
        }
        for (key, device) in slot.devices {
            self.change(Change::Device { slot: index, key, device });
        }
        for (key, pushed) in slot.pushed {
            self.change(Change::Pushed { slot: index, key, pushed });
        }
        for entry in slot.outbox {
            self.change(Change::Notice { id: entry.notice.id, entry: Some(entry) });
        }
        self.in_slot(index, |of| (of.mark, of.stored_until) = (slot.mark, slot.stored_until));
        Ok(())
    }
}
