//! Rows of a lost log under a new epoch, and what is remembered of them.

use super::*;

#[test]
fn a_new_epoch_refuses_what_may_have_been_used_before() {
    let mut play = durable();
    let sid = play.sign_in(0);
    play.at(SECOND, Command::NewEpoch { epoch: 2, over_rows: true });
    let after = |millis| UnixMs(NOON.0 + millis);

    assert_eq!(play.redeem(2 * SECOND, redeem(&sid)), Redemption::Unknown);
    let once = OnceKey { kind: OnceKind::ActionToken, realm: lab(), owner: "alice".into(), id: [1; 32] };
    let take = |issued| Command::TakeIssued { key: once.clone(), issued, lifespan: DurationMs(MINUTE) };
    assert_eq!(play.at(2 * SECOND, take(after(SECOND))), Outcome::Taken(false));
    assert_eq!(play.at(2 * SECOND, take(after(SECOND + 1))), Outcome::Taken(true));
    let login = |proven| {
        let login = LoginTaken { id: "login".into(), proven, lifespan: DurationMs(HOUR) };
        Command::StartSession(StartSession { login: Some(login), code: None, ..start(&alice()) })
    };
    assert_eq!(play.at(2 * SECOND, login(NOON)), Outcome::LoginTaken);
    assert!(matches!(play.at(2 * SECOND, login(after(2 * SECOND))), Outcome::Started { .. }));
    // What nobody here has seen may be a row.
    let other = crate::handle::new_sid(&lab(), &alice());
    assert_eq!(play.at(3 * SECOND, touch(&other)), Outcome::NotLoaded { key: key(&other) });
    play.at(3 * SECOND, Command::NewEpoch { epoch: 1, over_rows: false });
    assert_eq!(play.state.epoch.number, 2, "never back");
}

#[test]
fn a_refresh_token_later_than_its_row_moves_it_forward() {
    let mut old = durable();
    let sid = old.sign_in(0);
    old.rotate(SECOND, rotate(&sid, "a", "b"));
    let row = row_of(&flush(&mut old, SECOND), &sid);

    // All disks are lost; the token of a use at 50 minutes comes at 80, when its row has been over for 20.
    let mut play = durable();
    play.at(70 * MINUTE, Command::NewEpoch { epoch: 2, over_rows: true });
    assert_eq!(load(&mut play, 80 * MINUTE, &row), Loading::Over);
    let used = Used { client: shop(), at: UnixMs(NOON.0 + 50 * MINUTE) };
    let load = Load {
        rows: vec![LoadRow { row, fences: Vec::new() }],
        absent: Vec::new(),
        read_at: play.state.applied,
        used: Some(used.clone()),
    };
    assert_eq!(load_with(&mut play, 80 * MINUTE, load), Loading::Loaded);

    let session = play.alive(80 * MINUTE, &sid, Kind::Online).unwrap();
    assert_eq!((session.last_use, session.expires), (used.at, used.at.plus(DurationMs(HOUR))));
    assert!(mark(&play, &sid).is_dirty);
}

#[test]
fn an_ended_row_is_remembered_so_that_who_asks_is_answered() {
    let mut old = durable();
    let sid = old.sign_in(0);
    old.at(SECOND, Command::EndSession { sid: sid.clone(), kind: Kind::Online });
    let row = row_of(&flush(&mut old, SECOND), &sid);

    let mut play = durable();
    play.at(2 * SECOND, Command::NewEpoch { epoch: 2, over_rows: true });
    assert_eq!(play.at(3 * SECOND, touch(&sid)), Outcome::NotLoaded { key: key(&sid) });
    assert_eq!(load(&mut play, 3 * SECOND, &row), Loading::Ended);

    assert_eq!(play.at(4 * SECOND, touch(&sid)), Outcome::NoSession);
}

#[test]
fn a_chain_is_moved_forward_once_and_only_from_an_earlier_epoch() {
    let forward = |sid: &str, minutes: i64| {
        let used = Used { client: shop(), at: UnixMs(NOON.0 + minutes * MINUTE) };
        let chain = Some(("c".to_owned(), "z".to_owned()));
        Command::MoveForward(MoveForward { sid: sid.into(), kind: Kind::Online, used, chain })
    };
    let mut play = durable();
    let sid = play.sign_in(0);
    // The row's chain has seen "a", answered with "b"; later uses were not written.
    let long =
        |presented, next| RotateRefresh { lifespan: DurationMs(2 * HOUR), ..rotate(&sid, presented, next) };
    play.rotate(SECOND, long("a", "b"));
    let mut same_epoch = Play::from(play.state.clone(), 100_000);
    same_epoch.at(30 * MINUTE, forward(&sid, 20));
    assert!(matches!(same_epoch.rotate(30 * MINUTE, long("z", "y")), Rotation::Reused { .. }));

    let row = row_of(&flush(&mut play, SECOND), &sid);
    let mut play = durable();
    play.at(25 * MINUTE, Command::NewEpoch { epoch: 2, over_rows: true });
    load(&mut play, 30 * MINUTE, &row);
    play.at(30 * MINUTE, forward(&sid, 20));
    play.at(30 * MINUTE, forward(&sid, 21));

    let alive = play.alive(30 * MINUTE, &sid, Kind::Online).unwrap();
    assert_eq!(alive.last_use, UnixMs(NOON.0 + 20 * MINUTE), "once");
    assert!(matches!(play.rotate(31 * MINUTE, long("z", "y")), Rotation::Rotated { .. }));
    assert!(matches!(play.rotate(32 * MINUTE, long("b", "x")), Rotation::Reused { .. }));
}

#[test]
fn what_a_row_says_is_what_was_in_memory() {
    let mut play = durable();
    let sid = play.sign_in(0);
    play.at(1, Command::AttachClient(attach(&sid, blog())));
    play.rotate(2, rotate(&sid, "a", "b"));
    let before = play.alive(3, &sid, Kind::Online).unwrap();

    let row = row_of(&flush(&mut play, 3), &sid);
    evict(&mut play, 2 * MINUTE, &sid);
    load(&mut play, 2 * MINUTE, &row);

    let after: UserSession = play.alive(2 * MINUTE, &sid, Kind::Online).unwrap();
    assert_eq!(after, before);
    assert_eq!((row.realm, row.user, row.clients), (lab(), Some(alice()), vec![blog(), shop()]));
    assert!(!mark(&play, &sid).is_dirty);
}
