//! Attempts at a user's secrets: what is reserved, how it ended, what it led to.

use keyraft_model::{DurationMs, UnixMs};
use serde::{Deserialize, Serialize};

/// Keycloak's brute-force settings of a realm, as `ReserveAttempt` needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptPolicy {
    /// Failures before a lockout (`failureFactor`).
    pub failure_factor: u32,
    /// `LINEAR` instead of `MULTIPLE`.
    pub linear: bool,
    /// One step of a lockout (`waitIncrementSeconds`).
    pub wait_increment: DurationMs,
    /// The longest lockout (`maxFailureWaitSeconds`).
    pub max_failure_wait: DurationMs,
    /// Failures closer together than this lock out at once (`quickLoginCheckMilliSeconds`).
    pub quick_login_check: DurationMs,
    /// How long they do (`minimumQuickLoginWaitSeconds`).
    pub minimum_quick_login_wait: DurationMs,
    /// Failures further apart than this do not count together (`maxDeltaTimeSeconds`).
    pub max_delta: DurationMs,
    /// Whether the limit disables the user (`permanentLockout`).
    pub permanent: bool,
    /// Temporary lockouts before a permanent one (`maxTemporaryLockouts`).
    pub max_temporary_lockouts: u32,
    /// Failures of a second factor before a permanent lockout; 0: no such limit.
    pub max_secondary_failures: u32,
}

/// How a reserved attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptOutcome {
    /// The secret was right and the login may go on.
    Success {
        /// Whether the login is through with secrets, so that failures are forgotten.
        clears: bool,
    },
    /// The secret was wrong.
    Failure {
        /// Whether it was a second factor's.
        secondary: bool,
    },
    /// It was not looked at after all; counts for nothing.
    Released,
}

/// Whether a secret may be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attempt {
    /// Reserved: verify, then settle.
    Reserved,
    /// Locked out.
    Locked {
        /// Until then; `None`: for ever.
        until: Option<UnixMs>,
    },
    /// No attempt left but some in flight: wait for them and ask again.
    Wait,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lockout {
    /// Nothing yet.
    None,
    /// A temporary lockout.
    Temporary {
        /// Until then.
        until: UnixMs,
    },
    /// The user must be disabled (`permanentLockout`).
    Permanent,
    /// The attempt was not reserved, or had been counted as failed for taking too long.
    Unknown,
}

/// Failures of one user, as the attack-detection API shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFailures {
    /// Failures that count (`numFailures`).
    pub failures: u32,
    /// Those of them that were a second factor's (`numSecondaryAuthFailures`).
    pub secondary_failures: u32,
    /// Lockouts that ended by themselves (`numTemporaryLockouts`).
    pub temporary_lockouts: u32,
    /// Locked out until then; 0: not; `i64::MAX`: for ever.
    pub not_before: UnixMs,
    /// The last failure; 0: none (`lastFailure`).
    pub last_failure: UnixMs,
    /// Where that came from (`lastIPFailure`).
    pub last_ip_address: String,
    /// Attempts in flight: their number and when each was reserved.
    pub reserved: Vec<(u64, UnixMs)>,
}
