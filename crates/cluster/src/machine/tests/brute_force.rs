//! Brute force by Keycloak's numbers, and the limit under parallel guesses.

use keyraft_model::{DurationMs, UnixMs};

use super::kit::*;
use crate::{
    command::{Attempt, AttemptOutcome, AttemptPolicy, Command, Lockout, LoginFailures, Outcome},
    maps::login_failures,
};

fn reserve(play: &mut Play, after: i64, attempt: u64, policy: AttemptPolicy) -> Attempt {
    let command = Command::ReserveAttempt { realm: lab(), user: alice(), attempt, policy };
    match play.at(after, command) {
        Outcome::Attempt(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

fn settle(
    play: &mut Play,
    after: i64,
    attempt: u64,
    outcome: AttemptOutcome,
    policy: AttemptPolicy,
) -> Lockout {
    let ip_address = "192.0.2.1".to_owned();
    let command =
        Command::SettleAttempt { realm: lab(), user: alice(), attempt, outcome, policy, ip_address };
    match play.at(after, command) {
        Outcome::Settled(lockout) => lockout,
        other => panic!("{other:?}"),
    }
}

const WRONG: AttemptOutcome = AttemptOutcome::Failure { secondary: false };
const RIGHT: AttemptOutcome = AttemptOutcome::Success { clears: true };

/// One wrong attempt, reserved and settled at once.
fn fail(play: &mut Play, after: i64, policy: AttemptPolicy) -> Lockout {
    let attempt = u64::try_from(after).unwrap();
    assert_eq!(reserve(play, after, attempt, policy), Attempt::Reserved, "at {after}");
    settle(play, after, attempt, WRONG, policy)
}

fn failures(play: &Play, after: i64) -> LoginFailures {
    let now = UnixMs(NOON.0 + after);
    login_failures::current(&play.state, &lab(), &alice(), now)
        .map(|failures| failures.value)
        .unwrap_or_default()
}

fn until(after: i64) -> UnixMs {
    UnixMs(NOON.0 + after)
}

#[test]
fn the_third_failure_of_three_locks_and_attempts_while_locked_count_for_nothing() {
    let (mut play, policy) = (Play::default(), three_attempts());

    assert_eq!(fail(&mut play, 1, policy), Lockout::None);
    assert_eq!(fail(&mut play, 2, policy), Lockout::None);
    assert_eq!(fail(&mut play, 3, policy), Lockout::Temporary { until: until(MINUTE) });

    let locked = Attempt::Locked { until: Some(until(MINUTE)) };
    assert_eq!(reserve(&mut play, 4, 4, policy), locked);
    let counted = failures(&play, 4);
    assert_eq!((counted.failures, counted.temporary_lockouts), (3, 1));
    assert_eq!((counted.last_failure, counted.last_ip_address.as_str()), (until(3), "192.0.2.1"));
}

#[test]
fn a_success_resets_everything() {
    let (mut play, policy) = (Play::default(), three_attempts());
    fail(&mut play, 1, policy);
    reserve(&mut play, 2, 2, policy);

    settle(&mut play, 3, 2, RIGHT, policy);

    assert_eq!(failures(&play, 4), LoginFailures::default());
    assert_eq!(play.state.tally(crate::machine::usage::Map::LoginFailures).entries, 0);
}

#[test]
fn two_failures_in_quick_succession_lock_without_counting_a_lockout() {
    let mut play = Play::default();
    let policy = AttemptPolicy {
        failure_factor: 30,
        quick_login_check: DurationMs(5 * SECOND),
        minimum_quick_login_wait: DurationMs(MINUTE),
        ..three_attempts()
    };

    assert_eq!(fail(&mut play, 0, policy), Lockout::None, "nothing came before");
    assert_eq!(fail(&mut play, 4 * SECOND, policy), Lockout::Temporary { until: until(4 * SECOND + MINUTE) });
    assert_eq!(failures(&play, 5 * SECOND).temporary_lockouts, 0);
    assert_eq!(failures(&play, 5 * SECOND).failures, 2);
}

#[test]
fn waits_grow_with_multiples_or_with_every_failure_and_are_capped() {
    // Failures up to and with the one that is looked at, linear, wait in minutes.
    for (count, linear, minutes) in
        [(3, false, 1), (5, false, 1), (6, false, 2), (3, true, 1), (5, true, 3), (99, true, 15)]
    {
        let (mut play, policy) = (Play::default(), AttemptPolicy { linear, ..three_attempts() });
        let mut last = Lockout::None;
        for number in 0..count {
            last = fail(
                &mut play,
                number * 16 * MINUTE,
                AttemptPolicy { max_delta: DurationMs(HOUR), ..policy },
            );
        }
        let expected = Lockout::Temporary { until: until((count - 1) * 16 * MINUTE + minutes * MINUTE) };
        assert_eq!(last, expected, "{count} {linear}");
    }
}

#[test]
fn failures_older_than_the_delta_do_not_count() {
    let (mut play, policy) = (Play::default(), three_attempts());
    fail(&mut play, 1, policy);
    fail(&mut play, 2, policy);

    assert_eq!(failures(&play, 12 * HOUR).failures, 2);
    assert_eq!(failures(&play, 12 * HOUR + 2), LoginFailures::default());
    assert_eq!(fail(&mut play, 12 * HOUR + 3, policy), Lockout::None);
    assert_eq!(failures(&play, 12 * HOUR + 4).failures, 1);
}

#[test]
fn a_permanent_lockout_comes_at_the_limit_without_temporary_ones() {
    let (mut play, policy) = (Play::default(), AttemptPolicy { permanent: true, ..three_attempts() });
    fail(&mut play, 1, policy);
    fail(&mut play, 2, policy);

    assert_eq!(fail(&mut play, 3, policy), Lockout::Permanent);

    let counted = failures(&play, 900 * HOUR);
    assert_eq!((counted.failures, counted.temporary_lockouts, counted.not_before), (3, 0, UnixMs(i64::MAX)));
    assert_eq!(reserve(&mut play, 4, 4, policy), Attempt::Locked { until: None });
    play.at(5, Command::ClearFailures { realm: lab(), user: Some(alice()) });
    assert_eq!(reserve(&mut play, 6, 6, policy), Attempt::Reserved);
}

#[test]
fn a_permanent_lockout_comes_after_the_temporary_ones_it_grants() {
    let mut play = Play::default();
    let policy = AttemptPolicy { permanent: true, max_temporary_lockouts: 1, ..three_attempts() };
    fail(&mut play, 1, policy);
    fail(&mut play, 2, policy);

    assert!(matches!(fail(&mut play, 3, policy), Lockout::Temporary { .. }));
    assert_eq!(fail(&mut play, 2 * MINUTE, policy), Lockout::Permanent);
}

#[test]
fn a_limit_of_second_factors_locks_for_ever() {
    let (mut play, policy) =
        (Play::default(), AttemptPolicy { max_secondary_failures: 2, ..three_attempts() });
    let wrong_otp = AttemptOutcome::Failure { secondary: true };
    reserve(&mut play, 1, 1, policy);
    assert_eq!(settle(&mut play, 1, 1, wrong_otp, policy), Lockout::None);
    reserve(&mut play, 2, 2, policy);

    assert_eq!(settle(&mut play, 2, 2, wrong_otp, policy), Lockout::Permanent);
    assert_eq!(failures(&play, 3).secondary_failures, 2);
}

#[test]
fn no_more_attempts_are_in_flight_than_failures_are_left() {
    let (mut play, policy) = (Play::default(), AttemptPolicy { failure_factor: 5, ..three_attempts() });

    let answers: Vec<_> = (0..200).map(|attempt| reserve(&mut play, 0, attempt, policy)).collect();

    assert_eq!(answers.iter().filter(|answer| **answer == Attempt::Reserved).count(), 5);
    assert_eq!(answers.iter().filter(|answer| **answer == Attempt::Wait).count(), 195);
    for attempt in 0..5 {
        settle(&mut play, 1, attempt, WRONG, policy);
    }
    assert!(matches!(reserve(&mut play, 2, 300, policy), Attempt::Locked { .. }));
}

#[test]
fn after_a_lockout_one_attempt_at_a_time() {
    let (mut play, policy) = (Play::default(), three_attempts());
    for at in 1..=3 {
        fail(&mut play, at, policy);
    }

    assert_eq!(reserve(&mut play, 2 * MINUTE, 10, policy), Attempt::Reserved);
    assert_eq!(reserve(&mut play, 2 * MINUTE, 11, policy), Attempt::Wait);
}

#[test]
fn right_passwords_make_room_for_those_who_wait() {
    let (mut play, policy) = (Play::default(), AttemptPolicy { failure_factor: 5, ..three_attempts() });
    let mut waiting: Vec<u64> = (0..50).collect();
    let mut rounds = 0;

    while !waiting.is_empty() {
        let reserved: Vec<_> = waiting
            .iter()
            .copied()
            .filter(|at| reserve(&mut play, rounds, *at, policy) == Attempt::Reserved)
            .collect();
        for attempt in &reserved {
            assert_eq!(settle(&mut play, rounds, *attempt, RIGHT, policy), Lockout::None);
        }
        waiting.retain(|attempt| !reserved.contains(attempt));
        rounds += 1;
    }

    assert_eq!(rounds, 10);
}

#[test]
fn an_attempt_that_nobody_settles_has_failed_after_ten_seconds_whenever_it_is_noticed() {
    let policy = three_attempts();
    let mut noticed_late = Play::default();
    let mut noticed_at_once = Play::default();
    for play in [&mut noticed_late, &mut noticed_at_once] {
        reserve(play, 0, 1, policy);
    }

    noticed_at_once.tick(10 * SECOND);

    assert_eq!(failures(&noticed_late, HOUR), failures(&noticed_at_once, HOUR));
    assert_eq!(failures(&noticed_late, HOUR).failures, 1);
    assert_eq!(failures(&noticed_late, HOUR).last_failure, until(10 * SECOND));
    assert_eq!(settle(&mut noticed_late, 11 * SECOND, 1, RIGHT, policy), Lockout::Unknown);
}

#[test]
fn an_attempt_that_was_released_counts_for_nothing() {
    let (mut play, policy) = (Play::default(), three_attempts());
    reserve(&mut play, 0, 1, policy);

    settle(&mut play, 1, 1, AttemptOutcome::Released, policy);

    assert_eq!(failures(&play, 1), LoginFailures::default());
}

#[test]
fn clearing_a_realm_leaves_other_realms_alone() {
    let (mut play, policy) = (Play::default(), three_attempts());
    fail(&mut play, 1, policy);
    let elsewhere = Command::ReserveAttempt { realm: "other".into(), user: alice(), attempt: 9, policy };
    play.at(1, elsewhere);

    play.at(2, Command::ClearFailures { realm: lab(), user: None });

    assert_eq!(failures(&play, 3), LoginFailures::default());
    assert!(login_failures::current(&play.state, &"other".into(), &alice(), until(3)).is_some());
}
