//! Rows: what of the maps lies in the database, and under which version.
//!
//! A row is a few columns that queries need and a payload in an encoding of its own. The maps are the truth; a
//! row is what is left of an object when it was evicted from memory, or when all disks are lost. An end is a row
//! too, marked so and without a payload, because a row that is merely gone could be written again by a leader
//! that is none any more. SQL is not known here.

mod payload;

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    command::{FenceScope, Notice},
    session::{Kind, UserSession},
};

/// Which change of an object is meant: the epoch of the cluster, and the index of the log entry that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The cluster's epoch; see `Command::NewEpoch`.
    pub epoch: u64,
    /// The index in that epoch's log.
    pub index: u64,
}

/// What a row is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RowKey {
    /// A user session, alive or ended: the same key, so that an end overwrites.
    Session {
        /// The session's handle.
        sid: String,
        /// Which of the two sessions of that handle.
        kind: Kind,
    },
    /// A logout notice that is to be delivered.
    Outbox {
        /// Its number.
        id: u64,
    },
    /// An `EndBefore`, for rows that are not in memory.
    Fence {
        /// What it ends.
        scope: FenceScope,
        /// Sessions of which kind.
        kind: Kind,
    },
}

/// A row of the database. It may only replace one of a lower version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What it is of.
    pub key: RowKey,
    /// The realm.
    pub realm: RealmId,
    /// The user, where there is one.
    pub user: Option<UserId>,
    /// The clients that have a part in it; none where it has ended.
    pub clients: Vec<ClientUuid>,
    /// When the object began. Of a fence: what began until then is ended by it.
    pub created: UnixMs,
    /// When it expires if it is not used again; the reaper removes it after that. Never beyond
    /// [`Row::MOST_AHEAD`] from when the row was made.
    pub expires: UnixMs,
    /// The change that it shows.
    pub version: Version,
    /// Whether the object has ended.
    pub ended: bool,
    /// The object; empty where it has ended, and of fences.
    pub payload: Vec<u8>,
}

/// A row to be loaded, with the fences of the database that may concern it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRow {
    /// The row as it was read.
    pub row: Row,
    /// Fences of its realm and kind, each with its time; those that do not touch it do no harm.
    pub fences: Vec<(FenceScope, UnixMs)>,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It expires before 2020 or more than ten years from now.
    #[error("the row expires at a time that cannot be")]
    Expiry,
    /// It began before 2020, after its own end, or in the future.
    #[error("the row began at a time that cannot be")]
    Creation,
    /// Its payload cannot be read: damaged, or of a later version.
    #[error("the payload of the row cannot be read")]
    Payload,
    /// Columns and payload speak of different things.
    #[error("the row is of another object than its payload")]
    Mismatch,
}

impl Row {
    /// How far ahead a row may expire.
    pub const MOST_AHEAD: DurationMs = DurationMs(10 * 366 * 86_400_000);
    /// No row is older than this: 2020-01-01.
    pub const EARLIEST: UnixMs = UnixMs(1_577_836_800_000);

    /// The row of a session that is alive.
    pub(crate) fn of_session(session: &UserSession, version: Version, now: UnixMs) -> Self {
        Self {
            key: RowKey::Session { sid: session.sid.clone(), kind: session.kind },
            realm: session.realm.clone(),
            user: Some(session.user.clone()),
            clients: session.clients.keys().cloned().collect(),
            created: session.started,
            expires: capped(session.expires, now),
            version,
            ended: false,
            payload: payload::of_session(session),
        }
    }

    /// The row of a notice that is to be delivered.
    pub(crate) fn of_notice(notice: &Notice, version: Version, now: UnixMs) -> Self {
        Self {
            key: RowKey::Outbox { id: notice.id },
            realm: notice.realm.clone(),
            user: Some(notice.user.clone()),
            clients: notice.clients.clone(),
            created: notice.ended,
            expires: capped(notice.expires, now),
            version,
            ended: false,
            payload: payload::of_notice(notice),
        }
    }

    /// The session of a live row.
    ///
    /// # Errors
    /// [`RowError::Payload`] and [`RowError::Mismatch`].
    pub fn session(&self) -> Result<UserSession, RowError> {
        let session = payload::session(&self.payload)?;
        let key = RowKey::Session { sid: session.sid.clone(), kind: session.kind };
        let is_same = key == self.key
            && session.realm == self.realm
            && self.user.as_ref() == Some(&session.user)
            && session.started == self.created;
        if is_same { Ok(session) } else { Err(RowError::Mismatch) }
    }

    /// The notice of a row of the outbox.
    ///
    /// # Errors
    /// [`RowError::Payload`] and [`RowError::Mismatch`].
    pub fn notice(&self) -> Result<Notice, RowError> {
        let notice = payload::notice(&self.payload)?;
        let is_same = self.key == RowKey::Outbox { id: notice.id } && notice.realm == self.realm;
        if is_same { Ok(notice) } else { Err(RowError::Mismatch) }
    }

    /// Whether the row's times can be.
    ///
    /// # Errors
    /// [`RowError::Expiry`] and [`RowError::Creation`].
    pub fn check(&self, now: UnixMs) -> Result<(), RowError> {
        if self.expires < Self::EARLIEST || self.expires > now.plus(Self::MOST_AHEAD) {
            return Err(RowError::Expiry);
        }
        // A leader's clock may have been ahead of the present one's by what peers allow each other.
        let latest = now.plus(DurationMs(5_000));
        if self.created < Self::EARLIEST || self.created > self.expires || self.created > latest {
            return Err(RowError::Creation);
        }
        Ok(())
    }
}

/// An end of time that a row can say.
pub(crate) fn capped(expires: UnixMs, now: UnixMs) -> UnixMs {
    // A day less than what is accepted: a row is read by a clock that may be behind.
    expires.min(now.plus(Row::MOST_AHEAD).minus(DurationMs(86_400_000)))
}
