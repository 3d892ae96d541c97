//! Attempts at a user's secrets, counted before they are looked at (Keycloak's brute force detection).
//!
//! Verifying takes milliseconds, and a counter that is raised afterwards lets everyone through who came in
//! between (CVE-2024-4629). So an attempt is reserved first; with no attempt left, later ones wait for
//! those in flight. Realms without the protection reserve nothing.

use std::time::Duration;

use keyraft_cluster::command::{Attempt, AttemptOutcome, AttemptPolicy, Command, Lockout, Outcome};
use keyraft_crypto::random;
use keyraft_model::{DurationMs, Realm, RealmId, UserId};

use crate::{Error, sessions::Sessions};

/// How long an attempt waits for those in flight before it is turned away (503).
const MAX_WAIT: Duration = Duration::from_secs(10);
/// How soon it asks again at first; each time it waits longer, so that a crowd does not fill the log.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// The longest that it waits before it asks again.
const ASK_AGAIN_AT_LAST: Duration = Duration::from_millis(200);

/// An attempt that may be made: settle it.
#[derive(Debug)]
#[must_use = "an attempt that is not settled counts as failed"]
pub struct Reservation {
    realm: RealmId,
    user: UserId,
    attempt: u64,
    policy: AttemptPolicy,
}

/// Whether a secret may be looked at.
#[derive(Debug)]
pub enum Admission {
    /// Yes. `None` where the realm does not count.
    Allowed(Option<Reservation>),
    /// The user is locked out.
    Locked,
}

/// The realm's settings as the counter needs them; `None` where it does not count.
pub fn policy(realm: &Realm) -> Option<AttemptPolicy> {
    let count = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
    realm.brute_force_protected.then(|| AttemptPolicy {
        failure_factor: count(realm.failure_factor),
        linear: realm.brute_force_strategy == "LINEAR",
        wait_increment: DurationMs::from_secs(realm.wait_increment_seconds),
        max_failure_wait: DurationMs::from_secs(realm.max_failure_wait_seconds),
        quick_login_check: DurationMs(realm.quick_login_check_milli_seconds.max(0)),
        minimum_quick_login_wait: DurationMs::from_secs(realm.minimum_quick_login_wait_seconds),
        max_delta: DurationMs::from_secs(realm.max_delta_time_seconds),
        permanent: realm.permanent_lockout,
        max_temporary_lockouts: count(realm.max_temporary_lockouts),
        max_secondary_failures: count(realm.max_secondary_auth_failures),
    })
}

/// Reserves one attempt at a user's secret; waits while all that are left are in flight.
///
/// # Errors
/// [`Error::Busy`] after ten seconds of waiting; [`Error::Unavailable`].
pub async fn reserve(sessions: &Sessions, realm: &Realm, user: &UserId) -> Result<Admission, Error> {
    let Some(policy) = policy(realm) else { return Ok(Admission::Allowed(None)) };
    let attempt = u64::from_be_bytes(random::bytes());
    let deadline = tokio::time::Instant::now() + MAX_WAIT;
    let mut pause = ASK_AGAIN;
    loop {
        let command =
            Command::ReserveAttempt { realm: realm.id.clone(), user: user.clone(), attempt, policy };
        match sessions.write(command).await? {
            Outcome::Attempt(Attempt::Reserved) => {
                let (realm, user) = (realm.id.clone(), user.clone());
                return Ok(Admission::Allowed(Some(Reservation { realm, user, attempt, policy })));
            }
            Outcome::Attempt(Attempt::Locked { .. }) => return Ok(Admission::Locked),
            Outcome::Attempt(Attempt::Wait) if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(pause).await;
                pause = (pause * 3 / 2).min(ASK_AGAIN_AT_LAST);
            }
            Outcome::Attempt(Attempt::Wait) => return Err(Error::Busy),
            _ => return Err(Error::Internal("an attempt was answered with something else".into())),
        }
    }
}

/// Says how an attempt ended, and hears what that led to.
///
/// # Errors
/// [`Error::Unavailable`]: the attempt then counts as failed by itself.
pub async fn settle(
    sessions: &Sessions,
    reservation: Option<Reservation>,
    outcome: AttemptOutcome,
    ip_address: &str,
) -> Result<Lockout, Error> {
    let Some(Reservation { realm, user, attempt, policy }) = reservation else { return Ok(Lockout::None) };
    let command =
        Command::SettleAttempt { realm, user, attempt, outcome, policy, ip_address: ip_address.to_owned() };
    match sessions.write(command).await? {
        Outcome::Settled(lockout) => Ok(lockout),
        _ => Err(Error::Internal("a settled attempt was answered with something else".into())),
    }
}

/// Forgets the failures of a user, or of everyone in a realm.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn clear(sessions: &Sessions, realm: &RealmId, user: Option<&UserId>) -> Result<(), Error> {
    let command = Command::ClearFailures { realm: realm.clone(), user: user.cloned() };
    sessions.write(command).await.map(|_| ())
}
