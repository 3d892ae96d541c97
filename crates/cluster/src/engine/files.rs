//! Opening a data folder: `identity`, `log/`, `snapshot/`.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    Error,
    engine::{
        identity::Identity,
        log_store::LogStore,
        snapshot::{Snapshots, make_dir},
        types::SnapshotMeta,
    },
    machine::{State, skips::Skips},
};

/// What a data folder holds.
pub(crate) struct Opened {
    pub(crate) identity: Identity,
    pub(crate) snapshots: Snapshots,
    pub(crate) log: LogStore,
    pub(crate) meta: SnapshotMeta,
    pub(crate) state: State,
    /// Entries that an operator told the nodes to pass over.
    pub(crate) skips: Skips,
}

/// Opens a folder off the async threads.
pub(crate) async fn open(dir: PathBuf) -> Result<Opened, Error> {
    let opened = tokio::task::spawn_blocking(move || open_blocking(&dir)).await;
    opened.map_err(|error| Error::Storage(io::Error::other(error)))?
}

fn open_blocking(dir: &Path) -> Result<Opened, Error> {
    let (log_dir, snapshot_dir) = (dir.join("log"), dir.join("snapshot"));
    for dir in [dir, &log_dir, &snapshot_dir] {
        make_dir(dir).map_err(Error::Storage)?;
    }
    let lock = LogStore::lock(&log_dir).map_err(Error::Storage)?;
    let identity = Identity::next(dir).map_err(|error| of_file(&dir.join("identity"), error))?;
    let snapshots = Snapshots::new(snapshot_dir.clone());
    let (meta, state) = match snapshots.current() {
        Some(file) => {
            let (head, state) = file.load().map_err(|error| of_file(&file.0, error))?;
            (head.meta().map_err(|error| of_file(&file.0, error))?, state)
        }
        None => (SnapshotMeta::default(), State::default()),
    };
    let log = LogStore::open(&log_dir, lock).map_err(|error| of_file(&log_dir, error))?;
    if identity.is_formed && log.is_empty() {
        let what = "the log is gone; a node must not go on under an id whose votes and entries are lost";
        return Err(Error::Damaged { path: log_dir, what: what.to_owned() });
    }
    if log.purged() > meta.last_log_id {
        let what = "the snapshot that the log builds on is gone";
        return Err(Error::Damaged { path: snapshot_dir, what: what.to_owned() });
    }
    identity.save(dir).map_err(Error::Storage)?;
    let skips = Skips::load(dir).map_err(Error::Storage)?;
    Ok(Opened { identity, snapshots, log, meta, state, skips })
}

/// Damage is told from a disk that fails.
fn of_file(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            Error::Damaged { path: path.to_owned(), what: error.to_string() }
        }
        _ => Error::Storage(error),
    }
}
