//! What is known of the database, and of what changed in it.

use keyraft_model::{RealmId, UnixMs};

use super::View;
use crate::{
    command::{ChangeRecord, Durability},
    handle::Sid,
    maps::room,
    row::{Row, RowKey, Version},
    session::Kind,
};

impl View {
    /// The log index of the last entry that was applied.
    pub fn applied(&self) -> u64 {
        self.shared.read().applied
    }

    /// The epoch, and [`View::applied`]: what the position row is to say of rows taken now.
    pub fn position(&self) -> Version {
        self.shared.read().version()
    }

    /// What the position row is known to say.
    pub fn persisted(&self) -> Version {
        self.shared.read().persisted
    }

    /// The cluster's epoch.
    pub fn epoch(&self) -> u64 {
        self.shared.read().epoch.number
    }

    /// When the epoch began; `None` in the first. What may be used once and was issued until then is refused,
    /// and an access token that was is not active.
    pub fn epoch_began(&self) -> Option<UnixMs> {
        self.shared.read().epoch.began
    }

    /// Which maps have rows.
    pub fn durability(&self) -> Durability {
        self.shared.read().durable
    }

    /// What is to be written next, at most `max` rows: ends first, then the oldest changes.
    pub fn dirty(&self, max: usize) -> Vec<Row> {
        self.shared.read().dirty_rows(max)
    }

    /// How many rows are to be written.
    pub fn dirty_count(&self) -> u64 {
        self.shared.read().dirty.len() as u64
    }

    /// Whether rows may not be loaded: the database was restored, and not everything is written again.
    pub fn loads_held(&self) -> bool {
        self.shared.read().are_loads_held()
    }

    /// Whether a session that is not in memory may have a row.
    pub fn may_be_stored(&self, sid: &str, kind: Kind) -> bool {
        Sid::parse(sid).is_some_and(|sid| self.shared.read().may_be_stored(sid, kind, self.now))
    }

    /// Whether the database may hold sessions of a realm that are not in memory: lists and counts of it must be
    /// merged with rows.
    pub fn may_be_stored_of_realm(&self, realm: &RealmId) -> bool {
        let state = self.shared.read();
        let has_rows = state.durable.online || state.durable.offline;
        has_rows
            && (state.epoch.over_rows
                || state.stored_realms.get(realm).is_some_and(|until| *until > self.now))
    }

    /// Whether sessions that nobody uses should be dropped from memory.
    pub fn is_tight(&self) -> bool {
        room::is_tight(&self.shared.read())
    }

    /// Sessions that may be dropped from memory, those that were not used for longest among the next slots from
    /// `from_slot`; and the slot to go on with.
    pub fn evictable(&self, from_slot: u16, max: usize) -> (Vec<RowKey>, u16) {
        let (keys, next) = self.shared.read().evictable(from_slot, max);
        let keys = keys.into_iter().map(|(sid, kind)| RowKey::Session { sid: sid.text(), kind });
        (keys.collect(), next)
    }

    /// Whether a copy of an entity at that version may be used.
    pub fn admits(&self, kind: &str, realm: &RealmId, entity: &str, ver: i64) -> bool {
        self.change_of(kind, realm, entity).is_none_or(|record| record.ver <= ver)
    }

    /// What is known of an entity's last change.
    pub fn change_of(&self, kind: &str, realm: &RealmId, entity: &str) -> Option<ChangeRecord> {
        self.shared.read().changes.of(kind, realm, entity)
    }

    /// The number of the last `Changed`.
    pub fn changes_seq(&self) -> u64 {
        self.shared.read().changes.seq()
    }

    /// Up to which number changes are forgotten: a copy that was filled at it or before is not to be used.
    pub fn changes_forgotten(&self) -> u64 {
        self.shared.read().changes.forgotten()
    }
}
