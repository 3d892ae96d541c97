//! Who this disk is: a Raft id for life, a random incarnation, and how often it was started.
//!
//! A Raft id belongs to one disk and is never used again for an empty one: openraft cannot see that votes and
//! entries which it once acknowledged are gone. So an identity without its log is refused.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::engine::frame;

const NAME: &str = "identity";

/// The identity of a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The Raft id.
    pub(crate) id: u64,
    /// Random, made with the folder.
    pub(crate) incarnation: [u8; 16],
    /// Starts so far, this one included.
    pub(crate) boot: u64,
    /// Whether the group was formed, so that a log must be there.
    pub(crate) is_formed: bool,
}

impl Identity {
    /// Reads the identity, or makes the first, and counts this start. Blocking; not yet saved.
    pub(crate) fn next(dir: &Path) -> io::Result<Self> {
        match File::open(dir.join(NAME)) {
            Ok(file) => {
                let mut identity: Self = frame::decode(&frame::read(file)?)?;
                identity.boot += 1;
                Ok(identity)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let incarnation = rand::random();
                Ok(Self { id: 1, incarnation, boot: 1, is_formed: false })
            }
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
