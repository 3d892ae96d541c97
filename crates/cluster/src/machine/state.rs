//! The state: slots, clock, fences, counters, answers; and how entries and changes are applied to it.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use keyraft_model::{RealmId, UnixMs, UserId};

use crate::{
    command::{Command, FenceScope, Outcome},
    handle::{self, SLOTS, Sid, first_ten_bits},
    machine::{
        Body, Entry,
        change::{Change, Decision},
        counters::Counters,
        fences::Fences,
        origins::Origins,
        slot::{SessionKey, Slot},
        sweep,
        usage::{self, Map, Usage},
    },
    maps,
    session::{Kind, UserSession},
};

/// Everything that the log says. Equal logs give equal states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) clock: UnixMs,
    /// Bound in bytes; 0: none yet.
    pub(crate) bound: u64,
    pub(crate) slots: Vec<Arc<Slot>>,
    pub(crate) fences: Arc<Fences>,
    pub(crate) origins: Origins,
    pub(crate) counters: Counters,
    pub(crate) usage: Usage,
    /// When each slot's first object falls due.
    pub(crate) due: BTreeSet<(UnixMs, u16)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            clock: UnixMs(0),
            bound: 0,
            // All share one empty slot until they are written.
            slots: vec![Arc::default(); usize::from(SLOTS)],
            fences: Arc::default(),
            origins: Origins::default(),
            counters: Counters::default(),
            usage: Usage::default(),
            due: BTreeSet::new(),
        }
    }
}

impl State {
    /// Applies one entry and returns its answer.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Arc<Outcome> {
        self.clock = self.clock.max(entry.time);
        if let Some(outcome) = self.origins.answered(entry) {
            return outcome;
        }
        let outcome = Arc::new(match &entry.body {
            Body::Command(command) => self.command(command),
            Body::Tick => Outcome::Done { now: self.clock },
            Body::Bound(bound) => {
                self.bound = *bound;
                Outcome::Done { now: self.clock }
            }
        });
        self.origins.keep(entry, Arc::clone(&outcome));
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

    /// Applies one change.
    pub(crate) fn change(&mut self, change: Change) {
        match change {
            Change::Session(sid, session) => self.put_session(sid, session),
            Change::End { sid, kind, until } => self.end_session((sid, kind), until),
            Change::Code { slot, hash, code } => {
                self.usage.add(Map::Codes, usage::of_code(&code));
                if let Some(old) = self.in_slot(slot, |slot| slot.put_code(hash, code)) {
                    self.usage.remove(Map::Codes, usage::of_code(&old));
                }
            }
            Change::Take { slot, key, taken } => {
                if self.in_slot(slot, |slot| slot.put_taken(key, taken)).is_none() {
                    self.usage.add(Map::SingleUse, usage::of_marker());
                }
            }
            Change::Failures { realm, user, failures } => {
                let slot = handle::slot_of_user(&realm, &user);
                let key = (realm, user);
                let new = failures.as_ref().map(|failures| usage::of_failures(failures));
                let old = self.in_slot(slot, |slot| match failures {
                    Some(failures) => slot.put_failures(key, failures),
                    None => slot.remove_failures(&key),
                });
                self.account(Map::LoginFailures, new, old.map(|old| usage::of_failures(&old)));
            }
            Change::ForgetFailures(realm) => self.forget_failures(&realm),
            Change::Revoke { key, until } => {
                if self.in_slot(first_ten_bits(&key), |slot| slot.put_revocation(key, until)).is_none() {
                    self.usage.add(Map::Revocations, usage::of_marker());
                }
            }
            Change::Fence(scope, kind) => self.fence(scope, kind),
        }
    }

    /// Puts a session, in the indexes and counters too.
    pub(crate) fn put_session(&mut self, sid: Sid, session: Arc<UserSession>) {
        let bytes = usage::of_session(&session);
        self.counters.add(&session, bytes);
        self.usage.add(Map::Sessions, bytes);
        let key = (sid, session.kind);
        let old = self.in_slot(sid.slot(), |slot| slot.put_session(key, session));
        self.discount(old.as_deref());
    }

    /// Removes a session; it leaves no tombstone.
    pub(crate) fn remove_session(&mut self, key: SessionKey) {
        let old = self.in_slot(key.0.slot(), |slot| slot.remove_session(key));
        self.discount(old.as_deref());
    }

    fn end_session(&mut self, key: SessionKey, until: UnixMs) {
        self.remove_session(key);
        self.put_tombstone(key, until);
    }

    /// Notes that a session has ended.
    pub(crate) fn put_tombstone(&mut self, key: SessionKey, until: UnixMs) {
        if self.in_slot(key.0.slot(), |slot| slot.put_tombstone(key, until)) {
            self.usage.add(Map::Tombstones, usage::of_marker());
        }
    }

    fn discount(&mut self, old: Option<&UserSession>) {
        if let Some(old) = old {
            let bytes = usage::of_session(old);
            self.counters.remove(old, bytes);
            self.usage.remove(Map::Sessions, bytes);
        }
    }

    fn forget_failures(&mut self, realm: &RealmId) {
        for slot in 0..SLOTS {
            let of_realm = (realm.clone(), UserId::default())..;
            let keys: Vec<_> = self.slots[usize::from(slot)]
                .failures
                .range(of_realm)
                .map(|(key, _)| key)
                .take_while(|(of, _)| of == realm)
                .cloned()
                .collect();
            for key in keys {
                let old = self.in_slot(slot, |slot| slot.remove_failures(&key));
                self.account(Map::LoginFailures, None, old.map(|old| usage::of_failures(&old)));
            }
        }
    }

    fn fence(&mut self, scope: FenceScope, kind: Kind) {
        let first = scope.user().map_or(0, |user| handle::slot_of_user(scope.realm(), user));
        if Arc::make_mut(&mut self.fences).set(scope, kind, self.clock, first) {
            self.usage.add(Map::Fences, usage::of_marker());
        }
        // The fence's millisecond is over: what begins from here on is not behind it.
        self.clock = UnixMs(self.clock.0.saturating_add(1));
    }

    /// Counts an object in and the one it replaces out.
    pub(crate) fn account(&mut self, map: Map, new: Option<u64>, old: Option<u64>) {
        if let Some(bytes) = new {
            self.usage.add(map, bytes);
        }
        if let Some(bytes) = old {
            self.usage.remove(map, bytes);
        }
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
            || self.fences.next_due().is_some_and(|at| at <= now)
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
