//! Golden bytes: a change of any layout shows here, before it shows as a state that cannot be read.
//!
//! Where one of these fails, the change needs a new format or belongs at the end of an enum.

use std::path::PathBuf;

use keyraft_model::DurationMs;
use serde::{Serialize, de::DeserializeOwned};

use super::kit::*;
use crate::{
    command::{
        AttemptOutcome, Command, FenceScope, LoginTaken, OnceKey, OnceKind, Outcome, RotateRefresh,
        StartSession,
    },
    machine::image::{Globals, SlotImage},
    session::Kind,
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

    for (number, command) in commands.iter().enumerate() {
        check(&format!("command-{number:02}.bin"), command);
    }
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
