//! Time: ends, touches, fences, and dropping what is over.

use keyraft_model::{DurationMs, UnixMs, UserId};

use super::kit::*;
use crate::{
    command::{Command, FenceScope, Outcome, Touch},
    machine::{State, usage::Map},
    session::{Kind, Limits},
};

#[test]
fn a_session_ends_without_use_and_at_its_maximum() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    assert!(play.alive(HOUR - 1, &sid, Kind::Online).is_some());
    assert!(play.alive(HOUR, &sid, Kind::Online).is_none());

    for use_at in 1..20 {
        play.at(use_at * HOUR / 2, touch(&sid));
    }

    assert!(play.alive(10 * HOUR - 1, &sid, Kind::Online).is_some());
    assert!(play.alive(10 * HOUR, &sid, Kind::Online).is_none());
}

#[test]
fn a_use_that_was_noted_this_minute_is_not_noted_again() {
    let mut play = Play::default();
    let sid = play.sign_in(0);

    play.at(MINUTE - 1, touch(&sid));
    assert_eq!(play.alive(MINUTE, &sid, Kind::Online).unwrap().last_use, NOON);
    play.at(MINUTE, touch(&sid));

    let session = play.alive(MINUTE, &sid, Kind::Online).unwrap();
    assert_eq!(session.last_use, UnixMs(NOON.0 + MINUTE));
    assert_eq!(session.clients[&shop()].last_use, UnixMs(NOON.0 + MINUTE));
    assert!(!session.needs_touch(UnixMs(NOON.0 + 2 * MINUTE - 1)));
    assert!(session.needs_touch(UnixMs(NOON.0 + 2 * MINUTE)));
}

#[test]
fn short_idle_times_are_noted_by_quarters() {
    let limits = Limits { max: None, idle: Some(DurationMs(40 * SECOND)) };

    assert_eq!(limits.touch_after(), DurationMs(10 * SECOND));
    assert_eq!(Limits::default().touch_after(), DurationMs(MINUTE));
}

#[test]
fn a_touch_moves_no_end_before_now_and_none_beyond_the_maximum() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    let lowered = Limits { max: Some(DurationMs(MINUTE)), idle: Some(DurationMs(MINUTE)) };
    let touch = Touch {
        sid: sid.clone(),
        kind: Kind::Online,
        client: None,
        limits: lowered,
        client_limits: Limits::default(),
    };

    play.at(2 * MINUTE, Command::Touch(touch));

    assert!(play.alive(2 * MINUTE, &sid, Kind::Online).is_none(), "over now, not earlier");
    play.tick(2 * MINUTE);
    assert_eq!(play.state.tally(Map::Sessions).entries, 0);
}

#[test]
fn a_client_session_ends_by_its_own_limits_and_never_after_its_user_session() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    let mut brief = attach(&sid, blog());
    brief.client.limits = Limits { max: None, idle: Some(DurationMs(10 * MINUTE)) };
    play.at(0, Command::AttachClient(brief));

    let session = play.alive(9 * MINUTE, &sid, Kind::Online).unwrap();
    assert_eq!(session.clients[&shop()].expires, session.expires);
    play.tick(10 * MINUTE);

    let session = play.alive(10 * MINUTE, &sid, Kind::Online).unwrap();
    assert_eq!(session.clients.keys().collect::<Vec<_>>(), [&shop()]);
    assert_eq!(play.count_of_client(&blog()), 0);
}

#[test]
fn the_clock_never_runs_backwards() {
    let mut play = Play::default();
    play.tick(HOUR);

    let sid = play.sign_in(0);

    let session = play.alive(0, &sid, Kind::Online).unwrap();
    assert_eq!(session.started, UnixMs(NOON.0 + HOUR));
}

#[test]
fn what_is_over_is_dropped_a_bounded_number_at_a_time() {
    let mut play = Play::default();
    for number in 0..300 {
        let mut start = start(&UserId::from(format!("user-{number}")));
        start.code = None;
        play.at(0, Command::StartSession(start));
    }

    let mut ticks = 0;
    while play.state.is_due(UnixMs(NOON.0 + HOUR)) {
        let before = play.state.tally(Map::Sessions).entries;
        play.tick(HOUR);
        ticks += 1;
        assert!(before - play.state.tally(Map::Sessions).entries <= 68);
    }

    assert_eq!(ticks, 5);
    assert_eq!(play.state.image().slots().count(), 0);
    assert_eq!((play.state.bytes(), play.state.names.size()), (0, (0, 0)));
    assert!(play.state.due.is_empty());
    assert_eq!(play.state.counters.all().count(), 0);
}

#[test]
fn every_marker_goes_when_it_would_have_expired() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.redeem(1, redeem(&sid));
    play.at(2, Command::Revoke { realm: lab(), jti: "t".into(), lifespan: DurationMs(MINUTE) });
    play.at(3, Command::EndSession { sid, kind: Kind::Online });
    let held = |play: &Play, map| play.state.tally(map).entries;
    assert_eq!([Map::Codes, Map::Revocations, Map::Tombstones].map(|map| held(&play, map)), [1, 1, 1]);

    play.tick(MINUTE + 2);
    assert_eq!([Map::Codes, Map::Revocations, Map::Tombstones].map(|map| held(&play, map)), [0, 0, 1]);
    play.tick(HOUR);

    assert_eq!(play.state.usage, State::default().usage);
}

#[test]
fn a_fence_ends_what_began_before_it_at_once_and_nothing_after() {
    let scopes = [
        FenceScope::Realm(lab()),
        FenceScope::User(lab(), alice()),
        FenceScope::Client(lab(), shop()),
        FenceScope::ClientAtUser(lab(), alice(), shop()),
    ];
    for scope in scopes {
        let mut play = Play::default();
        let before = play.sign_in(0);
        play.at(0, Command::EndBefore { scope: scope.clone(), kinds: vec![Kind::Online] });
        let after = play.sign_in(0);

        let stands = |sid: &str| {
            play.alive(1, sid, Kind::Online).is_some_and(|session| session.clients.contains_key(&shop()))
        };

        assert!(!stands(&before), "{scope:?}");
        assert!(stands(&after), "{scope:?}");
    }
}

#[test]
fn a_fence_of_one_kind_or_realm_or_user_leaves_the_others() {
    for scope in [
        FenceScope::Realm("other".into()),
        FenceScope::User(lab(), "bob".into()),
        FenceScope::Client(lab(), blog()),
        FenceScope::ClientAtUser(lab(), "bob".into(), shop()),
    ] {
        let mut play = Play::default();
        let sid = play.sign_in(0);
        play.at(1, Command::EndBefore { scope, kinds: vec![Kind::Online, Kind::Offline] });
        play.at(1, Command::EndBefore { scope: FenceScope::Realm(lab()), kinds: vec![Kind::Offline] });

        assert!(play.alive(2, &sid, Kind::Online).unwrap().clients.contains_key(&shop()));
    }
}

#[test]
fn a_sweep_removes_what_a_fence_ended_and_keeps_the_rest() {
    let mut play = Play::default();
    for number in 0..500 {
        let mut start = start(&UserId::from(format!("user-{number}")));
        start.code = None;
        play.at(0, Command::StartSession(start));
    }
    play.at(1, Command::EndBefore { scope: FenceScope::Realm(lab()), kinds: vec![Kind::Online] });
    let kept = play.sign_in(2);

    let mut ticks = 0;
    while play.state.is_due(UnixMs(NOON.0 + MINUTE / 2)) {
        play.tick(2);
        ticks += 1;
        assert!(ticks < 50, "a sweep ends");
    }

    assert_eq!(play.state.tally(Map::Sessions).entries, 1);
    assert!(play.alive(3, &kept, Kind::Online).is_some());
    assert_eq!(play.state.counters.all().map(|(_, sessions, ..)| sessions).collect::<Vec<_>>(), [[1, 0]]);
    assert_eq!(play.state.tally(Map::Fences).entries, 1, "remembered for logins that began before it");
    play.tick(25 * HOUR);
    assert_eq!(play.state.tally(Map::Fences).entries, 0);
}

#[test]
fn a_second_fence_over_the_same_scope_replaces_the_first() {
    let mut play = Play::default();
    let fence = Command::EndBefore { scope: FenceScope::Realm(lab()), kinds: vec![Kind::Online] };
    play.at(0, fence.clone());
    let sid = play.sign_in(1);

    play.at(2, fence);

    assert!(play.alive(3, &sid, Kind::Online).is_none());
    assert_eq!(play.state.tally(Map::Fences).entries, 1);
    while play.state.is_due(UnixMs(NOON.0 + 3)) {
        play.tick(3);
    }
    play.tick(25 * HOUR);
    assert_eq!(play.state.usage, State::default().usage);
}

#[test]
fn counters_follow_every_start_and_end() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.at(0, Command::AttachClient(attach(&sid, blog())));
    let count = |play: &Play, client| play.count_of_client(&client);
    assert_eq!([shop(), blog()].map(|client| count(&play, client)), [1, 1]);

    let end =
        Command::EndClientSession { sid: sid.clone(), kind: Kind::Online, client: blog(), or_session: false };
    play.at(1, end);
    assert_eq!([shop(), blog()].map(|client| count(&play, client)), [1, 0]);
    let Outcome::Ended { .. } = play.at(2, Command::EndSession { sid, kind: Kind::Online }) else { panic!() };

    assert_eq!([shop(), blog()].map(|client| count(&play, client)), [0, 0]);
    assert_eq!(play.state.counters.all().count(), 0);
}
