//! Logout notices: what is to be told to applications about ended sessions.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::session::Kind;

/// To whom the end of a session is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeTo {
    /// The issuer that the notices speak for.
    pub issuer: String,
    /// Clients that want notices; `None`: all that had a part in the session. The sender knows who has an
    /// address for them.
    pub clients: Option<Vec<ClientUuid>>,
}

/// See [`super::Command::EndWithNotice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndWithNotice {
    /// The session's handle.
    pub sid: String,
    /// Which of the two sessions of that handle.
    pub kind: Kind,
    /// The client that is taken out; `None`: the session ends.
    pub client: Option<ClientUuid>,
    /// Whether the session ends when that was its last client.
    pub or_session: bool,
    /// Who is told.
    pub notify: NoticeTo,
}

/// A notice about a session that was ended by other means, a fence say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewNotice {
    /// The issuer that it speaks for.
    pub issuer: String,
    /// The session's realm.
    pub realm: RealmId,
    /// Its user.
    pub user: UserId,
    /// Its handle.
    pub sid: String,
    /// Which of the two sessions of that handle.
    pub kind: Kind,
    /// Who is told.
    pub clients: Vec<ClientUuid>,
}

/// A notice that waits to be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its number.
    pub id: u64,
    /// The issuer that it speaks for.
    pub issuer: String,
    /// The session's realm.
    pub realm: RealmId,
    /// Its user.
    pub user: UserId,
    /// Its handle.
    pub sid: String,
    /// Which of the two sessions of that handle.
    pub kind: Kind,
    /// Who has not been told yet.
    pub clients: Vec<ClientUuid>,
    /// When the session ended.
    pub ended: UnixMs,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried next; while somebody tries, when it counts as given back.
    pub next_at: UnixMs,
    /// When it is given up.
    pub expires: UnixMs,
}

/// How a try to deliver a notice went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settled {
    /// All were told.
    Delivered,
    /// Some were not: try them again.
    Retry {
        /// Who has not been told.
        clients: Vec<ClientUuid>,
        /// How long to wait.
        after: DurationMs,
    },
    /// Nobody will be told any more.
    GivenUp,
}
