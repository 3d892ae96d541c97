//! Commands: the atomic steps of the protocol that go through the log.
//!
//! Each command is conditional and whole: it decides, then changes, and its outcome is the read. Random
//! values and lifespans are drawn before it is proposed; times are computed when it is applied. Secrets
//! never travel: handles and codes come as SHA-256. The enum only ever grows at its end.

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

use crate::session::{Kind, Limits, Notes, UserSession};

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
    /// Takes one client out of a session; the session ends with its last client if `or_session`.
    EndClientSession { sid: String, kind: Kind, client: ClientUuid, or_session: bool },
    /// Ends a session with all its clients.
    EndSession { sid: String, kind: Kind },
    /// Ends everything that began before now in a scope: one fence, checked by every read and command.
    EndBefore { scope: FenceScope, kinds: Vec<Kind> },
    /// Reserves one attempt at a user's secret, before the secret is looked at.
    ReserveAttempt { realm: RealmId, user: UserId, attempt: u64, policy: AttemptPolicy },
    /// Says how a reserved attempt ended.
    SettleAttempt {
        realm: RealmId,
        user: UserId,
        attempt: u64,
        outcome: AttemptOutcome,
        policy: AttemptPolicy,
        ip_address: String,
    },
    /// Forgets failures: of one user, or of a whole realm.
    ClearFailures { realm: RealmId, user: Option<UserId> },
    /// Takes something that may be taken once.
    TakeOnce { key: OnceKey, lifespan: DurationMs },
    /// Revokes one access token, by `jti`, until it would have expired.
    Revoke { realm: RealmId, jti: String, lifespan: DurationMs },
    /// Copies one client of an online session into the offline session of the same `sid`.
    StartOffline {
        sid: String,
        client: ClientUuid,
        session_limits: Limits,
        client_limits: Limits,
        scope: String,
    },
    /// Replaces notes of a session (`None` removes one).
    SetNotes { sid: String, kind: Kind, notes: Vec<(String, Option<String>)> },
}

/// See [`Command::StartSession`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartSession {
    /// Fresh handle, made by [`crate::handle::new_sid`].
    pub sid: String,
    pub realm: RealmId,
    pub user: UserId,
    pub limits: Limits,
    pub remember_me: bool,
    pub ip_address: String,
    pub notes: Notes,
    /// The first client; a session without one only signs the person in.
    pub client: Option<NewClientSession>,
    pub code: Option<NewCode>,
    /// The login in progress that this ends, taken once.
    pub login: Option<LoginTaken>,
}

/// See [`Command::AttachClient`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachClient {
    pub sid: String,
    pub realm: RealmId,
    /// The user whom the caller believes to be signed in; another one is refused.
    pub user: UserId,
    pub client: NewClientSession,
    pub code: Option<NewCode>,
    pub login: Option<LoginTaken>,
    /// Notes of the user session to set (a new `AUTH_TIME` after a re-authentication).
    pub notes: Notes,
}

/// A client session about to begin, or to be granted anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewClientSession {
    pub client: ClientUuid,
    pub limits: Limits,
    pub scope: String,
    pub redirect_uri: Option<String>,
    pub notes: Notes,
}

/// An authorization code about to be issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCode {
    pub hash: Hash,
    pub lifespan: DurationMs,
    pub client: ClientUuid,
    /// As the authorization request gave it; `None` if it gave none.
    pub redirect_uri: Option<String>,
    pub challenge: Option<Challenge>,
    /// What the token endpoint needs of the authorization request (`scope`, `nonce`, `acr`, …).
    pub notes: Notes,
}

/// A PKCE challenge (RFC 7636): what SHA-256 of the verifier must be. For `plain` the challenge itself is
/// hashed, for `S256` it is decoded; one that decodes to nothing matches no verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge(pub Option<Hash>);

/// The login in progress that a session start takes, so that a copied cookie signs nobody in twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginTaken {
    /// Its random id.
    pub id: String,
    /// When its first proof was given; a fence later than this refuses it.
    pub proven: UnixMs,
    /// How long the id must be remembered.
    pub lifespan: DurationMs,
}

/// See [`Command::RedeemCode`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeemCode {
    pub hash: Hash,
    /// From the code's middle part: says in which slot it lives.
    pub sid: String,
    pub client: ClientUuid,
    pub redirect_uri: Option<String>,
    /// SHA-256 of the verifier, when one was sent.
    pub verifier: Option<Hash>,
}

/// See [`Command::RotateRefresh`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateRefresh {
    pub sid: String,
    pub kind: Kind,
    pub client: ClientUuid,
    /// The chain of the presented token; a token without one starts a chain.
    pub reuse_id: Option<String>,
    pub presented: String,
    /// `jti` of the token that replaces it.
    pub next: String,
    /// Chain id to use when one is started.
    pub new_reuse_id: String,
    /// How many uses of one token beyond the first are allowed.
    pub max_reuse: u32,
    /// Lifespan of the next token.
    pub lifespan: DurationMs,
}

/// See [`Command::Touch`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    pub sid: String,
    pub kind: Kind,
    pub client: Option<ClientUuid>,
    /// The realm's present limits.
    pub limits: Limits,
    pub client_limits: Limits,
}

/// What a fence ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FenceScope {
    /// Every session of a realm.
    Realm(RealmId),
    /// Every session of a user.
    User(RealmId, UserId),
    /// Every client session of a client.
    Client(RealmId, ClientUuid),
    /// Every client session of a user at a client.
    ClientAtUser(RealmId, UserId, ClientUuid),
}

/// Keycloak's brute-force settings of a realm, as `ReserveAttempt` needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptPolicy {
    /// Failures before a lockout (`failureFactor`).
    pub failure_factor: u32,
    /// `LINEAR` instead of `MULTIPLE`.
    pub linear: bool,
    pub wait_increment: DurationMs,
    pub max_failure_wait: DurationMs,
    pub quick_login_check: DurationMs,
    pub minimum_quick_login_wait: DurationMs,
    pub max_delta: DurationMs,
    /// `permanentLockout`.
    pub permanent: bool,
    /// Temporary lockouts before a permanent one (`maxTemporaryLockouts`).
    pub max_temporary_lockouts: u32,
    /// Failures of a second factor before a permanent lockout; 0: no such limit.
    pub max_secondary_failures: u32,
}

/// How a reserved attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptOutcome {
    /// The secret was right and the login may go on. Clears failures if `clears`.
    Success { clears: bool },
    /// The secret was wrong.
    Failure { secondary: bool },
    /// It was not looked at after all; counts for nothing.
    Released,
}

/// What may be taken once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OnceKey {
    pub kind: OnceKind,
    pub realm: RealmId,
    /// User id, client uuid: whoever the thing belongs to; also decides the slot.
    pub owner: String,
    /// SHA-256 of its id.
    pub id: Hash,
}

/// Kinds of things that may be taken once; each has a key space of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OnceKind {
    /// A step or counter of a one-time code.
    OtpStep,
    /// A login in progress.
    Login,
    /// An action token.
    ActionToken,
    /// The `jti` of a client assertion.
    ClientAssertion,
    /// An action of a login that changes a credential.
    CredentialAction,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// `StartSession`, `AttachClient`: done; the session as it stands and the log's clock.
    Started { session: UserSession, now: UnixMs },
    /// The session, or what it should hold, is not there (any more).
    NoSession,
    /// The login in progress was finished already, or its user was signed out since its first proof.
    LoginTaken,
    /// The session belongs to another user.
    OtherUser,
    /// `RedeemCode`.
    Redeemed(Box<Redemption>),
    /// `RotateRefresh`.
    Rotated(Rotation),
    /// `Touch`, `SetNotes`, `Revoke`, `ClearFailures`, `EndBefore`: done.
    Done { now: UnixMs },
    /// `EndClientSession`, `EndSession`: the sessions as they stood (empty: there was none), for logout notices.
    Ended { sessions: Vec<UserSession>, now: UnixMs },
    /// `ReserveAttempt`.
    Attempt(Attempt),
    /// `SettleAttempt`: what the failure led to.
    Settled(Lockout),
    /// `TakeOnce`: whether this was the first time.
    Taken(bool),
    /// The state's bound is reached; try again later (503).
    Full,
    /// Deciding panicked; the state is unchanged and the node has logged it.
    Failed,
}

/// How a redemption ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redemption {
    /// The code was right; now redeemed.
    Redeemed { session: UserSession, notes: Notes, redirect_uri: Option<String>, now: UnixMs },
    /// No such code, or expired, or burnt by a wrong try.
    Unknown,
    /// It was redeemed before: its client session has been ended by this command. The session is shown as it
    /// stood before, for events and logout notices.
    Reused { session: Option<UserSession> },
    /// The code belongs to another client; burnt.
    OtherClient,
    /// The redirect URI differs; burnt.
    RedirectMismatch,
    /// A challenge was asked for and no verifier came; burnt.
    VerifierMissing,
    /// A verifier came and there was no challenge; burnt.
    VerifierUnexpected,
    /// The verifier does not match; burnt.
    VerifierMismatch,
    /// The code was right but the user session has ended.
    SessionEnded,
}

/// How a rotation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rotation {
    /// The next token may be issued, in this chain.
    Rotated { session: UserSession, reuse_id: String, now: UnixMs },
    /// Used once too often: the client session has been ended by this command. The session is shown as it
    /// stood before, for events and logout notices.
    Reused { session: UserSession },
    /// No such session.
    NoSession,
    /// The session has no such client (any more).
    NoClient,
}

/// Whether a secret may be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attempt {
    /// Reserved: verify, then settle.
    Reserved,
    /// Locked out until then; `None` for ever.
    Locked { until: Option<UnixMs> },
    /// No attempt left but some in flight: wait for them and ask again.
    Wait,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lockout {
    /// Nothing yet.
    None,
    /// A temporary lockout until then.
    Temporary { until: UnixMs },
    /// The user must be disabled (`permanentLockout`).
    Permanent,
    /// The attempt was not reserved, or had been counted as failed for taking too long.
    Unknown,
}

/// Failures of one user, as the attack-detection API shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFailures {
    pub failures: u32,
    pub secondary_failures: u32,
    pub temporary_lockouts: u32,
    /// Locked out until then; 0: not; `i64::MAX`: for ever.
    pub not_before: UnixMs,
    pub last_failure: UnixMs,
    pub last_ip_address: String,
    /// Attempts in flight: their number and when each was reserved.
    pub reserved: Vec<(u64, UnixMs)>,
}
