//! Commands: the atomic steps of the protocol that go through the log.
//!
//! Each command is conditional and whole: it decides, then changes, and its outcome is the read. Random
//! values and lifespans are drawn before it is proposed; times are computed when it is applied. Secrets
//! never travel: handles and codes come as SHA-256. The enum only ever grows at its end.

mod attempt;
mod notice;
mod once;
mod outcome;
mod pending;
mod rows;
mod session;

use keyraft_model::{ClientUuid, DurationMs, RealmId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

pub use self::{
    attempt::{Attempt, AttemptOutcome, AttemptPolicy, Lockout, LoginFailures},
    notice::{EndWithNotice, NewNotice, Notice, NoticeTo, Settled},
    once::{OnceKey, OnceKind},
    outcome::{Outcome, Redemption, Rotation},
    pending::{
        ChangeRecord, ChangedEntity, DeviceDecision, DeviceRequest, LeaseState, PendingKind, Polled,
        PushRequest, PutPending, StartDevice,
    },
    rows::{Durability, Load, Loading, MarkPersisted, MoveForward, Used},
    session::{
        AttachClient, Challenge, FenceScope, LoginTaken, NewClientSession, NewCode, RedeemCode,
        RotateRefresh, StartSession, Touch,
    },
};
use crate::{
    row::{RowKey, Version},
    session::{Kind, Limits},
};

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
    /// Says which maps have rows in a database; until then none has, and nothing is ever dirty.
    Durable(Durability),
    /// Says what the database now holds.
    MarkPersisted(MarkPersisted),
    /// Drops sessions from memory that the database holds and nobody used lately; others are passed over.
    Evict {
        /// Which sessions.
        keys: Vec<RowKey>,
    },
    /// Brings sessions back into memory.
    Load(Load),
    /// The database was found behind what it was known to hold: everything is written again, ends first.
    Restored {
        /// What its position row says.
        position: Version,
    },
    /// The cluster begins anew, after its disks were lost or only some of them were saved: what may be used
    /// once and was issued before is refused.
    NewEpoch {
        /// The epoch; a lower one than the present is ignored.
        epoch: u64,
        /// Whether the database may hold rows that are not in memory.
        over_rows: bool,
    },
    /// Moves a session on to a use that its row did not know of; only one that was loaded from an earlier epoch.
    MoveForward(MoveForward),
    /// Takes something that may be taken once and was issued then; refused where the markers of that time are
    /// lost.
    TakeIssued {
        /// What is taken.
        key: OnceKey,
        /// When it was issued.
        issued: UnixMs,
        /// How long that must be remembered.
        lifespan: DurationMs,
    },
    /// Keeps something for a login in progress.
    PutPending(PutPending),
    /// Takes it out again.
    TakePending {
        /// The login's realm.
        realm: RealmId,
        /// The auth session's id.
        id: String,
        /// What is taken.
        kind: PendingKind,
    },
    /// Keeps the request of a device until a person decides.
    StartDevice(StartDevice),
    /// Says what the person decided.
    DecideDevice {
        /// The realm.
        realm: RealmId,
        /// The user code as it is compared.
        user_code: Hash,
        /// The decision.
        decision: DeviceDecision,
    },
    /// A device asks what was decided.
    PollDevice {
        /// The slot that its code names; see [`crate::handle::slot_of_device_code`].
        slot: u16,
        /// SHA-256 of the device code.
        device_code: Hash,
        /// Who asks, authenticated.
        client: ClientUuid,
    },
    /// Keeps a pushed authorization request.
    PushRequest(PushRequest),
    /// Takes a pushed authorization request: once, by its own client.
    TakePushed {
        /// The realm.
        realm: RealmId,
        /// The handle in its `request_uri`.
        handle: String,
        /// The client that the authorization request names.
        client: ClientUuid,
    },
    /// Ends a session, or a client's part of it, and leaves a notice for those who want one.
    EndWithNotice(EndWithNotice),
    /// Leaves notices about sessions that were ended by other means.
    Notify {
        /// The notices.
        notices: Vec<NewNotice>,
    },
    /// Takes notices that are due, to deliver them; nobody else gets them for that long.
    TakeNotices {
        /// How many at most.
        max: u32,
        /// How long they are held.
        lifespan: DurationMs,
    },
    /// Says how the delivery of notices went.
    SettleNotices {
        /// Their numbers and how it went.
        settled: Vec<(u64, Settled)>,
    },
    /// Takes a job, or goes on holding it.
    TakeLease {
        /// The job.
        job: String,
        /// Who takes it.
        holder: String,
        /// For how long.
        lifespan: DurationMs,
    },
    /// Gives a job back.
    ReleaseLease {
        /// The job.
        job: String,
        /// Who held it.
        holder: String,
    },
    /// Says which entities changed in the database, so that no cache uses an older copy.
    Changed {
        /// At most 500.
        entries: Vec<ChangedEntity>,
    },
}
