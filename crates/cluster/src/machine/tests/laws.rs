//! The law of replicas: equal logs give equal states, however they are cut and wherever snapshots lie.

use keyraft_model::{DurationMs, UnixMs, UserId};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::kit::*;
use crate::{
    command::{AttemptOutcome, Command, FenceScope, OnceKey, OnceKind, RotateRefresh},
    handle::{SLOTS, slot_of_user},
    machine::{Body, Entry, State, image::Image},
    session::{Kind, Limits},
};

/// The hash of everything that a snapshot of the state would hold.
fn hash(state: &State) -> [u8; 32] {
    hash_of(&state.image())
}

fn hash_of(image: &Image) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(postcard::to_stdvec(&image.globals).unwrap());
    for slot in image.slots() {
        hash.update(postcard::to_stdvec(&slot).unwrap());
    }
    hash.finalize().into()
}

/// A state as another node would have it from a snapshot.
fn through_snapshot(state: &State) -> State {
    let image = state.image();
    let globals = postcard::from_bytes(&postcard::to_stdvec(&image.globals).unwrap()).unwrap();
    let mut copy = State::from_image(globals);
    for slot in image.slots() {
        copy.put_slot(postcard::from_bytes(&postcard::to_stdvec(&slot).unwrap()).unwrap()).unwrap();
    }
    copy
}

/// A handle that says the same in every run.
fn sid(user: &UserId, number: u8) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut bytes = [number; 18];
    let [high, low] = (slot_of_user(&lab(), user) << 6).to_be_bytes();
    (bytes[0], bytes[1]) = (high, low | (bytes[1] & 0x3f));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn user(number: u8) -> UserId {
    format!("user-{}", number % 3).into()
}

fn command() -> impl Strategy<Value = Command> {
    let kinds = prop_oneof![Just(Kind::Online), Just(Kind::Offline)];
    let clients = prop_oneof![Just(shop()), Just(blog())];
    (0_u8..12, 0_u8..6, kinds, clients, 0_u8..4).prop_map(|(which, number, kind, client, small)| {
        let (user, sid) = (user(number), sid(&user(number), number));
        match which {
            0 => {
                let mut start = start(&user);
                start.sid = sid;
                start.code = Some(crate::command::NewCode { hash: [number; 32], client, ..code() });
                Command::StartSession(start)
            }
            1 => Command::AttachClient(crate::command::AttachClient { user, ..attach(&sid, client) }),
            2 => {
                Command::RedeemCode(crate::command::RedeemCode { hash: [number; 32], client, ..redeem(&sid) })
            }
            3 => {
                let jtis = ["a", "b", "c", "d"];
                let next = jtis[(usize::from(small) + 1) % 4];
                let rotate = rotate(&sid, jtis[usize::from(small)], next);
                Command::RotateRefresh(RotateRefresh {
                    kind,
                    client,
                    max_reuse: u32::from(small % 2),
                    ..rotate
                })
            }
            4 => touch(&sid),
            5 => Command::EndClientSession { sid, kind, client, or_session: small > 1 },
            6 => Command::EndSession { sid, kind },
            7 => {
                let scope = match small {
                    0 => FenceScope::Realm(lab()),
                    1 => FenceScope::User(lab(), user),
                    2 => FenceScope::Client(lab(), client),
                    _ => FenceScope::ClientAtUser(lab(), user, client),
                };
                Command::EndBefore { scope, kinds: vec![kind] }
            }
            8 => Command::ReserveAttempt {
                realm: lab(),
                user,
                attempt: small.into(),
                policy: three_attempts(),
            },
            9 => Command::SettleAttempt {
                realm: lab(),
                user,
                attempt: small.into(),
                outcome: AttemptOutcome::Failure { secondary: small == 3 },
                policy: three_attempts(),
                ip_address: String::new(),
            },
            10 => Command::StartOffline {
                sid,
                client,
                session_limits: Limits { max: None, idle: Some(DurationMs(24 * HOUR)) },
                client_limits: Limits::default(),
                scope: "offline_access".into(),
            },
            _ => {
                let key = OnceKey {
                    kind: OnceKind::OtpStep,
                    realm: lab(),
                    owner: user.to_string(),
                    id: [small; 32],
                };
                Command::TakeOnce { key, lifespan: DurationMs(MINUTE) }
            }
        }
    })
}

/// A log: commands at times that mostly move on, some of them sent twice.
fn log() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec((command(), -SECOND..20 * MINUTE, 0_u8..10), 1..120).prop_map(|steps| {
        let (mut now, mut log) = (NOON.0, Vec::new());
        for (sequence, (command, step, chance)) in (0_u64..).zip(steps) {
            now += if chance < 7 { step / 1_000 } else { step };
            let oldest = sequence.saturating_sub(3);
            let body = if chance == 0 { Body::Tick } else { Body::Command(Box::new(command)) };
            let entry = Entry { time: UnixMs(now), origin: 1, boot: 1, sequence, oldest, body };
            if chance == 1 {
                log.push(entry.clone());
            }
            log.push(entry);
        }
        log
    })
}

/// Every index, counter and size follows from the objects.
fn check_derived(state: &State) {
    let copy = through_snapshot(state);
    assert!(&copy == state, "a state read back differs from the one written");
    for index in 0..SLOTS {
        let slot = state.slot(index);
        assert_eq!(slot.sessions.len(), slot.by_user.len());
        assert!(slot.sessions.values().all(|session| session.expires >= session.started));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_logs_give_equal_states_wherever_snapshots_lie(log in log(), cuts in prop::collection::vec(0_usize..120, 0..6)) {
        let (mut whole, mut cut) = (State::default(), State::default());

        for (index, entry) in log.iter().enumerate() {
            let answer = whole.apply(entry);
            if !cuts.contains(&index) {
                prop_assert_eq!(answer, cut.apply(entry));
                continue;
            }
            // A snapshot in the making shares the slots: it must not see what comes after.
            let (held, before) = (cut.image(), hash(&cut));
            cut = through_snapshot(&cut);
            prop_assert_eq!(answer, cut.apply(entry));
            prop_assert_eq!(before, hash_of(&held));
        }

        prop_assert_eq!(hash(&whole), hash(&cut));
        check_derived(&whole);
    }

    #[test]
    fn the_clock_and_every_end_only_move_on(log in log()) {
        let mut state = State::default();
        for entry in &log {
            let before = state.clone();
            state.apply(entry);
            prop_assert!(state.clock >= before.clock);
            for (key, session) in state.slots.iter().flat_map(|slot| &slot.sessions) {
                let of_before = before.slot(key.0.slot()).sessions.get(key);
                let has_moved = of_before.is_none_or(|old| old.expires != session.expires);
                prop_assert!(!has_moved || session.expires >= state.clock.min(session.expires));
                prop_assert!(session.limits.max.is_none_or(|max| session.expires <= session.started.plus(max).max(state.clock)));
            }
        }
    }
}
