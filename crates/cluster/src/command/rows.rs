//! What the commands say that move objects between memory and the database.

use keyraft_model::{ClientUuid, UnixMs};
use serde::{Deserialize, Serialize};

use crate::{
    row::{LoadRow, RowKey, Version},
    session::Kind,
};

/// Which maps have rows in a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durability {
    /// Online sessions.
    pub online: bool,
    /// Offline sessions.
    pub offline: bool,
    /// Logout notices that are to be delivered.
    pub outbox: bool,
}

impl Durability {
    /// Whether sessions of that kind have rows.
    pub fn of(self, kind: Kind) -> bool {
        match kind {
            Kind::Online => self.online,
            Kind::Offline => self.offline,
        }
    }

    /// Whether anything has rows that has none by `before`.
    pub(crate) fn adds_to(self, before: Self) -> bool {
        (self.online && !before.online)
            || (self.offline && !before.offline)
            || (self.outbox && !before.outbox)
    }
}

/// See [`super::Command::MarkPersisted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkPersisted {
    /// What the database now holds, at that version or a later one.
    pub rows: Vec<(RowKey, Version)>,
    /// What the database's position row now says.
    pub position: Version,
}

/// See [`super::Command::Load`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Rows of sessions, as they were read.
    pub rows: Vec<LoadRow>,
    /// Sessions that the database has no row of.
    pub absent: Vec<(String, Kind)>,
    /// The last entry applied before the database was asked.
    pub read_at: u64,
    /// A later use of the sessions in `rows` than they may know of.
    pub used: Option<Used>,
}

/// A use of a session that a verified token proves: a refresh token was issued then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The client that it was issued to.
    pub client: ClientUuid,
    /// Its `iat`.
    pub at: UnixMs,
}

/// What became of one thing that was to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loading {
    /// It is in memory now; an absence is noted.
    Loaded,
    /// It was in memory already.
    Stands,
    /// It has ended: absent for good.
    Ended,
    /// It has expired, or a fence ended it: absent for good.
    Over,
    /// Something of its slot was ended or evicted since the database was asked: ask again.
    Refused,
    /// There is no room; evict first.
    Full,
    /// The row cannot be: its times, its version or its payload. It was counted.
    Invalid,
}

/// See [`super::Command::MoveForward`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveForward {
    /// The session's handle.
    pub sid: String,
    /// Which of the two sessions of that handle.
    pub kind: Kind,
    /// The use that a verified refresh token proves.
    pub used: Used,
    /// The token's chain and `jti`, where the realm revokes refresh tokens.
    pub chain: Option<(String, String)>,
}
