//! What waits for somebody: logins, devices, pushed requests, notices, jobs, caches.

use keyraft_model::{DurationMs, UnixMs};

use super::kit::*;
use crate::{
    command::{
        ChangedEntity, Command, DeviceDecision, Durability, EndWithNotice, Hash, LeaseState, LoginTaken,
        NewNotice, Notice, NoticeTo, Outcome, PendingKind, Polled, PushRequest, PutPending, Settled,
        StartDevice, StartSession,
    },
    handle::{new_device_code, new_request_handle, slot_of_device_code},
    machine::usage::Map,
    session::{Kind, Notes},
};

fn put(id: &str, value: Vec<u8>) -> Command {
    let (realm, id, kind) = (lab(), id.to_owned(), PendingKind::Passkey);
    Command::PutPending(PutPending { realm, id, kind, value, lifespan: DurationMs(30 * MINUTE) })
}

fn take_pending(id: &str) -> Command {
    Command::TakePending { realm: lab(), id: id.to_owned(), kind: PendingKind::Passkey }
}

#[test]
fn what_a_login_keeps_is_taken_once_and_goes_with_the_login() {
    let mut play = Play::default();
    for id in ["a", "b", "c"] {
        play.at(0, put(id, vec![1, 2]));
    }

    assert_eq!(play.at(1, take_pending("a")), Outcome::Kept(Some(vec![1, 2])));
    assert_eq!(play.at(2, take_pending("a")), Outcome::Kept(None));
    let login = LoginTaken { id: "b".into(), proven: NOON, lifespan: DurationMs(HOUR) };
    play.at(3, Command::StartSession(StartSession { login: Some(login), ..start(&alice()) }));
    assert_eq!(play.at(4, take_pending("b")), Outcome::Kept(None), "gone with its login");
    assert_eq!(play.at(30 * MINUTE, take_pending("c")), Outcome::Kept(None), "over");
    assert_eq!(play.state.tally(Map::Pending).entries, 0);
    assert_eq!(play.at(31 * MINUTE, put("d", vec![0; (16 << 10) + 1])), Outcome::Full);
}

/// A device of the shop that asks for a person; its code.
fn device(play: &mut Play, user_code: Hash) -> (u16, Hash) {
    let code = new_device_code(&lab(), &user_code);
    let device_code = crate::handle::digest([code.as_bytes()]);
    let start = StartDevice {
        realm: lab(),
        user_code,
        device_code,
        client: shop(),
        scope: "openid".into(),
        notes: Notes::from([("a".into(), "b".into())]),
        lifespan: DurationMs(10 * MINUTE),
        interval: DurationMs(5 * SECOND),
    };
    assert!(matches!(play.at(0, Command::StartDevice(start.clone())), Outcome::Done { .. }));
    assert_eq!(play.at(0, Command::StartDevice(start)), Outcome::Taken(false), "the user code is in use");
    (slot_of_device_code(&code).unwrap(), device_code)
}

fn poll(play: &mut Play, after: i64, (slot, device_code): (u16, Hash)) -> Polled {
    match play.at(after, Command::PollDevice { slot, device_code, client: shop() }) {
        Outcome::Polled(polled) => polled,
        other => panic!("{other:?}"),
    }
}

fn approve(user_code: Hash) -> Command {
    let decision = DeviceDecision::Approve {
        sid: "sid".into(),
        user: alice(),
        scope: "openid email".into(),
        notes: Notes::from([("acr".into(), "1".into())]),
    };
    Command::DecideDevice { realm: lab(), user_code, decision }
}

#[test]
fn a_device_waits_is_approved_and_gets_its_answer_once() {
    let mut play = Play::default();
    let code = device(&mut play, [1; 32]);

    assert_eq!(poll(&mut play, SECOND, code), Polled::Pending);
    assert_eq!(poll(&mut play, 5 * SECOND, code), Polled::SlowDown);
    assert_eq!(poll(&mut play, 10 * SECOND, code), Polled::Pending);
    let (slot, device_code) = code;
    let stranger = Command::PollDevice { slot, device_code, client: blog() };
    assert_eq!(play.at(11 * SECOND, stranger), Outcome::Polled(Polled::OtherClient));
    assert_eq!(play.at(12 * SECOND, approve([1; 32])), Outcome::Decided(true));
    assert_eq!(play.at(12 * SECOND, approve([1; 32])), Outcome::Decided(false), "decided once");

    let Polled::Approved { user, scope, notes, .. } = poll(&mut play, 13 * SECOND, code) else { panic!() };
    assert_eq!((user, scope.as_str(), notes.len()), (alice(), "openid email", 2));
    assert_eq!(poll(&mut play, 20 * SECOND, code), Polled::Unknown);
}

#[test]
fn a_device_that_was_denied_or_came_too_late_gets_nothing() {
    let mut play = Play::default();
    let (denied, late) = (device(&mut play, [1; 32]), device(&mut play, [2; 32]));

    let deny = Command::DecideDevice { realm: lab(), user_code: [1; 32], decision: DeviceDecision::Deny };
    assert_eq!(play.at(SECOND, deny), Outcome::Decided(true));
    assert_eq!(poll(&mut play, 2 * SECOND, denied), Polled::Denied);
    assert_eq!(play.at(10 * MINUTE, approve([2; 32])), Outcome::Decided(false));
    assert_eq!(poll(&mut play, 10 * MINUTE, late), Polled::Unknown);
    assert_eq!(poll(&mut play, 10 * MINUTE, (u16::MAX, [9; 32])), Polled::Unknown);
    assert_eq!(play.state.tally(Map::DeviceCodes).entries, 0);
}

#[test]
fn a_pushed_request_is_used_once_by_its_own_client() {
    let mut play = Play::default();
    let handle = new_request_handle();
    let push = PushRequest {
        realm: lab(),
        handle: handle.clone(),
        client: shop(),
        value: vec![7],
        lifespan: DurationMs(MINUTE),
    };
    let take = |client| Command::TakePushed { realm: lab(), handle: handle.clone(), client };

    play.at(0, Command::PushRequest(push.clone()));
    assert_eq!(play.at(1, Command::PushRequest(push)), Outcome::Taken(false));
    assert_eq!(play.at(2, take(blog())), Outcome::Kept(None));
    assert_eq!(play.at(3, take(shop())), Outcome::Kept(Some(vec![7])));
    assert_eq!(play.at(4, take(shop())), Outcome::Kept(None));
    play.tick(MINUTE);
    assert_eq!(play.state.tally(Map::PushedRequests).entries, 0);
}

#[test]
fn whatever_waits_is_refused_by_a_new_epoch() {
    let mut play = Play::default();
    play.at(0, put("a", vec![1]));
    let code = device(&mut play, [1; 32]);

    play.at(SECOND, Command::NewEpoch { epoch: 2, over_rows: false });

    assert_eq!(play.at(2 * SECOND, take_pending("a")), Outcome::Kept(None));
    assert_eq!(play.at(2 * SECOND, approve([1; 32])), Outcome::Decided(false));
    assert_eq!(poll(&mut play, 2 * SECOND, code), Polled::Unknown);
}

fn notify(clients: Option<Vec<keyraft_model::ClientUuid>>) -> NoticeTo {
    NoticeTo { issuer: "https://id.test/lab".into(), clients }
}

fn taken(play: &mut Play, after: i64) -> Vec<Notice> {
    match play.at(after, Command::TakeNotices { max: 9, lifespan: DurationMs(MINUTE) }) {
        Outcome::Notices(notices) => notices,
        other => panic!("{other:?}"),
    }
}

fn settle(play: &mut Play, after: i64, id: u64, how: Settled) {
    play.at(after, Command::SettleNotices { settled: vec![(id, how)] });
}

#[test]
fn the_command_that_ends_a_session_leaves_the_notice() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.at(0, Command::AttachClient(attach(&sid, blog())));
    let end = |client, clients| {
        let (sid, kind) = (sid.clone(), Kind::Online);
        Command::EndWithNotice(EndWithNotice { sid, kind, client, or_session: true, notify: notify(clients) })
    };

    let outcome = play.at(SECOND, end(Some(blog()), None));
    assert!(matches!(outcome, Outcome::Ended { sessions, .. } if sessions.len() == 1));
    play.at(2 * SECOND, end(None, Some(vec![shop(), blog()])));
    let outcome = play.at(3 * SECOND, end(None, None));
    assert!(matches!(outcome, Outcome::Ended { sessions, .. } if sessions.is_empty()));

    let told: Vec<_> = taken(&mut play, 4 * SECOND).into_iter().map(|notice| notice.clients).collect();
    assert_eq!(told, [vec![blog()], vec![shop()]], "each of those who lost their part, once");
}

#[test]
fn nobody_who_wants_no_notice_costs_one() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    let notify = notify(Some(vec![blog()]));

    play.at(
        1,
        Command::EndWithNotice(EndWithNotice {
            sid,
            kind: Kind::Online,
            client: None,
            or_session: true,
            notify,
        }),
    );

    assert_eq!(play.state.tally(Map::Outbox).entries, 0);
}

fn notice(play: &mut Play) {
    let (issuer, realm, user, kind) = ("https://id.test/lab".into(), lab(), alice(), Kind::Online);
    let notice = NewNotice { issuer, realm, user, sid: "sid".into(), kind, clients: vec![shop(), blog()] };
    play.at(0, Command::Notify { notices: vec![notice] });
}

#[test]
fn a_notice_is_tried_until_it_is_settled_or_a_day_old() {
    let mut play = Play::default();
    notice(&mut play);

    let first = taken(&mut play, SECOND);
    assert_eq!(taken(&mut play, 2 * SECOND), [], "somebody tries");
    assert_eq!(taken(&mut play, SECOND + MINUTE)[0].attempts, 2, "whoever tried is silent");
    let retry = Settled::Retry { clients: vec![blog()], after: DurationMs(HOUR) };
    settle(&mut play, 2 * MINUTE, first[0].id, retry);
    assert_eq!(taken(&mut play, HOUR), []);
    assert_eq!(taken(&mut play, 2 * HOUR)[0].clients, [blog()]);
    settle(&mut play, 2 * HOUR, first[0].id, Settled::Delivered);
    assert_eq!(play.state.tally(Map::Outbox).entries, 0);

    notice(&mut play);
    play.tick(27 * HOUR);
    assert_eq!(play.state.tally(Map::Outbox).entries, 0, "given up");
}

#[test]
fn a_delivered_notice_stays_until_its_row_says_so() {
    let mut play = Play::default();
    play.at(0, Command::Durable(Durability { online: false, offline: false, outbox: true }));
    notice(&mut play);
    let id = taken(&mut play, SECOND)[0].id;
    let live = play.state.dirty_rows(9);
    settle(&mut play, 2 * SECOND, id, Settled::Delivered);
    assert_eq!(taken(&mut play, HOUR), []);

    let ended = play.state.dirty_rows(9);
    let (rows, position) = (vec![(ended[0].key.clone(), ended[0].version)], play.state.version());
    play.at(HOUR, Command::MarkPersisted(crate::command::MarkPersisted { rows, position }));

    assert_eq!((live[0].ended, live[0].notice().unwrap().clients.len()), (false, 2));
    assert!(ended[0].ended && ended[0].version > live[0].version);
    assert_eq!(play.state.tally(Map::Outbox).entries, 0);
}

#[test]
fn a_job_has_one_holder_and_each_holder_a_higher_number() {
    let mut play = Play::default();
    let mut take = |after, holder: &str| {
        let (job, holder) = ("reap".into(), holder.into());
        match play.at(after, Command::TakeLease { job, holder, lifespan: DurationMs(MINUTE) }) {
            Outcome::Lease(LeaseState { holder, fencing, expires }) => (holder, fencing, expires.0 - NOON.0),
            other => panic!("{other:?}"),
        }
    };
    let (a, b) = (|| "a".to_owned(), || "b".to_owned());

    assert_eq!(take(0, "a"), (a(), 1, MINUTE));
    assert_eq!(take(SECOND, "b"), (a(), 1, MINUTE));
    assert_eq!(take(MINUTE / 2, "a"), (a(), 1, MINUTE + MINUTE / 2), "goes on");
    assert_eq!(take(2 * MINUTE, "b"), (b(), 2, 3 * MINUTE));
    assert_eq!(take(4 * MINUTE, "b"), (b(), 3, 5 * MINUTE), "lapsed meanwhile");
    play.at(4 * MINUTE, Command::ReleaseLease { job: "reap".into(), holder: "a".into() });
    assert!(
        crate::maps::leases::current(&play.state, "reap", UnixMs(NOON.0 + 4 * MINUTE)).is_some(),
        "not a's"
    );
    play.at(4 * MINUTE, Command::ReleaseLease { job: "reap".into(), holder: "b".into() });
    assert_eq!(crate::maps::leases::current(&play.state, "reap", UnixMs(NOON.0 + 4 * MINUTE)), None);
}

fn changed(entity: usize, ver: i64) -> ChangedEntity {
    ChangedEntity { kind: "user".into(), realm: lab(), entity: entity.to_string(), ver }
}

#[test]
fn no_cache_may_hold_what_is_older_than_a_change() {
    let mut play = Play::default();
    play.at(0, Command::Changed { entries: vec![changed(1, 7), changed(2, 3)] });
    play.at(0, Command::Changed { entries: vec![changed(1, 5)] });
    let changes = &play.state.changes;

    let one = changes.of("user", &lab(), "1").unwrap();
    assert_eq!((one.ver, one.seq), (7, 2), "a version never goes back");
    assert_eq!(changes.of("user", &lab(), "2").unwrap().seq, 1);
    assert_eq!(changes.of("client", &lab(), "1"), None);
    assert_eq!(changes.of("user", &"other".into(), "1"), None);
}

#[test]
fn the_last_hundred_thousand_changes_are_remembered() {
    let mut play = Play::default();
    for batch in 0..101 {
        let entries = (0..1_000).map(|number| changed(batch * 1_000 + number, 1)).collect();
        play.at(0, Command::Changed { entries });
    }
    let changes = &play.state.changes;

    assert_eq!((changes.len(), changes.seq(), changes.forgotten()), (100_000, 101, 1));
    assert_eq!(changes.of("user", &lab(), "999"), None);
    assert!(changes.of("user", &lab(), "1000").is_some());
}
