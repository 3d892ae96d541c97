//! What the database does not have yet, in the order in which it is to be written: ends first, because a row
//! that wrongly lives does harm and one that wrongly is missing does not; then the oldest change.
//!
//! It follows from the objects and is never stored. Objects in it are never evicted, so the bound of the state
//! bounds it too.

use std::collections::BTreeSet;

use crate::{command::FenceScope, handle::Sid, row::Version, session::Kind};

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DirtyKey {
    Session(Sid, Kind),
    Notice(u64),
    /// Boxed: there are few, and sessions would pay for their size.
    Fence(Box<(FenceScope, Kind)>),
}

/// Ends before everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    End,
    Rest,
}

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dirty(BTreeSet<(Rank, Version, DirtyKey)>);

impl Dirty {
    /// Adds a change; says whether it is new.
    pub(crate) fn add(&mut self, rank: Rank, version: Version, key: DirtyKey) -> bool {
        self.0.insert((rank, version, key))
    }

    /// Takes a change out; says whether it was there.
    pub(crate) fn remove(&mut self, rank: Rank, version: Version, key: DirtyKey) -> bool {
        self.0.remove(&(rank, version, key))
    }

    /// The changes, the most urgent first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Rank, Version, &DirtyKey)> {
        self.0.iter().map(|(rank, version, key)| (*rank, *version, key))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a change of that rank up to that version waits.
    pub(crate) fn waits(&self, rank: Rank, up_to: Version) -> bool {
        let from = (rank, Version::default(), DirtyKey::Session(Sid::MIN, Kind::Online));
        let first = self.0.range(from..).next();
        first.is_some_and(|(of, version, _)| *of == rank && *version <= up_to)
    }
}
