//! Who this disk is: a random incarnation, how often it was started, and its seat in the group.
//!
//! A Raft id belongs to one disk and is never used again for an empty one: openraft cannot see that votes and
//! entries which it once acknowledged are gone. So an identity without its log is refused, and a seat is saved
//! before anything is voted or written under its id.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{Member, engine::frame};

const NAME: &str = "identity";

/// The identity of a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Random, made with the folder.
    pub(crate) incarnation: [u8; 16],
    /// Starts so far, this one included.
    pub(crate) boot: u64,
    /// Its place in a group, once it has one; it keeps it for life.
    pub(crate) seat: Option<Seat>,
    /// Whether it took part in the group, so that a log must be there.
    pub(crate) is_formed: bool,
}

/// A place in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seat {
    /// The cluster's name; empty for a group of one that no network reaches.
    pub(crate) cluster: String,
    /// The group's epoch, from 1.
    pub(crate) epoch: u64,
    /// The Raft id.
    pub(crate) id: u64,
    /// With whom this node initialises the group; empty where it joins one, or is alone.
    pub(crate) founders: BTreeMap<u64, Member>,
}

impl Seat {
    /// The seat of a node that is alone.
    pub(crate) fn alone() -> Self {
        Self { cluster: String::new(), epoch: 1, id: 1, founders: BTreeMap::new() }
    }
}

impl Identity {
    /// Reads the identity, or makes the first, and counts this start. Blocking; not yet saved.
    pub(crate) fn next(dir: &Path) -> io::Result<Self> {
        match Self::read(dir)? {
            Some(identity) => Ok(Self { boot: identity.boot + 1, ..identity }),
            None => Ok(Self { incarnation: rand::random(), boot: 1, seat: None, is_formed: false }),
        }
    }

    /// Reads the identity as it was saved last. Blocking.
    pub(crate) fn read(dir: &Path) -> io::Result<Option<Self>> {
        match File::open(dir.join(NAME)) {
            Ok(file) => frame::decode(&frame::read(file)?).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Saves the identity, all of it or nothing. Blocking.
    pub(crate) fn save(&self, dir: &Path) -> io::Result<()> {
        let part = dir.join("identity.part");
        let mut file = File::create(&part)?;
        let mut bytes = Vec::new();
        frame::write(&mut bytes, &frame::encode(self)?)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&part, dir.join(NAME))?;
        File::open(dir)?.sync_all()
    }
}
