//! The lowest acceptable version of what changed in the database, of the last 100,000 changed entities.
//!
//! Kept under the first 16 bytes of a hash of kind, realm and entity: all sizes are known, and two entities
//! that shared a hash would merely make each other's copies be read once more. In 256 parts behind `Arc`s, for
//! snapshots. A copy that was filled before the number [`Changes::forgotten`] cannot be compared any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use keyraft_model::RealmId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    command::{ChangeRecord, ChangedEntity},
    handle::digest,
};

/// Entities that are remembered.
pub(crate) const MOST: usize = 100_000;

type Key = [u8; 16];
type Part = BTreeMap<Key, ChangeRecord>;

/// See the head of this file.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    parts: Vec<Arc<Part>>,
    by_age: BTreeSet<(u64, Key)>,
    seq: u64,
    forgotten: u64,
}

impl Default for Changes {
    fn default() -> Self {
        Self { parts: vec![Arc::default(); 256], by_age: BTreeSet::new(), seq: 0, forgotten: 0 }
    }
}

impl Changes {
    /// Notes the changes of one command, under the next number. A version never goes back.
    pub(crate) fn note(&mut self, entries: &[ChangedEntity]) {
        self.seq += 1;
        for entry in entries {
            let key = key_of(&entry.kind, &entry.realm, &entry.entity);
            let known = self.parts[usize::from(key[0])].get(&key).copied();
            let ver = known.map_or(entry.ver, |known| known.ver.max(entry.ver));
            self.put(key, ChangeRecord { ver, seq: self.seq });
            if self.by_age.len() > MOST
                && let Some((seq, oldest)) = self.by_age.pop_first()
            {
                Arc::make_mut(&mut self.parts[usize::from(oldest[0])]).remove(&oldest);
                self.forgotten = seq;
            }
        }
    }

    fn put(&mut self, key: Key, record: ChangeRecord) {
        let part = Arc::make_mut(&mut self.parts[usize::from(key[0])]);
        if let Some(old) = part.insert(key, record) {
            self.by_age.remove(&(old.seq, key));
        }
        self.by_age.insert((record.seq, key));
    }

    /// What is known of an entity.
    pub(crate) fn of(&self, kind: &str, realm: &RealmId, entity: &str) -> Option<ChangeRecord> {
        let key = key_of(kind, realm, entity);
        self.parts[usize::from(key[0])].get(&key).copied()
    }

    /// The number of the last command that noted changes.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// The highest number that something was forgotten of; 0: nothing was.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many entities are remembered.
    pub(crate) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// What a snapshot needs, sharing the parts.
    pub(crate) fn shared(&self) -> Self {
        Self { parts: self.parts.clone(), by_age: BTreeSet::new(), ..*self }
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        (self.seq, self.forgotten, &self.parts) == (other.seq, other.forgotten, &other.parts)
    }
}

impl Eq for Changes {}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    seq: u64,
    forgotten: u64,
    entries: Vec<(Key, ChangeRecord)>,
}

impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.parts.iter().flat_map(|part| part.iter()).map(|(key, record)| (*key, *record));
        Stored { seq: self.seq, forgotten: self.forgotten, entries: entries.collect() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { seq, forgotten, entries } = Stored::deserialize(deserializer)?;
        let mut changes = Self { seq, forgotten, ..Self::default() };
        for (key, record) in entries {
            changes.put(key, record);
        }
        Ok(changes)
    }
}

fn key_of(kind: &str, realm: &RealmId, entity: &str) -> Key {
    let hash = digest([kind.as_bytes(), realm.as_str().as_bytes(), entity.as_bytes()]);
    let mut key = Key::default();
    key.copy_from_slice(&hash[..16]);
    key
}
