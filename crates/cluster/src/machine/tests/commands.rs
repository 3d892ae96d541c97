//! What each command does, one sentence at a time.

use keyraft_model::{DurationMs, UnixMs};

use super::kit::*;
use crate::{
    command::{
        Command, FenceScope, LoginTaken, OnceKey, OnceKind, Outcome, RedeemCode, Redemption, RotateRefresh,
        Rotation,
    },
    machine::Body,
    session::{Kind, Limits},
};

#[test]
fn a_code_redeems_once_and_its_reuse_ends_the_client_session() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.at(0, Command::AttachClient(attach(&sid, blog())));

    let first = play.redeem(SECOND, redeem(&sid));
    let again = play.redeem(2 * SECOND, redeem(&sid));

    assert!(matches!(first, Redemption::Redeemed { notes, .. } if notes["nonce"] == "n"));
    let Redemption::Reused { session: Some(stood) } = again else { panic!("{again:?}") };
    assert!(stood.clients.contains_key(&shop()), "shown as it stood");
    let left = play.alive(2 * SECOND, &sid, Kind::Online).unwrap();
    assert_eq!(left.clients.keys().collect::<Vec<_>>(), [&blog()]);
}

#[test]
fn reuse_of_a_code_ends_the_offline_session_that_it_made() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.redeem(SECOND, redeem(&sid));
    play.at(SECOND, start_offline(&sid));

    play.redeem(2 * SECOND, redeem(&sid));

    assert_eq!(play.alive(2 * SECOND, &sid, Kind::Offline), None);
}

#[test]
fn every_wrong_try_burns_a_code() {
    let right = redeem("");
    let tries: [(RedeemCode, Redemption); 4] = [
        (RedeemCode { client: blog(), ..right.clone() }, Redemption::OtherClient),
        (RedeemCode { redirect_uri: None, ..right.clone() }, Redemption::RedirectMismatch),
        (RedeemCode { verifier: None, ..right.clone() }, Redemption::VerifierMissing),
        (RedeemCode { verifier: Some([9; 32]), ..right.clone() }, Redemption::VerifierMismatch),
    ];
    for (wrong, expected) in tries {
        let mut play = Play::default();
        let sid = play.sign_in(0);

        let refused = play.redeem(SECOND, RedeemCode { sid: sid.clone(), ..wrong });

        assert_eq!(refused, expected);
        assert_eq!(play.redeem(2 * SECOND, redeem(&sid)), Redemption::Unknown);
        assert!(play.alive(0, &sid, Kind::Online).unwrap().clients.contains_key(&shop()));
    }
}

#[test]
fn a_verifier_without_a_challenge_is_refused() {
    let mut play = Play::default();
    let mut start = start(&alice());
    let sid = start.sid.clone();
    start.code = Some(crate::command::NewCode { challenge: None, ..code() });
    play.at(0, Command::StartSession(start));

    assert_eq!(play.redeem(SECOND, redeem(&sid)), Redemption::VerifierUnexpected);
}

#[test]
fn a_code_is_unknown_once_expired_or_under_another_session() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    let other = play.sign_in(0);

    assert_eq!(play.redeem(SECOND, redeem(&other)), Redemption::Unknown);
    assert_eq!(play.redeem(SECOND, redeem("none")), Redemption::Unknown);
    assert_eq!(play.redeem(MINUTE, redeem(&sid)), Redemption::Unknown);
}

#[test]
fn a_code_of_an_ended_session_says_so_once() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.at(SECOND, Command::EndSession { sid: sid.clone(), kind: Kind::Online });

    assert_eq!(play.redeem(SECOND, redeem(&sid)), Redemption::SessionEnded);
    assert_eq!(play.redeem(SECOND, redeem(&sid)), Redemption::Unknown);
}

#[test]
fn an_ended_session_is_not_revived_by_what_comes_late() {
    let mut play = Play::default();
    let begun = start(&alice());
    let sid = begun.sid.clone();
    play.at(0, Command::StartSession(begun.clone()));
    play.at(SECOND, Command::EndSession { sid: sid.clone(), kind: Kind::Online });

    for late in [
        Command::AttachClient(attach(&sid, blog())),
        touch(&sid),
        start_offline(&sid),
        Command::SetNotes { sid: sid.clone(), kind: Kind::Online, notes: vec![] },
        Command::StartSession(begun),
    ] {
        assert_eq!(play.at(2 * SECOND, late), Outcome::NoSession);
    }
    let rotation = play.rotate(2 * SECOND, rotate(&sid, "a", "b"));
    assert_eq!(rotation, Rotation::NoSession);
    assert_eq!(play.alive(2 * SECOND, &sid, Kind::Online), None);
}

fn start_offline(sid: &str) -> Command {
    Command::StartOffline {
        sid: sid.into(),
        client: shop(),
        session_limits: Limits { max: None, idle: Some(DurationMs(30 * 24 * HOUR)) },
        client_limits: Limits::default(),
        scope: "openid offline_access".into(),
    }
}

#[test]
fn an_offline_session_outlives_the_online_one() {
    let mut play = Play::default();
    let sid = play.sign_in(0);

    let outcome = play.at(SECOND, start_offline(&sid));
    play.at(2 * SECOND, Command::EndSession { sid: sid.clone(), kind: Kind::Online });

    let Outcome::Started { session, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((session.kind, session.started), (Kind::Offline, UnixMs(NOON.0 + SECOND)));
    let alive = play.alive(24 * HOUR, &sid, Kind::Offline).unwrap();
    assert_eq!(alive.clients[&shop()].scope, "openid offline_access");
    assert_eq!(play.alive(2 * SECOND, &sid, Kind::Online), None);
}

#[test]
fn another_user_is_not_attached_to_a_session() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    let mallory = crate::command::AttachClient { user: "mallory".into(), ..attach(&sid, blog()) };

    assert_eq!(play.at(SECOND, Command::AttachClient(mallory)), Outcome::OtherUser);
}

#[test]
fn a_login_signs_in_once() {
    let mut play = Play::default();
    let login = LoginTaken { id: "login".into(), proven: NOON, lifespan: DurationMs(HOUR) };
    let with_login = || {
        let mut start = start(&alice());
        start.login = Some(login.clone());
        start.code = None;
        Command::StartSession(start)
    };

    assert!(matches!(play.at(0, with_login()), Outcome::Started { .. }));
    assert_eq!(play.at(SECOND, with_login()), Outcome::LoginTaken);
    let sid = play.sign_in(2 * SECOND);
    let mut attach = attach(&sid, blog());
    attach.login = Some(login);
    assert_eq!(play.at(2 * SECOND, Command::AttachClient(attach)), Outcome::LoginTaken);
}

#[test]
fn a_login_proven_before_its_user_was_signed_out_everywhere_is_refused() {
    let mut play = Play::default();
    let fence = FenceScope::User(lab(), alice());
    play.at(SECOND, Command::EndBefore { scope: fence, kinds: vec![Kind::Online] });
    let with_login = |proven| {
        let mut start = start(&alice());
        start.login = Some(LoginTaken { id: "login".into(), proven, lifespan: DurationMs(HOUR) });
        Command::StartSession(start)
    };

    assert_eq!(play.at(2 * SECOND, with_login(NOON)), Outcome::LoginTaken);
    assert!(matches!(play.at(3 * SECOND, with_login(UnixMs(NOON.0 + 2 * SECOND))), Outcome::Started { .. }));
}

#[test]
fn the_last_client_takes_the_session_with_it_only_when_asked() {
    for or_session in [true, false] {
        let mut play = Play::default();
        let sid = play.sign_in(0);
        let end =
            Command::EndClientSession { sid: sid.clone(), kind: Kind::Online, client: shop(), or_session };

        let Outcome::Ended { sessions, .. } = play.at(SECOND, end.clone()) else { panic!() };

        assert_eq!(sessions.len(), 1);
        assert_eq!(play.alive(SECOND, &sid, Kind::Online).is_none(), or_session);
        assert!(matches!(play.at(SECOND, end), Outcome::Ended { sessions, .. } if sessions.is_empty()));
    }
}

#[test]
fn a_refresh_token_used_twice_ends_its_client_session() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.at(0, Command::AttachClient(attach(&sid, blog())));

    assert!(
        matches!(play.rotate(1, rotate(&sid, "a", "b")), Rotation::Rotated { reuse_id, .. } if reuse_id == "c")
    );
    assert!(matches!(play.rotate(2, rotate(&sid, "b", "c")), Rotation::Rotated { .. }));
    let reused = play.rotate(3, rotate(&sid, "a", "x"));

    assert!(matches!(reused, Rotation::Reused { .. }), "{reused:?}");
    assert_eq!(play.rotate(4, rotate(&sid, "c", "d")), Rotation::NoClient);
    assert!(play.alive(4, &sid, Kind::Online).unwrap().clients.contains_key(&blog()));
}

#[test]
fn with_one_reuse_allowed_the_second_use_succeeds_and_the_third_kills() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    let once_more = |presented, next| RotateRefresh { max_reuse: 1, ..rotate(&sid, presented, next) };

    assert!(matches!(play.rotate(1, once_more("a", "b")), Rotation::Rotated { .. }));
    assert!(matches!(play.rotate(2, once_more("a", "c")), Rotation::Rotated { .. }));
    let both = [play.state.clone(), play.state.clone()];
    for (state, answer) in both.into_iter().zip(["b", "c"]) {
        let mut branch = Play::from(state, 100);
        assert!(matches!(branch.rotate(3, once_more(answer, "d")), Rotation::Rotated { .. }), "{answer}");
    }
    assert!(matches!(play.rotate(4, once_more("a", "e")), Rotation::Reused { .. }));
}

#[test]
fn a_token_without_a_chain_starts_one() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    let first = RotateRefresh { reuse_id: None, ..rotate(&sid, "a", "b") };

    assert!(matches!(play.rotate(1, first), Rotation::Rotated { reuse_id, .. } if reuse_id == "fresh"));
}

#[test]
fn a_new_sign_on_does_not_bring_used_tokens_back() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.rotate(1, rotate(&sid, "a", "b"));

    play.at(2, Command::AttachClient(attach(&sid, shop())));

    assert!(matches!(play.rotate(3, rotate(&sid, "a", "x")), Rotation::Reused { .. }));
}

#[test]
fn a_thing_is_taken_once_in_its_own_key_space() {
    let mut play = Play::default();
    let key = OnceKey { kind: OnceKind::OtpStep, realm: lab(), owner: "alice".into(), id: [1; 32] };
    let take = |key: &OnceKey| Command::TakeOnce { key: key.clone(), lifespan: DurationMs(MINUTE) };

    assert_eq!(play.at(0, take(&key)), Outcome::Taken(true));
    assert_eq!(play.at(1, take(&key)), Outcome::Taken(false));
    for other in [
        OnceKey { kind: OnceKind::ActionToken, ..key.clone() },
        OnceKey { realm: "other".into(), ..key.clone() },
        OnceKey { owner: "bob".into(), ..key.clone() },
        OnceKey { id: [2; 32], ..key.clone() },
    ] {
        assert_eq!(play.at(2, take(&other)), Outcome::Taken(true), "{other:?}");
    }
    assert_eq!(play.at(MINUTE, take(&key)), Outcome::Taken(true), "forgotten in time");
}

#[test]
fn new_things_are_refused_at_the_bound_and_what_exists_goes_on() {
    let mut play = Play::default();
    play.apply(0, Body::Bound(100_000));
    let mut sids = Vec::new();
    let refused = loop {
        let mut start = start(&alice());
        start.code = None;
        sids.push(start.sid.clone());
        match play.at(0, Command::StartSession(start)) {
            Outcome::Started { .. } => {}
            other => break other,
        }
    };

    assert_eq!(refused, Outcome::Full);
    assert!(matches!(play.rotate(1, rotate(&sids[0], "a", "b")), Rotation::Rotated { .. }));
    assert!(matches!(play.at(2 * MINUTE, touch(&sids[0])), Outcome::Done { .. }));
    assert!(play.state.bytes() < 100_000 * 6 / 10, "one realm holds half at most");
    play.at(3 * MINUTE, Command::EndSession { sid: sids[0].clone(), kind: Kind::Online });
    let mut start = start(&alice());
    start.code = None;
    assert!(matches!(play.at(3 * MINUTE, Command::StartSession(start)), Outcome::Started { .. }));
}

#[test]
fn a_command_whose_deciding_panics_changes_nothing_and_says_so() {
    use crate::machine::{change::Decision, state::guarded};

    let decision = guarded(|| panic!("a bug"));

    assert!(matches!(decision, Decision { outcome: Outcome::Failed, changes } if changes.is_empty()));
}

#[test]
fn asking_again_gets_the_first_answer_and_changes_nothing() {
    let mut play = Play::default();
    let key = OnceKey { kind: OnceKind::OtpStep, realm: lab(), owner: "alice".into(), id: [1; 32] };
    let take = Body::Command(Box::new(Command::TakeOnce { key, lifespan: DurationMs(MINUTE) }));
    let mut first = Play::entry(0, 5, take);
    first.oldest = 4;

    assert_eq!(*play.state.apply(9, &first).unwrap(), Outcome::Taken(true));
    assert_eq!(*play.state.apply(9, &first).unwrap(), Outcome::Taken(true), "the same command again");

    let later = Play::entry(1, 9, Body::Tick);
    play.state.apply(9, &later).unwrap();
    assert_eq!(
        *play.state.apply(9, &first).unwrap(),
        Outcome::Failed,
        "a ghost, once its answer has arrived"
    );
    let mut restarted = first.clone();
    restarted.boot = 2;
    assert_eq!(
        *play.state.apply(9, &restarted).unwrap(),
        Outcome::Taken(false),
        "another command of a later start"
    );
}
