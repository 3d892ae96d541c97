//! Brute force: attempts are reserved before a secret is looked at, and counted as Keycloak counts them.
//!
//! Reserving is what holds the limit under parallel guesses: no more attempts are in flight than failures are
//! left before the next lockout. An attempt that nobody settles counts as failed after ten seconds, at that
//! moment, whenever it is noticed.

use std::sync::Arc;

use keyraft_model::{DurationMs, RealmId, UnixMs, UserId};

use crate::{
    command::{Attempt, AttemptOutcome, AttemptPolicy, Lockout, LoginFailures, Outcome},
    handle::slot_of_user,
    machine::{
        State,
        change::{Change, Decision},
        record::Failures,
    },
    maps::room,
};

/// Attempts of one user in flight, however many failures are left.
const IN_FLIGHT_MAX: usize = 512;
/// A lockout that only an administrator ends.
const FOR_EVER: UnixMs = UnixMs(i64::MAX);

/// Decides `ReserveAttempt`.
pub(crate) fn reserve(
    state: &State,
    realm: &RealmId,
    user: &UserId,
    attempt: u64,
    policy: &AttemptPolicy,
) -> Decision {
    let now = state.clock;
    let mut failures = current(state, realm, user, now).unwrap_or_default();
    failures.policy = *policy;
    let value = &mut failures.value;
    if value.reserved.iter().any(|(known, _)| *known == attempt) {
        return answer(Attempt::Reserved);
    }
    if value.not_before > now {
        let until = (value.not_before < FOR_EVER).then_some(value.not_before);
        return answer(Attempt::Locked { until });
    }
    if value.reserved.len() >= attempts_left(value, policy) {
        return answer(Attempt::Wait);
    }
    if !room::for_attempt(state, realm) {
        return Decision::only(Outcome::Full);
    }
    value.reserved.push((attempt, now));
    Decision::with(Outcome::Attempt(Attempt::Reserved), put(realm, user, failures))
}

/// How many may fail before the next lockout; beyond the first lockout every failure is the next.
fn attempts_left(value: &LoginFailures, policy: &AttemptPolicy) -> usize {
    let first = policy.failure_factor.saturating_sub(value.failures).max(1);
    let second = match policy.max_secondary_failures {
        0 => u32::MAX,
        max => max.saturating_sub(value.secondary_failures).max(1),
    };
    usize::try_from(first.min(second)).unwrap_or(IN_FLIGHT_MAX).min(IN_FLIGHT_MAX)
}

/// See `Command::SettleAttempt`.
pub(crate) struct Settle<'a> {
    pub(crate) attempt: u64,
    pub(crate) outcome: AttemptOutcome,
    pub(crate) policy: &'a AttemptPolicy,
    pub(crate) ip_address: &'a str,
}

/// Decides `SettleAttempt`. A failure in flight when a lockout begins still counts: it was verified.
pub(crate) fn settle(state: &State, realm: &RealmId, user: &UserId, settle: &Settle<'_>) -> Decision {
    let now = state.clock;
    let mut failures = current(state, realm, user, now).unwrap_or_default();
    let value = &mut failures.value;
    let Some(place) = value.reserved.iter().position(|(known, _)| *known == settle.attempt) else {
        return Decision::only(Outcome::Settled(Lockout::Unknown));
    };
    value.reserved.remove(place);
    failures.policy = *settle.policy;
    let lockout = match settle.outcome {
        AttemptOutcome::Success { clears: true } => {
            let reserved = std::mem::take(&mut value.reserved);
            *value = LoginFailures { reserved, ..LoginFailures::default() };
            Lockout::None
        }
        AttemptOutcome::Success { clears: false } | AttemptOutcome::Released => Lockout::None,
        AttemptOutcome::Failure { secondary } => {
            settle.ip_address.clone_into(&mut value.last_ip_address);
            fail(value, settle.policy, secondary, now)
        }
    };
    Decision::with(Outcome::Settled(lockout), put(realm, user, failures))
}

/// Decides `ClearFailures`. Attempts in flight stay reserved: clearing must not give an attacker more of them.
pub(crate) fn clear(state: &State, realm: &RealmId, user: Option<&UserId>) -> Decision {
    let done = Outcome::Done { now: state.clock };
    let Some(user) = user else { return Decision::with(done, Change::ForgetFailures(realm.clone())) };
    match current(state, realm, user, state.clock) {
        Some(mut failures) => {
            let reserved = std::mem::take(&mut failures.value.reserved);
            failures.value = LoginFailures { reserved, ..LoginFailures::default() };
            Decision::with(done, put(realm, user, failures))
        }
        None => Decision::only(done),
    }
}

/// What falls due of a user's failures at the state's clock.
pub(crate) fn lapse(state: &State, realm: RealmId, user: UserId) -> Change {
    let failures = current(state, &realm, &user, state.clock).map(Arc::new);
    Change::Failures { realm, user, failures }
}

/// A user's failures as they are at `now`: what nobody settled has failed, what is too old is forgotten.
pub(crate) fn current(state: &State, realm: &RealmId, user: &UserId, now: UnixMs) -> Option<Failures> {
    let key = (realm.clone(), user.clone());
    let mut failures = Failures::clone(state.slot(slot_of_user(realm, user)).failures.get(&key)?);
    let policy = failures.policy;
    while let Some(at) = failures.lapse().filter(|at| *at <= now) {
        let value = &mut failures.value;
        value.reserved.retain(|(_, since)| since.plus(Failures::IN_FLIGHT) > at);
        fail(value, &policy, false, at);
    }
    if failures.forgotten() <= now {
        let reserved = std::mem::take(&mut failures.value.reserved);
        failures.value = LoginFailures { reserved, ..LoginFailures::default() };
    }
    (failures.value != LoginFailures::default()).then_some(failures)
}

/// Counts one failure, by Keycloak's rules.
fn fail(value: &mut LoginFailures, policy: &AttemptPolicy, secondary: bool, at: UnixMs) -> Lockout {
    let last = value.last_failure;
    let since_last = (last.0 > 0).then(|| at.since(last));
    if since_last.is_some_and(|since| since > policy.max_delta) {
        let LoginFailures { last_ip_address, reserved, .. } = std::mem::take(value);
        *value = LoginFailures { last_ip_address, reserved, ..LoginFailures::default() };
    }
    value.last_failure = at;
    value.failures = value.failures.saturating_add(1);
    value.secondary_failures = value.secondary_failures.saturating_add(u32::from(secondary));
    let wait = wait_for(value.failures, policy);
    let is_quick = wait.0 <= 0 && since_last.is_some_and(|since| since < policy.quick_login_check);
    let wait = if is_quick { policy.minimum_quick_login_wait } else { wait };
    if wait.0 > 0 && !is_quick {
        value.temporary_lockouts = value.temporary_lockouts.saturating_add(1);
    }
    if is_permanent(value, policy) {
        value.not_before = FOR_EVER;
        return Lockout::Permanent;
    }
    if wait.0 <= 0 {
        return Lockout::None;
    }
    let wait = DurationMs(wait.0.min(policy.max_failure_wait.0));
    // Keycloak counts lockouts in whole seconds, from the second that has begun.
    let until = UnixMs::from_secs(at.secs()).plus(wait);
    value.not_before = value.not_before.max(until);
    Lockout::Temporary { until: value.not_before }
}

/// How long that many failures lock out, before the cap; not at all where only permanent lockouts are asked.
fn wait_for(failures: u32, policy: &AttemptPolicy) -> DurationMs {
    if policy.permanent && policy.max_temporary_lockouts == 0 {
        return DurationMs::ZERO;
    }
    let (failures, factor) = (i64::from(failures), i64::from(policy.failure_factor.max(1)));
    let times = if policy.linear { 1 + failures - factor } else { failures / factor };
    DurationMs(policy.wait_increment.0.saturating_mul(times))
}

fn is_permanent(value: &LoginFailures, policy: &AttemptPolicy) -> bool {
    let by_second_factor =
        policy.max_secondary_failures > 0 && value.secondary_failures >= policy.max_secondary_failures;
    let by_lockouts = value.temporary_lockouts > policy.max_temporary_lockouts;
    let by_failures = policy.max_temporary_lockouts == 0 && value.failures >= policy.failure_factor;
    by_second_factor || (policy.permanent && (by_lockouts || by_failures))
}

fn put(realm: &RealmId, user: &UserId, failures: Failures) -> Change {
    let is_empty = failures.value == LoginFailures::default();
    let failures = (!is_empty).then(|| Arc::new(failures));
    Change::Failures { realm: realm.clone(), user: user.clone(), failures }
}

fn answer(attempt: Attempt) -> Decision {
    Decision::only(Outcome::Attempt(attempt))
}
