//! The state, and how entries are applied to it. What a change does to it is in `alter` and `rows`.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use keyraft_model::{RealmId, UnixMs};
use serde::{Deserialize, Serialize};

use crate::{
    command::{Command, Durability, Outcome},
    handle::SLOTS,
    machine::{
        Body, Entry,
        change::Decision,
        changes::Changes,
        counters::Counters,
        dirty::Dirty,
        entry::UnknownCommand,
        fences::Fences,
        names::Names,
        origins::Origins,
        record::Lease,
        rows::Redo,
        slot::Slot,
        sweep,
        usage::{self, Map, Tally, Usage},
    },
    maps,
    row::Version,
};

/// Everything that the log says. Equal logs give equal states.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The log's clock.
    pub(crate) clock: UnixMs,
    /// The index of the last entry that was applied here.
    pub(crate) applied: u64,
    pub(crate) epoch: Epoch,
    /// Bound in bytes; 0: none yet.
    pub(crate) bound: u64,
    /// Which maps have rows.
    pub(crate) durable: Durability,
    /// Where the database stood at the last `MarkPersisted`.
    pub(crate) persisted: Version,
    /// Everything is being made dirty again.
    pub(crate) redo: Option<Redo>,
    /// Realms of which sessions were evicted, with the latest expiry of their rows.
    pub(crate) stored_realms: BTreeMap<RealmId, UnixMs>,
    pub(crate) leases: BTreeMap<String, Lease>,
    pub(crate) changes: Changes,
    pub(crate) names: Names,
    pub(crate) slots: Vec<Arc<Slot>>,
    pub(crate) fences: Arc<Fences>,
    pub(crate) origins: Origins,
    pub(crate) counters: Counters,
    pub(crate) dirty: Dirty,
    pub(crate) usage: Usage,
    /// When each slot's first object falls due.
    pub(crate) due: BTreeSet<(UnixMs, u16)>,
}

/// The cluster's epoch: rises when disks were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    /// When it began; of the first: never. What may be used once and was issued until then is refused.
    pub(crate) began: Option<UnixMs>,
    /// Whether the database may hold rows that were never in this epoch's memory.
    pub(crate) over_rows: bool,
}

impl Default for Epoch {
    fn default() -> Self {
        Self { number: 1, began: None, over_rows: false }
    }
}

impl Epoch {
    /// Whether something issued then may have been used in an epoch of which nothing is known any more.
    pub(crate) fn refuses(&self, issued: UnixMs) -> bool {
        self.began.is_some_and(|began| issued <= began)
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            clock: UnixMs(0),
            applied: 0,
            epoch: Epoch::default(),
            bound: 0,
            durable: Durability::default(),
            persisted: Version::default(),
            redo: None,
            stored_realms: BTreeMap::new(),
            leases: BTreeMap::new(),
            changes: Changes::default(),
            names: Names::default(),
            // All share one empty slot until they are written.
            slots: vec![Arc::default(); usize::from(SLOTS)],
            fences: Arc::default(),
            origins: Origins::default(),
            counters: Counters::default(),
            dirty: Dirty::default(),
            usage: Usage::default(),
            due: BTreeSet::new(),
        }
    }
}

impl State {
    /// Applies the entry at an index of the log and returns its answer.
    ///
    /// # Errors
    /// [`UnknownCommand`] for a body that this build cannot read. Nothing was changed then: going on would make
    /// this node's state another than that of nodes that can, so it must stop.
    pub(crate) fn apply(&mut self, index: u64, entry: &Entry) -> Result<Arc<Outcome>, UnknownCommand> {
        if let Body::Unknown(bytes) = &entry.body {
            return Err(UnknownCommand::new(index, bytes));
        }
        self.applied = index;
        self.clock = self.clock.max(entry.time);
        if let Some(outcome) = self.origins.answered(entry) {
            return Ok(outcome);
        }
        let outcome = Arc::new(match &entry.body {
            Body::Command(command) => self.command(command),
            Body::Tick => Outcome::Done { now: self.clock },
            Body::Bound(bound) => {
                self.bound = *bound;
                Outcome::Done { now: self.clock }
            }
            Body::Unknown(_) => Outcome::Failed,
        });
        self.origins.keep(entry, Arc::clone(&outcome));
        sweep::run(self);
        Ok(outcome)
    }

    /// Passes an entry over that an operator named: on every node it is answered with a failure.
    pub(crate) fn skip(&mut self, index: u64, entry: &Entry) -> Arc<Outcome> {
        self.applied = index;
        self.clock = self.clock.max(entry.time);
        let outcome = Arc::new(Outcome::Failed);
        if self.origins.answered(entry).is_none() {
            self.origins.keep(entry, Arc::clone(&outcome));
        }
        sweep::run(self);
        outcome
    }

    fn command(&mut self, command: &Command) -> Outcome {
        let decision = guarded(|| maps::decide(self, command));
        for change in decision.changes {
            self.change(change);
        }
        decision.outcome
    }

    /// The version of what is changed now.
    pub(crate) fn version(&self) -> Version {
        Version { epoch: self.epoch.number, index: self.applied }
    }

    /// Entries and bytes of one kind of object.
    pub(crate) fn tally(&self, map: Map) -> Tally {
        match map {
            Map::Names => usage::of_names(self.names.size()),
            Map::Dirty => usage::of_dirty(self.dirty.len()),
            Map::Changes => usage::of_changes(self.changes.len()),
            _ => self.usage.of(map),
        }
    }

    /// What all objects are taken to cost, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let derived = [Map::Names, Map::Dirty, Map::Changes].map(|map| self.tally(map).bytes);
        self.usage.bytes() + derived.iter().sum::<u64>()
    }

    /// Bytes that a realm holds.
    pub(crate) fn bytes_of_realm(&self, realm: &RealmId) -> u64 {
        self.names.find(realm.as_str()).map_or(0, |realm| self.counters.bytes_of_realm(realm))
    }

    /// Changes a slot, copying it first when a snapshot still holds it, and keeps the order of slots by
    /// what falls due in them.
    pub(crate) fn in_slot<T>(&mut self, index: u16, change: impl FnOnce(&mut Slot) -> T) -> T {
        let slot = Arc::make_mut(&mut self.slots[usize::from(index)]);
        let before = slot.next_due();
        let result = change(slot);
        let after = slot.next_due();
        if before != after {
            if let Some(at) = before {
                self.due.remove(&(at, index));
            }
            if let Some(at) = after {
                self.due.insert((at, index));
            }
        }
        result
    }

    /// A slot, to read.
    pub(crate) fn slot(&self, index: u16) -> &Slot {
        &self.slots[usize::from(index)]
    }

    /// Whether an entry at `now` would find something to drop.
    pub(crate) fn is_due(&self, now: UnixMs) -> bool {
        self.fences.next_sweep().is_some()
            || self.due.first().is_some_and(|(at, _)| *at <= now)
            || self.fences.is_due(now)
            || self.is_redo_due()
    }
}

/// Decides, and turns a panic into an answer: the same panic comes on every node, and it must not take down
/// all of them, one after the other. Nothing has been changed when it happens.
pub(crate) fn guarded(decide: impl FnOnce() -> Decision) -> Decision {
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|_| {
        tracing::error!("a command panicked while it was decided; the state is unchanged");
        metrics::counter!("keyraft_cluster_command_panics_total").increment(1);
        Decision::only(Outcome::Failed)
    })
}
