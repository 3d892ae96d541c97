//! Memory: who is refused first, who is never, and what one realm may hold.

use keyraft_model::{DurationMs, RealmId};

use super::kit::*;
use crate::{
    command::{Command, OnceKey, OnceKind, Outcome, PushRequest, StartSession},
    handle::{new_request_handle, new_sid},
    machine::Body,
    maps::room,
    session::Kind,
};

const BOUND: u64 = 200_000;
/// More than any session of these tests is accounted with.
const SESSION: u64 = 1_000;

fn push(realm: &RealmId) -> Command {
    Command::PushRequest(PushRequest {
        realm: realm.clone(),
        handle: new_request_handle(),
        client: shop(),
        value: vec![1; 100],
        lifespan: DurationMs(MINUTE),
    })
}

fn take(realm: &RealmId, number: u32) -> Command {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let key = OnceKey { kind: OnceKind::ClientAssertion, realm: realm.clone(), owner: "shop".into(), id };
    Command::TakeOnce { key, lifespan: DurationMs(HOUR) }
}

fn sign_in(realm: &RealmId) -> Command {
    let sid = new_sid(realm, &alice());
    Command::StartSession(StartSession { sid, realm: realm.clone(), code: None, ..start(&alice()) })
}

/// Fills a state by many realms until `command` is refused; the hundredths of the bound that are taken then.
fn filled_when_refused(command: impl Fn(&RealmId, u32) -> Command) -> u64 {
    let mut play = Play::default();
    play.apply(0, Body::Bound(BOUND));
    for number in 0..10_000_u32 {
        // Each realm is small, so that none is at its own bound.
        let realm: RealmId = format!("realm-{}", number / 4).into();
        if play.at(0, command(&realm, number)) == Outcome::Full {
            return play.state.bytes() * 100 / BOUND;
        }
    }
    panic!("never refused")
}

#[test]
fn requests_are_refused_first_then_ids_then_sessions() {
    assert_eq!(filled_when_refused(|realm, _| push(realm)), 85);
    assert_eq!(filled_when_refused(take), 90);
    assert_eq!(filled_when_refused(|realm, _| sign_in(realm)), 95);
}

#[test]
fn what_exists_is_never_refused() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.apply(0, Body::Bound(play.state.bytes() / 2));
    assert!(room::is_tight(&play.state));

    assert_eq!(play.at(1, sign_in(&lab())), Outcome::Full);
    assert!(matches!(play.at(1, Command::AttachClient(attach(&sid, blog()))), Outcome::Started { .. }));
    assert!(matches!(play.at(2 * MINUTE, touch(&sid)), Outcome::Done { .. }));
    assert!(matches!(
        play.at(2 * MINUTE, Command::RotateRefresh(rotate(&sid, "a", "b"))),
        Outcome::Rotated(_)
    ));
    let revoke = Command::Revoke { realm: lab(), jti: "jti".into(), lifespan: DurationMs(MINUTE) };
    assert!(matches!(play.at(2 * MINUTE, revoke), Outcome::Done { .. }));
    let end = Command::EndSession { sid, kind: Kind::Online };
    assert!(matches!(play.at(3 * MINUTE, end), Outcome::Ended { sessions, .. } if sessions.len() == 1));
}

#[test]
fn one_realm_holds_half_of_what_the_others_leave() {
    let mut play = Play::default();
    play.apply(0, Body::Bound(BOUND));
    for realm in ["greedy", "second", "third"] {
        let realm: RealmId = realm.into();
        while play.at(0, sign_in(&realm)) != Outcome::Full {}
        let held = play.state.bytes_of_realm(&realm);
        let others = play.state.bytes() - held;
        let share = (BOUND - others) / 2;
        // The last session may lie across the line.
        assert!((share..share + SESSION).contains(&held), "{realm:?} holds {held} and has {share}");
    }
}

#[test]
fn requests_of_one_realm_take_a_twentieth_and_give_it_back() {
    let mut play = Play::default();
    play.apply(0, Body::Bound(BOUND));
    while play.at(0, push(&lab())) != Outcome::Full {}
    assert!((5..=6).contains(&(play.state.bytes() * 100 / BOUND)));

    assert!(matches!(play.at(0, sign_in(&lab())), Outcome::Started { .. }), "its sessions are not refused");
    play.tick(MINUTE);

    assert!(matches!(play.at(MINUTE, push(&lab())), Outcome::Done { .. }));
}
