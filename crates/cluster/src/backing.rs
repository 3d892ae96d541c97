//! What this room asks of a database, which it does not know: rows that are written in batches and read on a miss.
//!
//! `core` implements it over the store. Nothing here waits for it but whoever asks for what only a row can tell.

use std::fmt;

use futures::future::BoxFuture;
use keyraft_model::{ClientUuid, RealmId, UnixMs, UserId};

use crate::{
    row::{LoadRow, Row, Version},
    session::Kind,
};

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackingError {
    /// It cannot be reached, or did not answer: nothing is known.
    #[error("the database is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered, and will answer the same again.
    #[error("the database refuses")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Rows to be written in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The rows; each may only replace one of a lower version.
    pub rows: Vec<Row>,
    /// Where the position row moves to, if it is not there already.
    pub position: Version,
    /// The position that is known to be flushed. A database behind it has lost rows.
    pub flushed: Version,
}

/// How a batch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// The rows are there in these versions or in later ones.
    Done,
    /// Nothing was written: the position row says this, which is behind what was flushed.
    Behind(Version),
}

/// What the database says of sessions.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The rows that are there, ended ones included.
    pub rows: Vec<LoadRow>,
    /// What the position row said before they were read.
    pub position: Version,
}

/// Whose sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All of a realm.
    Realm(RealmId),
    /// Those of a user.
    User(RealmId, UserId),
    /// Those that a client may have a part in.
    Client(RealmId, ClientUuid),
}

/// The rows of one database.
pub trait Backing: Send + Sync + fmt::Debug + 'static {
    /// Writes a batch in one transaction.
    fn flush(&self, batch: Batch) -> BoxFuture<'_, Result<Flushed, BackingError>>;

    /// What the position row says; `None`: nothing was ever flushed.
    fn position(&self) -> BoxFuture<'_, Result<Option<Version>, BackingError>>;

    /// Reads the rows of sessions, and the fences of their realms and users after them.
    fn find(&self, sessions: Vec<(String, Kind)>) -> BoxFuture<'_, Result<Answer, BackingError>>;

    /// Sessions of somebody that are alive at `now`, by user and handle behind `after`, at most `limit`.
    fn list(
        &self,
        whose: Whose,
        kind: Kind,
        now: UnixMs,
        page: (Option<(UserId, String)>, usize),
    ) -> BoxFuture<'_, Result<Answer, BackingError>>;
}
