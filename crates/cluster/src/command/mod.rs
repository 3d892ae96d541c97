//! Commands: the atomic steps of the protocol that go through the log.
//!
//! Each command is conditional and whole: it decides, then changes, and its outcome is the read. Random
//! values and lifespans are drawn before it is proposed; times are computed when it is applied. Secrets
//! never travel: handles and codes come as SHA-256. The enum only ever grows at its end.

mod attempt;
mod once;
mod outcome;
mod session;

use keyraft_model::{ClientUuid, DurationMs, RealmId, UserId};
use serde::{Deserialize, Serialize};

pub use self::{
    attempt::{Attempt, AttemptOutcome, AttemptPolicy, Lockout, LoginFailures},
    once::{OnceKey, OnceKind},
    outcome::{Outcome, Redemption, Rotation},
    session::{
        AttachClient, Challenge, FenceScope, LoginTaken, NewClientSession, NewCode, RedeemCode,
        RotateRefresh, StartSession, Touch,
    },
};
use crate::session::{Kind, Limits};

/// SHA-256 of a handle that must not be readable in the log.
pub type Hash = [u8; 32];

/// One step of a protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Starts a user session with its first client session and, in a browser, the code.
    StartSession(StartSession),
    /// Attaches a client to a live user session (single sign-on), and issues a code.
    AttachClient(AttachClient),
    /// Redeems an authorization code: once, by its own client, with its own redirect URI and verifier.
    RedeemCode(RedeemCode),
    /// Uses a refresh token where the realm revokes refresh tokens.
    RotateRefresh(RotateRefresh),
    /// Notes a use of a session, so that its idle time starts anew.
    Touch(Touch),
    /// Takes one client out of a session.
    EndClientSession {
        /// The session's handle.
        sid: String,
        /// Which of the two sessions of that handle.
        kind: Kind,
        /// Who is taken out.
        client: ClientUuid,
        /// Whether the session ends when that was its last client.
        or_session: bool,
    },
    /// Ends a session with all its clients.
    EndSession {
        /// The session's handle.
        sid: String,
        /// Which of the two sessions of that handle.
        kind: Kind,
    },
    /// Ends everything that began before now in a scope: one fence, checked by every read and command.
    EndBefore {
        /// What is ended.
        scope: FenceScope,
        /// Sessions of which kinds.
        kinds: Vec<Kind>,
    },
    /// Reserves one attempt at a user's secret, before the secret is looked at.
    ReserveAttempt {
        /// The user's realm.
        realm: RealmId,
        /// Whose secret; a user who exists.
        user: UserId,
        /// A random number for the attempt; reserving it twice is reserving it once.
        attempt: u64,
        /// The realm's present settings.
        policy: AttemptPolicy,
    },
    /// Says how a reserved attempt ended.
    SettleAttempt {
        /// The user's realm.
        realm: RealmId,
        /// Whose secret.
        user: UserId,
        /// The attempt's number.
        attempt: u64,
        /// How it ended.
        outcome: AttemptOutcome,
        /// The realm's present settings.
        policy: AttemptPolicy,
        /// Where it came from, for administrators.
        ip_address: String,
    },
    /// Forgets failures: of one user, or of a whole realm. Attempts in flight stay reserved.
    ClearFailures {
        /// The realm.
        realm: RealmId,
        /// The user; `None`: everyone.
        user: Option<UserId>,
    },
    /// Takes something that may be taken once.
    TakeOnce {
        /// What is taken.
        key: OnceKey,
        /// How long that must be remembered.
        lifespan: DurationMs,
    },
    /// Revokes one access token, by `jti`, until it would have expired.
    Revoke {
        /// The token's realm.
        realm: RealmId,
        /// The token's id (RFC 7519 section 4.1.7).
        jti: String,
        /// What is left of its life.
        lifespan: DurationMs,
    },
    /// Copies one client of an online session into the offline session of the same `sid`.
    StartOffline {
        /// The online session's handle.
        sid: String,
        /// The client that was granted `offline_access`; it has a part in the online session.
        client: ClientUuid,
        /// Limits of the offline session.
        session_limits: Limits,
        /// The client's own limits in it.
        client_limits: Limits,
        /// Granted scope, space-separated.
        scope: String,
    },
    /// Replaces notes of a session.
    SetNotes {
        /// The session's handle.
        sid: String,
        /// Which of the two sessions of that handle.
        kind: Kind,
        /// Names and values; `None` removes one.
        notes: Vec<(String, Option<String>)>,
    },
}
