//! What a node knows of the others, from handshakes and pulses.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use super::question::Pulse;
use crate::{Member, net::wire::Hello};

/// What a node knows of the others.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The latest start of each member that was met: counter and the random of that start.
    boots: BTreeMap<u64, u64>,
    /// The last pulse of each member.
    pub(crate) pulses: BTreeMap<u64, Heard>,
    /// Where discovery found members that do not answer at their recorded address.
    pub(crate) places: BTreeMap<u64, String>,
    /// Members that said, to this node as leader, that they are to be reached elsewhere.
    pub(crate) moved: BTreeMap<u64, Member>,
    /// Members that an operator wants gone; known to this leader alone.
    pub(crate) unwanted: BTreeSet<u64>,
    /// Fresh nodes that answered last, this one included.
    pub(crate) fresh: BTreeSet<[u8; 16]>,
}

/// A pulse and when it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) pulse: Pulse,
    pub(crate) at: Instant,
    /// Its clock minus this node's, in milliseconds, by half the way there and back.
    pub(crate) offset: i64,
}

impl Known {
    /// Notes a member's start.
    ///
    /// # Errors
    /// When a later start of that disk was met before, or another one with the same count: what talks is a copy
    /// of the disk, or the disk was rolled back, and what it acknowledged since is gone.
    pub(crate) fn note_boot(&mut self, peer: &Hello) -> Result<(), String> {
        let Some(id) = peer.id else { return Ok(()) };
        match self.boots.get(&id) {
            Some(known) if *known == peer.boot => Ok(()),
            Some(known) if count(*known) >= count(peer.boot) => Err(format!(
                "the disk of {} was rolled back: its start {} came after start {}",
                peer.name,
                count(peer.boot),
                count(*known)
            )),
            _ => {
                self.boots.insert(id, peer.boot);
                Ok(())
            }
        }
    }

    /// Pulses that are no older than `age`.
    pub(crate) fn recent(&self, age: Duration) -> impl Iterator<Item = (u64, &Heard)> {
        let now = Instant::now();
        let recent = move |heard: &Heard| now.duration_since(heard.at) <= age;
        self.pulses.iter().filter(move |(_, heard)| recent(heard)).map(|(id, heard)| (*id, heard))
    }
}

/// A start as peers are told of it: its count, and a random number, so that two starts of one disk's copies
/// never look alike.
pub(crate) fn boot(count: u64, random: u32) -> u64 {
    count << 32 | u64::from(random)
}

fn count(boot: u64) -> u64 {
    boot >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(count: u64, random: u32) -> Hello {
        Hello { id: Some(2), name: "b".to_owned(), boot: boot(count, random), ..Hello::default() }
    }

    #[test]
    fn a_start_is_met_again_and_a_later_one_replaces_it() {
        let mut known = Known::default();

        assert!(known.note_boot(&hello(1, 7)).is_ok());
        assert!(known.note_boot(&hello(1, 7)).is_ok());
        assert!(known.note_boot(&hello(2, 3)).is_ok());
        assert!(known.note_boot(&Hello { id: None, ..hello(1, 1) }).is_ok());
    }

    #[test]
    fn a_disk_that_was_rolled_back_is_refused_even_at_the_same_count() {
        let mut known = Known::default();
        known.note_boot(&hello(5, 7)).unwrap();

        assert!(known.note_boot(&hello(4, 9)).is_err());
        let error = known.note_boot(&hello(5, 8)).unwrap_err();
        assert!(error.contains("rolled back"), "{error}");
    }
}
