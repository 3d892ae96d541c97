//! What is known of the database, as part of the state: what it lacks, what it holds, what only it holds.
//!
//! An object is dirty from the change that its row must show until a `MarkPersisted` says that it does; only
//! clean ones are evicted. After a restore everything is made dirty again, a bounded number per entry and
//! never more at once than the leader writes in a few seconds: ends first, and when those are written the rest.

use std::{ops::Bound, sync::Arc};

use keyraft_model::{DurationMs, UnixMs};
use serde::{Deserialize, Serialize};

use crate::{
    command::Durability,
    handle::{SLOTS, Sid},
    machine::{
        State,
        dirty::{DirtyKey, Rank},
        packed::{Compact, RowMark},
        record::{OutboxEntry, Tombstone},
        slot::SessionKey,
        state::Epoch,
    },
    row::{Row, RowKey, Version, capped},
    session::{Kind, UserSession},
};

/// Everything is being made dirty again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redo {
    /// What was changed later is dirty by itself.
    pub(crate) up_to: Version,
    /// Whether the ends are written and the rest is on.
    pub(crate) ends_done: bool,
    /// The place it has come to; `None`: through with this part, waiting for it to be written.
    pub(crate) place: Option<(u16, Option<SessionKey>)>,
}

/// Objects that one entry looks at.
const LOOKS: usize = 256;
/// So many dirty objects are enough at a time.
const ENOUGH: usize = 10_000;
/// How long it is remembered that there is no row of a session.
const ABSENCE: DurationMs = DurationMs(60_000);

impl State {
    /// Whether a session that is not in memory may have a row.
    pub(crate) fn may_be_stored(&self, sid: Sid, kind: Kind, now: UnixMs) -> bool {
        let (key, slot) = ((sid, kind), self.slot(sid.slot()));
        self.durable.of(kind)
            && (self.epoch.over_rows || slot.stored_until > now)
            && !slot.sessions.contains_key(&key)
            && !slot.tombstones.contains_key(&key)
    }

    /// Says which maps have rows.
    pub(crate) fn set_durable(&mut self, durable: Durability) {
        let adds = durable.adds_to(self.durable);
        self.durable = durable;
        if adds {
            self.begin_redo();
        }
    }

    /// Begins to make everything dirty again.
    pub(crate) fn begin_redo(&mut self) {
        self.redo = Some(Redo { up_to: self.version(), ends_done: false, place: Some((0, None)) });
    }

    /// Begins an epoch.
    pub(crate) fn begin_epoch(&mut self, number: u64, over_rows: bool) {
        self.epoch = Epoch { number, began: Some(self.clock), over_rows };
        // Its millisecond is over: what is issued from here on is of the epoch.
        self.clock = UnixMs(self.clock.0.saturating_add(1));
    }

    /// Notes what the database holds.
    pub(crate) fn note_persisted(&mut self, rows: &[(RowKey, Version)], position: Version) {
        self.persisted = self.persisted.max(position);
        // Written before the database was restored, and so lost perhaps.
        if self.redo.as_ref().is_some_and(|redo| position < redo.up_to) {
            return;
        }
        for (key, version) in rows {
            match key {
                RowKey::Session { sid, kind } => {
                    if let Some(sid) = Sid::parse(sid) {
                        self.session_persisted((sid, *kind), *version);
                    }
                }
                RowKey::Outbox { id } => self.notice_persisted(*id, *version),
                RowKey::Fence { scope, kind } => {
                    let key = (scope.clone(), *kind);
                    let known = self
                        .fences
                        .get(&key)
                        .is_some_and(|fence| fence.is_dirty && fence.version <= *version);
                    if known && let Some(fence) = Arc::make_mut(&mut self.fences).get_mut(&key) {
                        fence.is_dirty = false;
                        let at = fence.version;
                        self.dirty.remove(Rank::End, at, DirtyKey::Fence(Box::new(key)));
                    }
                }
            }
        }
        let now = self.clock;
        self.stored_realms.retain(|_, until| *until > now);
    }

    fn session_persisted(&mut self, key: SessionKey, version: Version) {
        let slot = self.slot(key.0.slot());
        let session = slot.sessions.get(&key).map(|session| session.row);
        let tombstone = slot.tombstones.get(&key).map(|tombstone| (tombstone.version, tombstone.is_dirty));
        if let Some(row) = session.filter(|row| row.is_dirty && row.version <= version) {
            self.dirty.remove(Rank::Rest, row.version, DirtyKey::Session(key.0, key.1));
            self.in_slot(key.0.slot(), |slot| {
                if let Some(session) = slot.sessions.get_mut(&key) {
                    session.row = RowMark { is_dirty: false, most: session.expires, ..row };
                }
            });
        }
        if let Some((at, true)) = tombstone.filter(|(at, _)| *at <= version) {
            self.dirty.remove(Rank::End, at, DirtyKey::Session(key.0, key.1));
            self.in_slot(key.0.slot(), |slot| {
                if let Some(tombstone) = slot.tombstones.get_mut(&key) {
                    tombstone.is_dirty = false;
                }
            });
        }
    }

    fn notice_persisted(&mut self, id: u64, version: Version) {
        let standing = self.slot(0).outbox.get(&id).cloned();
        let Some(entry) = standing.filter(|entry| entry.is_dirty && entry.version <= version) else { return };
        let entry = (!entry.is_settled)
            .then(|| Arc::new(OutboxEntry { is_dirty: false, ..OutboxEntry::clone(&entry) }));
        self.change(crate::machine::change::Change::Notice { id, entry });
    }

    /// Drops a session from memory, or has its row follow first where that does not show the last use.
    pub(crate) fn evict(&mut self, key: SessionKey) {
        let Some(old) = self.slot(key.0.slot()).sessions.get(&key) else { return };
        if old.row.is_behind {
            self.make_dirty(key, self.version());
            return;
        }
        let (most, realm) = (old.row.most, self.names.text(old.realm).into());
        self.remove_session(key);
        let until = self.stored_realms.entry(realm).or_default();
        *until = (*until).max(most);
        self.in_slot(key.0.slot(), |slot| slot.stored_until = slot.stored_until.max(most));
        self.mark_slot(key.0.slot());
    }

    /// Brings a session back into memory.
    pub(crate) fn load(&mut self, sid: Sid, session: &UserSession, version: Option<Version>) {
        let is_dirty = version.is_none() && self.durable.of(session.kind);
        let version = version.unwrap_or_else(|| self.version());
        let row =
            RowMark { version, is_dirty, is_behind: false, least: session.expires, most: session.expires };
        // A note that there was none, overtaken by a proof.
        self.remove_tombstone((sid, session.kind));
        self.put_session(sid, session, row);
    }

    /// Notes that there is no row of a session.
    pub(crate) fn note_absence(&mut self, key: SessionKey) {
        let until = self.clock.plus(ABSENCE);
        let tombstone = Tombstone {
            realm: self.names.hold(""),
            user: Compact::of(""),
            started: self.clock,
            until,
            due: until,
            version: Version::default(),
            is_dirty: false,
        };
        self.put_tombstone(key, tombstone);
    }

    /// Makes a standing session dirty, as of that version.
    fn make_dirty(&mut self, key: SessionKey, version: Version) {
        let Some(row) = self.slot(key.0.slot()).sessions.get(&key).map(|session| session.row) else { return };
        if row.is_dirty {
            self.dirty.remove(Rank::Rest, row.version, DirtyKey::Session(key.0, key.1));
        }
        self.in_slot(key.0.slot(), |slot| {
            if let Some(session) = slot.sessions.get_mut(&key) {
                let (least, most) = (session.expires, row.most.max(session.expires));
                session.row = RowMark { version, is_dirty: true, is_behind: false, least, most };
            }
        });
        self.dirty.add(Rank::Rest, version, DirtyKey::Session(key.0, key.1));
    }

    /// Whether sessions may not be loaded: what the database says may be of the past.
    pub(crate) fn are_loads_held(&self) -> bool {
        self.redo.is_some()
    }

    /// Whether an entry would find something to make dirty again.
    pub(crate) fn is_redo_due(&self) -> bool {
        self.redo.as_ref().is_some_and(|redo| {
            if redo.place.is_some() { self.dirty.len() < ENOUGH } else { !self.waits(redo) }
        })
    }

    fn waits(&self, redo: &Redo) -> bool {
        self.dirty.waits(Rank::End, redo.up_to)
            || (redo.ends_done && self.dirty.waits(Rank::Rest, redo.up_to))
    }

    /// Goes on making things dirty again.
    pub(crate) fn run_redo(&mut self) {
        if !self.is_redo_due() {
            return;
        }
        let Some(mut redo) = self.redo.take() else { return };
        match redo.place {
            Some(place) => {
                redo.place = self.redo_from(place, redo.ends_done);
                self.redo = Some(redo);
            }
            None if redo.ends_done => {}
            None => self.redo = Some(Redo { ends_done: true, place: Some((0, None)), ..redo }),
        }
    }

    /// Makes a share of the sessions, or of the ends, dirty; returns the next place.
    fn redo_from(
        &mut self,
        mut place: (u16, Option<SessionKey>),
        ends_done: bool,
    ) -> Option<(u16, Option<SessionKey>)> {
        if place == (0, None) {
            self.redo_few(ends_done);
        }
        let mut left = LOOKS;
        loop {
            let keys = self.redo_keys(place, ends_done, left);
            for key in &keys {
                self.redo_one(*key, ends_done);
            }
            left -= keys.len();
            if left == 0 {
                return Some((place.0, keys.last().copied()));
            }
            if place.0 + 1 >= SLOTS {
                return None;
            }
            place = (place.0 + 1, None);
        }
    }

    /// The next sessions, or ends, of a slot, at most `max`.
    fn redo_keys(
        &self,
        (slot, after): (u16, Option<SessionKey>),
        ends_done: bool,
        max: usize,
    ) -> Vec<SessionKey> {
        let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let of = self.slot(slot);
        if ends_done {
            of.sessions.range(from).map(|(key, _)| *key).take(max).collect()
        } else {
            of.tombstones.range(from).map(|(key, _)| *key).take(max).collect()
        }
    }

    fn redo_one(&mut self, key: SessionKey, ends_done: bool) {
        if !self.durable.of(key.1) {
            return;
        }
        let slot = self.slot(key.0.slot());
        if ends_done {
            if let Some(session) = slot.sessions.get(&key)
                && !session.row.is_dirty
            {
                // A row of its version may be there; it must not be taken for one that shows a later use.
                let version = if session.row.is_behind { self.version() } else { session.row.version };
                self.make_dirty(key, version);
            }
        } else if let Some(tombstone) = slot.tombstones.get(&key)
            && !tombstone.is_dirty
            && tombstone.version > Version::default()
        {
            let version = tombstone.version;
            self.in_slot(key.0.slot(), |slot| {
                if let Some(tombstone) = slot.tombstones.get_mut(&key) {
                    tombstone.is_dirty = true;
                }
            });
            self.dirty.add(Rank::End, version, DirtyKey::Session(key.0, key.1));
        }
    }

    /// Makes fences and notices dirty: there are few of them.
    fn redo_few(&mut self, ends_done: bool) {
        if ends_done {
            if self.durable.outbox {
                let clean = self.slot(0).outbox.values().filter(|entry| !entry.is_dirty);
                let clean: Vec<_> =
                    clean.map(|entry| OutboxEntry { is_dirty: true, ..OutboxEntry::clone(entry) }).collect();
                for entry in clean {
                    let id = entry.notice.id;
                    self.change(crate::machine::change::Change::Notice { id, entry: Some(Arc::new(entry)) });
                }
            }
            return;
        }
        let clean = self.fences.iter().filter(|(key, fence)| !fence.is_dirty && self.durable.of(key.1));
        let clean: Vec<_> = clean.map(|(key, fence)| (key.clone(), fence.version)).collect();
        for (key, version) in clean {
            if let Some(fence) = Arc::make_mut(&mut self.fences).get_mut(&key) {
                fence.is_dirty = true;
            }
            self.dirty.add(Rank::End, version, DirtyKey::Fence(Box::new(key)));
        }
    }

    /// What is to be written next, the most urgent first.
    pub(crate) fn dirty_rows(&self, max: usize) -> Vec<Row> {
        self.dirty
            .iter()
            .take(max)
            .filter_map(|(rank, version, key)| self.row_of(rank, version, key))
            .collect()
    }

    fn row_of(&self, rank: Rank, version: Version, key: &DirtyKey) -> Option<Row> {
        let now = self.clock;
        match key {
            DirtyKey::Session(sid, kind) if rank == Rank::End => {
                let tombstone = self.slot(sid.slot()).tombstones.get(&(*sid, *kind))?;
                Some(Row {
                    key: RowKey::Session { sid: sid.text(), kind: *kind },
                    realm: self.names.text(tombstone.realm).into(),
                    user: Some(tombstone.user.text().into()),
                    clients: Vec::new(),
                    created: tombstone.started,
                    expires: capped(tombstone.until, now),
                    version,
                    ended: true,
                    payload: Vec::new(),
                })
            }
            DirtyKey::Session(sid, kind) => {
                let packed = self.slot(sid.slot()).sessions.get(&(*sid, *kind))?;
                Some(Row::of_session(&packed.session(*sid, *kind, &self.names), version, now))
            }
            DirtyKey::Notice(id) => {
                let entry = self.slot(0).outbox.get(id)?;
                let row = Row::of_notice(&entry.notice, version, now);
                Some(if entry.is_settled {
                    Row { ended: true, payload: Vec::new(), clients: Vec::new(), ..row }
                } else {
                    row
                })
            }
            DirtyKey::Fence(key) => {
                let (scope, kind) = &**key;
                Some(Row {
                    key: RowKey::Fence { scope: scope.clone(), kind: *kind },
                    realm: scope.realm().clone(),
                    user: scope.user().cloned(),
                    clients: scope.client().cloned().into_iter().collect(),
                    created: self.fences.get(key)?.at,
                    expires: capped(UnixMs(i64::MAX), now),
                    version,
                    ended: false,
                    payload: Vec::new(),
                })
            }
        }
    }

    /// Whether a session may be dropped from memory: its row shows it, and nobody used it lately.
    pub(crate) fn is_cold(&self, key: SessionKey) -> bool {
        let session = self.slot(key.0.slot()).sessions.get(&key);
        session.is_some_and(|session| {
            let is_clean = self.durable.of(key.1) && !session.row.is_dirty;
            is_clean && self.clock.since(session.last_use) >= COLD
        })
    }

    /// The sessions of some slots that may be dropped and were not used for longest, at most `max`; and the slot
    /// to go on with.
    pub(crate) fn evictable(&self, from_slot: u16, max: usize) -> (Vec<SessionKey>, u16) {
        let (mut found, mut slot) = (Vec::new(), from_slot % SLOTS);
        for _ in 0..SLOTS {
            let cold = self.slot(slot).sessions.iter().filter(|(key, _)| self.is_cold(**key));
            found.extend(cold.map(|(key, session)| (session.last_use, *key)));
            slot = (slot + 1) % SLOTS;
            // Of twice as many the half that is colder goes.
            if found.len() >= max.saturating_mul(2) {
                break;
            }
        }
        found.sort_unstable();
        found.truncate(max);
        (found.into_iter().map(|(_, key)| key).collect(), slot)
    }
}

/// Not used for so long, a session may be dropped from memory.
pub(crate) const COLD: DurationMs = DurationMs(60_000);
