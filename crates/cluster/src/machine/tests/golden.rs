//! Golden bytes: a change of any layout shows here, before it shows as a state that cannot be read.
//!
//! Where one of these fails, the change needs a new format or belongs at the end of an enum.

use std::path::PathBuf;

use keyraft_model::DurationMs;
use serde::{Serialize, de::DeserializeOwned};

use super::kit::*;
use crate::{
    command::{
        AttemptOutcome, ChangedEntity, Command, DeviceDecision, Durability, EndWithNotice, FenceScope, Load,
        LoginTaken, MarkPersisted, MoveForward, NewNotice, NoticeTo, OnceKey, OnceKind, Outcome, PendingKind,
        PushRequest, PutPending, RotateRefresh, Settled, StartDevice, StartSession, Used,
    },
    machine::image::{Globals, SlotImage},
    row::{LoadRow, Row, RowKey, Version},
    session::{Kind, Notes},
};

const SID: &str = "zYABAgMEBQYHCAkKCwwNDg8Q";

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "golden", name].iter().collect()
}

/// Compares with the golden file; writes it instead where `KEYRAFT_GOLDEN=write` says so.
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    let bytes = postcard::to_stdvec(value).unwrap();
    if std::env::var("KEYRAFT_GOLDEN").is_ok_and(|what| what == "write") {
        std::fs::create_dir_all(path("")).unwrap();
        std::fs::write(path(name), &bytes).unwrap();
    }
    let golden = std::fs::read(path(name)).unwrap();
    assert_eq!(golden, bytes, "the layout of {name} has changed");
    assert_eq!(&postcard::from_bytes::<T>(&golden).unwrap(), value, "{name}");
}

fn first_start() -> StartSession {
    let login = LoginTaken { id: "login".into(), proven: NOON, lifespan: DurationMs(HOUR) };
    StartSession { sid: SID.into(), login: Some(login), ..start(&"carol".into()) }
}

#[test]
fn commands_are_encoded_as_they_always_were() {
    let (realm, user) = (lab(), alice());
    let policy = three_attempts();
    let key = OnceKey { kind: OnceKind::CredentialAction, realm: lab(), owner: "alice".into(), id: [1; 32] };
    let outcome = AttemptOutcome::Failure { secondary: true };
    let ip_address = "192.0.2.1".to_owned();
    let commands = [
        Command::StartSession(first_start()),
        Command::AttachClient(attach(SID, blog())),
        Command::RedeemCode(redeem(SID)),
        Command::RotateRefresh(RotateRefresh { kind: Kind::Offline, ..rotate(SID, "a", "b") }),
        touch(SID),
        Command::EndClientSession { sid: SID.into(), kind: Kind::Online, client: shop(), or_session: true },
        Command::EndSession { sid: SID.into(), kind: Kind::Offline },
        Command::EndBefore {
            scope: FenceScope::ClientAtUser(lab(), alice(), shop()),
            kinds: vec![Kind::Online, Kind::Offline],
        },
        Command::ReserveAttempt { realm: realm.clone(), user: user.clone(), attempt: 9, policy },
        Command::SettleAttempt {
            realm: realm.clone(),
            user: user.clone(),
            attempt: 9,
            outcome,
            policy,
            ip_address,
        },
        Command::ClearFailures { realm: realm.clone(), user: Some(user) },
        Command::TakeOnce { key, lifespan: DurationMs(MINUTE) },
        Command::Revoke { realm, jti: "jti".into(), lifespan: DurationMs(MINUTE) },
        Command::StartOffline {
            sid: SID.into(),
            client: shop(),
            session_limits: limits(),
            client_limits: limits(),
            scope: "openid".into(),
        },
        Command::SetNotes {
            sid: SID.into(),
            kind: Kind::Online,
            notes: vec![("a".into(), Some("b".into())), ("c".into(), None)],
        },
    ];

    let later = rows().into_iter().chain(others());
    for (number, command) in commands.into_iter().chain(later).enumerate() {
        check(&format!("command-{number:02}.bin"), &command);
    }
}

fn a_row() -> Row {
    Row {
        key: RowKey::Session { sid: SID.into(), kind: Kind::Online },
        realm: lab(),
        user: Some(alice()),
        clients: vec![shop()],
        created: NOON,
        expires: NOON.plus(DurationMs(HOUR)),
        version: Version { epoch: 1, index: 300 },
        ended: false,
        payload: vec![1, 2, 3],
    }
}

/// Those between memory and database, in their order in the enum.
fn rows() -> [Command; 8] {
    let version = Version { epoch: 1, index: 300 };
    let key = RowKey::Session { sid: SID.into(), kind: Kind::Online };
    let fence = FenceScope::User(lab(), alice());
    let used = Used { client: shop(), at: NOON };
    let once = OnceKey { kind: OnceKind::DpopProof, realm: lab(), owner: "key".into(), id: [1; 32] };
    [
        Command::Durable(Durability { online: true, offline: true, outbox: false }),
        Command::MarkPersisted(MarkPersisted {
            rows: vec![
                (key.clone(), version),
                (RowKey::Outbox { id: 9 }, version),
                (RowKey::Fence { scope: fence.clone(), kind: Kind::Offline }, version),
            ],
            position: version,
        }),
        Command::Evict { keys: vec![key] },
        Command::Load(Load {
            rows: vec![LoadRow { row: a_row(), fences: vec![(fence, NOON)] }],
            absent: vec![(SID.into(), Kind::Offline)],
            read_at: 299,
            used: Some(used.clone()),
        }),
        Command::Restored { position: version },
        Command::NewEpoch { epoch: 2, over_rows: true },
        Command::MoveForward(MoveForward {
            sid: SID.into(),
            kind: Kind::Online,
            used,
            chain: Some(("c".into(), "jti".into())),
        }),
        Command::TakeIssued { key: once, issued: NOON, lifespan: DurationMs(MINUTE) },
    ]
}

/// The rest, in their order in the enum.
fn others() -> [Command; 14] {
    let (realm, user_code) = (lab(), [3; 32]);
    let (job, holder) = ("reap".to_owned(), "node-1".to_owned());
    let issuer = "https://id.test/lab".to_owned();
    let notify = NoticeTo { issuer: issuer.clone(), clients: Some(vec![shop()]) };
    let decision = DeviceDecision::Approve {
        sid: SID.into(),
        user: alice(),
        scope: "openid".into(),
        notes: Notes::from([("acr".into(), "1".into())]),
    };
    [
        Command::PutPending(PutPending {
            realm: lab(),
            id: "login".into(),
            kind: PendingKind::Saml,
            value: vec![9; 3],
            lifespan: DurationMs(MINUTE),
        }),
        Command::TakePending { realm: lab(), id: "login".into(), kind: PendingKind::Passkey },
        Command::StartDevice(StartDevice {
            realm: lab(),
            user_code,
            device_code: [4; 32],
            client: shop(),
            scope: "openid".into(),
            notes: Notes::new(),
            lifespan: DurationMs(10 * MINUTE),
            interval: DurationMs(5 * SECOND),
        }),
        Command::DecideDevice { realm: lab(), user_code, decision },
        Command::PollDevice { slot: 1023, device_code: [4; 32], client: shop() },
        Command::PushRequest(PushRequest {
            realm: lab(),
            handle: SID.into(),
            client: shop(),
            value: vec![9; 3],
            lifespan: DurationMs(MINUTE),
        }),
        Command::TakePushed { realm: lab(), handle: SID.into(), client: shop() },
        Command::EndWithNotice(EndWithNotice {
            sid: SID.into(),
            kind: Kind::Online,
            client: Some(shop()),
            or_session: true,
            notify,
        }),
        Command::Notify {
            notices: vec![NewNotice {
                issuer,
                realm,
                user: alice(),
                sid: SID.into(),
                kind: Kind::Online,
                clients: vec![shop()],
            }],
        },
        Command::TakeNotices { max: 5, lifespan: DurationMs(MINUTE) },
        Command::SettleNotices {
            settled: vec![
                (1, Settled::Delivered),
                (2, Settled::Retry { clients: vec![shop()], after: DurationMs(MINUTE) }),
                (3, Settled::GivenUp),
            ],
        },
        Command::TakeLease { job: job.clone(), holder: holder.clone(), lifespan: DurationMs(MINUTE) },
        Command::ReleaseLease { job, holder },
        Command::Changed {
            entries: vec![ChangedEntity {
                kind: "user".into(),
                realm: lab(),
                entity: "alice".into(),
                ver: 7,
            }],
        },
    ]
}

/// A payload that was written once is read for as long as rows of it may stand.
#[test]
fn the_payload_of_a_row_is_encoded_as_it_always_was() {
    let mut play = Play::default();
    let mut begun = first_start();
    begun.user = user_of_slot();
    play.at(0, Command::StartSession(begun));
    play.at(2, Command::RotateRefresh(rotate(SID, "a", "b")));
    let session = play.alive(2, SID, Kind::Online).unwrap();

    let row = Row::of_session(&session, Version { epoch: 1, index: 2 }, NOON);
    check("row-session.bin", &row);

    assert_eq!(row.session(), Ok(session));
}

/// A state with one object of every kind, and answers that are still waited for.
#[test]
fn snapshots_are_encoded_as_they_always_were() {
    let mut play = Play::default();
    play.apply(0, crate::machine::Body::Bound(1 << 30));
    let mut begun = first_start();
    begun.user = user_of_slot();
    play.at(0, Command::StartSession(begun));
    play.at(1, Command::RedeemCode(redeem(SID)));
    play.at(2, Command::RotateRefresh(rotate(SID, "a", "b")));
    play.at(3, Command::Revoke { realm: lab(), jti: "jti".into(), lifespan: DurationMs(MINUTE) });
    play.at(4, Command::ReserveAttempt { realm: lab(), user: alice(), attempt: 9, policy: three_attempts() });
    let ended = play.at(5, Command::EndSession { sid: SID.into(), kind: Kind::Online });
    play.at(6, Command::EndBefore { scope: FenceScope::Realm(lab()), kinds: vec![Kind::Offline] });
    play.at(7, Command::Durable(Durability { online: true, offline: false, outbox: true }));
    let begun = StartSession { sid: fixed_sid(&alice(), 5), ..start(&alice()) };
    play.at(8, Command::StartSession(begun));
    for command in others() {
        play.at(9, command);
    }

    let image = play.state.image();
    check::<Globals>("snapshot-globals.bin", &image.globals);
    check::<Vec<SlotImage>>("snapshot-slots.bin", &image.slots().collect());
    assert!(matches!(ended, Outcome::Ended { sessions, .. } if sessions.len() == 1));
}

/// A user whose slot is the one in the handle above.
fn user_of_slot() -> keyraft_model::UserId {
    let slot = crate::handle::slot_of_sid(SID).unwrap();
    let mut users = (0..).map(|number| format!("user-{number}").into());
    users.find(|user| crate::handle::slot_of_user(&lab(), user) == slot).unwrap()
}
