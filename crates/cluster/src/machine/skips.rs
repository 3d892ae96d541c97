//! Entries that an operator told the nodes to pass over: a file of their names, one a line, in each data folder.
//!
//! It must be the same on all nodes: an entry that one passes over and another applies parts their states. So
//! only entries that a node cannot read are looked up here, by index and hash.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::Path,
};

use crate::machine::entry::UnknownCommand;

const NAME: &str = "skip";

/// The names of entries to pass over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skips(BTreeSet<String>);

impl Skips {
    /// Reads a data folder's file; none is the same as an empty one. Blocking.
    pub(crate) fn load(dir: &Path) -> io::Result<Self> {
        match fs::read_to_string(dir.join(NAME)) {
            Ok(text) => Ok(Self(
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect(),
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Adds a name to a data folder's file; in force from the node's next start. Blocking.
    ///
    /// # Errors
    /// For a text that is no name of an entry, and when the file cannot be written.
    pub(crate) fn add(dir: &Path, name: &str) -> io::Result<()> {
        let is_name = name.split_once('-').is_some_and(|(index, hash)| {
            index.parse::<u64>().is_ok()
                && hash.len() == 8
                && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if !is_name {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an entry's name is INDEX-HASH"));
        }
        let mut file = fs::OpenOptions::new().create(true).append(true).open(dir.join(NAME))?;
        writeln!(file, "{name}")?;
        file.sync_all()
    }

    /// Whether an entry is to be passed over.
    pub(crate) fn has(&self, unknown: &UnknownCommand) -> bool {
        self.0.contains(&unknown.name)
    }
}
