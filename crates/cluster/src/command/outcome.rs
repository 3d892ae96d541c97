//! What commands are answered with.

use keyraft_model::UnixMs;
use serde::{Deserialize, Serialize};

use super::{Attempt, LeaseState, Loading, Lockout, Notice, Polled};
use crate::{
    row::RowKey,
    session::{Notes, UserSession},
};

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// `StartSession`, `AttachClient`, `StartOffline`: done.
    Started {
        /// The session as it stands.
        session: UserSession,
        /// The log's clock.
        now: UnixMs,
    },
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
    Done {
        /// The log's clock.
        now: UnixMs,
    },
    /// `EndClientSession`, `EndSession`: done, or there was nothing to end.
    Ended {
        /// The sessions as they stood (empty: there was none), for logout notices.
        sessions: Vec<UserSession>,
        /// The log's clock.
        now: UnixMs,
    },
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
    /// The session is not in memory and may be in the database: load it and ask again. Nothing was changed.
    NotLoaded {
        /// Its row.
        key: RowKey,
    },
    /// `Evict`: how many were dropped.
    Evicted(u64),
    /// `Load`: what became of each.
    Loaded {
        /// Of the rows, in their order.
        rows: Vec<Loading>,
        /// Of the absences, in their order.
        absent: Vec<Loading>,
    },
    /// `TakePending`, `TakePushed`: what was kept; `None`: nothing, or it was taken before.
    Kept(Option<Vec<u8>>),
    /// `DecideDevice`: whether there was a request to decide.
    Decided(bool),
    /// `PollDevice`.
    Polled(Polled),
    /// `TakeNotices`: those to deliver.
    Notices(Vec<Notice>),
    /// `TakeLease`: who holds the job now.
    Lease(LeaseState),
}

/// How a redemption ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redemption {
    /// The code was right; now redeemed.
    Redeemed {
        /// The session it belongs to; its client session is there.
        session: UserSession,
        /// What was kept of the authorization request.
        notes: Notes,
        /// As the authorization request gave it.
        redirect_uri: Option<String>,
        /// The log's clock.
        now: UnixMs,
    },
    /// No such code, or expired, or burnt by a wrong try.
    Unknown,
    /// It was redeemed before: its client session has been ended by this command.
    Reused {
        /// The session as it stood before, for events and logout notices; `None`: it had ended.
        session: Option<UserSession>,
    },
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
    Rotated {
        /// The session as it stands.
        session: UserSession,
        /// The chain, for the next token to name.
        reuse_id: String,
        /// The log's clock.
        now: UnixMs,
    },
    /// Used once too often: the client session has been ended by this command.
    Reused {
        /// The session as it stood before, for events and logout notices.
        session: UserSession,
    },
    /// No such session.
    NoSession,
    /// The session has no such client (any more).
    NoClient,
}
