//! Sessions as they lie in memory: a few fields that are looked at often, and one run of bytes for the rest.
//!
//! A session with two clients takes some 30 texts, lists and maps when it is unpacked; most memory of a busy
//! cluster would be their headers. Packed it is one allocation of about a hundred bytes: texts that sessions
//! share are numbers ([`Names`]), ids that are UUIDs are 16 bytes, times are distances from each other. What is
//! read is unpacked again into the public [`UserSession`].

mod read;
mod text;
mod write;

use std::sync::Arc;

use keyraft_model::UnixMs;
use serde::{Deserialize, Serialize};

pub(crate) use text::Compact;

use crate::{
    handle::Sid,
    machine::names::Names,
    row::Version,
    session::{Kind, UserSession},
};

/// What is known of a session's row in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowMark {
    /// The change that the row shows, or is to show.
    pub(crate) version: Version,
    /// Whether the database may not have that change yet.
    pub(crate) is_dirty: bool,
    /// Whether the session was used since in a way that the row need not show yet.
    pub(crate) is_behind: bool,
    /// The row does not expire earlier, once it shows that change.
    pub(crate) least: UnixMs,
    /// No row that was ever written of this session expires later.
    pub(crate) most: UnixMs,
}

/// A session, packed.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    /// When something of it ends: itself, one of its clients, or one of their chains.
    pub(crate) due: UnixMs,
    /// When it ends itself.
    pub(crate) expires: UnixMs,
    /// When it began.
    pub(crate) started: UnixMs,
    /// When it was last used.
    pub(crate) last_use: UnixMs,
    /// Its row.
    pub(crate) row: RowMark,
    /// The number of its realm's id.
    pub(crate) realm: u32,
    /// What its user is found by; see [`crate::handle::place_of_user`].
    pub(crate) user_tag: [u8; 4],
    body: Arc<[u8]>,
}

impl Packed {
    /// Packs a session; its texts are held until [`Packed::release`].
    pub(crate) fn of(session: &UserSession, row: RowMark, names: &mut Names) -> Self {
        let (_, user_tag) = crate::handle::place_of_user(&session.realm, &session.user);
        Self {
            due: due(session),
            expires: session.expires,
            started: session.started,
            last_use: session.last_use,
            row,
            realm: names.hold(session.realm.as_str()),
            user_tag,
            body: write::body(session, names).into(),
        }
    }

    /// Unpacks the session.
    pub(crate) fn session(&self, sid: Sid, kind: Kind, names: &Names) -> UserSession {
        read::session(self, sid, kind, names)
    }

    /// The numbers of its clients' ids, in the order of those ids.
    pub(crate) fn clients(&self) -> Vec<u32> {
        read::clients(&self.body)
    }

    /// Gives its texts back.
    pub(crate) fn release(&self, names: &mut Names) {
        names.release(self.realm);
        read::numbers(&self.body, &mut |number| names.release(number));
    }

    /// The length of its packed part, which is the same on every node, and how many clients it has.
    pub(crate) fn size(&self) -> (usize, usize) {
        read::size(&self.body)
    }
}

/// When something of a session ends.
fn due(session: &UserSession) -> UnixMs {
    let parts = session
        .clients
        .values()
        .flat_map(|client| client.chains.values().map(|chain| chain.expires).chain([client.expires]));
    parts.chain([session.expires]).min().unwrap_or(session.expires)
}

#[cfg(test)]
mod tests;
