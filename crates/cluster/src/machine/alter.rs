//! What each change does to the state: objects, indexes, counters, sizes and what is known of rows, together.

use std::sync::Arc;

use keyraft_model::{DurationMs, RealmId, UnixMs, UserId};

use crate::{
    command::FenceScope,
    handle::{self, SLOTS, Sid, first_ten_bits},
    machine::{
        State,
        change::{Change, RowFollows},
        dirty::{DirtyKey, Rank},
        fences::Fence,
        packed::{Compact, Packed, RowMark},
        record::{Device, Failures, OutboxEntry, Pushed, Taken, Tombstone},
        slot::SessionKey,
        usage::{self, Map},
    },
    session::{Kind, UserSession},
};

/// How long an end is remembered at least where sessions have rows, and at most where they have none: no
/// command and no write that was under way then can still come.
const TOMBSTONE: DurationMs = DurationMs(24 * 3_600_000);

impl State {
    /// Applies one change.
    pub(crate) fn change(&mut self, change: Change) {
        match change {
            Change::Session { sid, session, row } => self.alter_session(sid, &session, row),
            Change::End { sid, kind } => self.end_session((sid, kind)),
            Change::Code { slot, hash, code } => {
                let new = usage::of_code(&code);
                let old = self.in_slot(slot, |slot| slot.put_code(hash, code));
                self.account(Map::Codes, Some(new), old.map(|old| usage::of_code(&old)));
            }
            Change::Take { slot, key, realm, expires } => {
                let realm = self.names.hold(realm.as_str());
                self.counters.charge(realm, usage::of_taken());
                let old = self.in_slot(slot, |slot| slot.put_taken(key, Taken { realm, expires }));
                self.usage.add(Map::SingleUse, usage::of_taken());
                self.forget_taken(old);
            }
            Change::Failures { realm, user, failures } => self.put_failures(&realm, &user, failures),
            Change::ForgetFailures(realm) => self.forget_failures(&realm),
            Change::Revoke { key, until } => {
                if self.in_slot(first_ten_bits(&key), |slot| slot.put_revocation(key, until)).is_none() {
                    self.usage.add(Map::Revocations, usage::of_revocation());
                }
            }
            Change::Fence(scope, kind) => self.fence(scope, kind),
            Change::Durable(durable) => self.set_durable(durable),
            Change::Persisted { rows, position } => self.note_persisted(&rows, position),
            Change::Evict { sid, kind } => self.evict((sid, kind)),
            Change::Load { sid, session, version } => self.load(sid, &session, version),
            Change::Absent { sid, kind } => self.note_absence((sid, kind)),
            Change::Restored(position) => {
                self.persisted = position;
                self.begin_redo();
            }
            Change::Epoch { number, over_rows } => self.begin_epoch(number, over_rows),
            Change::Pending { slot, key, pending } => {
                self.charge(pending.as_ref().map(|new| (&new.realm, usage::of_pending(new))));
                let new = pending.as_ref().map(|new| usage::of_pending(new));
                let old = self.in_slot(slot, |slot| match pending {
                    Some(pending) => slot.put_pending(key, pending),
                    None => slot.remove_pending(key),
                });
                self.account(Map::Pending, new, old.as_ref().map(|old| usage::of_pending(old)));
                self.discharge(old.as_ref().map(|old| (&old.realm, usage::of_pending(old))));
            }
            Change::Device { slot, key, device } => {
                self.usage.add(Map::DeviceCodes, usage::of_device(&device));
                self.charge_request(&device.realm, usage::of_device(&device));
                let old = self.in_slot(slot, |slot| slot.put_device(key, device));
                self.forget_device(old);
            }
            Change::Pushed { slot, key, pushed } => {
                self.usage.add(Map::PushedRequests, usage::of_pushed(&pushed));
                self.charge_request(&pushed.realm, usage::of_pushed(&pushed));
                let old = self.in_slot(slot, |slot| slot.put_pushed(key, pushed));
                self.forget_pushed(old);
            }
            Change::Notice { id, entry } => self.put_notice(id, entry),
            Change::Lease { job, lease } => {
                self.usage.add(Map::Leases, usage::of_lease(&job, &lease.holder));
                if let Some(old) = self.leases.insert(job.clone(), lease) {
                    self.usage.remove(Map::Leases, usage::of_lease(&job, &old.holder));
                }
            }
            Change::Changed(entries) => self.changes.note(&entries),
        }
    }

    /// Puts a session that a command changed, and decides what becomes of its row.
    fn alter_session(&mut self, sid: Sid, session: &UserSession, row: RowFollows) {
        let key = (sid, session.kind);
        let old = self.slot(sid.slot()).sessions.get(&key).map(|old| old.row);
        let most = old.map_or(session.expires, |old| old.most.max(session.expires));
        let row = match (old, row) {
            (Some(old), RowFollows::NotYet) => RowMark { is_behind: true, most, ..old },
            _ => RowMark {
                version: self.version(),
                is_dirty: self.durable.of(session.kind),
                is_behind: false,
                least: session.expires,
                most,
            },
        };
        // An offline session may begin anew where one has ended: its row then overwrites the end.
        self.remove_tombstone(key);
        self.put_session(sid, session, row);
    }

    /// Puts a session, in the indexes and counters too.
    pub(crate) fn put_session(&mut self, sid: Sid, session: &UserSession, row: RowMark) {
        let key = (sid, session.kind);
        let packed = Packed::of(session, row, &mut self.names);
        let bytes = usage::of_session(&packed);
        self.counters.add(&packed, key.1, bytes);
        self.usage.add(Map::Sessions, bytes);
        let old = self.in_slot(sid.slot(), |slot| slot.put_session(key, packed));
        self.discount(key, old);
        if row.is_dirty {
            self.dirty.add(Rank::Rest, row.version, DirtyKey::Session(key.0, key.1));
        }
    }

    /// Removes a session; it leaves no tombstone.
    pub(crate) fn remove_session(&mut self, key: SessionKey) {
        let old = self.in_slot(key.0.slot(), |slot| slot.remove_session(key));
        self.discount(key, old);
    }

    /// Takes a session that is gone from the maps out of everything else.
    fn discount(&mut self, key: SessionKey, old: Option<Packed>) {
        let Some(old) = old else { return };
        let bytes = usage::of_session(&old);
        self.counters.remove(&old, key.1, bytes);
        self.usage.remove(Map::Sessions, bytes);
        if old.row.is_dirty {
            self.dirty.remove(Rank::Rest, old.row.version, DirtyKey::Session(key.0, key.1));
        }
        old.release(&mut self.names);
    }

    /// Ends a session: its tombstone stays, and its row is to say so.
    pub(crate) fn end_session(&mut self, key: SessionKey) {
        let Some(old) = self.slot(key.0.slot()).sessions.get(&key).cloned() else { return };
        let is_durable = self.durable.of(key.1);
        let latest = self.clock.plus(TOMBSTONE);
        let until = if is_durable { old.expires.max(old.row.most) } else { old.expires.min(latest) };
        let session = old.session(key.0, key.1, &self.names);
        let tombstone = Tombstone {
            realm: self.names.hold(session.realm.as_str()),
            user: Compact::of(session.user.as_str()),
            started: session.started,
            until,
            due: until.min(latest),
            version: self.version(),
            is_dirty: is_durable,
        };
        self.remove_session(key);
        self.put_tombstone(key, tombstone);
        self.mark_slot(key.0.slot());
    }

    /// Notes that something of a slot is not as it was: what was read of it before is of the past.
    pub(crate) fn mark_slot(&mut self, slot: u16) {
        let applied = self.applied;
        self.in_slot(slot, |slot| slot.mark = applied);
    }

    /// Puts a tombstone; its realm's id is held.
    pub(crate) fn put_tombstone(&mut self, key: SessionKey, tombstone: Tombstone) {
        self.usage.add(Map::Tombstones, usage::of_tombstone(&tombstone));
        let (version, is_dirty) = (tombstone.version, tombstone.is_dirty);
        let old = self.in_slot(key.0.slot(), |slot| slot.put_tombstone(key, tombstone));
        self.discount_tombstone(key, old);
        if is_dirty {
            self.dirty.add(Rank::End, version, DirtyKey::Session(key.0, key.1));
        }
    }

    /// Forgets that a session has ended.
    pub(crate) fn remove_tombstone(&mut self, key: SessionKey) {
        let old = self.in_slot(key.0.slot(), |slot| slot.remove_tombstone(key));
        self.discount_tombstone(key, old);
    }

    fn discount_tombstone(&mut self, key: SessionKey, old: Option<Tombstone>) {
        let Some(old) = old else { return };
        self.usage.remove(Map::Tombstones, usage::of_tombstone(&old));
        self.names.release(old.realm);
        if old.is_dirty {
            self.dirty.remove(Rank::End, old.version, DirtyKey::Session(key.0, key.1));
        }
    }

    /// Takes a note that is gone from the map out of everything else.
    pub(crate) fn forget_taken(&mut self, old: Option<Taken>) {
        if let Some(old) = old {
            self.usage.remove(Map::SingleUse, usage::of_taken());
            self.counters.discharge(old.realm, usage::of_taken());
            self.names.release(old.realm);
        }
    }

    fn put_failures(&mut self, realm: &RealmId, user: &UserId, failures: Option<Arc<Failures>>) {
        let size = |failures: &Arc<_>| usage::of_failures(realm.as_str(), user.as_str(), failures);
        let slot = handle::slot_of_user(realm, user);
        let new = failures.as_ref().map(size);
        let key = (realm.clone(), user.clone());
        let old = self.in_slot(slot, |slot| match failures {
            Some(failures) => slot.put_failures(key, failures),
            None => slot.remove_failures(&key),
        });
        let old = old.as_ref().map(size);
        self.account(Map::LoginFailures, new, old);
        self.charge(new.map(|bytes| (realm, bytes)));
        self.discharge(old.map(|bytes| (realm, bytes)));
    }

    fn forget_failures(&mut self, realm: &RealmId) {
        for slot in 0..SLOTS {
            let of_realm = (realm.clone(), UserId::default())..;
            let users: Vec<_> = self.slots[usize::from(slot)]
                .failures
                .range(of_realm)
                .map(|(key, _)| key)
                .take_while(|(of, _)| of == realm)
                .map(|(_, user)| user.clone())
                .collect();
            for user in users {
                self.put_failures(realm, &user, None);
            }
        }
    }

    fn fence(&mut self, scope: FenceScope, kind: Kind) {
        let first = scope.user().map_or(0, |user| handle::slot_of_user(scope.realm(), user));
        let fence = Fence { at: self.clock, version: self.version(), is_dirty: self.durable.of(kind) };
        let key = (scope, kind);
        let old = Arc::make_mut(&mut self.fences).set(key.clone(), fence, first);
        match old {
            Some(old) if old.is_dirty => self.forget_dirty_fence(&key, old.version),
            Some(_) => {}
            None => self.usage.add(Map::Fences, usage::of_fence()),
        }
        if fence.is_dirty {
            self.dirty.add(Rank::End, fence.version, DirtyKey::Fence(Box::new(key)));
        }
        // The fence's millisecond is over: what begins from here on is not behind it.
        self.clock = UnixMs(self.clock.0.saturating_add(1));
    }

    fn forget_dirty_fence(&mut self, key: &(FenceScope, Kind), version: crate::row::Version) {
        self.dirty.remove(Rank::End, version, DirtyKey::Fence(Box::new(key.clone())));
    }

    fn put_notice(&mut self, id: u64, entry: Option<Arc<OutboxEntry>>) {
        let rank = |entry: &OutboxEntry| {
            if entry.is_settled { Rank::End } else { Rank::Rest }
        };
        let new = entry.clone();
        self.charge(new.as_ref().map(|new| (&new.notice.realm, usage::of_notice(new))));
        let old = self.in_slot(0, |slot| match entry {
            Some(entry) => slot.put_notice(id, entry),
            None => slot.remove_notice(id),
        });
        let size = |entry: &Arc<_>| usage::of_notice(entry);
        self.account(Map::Outbox, new.as_ref().map(size), old.as_ref().map(size));
        self.discharge(old.as_ref().map(|old| (&old.notice.realm, usage::of_notice(old))));
        if let Some(old) = old.filter(|old| old.is_dirty) {
            self.dirty.remove(rank(&old), old.version, DirtyKey::Notice(id));
        }
        if let Some(new) = new.filter(|new| new.is_dirty) {
            self.dirty.add(rank(&new), new.version, DirtyKey::Notice(id));
        }
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

    /// Charges a realm with an object, and holds its id for as long.
    pub(crate) fn charge(&mut self, object: Option<(&RealmId, u64)>) {
        if let Some((realm, bytes)) = object {
            let number = self.names.hold(realm.as_str());
            self.counters.charge(number, bytes);
        }
    }

    fn charge_request(&mut self, realm: &RealmId, bytes: u64) {
        self.charge(Some((realm, bytes)));
        if let Some(number) = self.names.find(realm.as_str()) {
            self.counters.charge_request(number, bytes);
        }
    }

    fn discharge_request(&mut self, realm: &RealmId, bytes: u64) {
        if let Some(number) = self.names.find(realm.as_str()) {
            self.counters.discharge_request(number, bytes);
        }
        self.discharge(Some((realm, bytes)));
    }

    /// Takes a device's request that is gone from the map out of everything else.
    pub(crate) fn forget_device(&mut self, old: Option<Arc<Device>>) {
        if let Some(old) = old {
            let bytes = usage::of_device(&old);
            self.usage.remove(Map::DeviceCodes, bytes);
            self.discharge_request(&old.realm, bytes);
        }
    }

    /// Takes a pushed request that is gone from the map out of everything else.
    pub(crate) fn forget_pushed(&mut self, old: Option<Arc<Pushed>>) {
        if let Some(old) = old {
            let bytes = usage::of_pushed(&old);
            self.usage.remove(Map::PushedRequests, bytes);
            self.discharge_request(&old.realm, bytes);
        }
    }

    /// Takes an object off a realm.
    pub(crate) fn discharge(&mut self, object: Option<(&RealmId, u64)>) {
        if let Some((realm, bytes)) = object
            && let Some(number) = self.names.find(realm.as_str())
        {
            self.counters.discharge(number, bytes);
            self.names.release(number);
        }
    }
}
