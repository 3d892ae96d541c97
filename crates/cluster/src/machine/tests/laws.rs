//! The law of replicas: equal logs give equal states, however they are cut and wherever snapshots lie.

use keyraft_model::{ClientUuid, DurationMs, UnixMs, UserId};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::kit::*;
use crate::{
    command::{
        AttemptOutcome, ChangedEntity, Command, DeviceDecision, Durability, EndWithNotice, FenceScope, Load,
        MarkPersisted, MoveForward, NewNotice, NoticeTo, OnceKey, OnceKind, PendingKind, PushRequest,
        PutPending, RotateRefresh, Settled, StartDevice, Used,
    },
    handle::SLOTS,
    machine::{Body, Entry, State, image::Image, usage::Map},
    row::{LoadRow, RowKey, Version},
    session::{Kind, Limits, Notes},
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

fn user(number: u8) -> UserId {
    format!("user-{}", number % 3).into()
}

fn command() -> impl Strategy<Value = Command> {
    let kinds = prop_oneof![Just(Kind::Online), Just(Kind::Offline)];
    let clients = prop_oneof![Just(shop()), Just(blog())];
    (0_u8..44, 0_u8..6, kinds, clients, 0_u8..4).prop_map(
        |(which, number, kind, client, small)| match which {
            0..20 => of_session(which % 11, number, kind, client, small),
            20..32 => of_rows(which - 20, number, kind, client, small),
            _ => of_others(which - 32, number, client, small),
        },
    )
}

fn of_session(which: u8, number: u8, kind: Kind, client: ClientUuid, small: u8) -> Command {
    let (user, sid) = (user(number), fixed_sid(&user(number), number));
    match which {
        0 => {
            let mut start = start(&user);
            start.sid = sid;
            start.code = Some(crate::command::NewCode { hash: [number; 32], client, ..code() });
            Command::StartSession(start)
        }
        1 => Command::AttachClient(crate::command::AttachClient { user, ..attach(&sid, client) }),
        2 => Command::RedeemCode(crate::command::RedeemCode { hash: [number; 32], client, ..redeem(&sid) }),
        3 => {
            let jtis = ["a", "b", "c", "d"];
            let next = jtis[(usize::from(small) + 1) % 4];
            let rotate = rotate(&sid, jtis[usize::from(small)], next);
            Command::RotateRefresh(RotateRefresh { kind, client, max_reuse: u32::from(small % 2), ..rotate })
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
        8 => Command::StartOffline {
            sid,
            client,
            session_limits: Limits { max: None, idle: Some(DurationMs(24 * HOUR)) },
            client_limits: Limits::default(),
            scope: "offline_access".into(),
        },
        9 => Command::SetNotes { sid, kind, notes: vec![("AUTH_TIME".into(), Some(number.to_string()))] },
        _ => {
            let clients = (small > 1).then(|| vec![client.clone()]);
            let notify = NoticeTo { issuer: "https://id.test/lab".into(), clients };
            let client = small.is_multiple_of(2).then_some(client);
            Command::EndWithNotice(EndWithNotice { sid, kind, client, or_session: true, notify })
        }
    }
}

fn of_rows(which: u8, number: u8, kind: Kind, client: ClientUuid, small: u8) -> Command {
    let sid = fixed_sid(&user(number), number);
    let key = RowKey::Session { sid: sid.clone(), kind };
    let version = Version { epoch: 1, index: u64::from(small) * 40 };
    match which {
        0 => Command::Durable(Durability { online: small > 0, offline: small > 1, outbox: small > 2 }),
        1..=3 => {
            let fence = FenceScope::User(lab(), user(number));
            let rows = vec![(key, version), (RowKey::Fence { scope: fence, kind }, version)];
            Command::MarkPersisted(MarkPersisted { rows, position: version })
        }
        4 | 5 => Command::Evict { keys: vec![key] },
        6 | 7 => {
            let session = crate::session::UserSession {
                sid: sid.clone(),
                kind,
                realm: lab(),
                user: user(number),
                started: UnixMs(NOON.0 - HOUR),
                last_use: NOON,
                expires: UnixMs(NOON.0 + HOUR),
                limits: limits(),
                remember_me: false,
                ip_address: String::new(),
                notes: Notes::new(),
                clients: crate::SmallMap::new(),
            };
            let row = crate::row::Row::of_session(&session, Version { epoch: 1, index: 0 }, NOON);
            let used = (small == 3).then_some(Used { client, at: NOON });
            let absent = vec![(sid, kind)];
            let load = LoadRow { row, fences: Vec::new() };
            Command::Load(Load { rows: vec![load], absent, read_at: u64::from(small) * 40, used })
        }
        8 => Command::Restored { position: Version { epoch: 1, index: u64::from(number) } },
        9 => Command::NewEpoch { epoch: u64::from(small), over_rows: number > 3 },
        10 => {
            let used = Used { client, at: UnixMs(NOON.0 + i64::from(small) * MINUTE) };
            Command::MoveForward(MoveForward { sid, kind, used, chain: Some(("c".into(), "a".into())) })
        }
        _ => {
            let settled = vec![
                (u64::from(number) << 8 | 1 << 52, Settled::Delivered),
                (
                    u64::from(small) << 8 | 1 << 52,
                    Settled::Retry { clients: vec![client], after: DurationMs(5) },
                ),
            ];
            Command::SettleNotices { settled }
        }
    }
}

fn of_others(which: u8, number: u8, client: ClientUuid, small: u8) -> Command {
    let (user, id) = (user(number), format!("login-{number}"));
    let (realm, user_code) = (lab(), [number; 32]);
    match which {
        0 => Command::ReserveAttempt { realm, user, attempt: small.into(), policy: three_attempts() },
        1 => Command::SettleAttempt {
            realm,
            user,
            attempt: small.into(),
            outcome: AttemptOutcome::Failure { secondary: small == 3 },
            policy: three_attempts(),
            ip_address: String::new(),
        },
        2 => Command::ClearFailures { realm, user: (small > 1).then_some(user) },
        3 => {
            let owner = user.to_string();
            let key = OnceKey { kind: OnceKind::OtpStep, realm, owner, id: [small; 32] };
            Command::TakeIssued { key, issued: NOON, lifespan: DurationMs(MINUTE) }
        }
        4 => Command::PutPending(PutPending {
            realm,
            id,
            kind: PendingKind::Passkey,
            value: vec![small; 9],
            lifespan: DurationMs(MINUTE),
        }),
        5 => Command::TakePending { realm, id, kind: PendingKind::Passkey },
        6 => Command::StartDevice(StartDevice {
            realm,
            user_code,
            device_code: [number; 32],
            client,
            scope: "openid".into(),
            notes: Notes::new(),
            lifespan: DurationMs(10 * MINUTE),
            interval: DurationMs(5 * SECOND),
        }),
        7 => {
            let decision = match small {
                0 => DeviceDecision::Deny,
                _ => DeviceDecision::Approve {
                    sid: fixed_sid(&user, number),
                    user,
                    scope: "openid".into(),
                    notes: Notes::new(),
                },
            };
            Command::DecideDevice { realm, user_code, decision }
        }
        8 => {
            let slot = crate::handle::slot_of_user_code(&realm, &user_code);
            Command::PollDevice { slot, device_code: [number; 32], client }
        }
        9 => {
            let handle = fixed_sid(&user, number);
            match small {
                0 => Command::TakePushed { realm, handle, client },
                _ => Command::PushRequest(PushRequest {
                    realm,
                    handle,
                    client,
                    value: vec![1; 40],
                    lifespan: DurationMs(MINUTE),
                }),
            }
        }
        10 => match small {
            0 => Command::ReleaseLease { job: "reap".into(), holder: client.to_string() },
            1 => Command::TakeNotices { max: 2, lifespan: DurationMs(MINUTE) },
            2 => {
                let issuer = "https://id.test/lab".to_owned();
                let sid = fixed_sid(&user, number);
                let notice =
                    NewNotice { issuer, realm, user, sid, kind: Kind::Online, clients: vec![client] };
                Command::Notify { notices: vec![notice] }
            }
            _ => Command::TakeLease {
                job: "reap".into(),
                holder: client.to_string(),
                lifespan: DurationMs(MINUTE),
            },
        },
        _ => {
            let entity =
                ChangedEntity { kind: "user".into(), realm, entity: user.to_string(), ver: small.into() };
            Command::Changed { entries: vec![entity] }
        }
    }
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

/// Every index, counter, size and order follows from the objects.
fn check_derived(state: &State) {
    let copy = through_snapshot(state);
    assert_eq!(hash(&copy), hash(state), "a state read back differs from the one written");
    assert_eq!((&copy.dirty, &copy.due), (&state.dirty, &state.due));
    for (map, name) in Map::ALL {
        assert_eq!(copy.tally(map), state.tally(map), "{name}");
    }
    assert_eq!(counts(&copy), counts(state));
    let mut objects = 0;
    for index in 0..SLOTS {
        let slot = state.slot(index);
        assert_eq!(slot.sessions.len(), slot.by_user.len());
        assert_eq!(slot.due_len(), copy.slot(index).due_len());
        let parts: usize = slot.sessions.values().map(|session| session.clients().len()).sum();
        assert_eq!(parts, slot.by_client.len());
        assert_eq!(slot.devices.len(), slot.by_device_code.len());
        assert!(slot.sessions.values().all(|session| session.expires >= session.started));
        objects += slot.sessions.len() as u64;
    }
    assert_eq!(objects, state.tally(Map::Sessions).entries);
}

/// What each realm holds, by its id.
fn counts(state: &State) -> Vec<(String, [u64; 2], u64, u64)> {
    let of =
        |(realm, sessions, bytes, requests)| (state.names.text(realm).to_owned(), sessions, bytes, requests);
    let mut counts: Vec<_> = state.counters.all().map(of).collect();
    counts.sort();
    counts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_logs_give_equal_states_wherever_snapshots_lie(log in log(), cuts in prop::collection::vec(0_usize..120, 0..6)) {
        let mut replicas = [State::default(), State::default(), State::default()];

        for (index, entry) in (1_u64..).zip(&log) {
            let mut answers = Vec::new();
            for (number, replica) in replicas.iter_mut().enumerate() {
                let place = usize::try_from(index).unwrap() - 1;
                // The second is cut at these places, the third at every third of its entries.
                let is_cut = number == 1 && cuts.contains(&place) || number == 2 && place % 3 == 0;
                // A snapshot in the making shares the slots: it must not see what comes after.
                let held = is_cut.then(|| (replica.image(), hash(replica)));
                if is_cut {
                    *replica = through_snapshot(replica);
                }
                answers.push(replica.apply(index, entry).unwrap());
                if let Some((held, before)) = held {
                    prop_assert_eq!(before, hash_of(&held));
                }
            }
            prop_assert_eq!(&answers[0], &answers[1]);
            prop_assert_eq!(&answers[0], &answers[2]);
        }

        prop_assert_eq!(hash(&replicas[0]), hash(&replicas[1]));
        prop_assert_eq!(hash(&replicas[0]), hash(&replicas[2]));
        check_derived(&replicas[0]);
    }

    #[test]
    fn the_clock_and_every_end_only_move_on(log in log()) {
        let mut state = State::default();
        for (index, entry) in (1_u64..).zip(&log) {
            let before = state.clone();
            state.apply(index, entry).unwrap();
            prop_assert!(state.clock >= before.clock);
            for slot in 0..SLOTS {
                for (key, session) in &state.slot(slot).sessions {
                    let of_before = before.slot(slot).sessions.get(key);
                    let has_moved = of_before.is_none_or(|old| old.expires != session.expires);
                    let whole = session.session(key.0, key.1, &state.names);
                    // An end that moves never lies before now, nor beyond the maximum.
                    prop_assert!(!has_moved || session.expires >= before.clock.max(entry.time));
                    prop_assert!(whole.limits.max.is_none_or(|max| session.expires <= session.started.plus(max).max(state.clock)));
                    // What was ended never stands again, unless as an offline session that began later.
                    let ended = before.slot(slot).tombstones.get(key).filter(|_| key.1 == Kind::Online);
                    prop_assert!(ended.is_none_or(|ended| ended.version == Version::default()));
                }
            }
        }
    }

    #[test]
    fn only_what_the_database_holds_is_ever_evicted(log in log()) {
        let mut state = State::default();
        for (index, entry) in (1_u64..).zip(&log) {
            let before = state.clone();
            state.apply(index, entry).unwrap();
            let Body::Command(command) = &entry.body else { continue };
            if !matches!(**command, Command::Evict { .. }) {
                continue;
            }
            for (key, session) in before.slots.iter().flat_map(|slot| &slot.sessions) {
                let slot = state.slot(key.0.slot());
                let is_away = !slot.sessions.contains_key(key) && !slot.tombstones.contains_key(key);
                let is_over = session.expires <= state.clock;
                prop_assert!(!is_away || is_over || !session.row.is_dirty || !state.fences.is_empty());
                prop_assert!(!is_away || is_over || state.may_be_stored(key.0, key.1, state.clock) || !state.fences.is_empty());
            }
        }
    }
}
