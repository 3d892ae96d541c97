//! Sessions: one person signed in on one browser, and what each application holds of it.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::SmallMap;

/// Notes of a session: short texts by Keycloak's names (`AUTH_TIME`, `acr`, `loa-map`, …).
pub type Notes = SmallMap<String, String>;

/// How long a session may live and how long it may be unused. `None`: no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From its start, however much it is used.
    pub max: Option<DurationMs>,
    /// From its last use.
    pub idle: Option<DurationMs>,
}

impl Limits {
    /// The one absolute end: `min(started + max, last_use + idle)`; the end of time without limits.
    pub fn end(&self, started: UnixMs, last_use: UnixMs) -> UnixMs {
        let max = self.max.map_or(UnixMs(i64::MAX), |max| started.plus(max));
        let idle = self.idle.map_or(UnixMs(i64::MAX), |idle| last_use.plus(idle));
        max.min(idle)
    }

    /// How old the last note of a use must be before another is worth a write: a minute, or a quarter of
    /// the idle time where that is shorter.
    pub fn touch_after(&self) -> DurationMs {
        let quarter = self.idle.map_or(i64::MAX, |idle| idle.0 / 4);
        DurationMs(quarter.min(60_000))
    }
}

/// Which of the two sessions of one `sid` is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The browser's own session, or a direct grant's.
    #[default]
    Online,
    /// What outlives it: client sessions granted `offline_access`.
    Offline,
}

/// One person signed in on one browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSession {
    /// The handle: 24 characters of base64url, the first ten bits of which say in which slot it lives.
    pub sid: String,
    /// Online or offline.
    pub kind: Kind,
    /// Its realm.
    pub realm: RealmId,
    /// Who is signed in.
    pub user: UserId,
    /// When it began (the log's clock).
    pub started: UnixMs,
    /// When it was last used, coarsely: see `Touch`.
    pub last_use: UnixMs,
    /// When it ends if nobody uses it again.
    pub expires: UnixMs,
    /// The limits that `expires` follows from.
    pub limits: Limits,
    /// Whether the person asked to stay signed in.
    pub remember_me: bool,
    /// The address it began from.
    pub ip_address: String,
    /// Notes of the whole session.
    pub notes: Notes,
    /// What each application holds of it.
    pub clients: SmallMap<ClientUuid, ClientSession>,
}

impl UserSession {
    /// Whether a use at `now` is worth a [`crate::command::Touch`].
    pub fn needs_touch(&self, now: UnixMs) -> bool {
        now.since(self.last_use) >= self.limits.touch_after()
    }
}

/// One person at one client: owns the refresh tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSession {
    /// When it began.
    pub started: UnixMs,
    /// When it was last used, coarsely.
    pub last_use: UnixMs,
    /// When it ends if unused; never later than its user session.
    pub expires: UnixMs,
    /// Its own limits, beside those of the user session.
    pub limits: Limits,
    /// Granted scope, space-separated (RFC 6749 section 3.3).
    pub scope: String,
    /// Where the code was sent, for `redirect_uri` comparisons and logout pages.
    pub redirect_uri: Option<String>,
    /// Notes of this client session (`acr`, `nonce`, …).
    pub notes: Notes,
    /// Refresh chains by `reuse_id`; only in realms that revoke refresh tokens.
    pub chains: SmallMap<String, Chain>,
}

impl ClientSession {
    /// Whether a use at `now` is worth a [`crate::command::Touch`].
    pub fn needs_touch(&self, now: UnixMs) -> bool {
        now.since(self.last_use) >= self.limits.touch_after()
    }
}

/// A line of refresh tokens, each of which replaces the one before.
///
/// A chain comes into being with the first use of a token that names it: a token issued and never used
/// costs nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// `jti` of the token that was used last.
    pub jti: String,
    /// How often that token was used.
    pub uses: u32,
    /// `jti` of the tokens that those uses were answered with, oldest first; one of them comes next.
    pub issued: Vec<String>,
    /// When the newest token would expire; the chain is dropped then.
    pub expires: UnixMs,
}
