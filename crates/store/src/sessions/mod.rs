//! Rows of what the cluster keeps in memory: sessions, the fences over them, logout notices, and how far they go.
//!
//! Memory is the truth; a row serves what memory does not hold (any more). Every row carries the version of the log
//! at which its object changed last, and a write of a lower version changes nothing: so a flush may be repeated, come
//! late, or come from a leader that is none any more. An end is a row too; rows go by time alone ([`reap`]).

mod fences;
mod flush;
mod load;
mod reap;

use keyraft_model::{ClientUuid, RealmId, UnixMs, UserId};

pub use self::{
    fences::fences_over,
    flush::{Batch, Flushed, flush},
    load::{Page, find, list_deliveries, list_of_client, list_of_realm, list_of_user, position, versions},
    reap::{Reaped, reap},
};
use crate::{Error, Sql, source::Row};

/// A place in the log, over all its epochs: what is later replaces what is earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Rises when a new group forms over an old database.
    pub epoch: i64,
    /// Place in the log of that epoch.
    pub index: i64,
}

/// A session as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its handle.
    pub sid: String,
    /// Which of the two sessions of that handle.
    pub offline: bool,
    /// Its realm.
    pub realm: RealmId,
    /// Who is signed in.
    pub user: UserId,
    /// When it began.
    pub started: UnixMs,
    /// When it ends unless it is used; of an ended one, when its row may go.
    pub expires: UnixMs,
    /// Everything about it, as its writer encodes it; `None`: it has ended.
    pub doc: Option<String>,
    /// Clients that have a part in it; only written, never read back.
    pub clients: Vec<ClientUuid>,
    /// The log's place at which it changed last.
    pub version: Version,
}

/// What ended all sessions of a scope that began at or before a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceRow {
    /// The realm.
    pub realm: RealmId,
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only this client's parts.
    pub client: Option<ClientUuid>,
    /// Offline or online sessions.
    pub offline: bool,
    /// What began at or before then has ended.
    pub at: UnixMs,
    /// The log's place at which it was set.
    pub version: Version,
}

/// A logout notice as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: String,
    /// When its row may go.
    pub expires: UnixMs,
    /// Everything about it, as its writer encodes it; `None`: it is settled.
    pub doc: Option<String>,
    /// The log's place at which it changed last.
    pub version: Version,
}

pub(crate) const ALL: [&[Sql]; 4] = [fences::ALL, flush::ALL, load::ALL, reap::ALL];

/// Statements of many rows, whose texts are put together at run time.
pub(crate) fn composed() -> [Sql; 2] {
    [flush::upsert_many(), flush::insert_clients()]
}

/// Spread over this many ranges, so that sessions of one moment do not all land in one place.
const BUCKETS: i64 = 16;

/// The range of a handle.
fn bucket(sid: &str) -> i64 {
    // The last characters are random; the first say whose it is.
    i64::from(sid.bytes().next_back().unwrap_or_default()) % BUCKETS
}

fn version(sql: Sql, row: &Row, column: usize) -> Result<Version, Error> {
    Ok(Version { epoch: row.int(sql, column)?, index: row.int(sql, column + 1)? })
}
