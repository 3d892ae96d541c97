//! Between memory and database: the two faults of an older stack, and the law of each command.

mod epochs;

use keyraft_model::{DurationMs, UnixMs};

use super::kit::*;
use crate::{
    command::{
        Command, Durability, FenceScope, Load, Loading, LoginTaken, MarkPersisted, MoveForward, OnceKey,
        OnceKind, Outcome, Redemption, RotateRefresh, Rotation, StartSession, Touch, Used,
    },
    machine::{packed::RowMark, usage::Map},
    row::{LoadRow, Row, RowError, RowKey, Version},
    session::{Kind, Limits, UserSession},
};

/// A cluster whose sessions have rows.
fn durable() -> Play {
    let mut play = Play::default();
    play.at(0, Command::Durable(Durability { online: true, offline: true, outbox: true }));
    for _ in 0..3_000 {
        if play.state.redo.is_none() {
            break;
        }
        play.tick(0);
    }
    assert_eq!(play.state.redo, None);
    play
}

fn key(sid: &str) -> RowKey {
    RowKey::Session { sid: sid.into(), kind: Kind::Online }
}

/// The leader writes everything that is dirty, and says so; what it wrote.
fn flush(play: &mut Play, after: i64) -> Vec<Row> {
    let (rows, position) = (play.state.dirty_rows(usize::MAX), play.state.version());
    let written = rows.iter().map(|row| (row.key.clone(), row.version)).collect();
    play.at(after, Command::MarkPersisted(MarkPersisted { rows: written, position }));
    rows
}

fn load_at(play: &mut Play, after: i64, read_at: u64, row: &Row) -> Loading {
    load_with(
        play,
        after,
        Load {
            rows: vec![LoadRow { row: row.clone(), fences: Vec::new() }],
            absent: Vec::new(),
            read_at,
            used: None,
        },
    )
}

fn load_with(play: &mut Play, after: i64, load: Load) -> Loading {
    match play.at(after, Command::Load(load)) {
        Outcome::Loaded { rows, .. } => rows[0],
        other => panic!("{other:?}"),
    }
}

fn load(play: &mut Play, after: i64, row: &Row) -> Loading {
    let read_at = play.state.applied;
    load_at(play, after, read_at, row)
}

fn evict(play: &mut Play, after: i64, sid: &str) -> u64 {
    match play.at(after, Command::Evict { keys: vec![key(sid)] }) {
        Outcome::Evicted(count) => count,
        other => panic!("{other:?}"),
    }
}

fn row_of(rows: &[Row], sid: &str) -> Row {
    rows.iter().find(|row| row.key == key(sid)).unwrap().clone()
}

/// Alice's session as its row says, and not in memory any more.
fn evicted(play: &mut Play) -> (String, Row) {
    let sid = play.sign_in(0);
    let row = row_of(&flush(play, 1), &sid);
    assert_eq!(evict(play, 2 * MINUTE, &sid), 1);
    (sid, row)
}

fn mark(play: &Play, sid: &str) -> RowMark {
    let sid = crate::handle::Sid::parse(sid).unwrap();
    play.state.slot(sid.slot()).sessions[&(sid, Kind::Online)].row
}

#[test]
fn a_second_clients_use_never_moves_an_end_into_the_past() {
    let mut play = durable();
    let sid = play.sign_in(0);
    let mut brief = attach(&sid, blog());
    brief.client.limits = Limits { max: Some(DurationMs(20 * MINUTE)), idle: Some(DurationMs(10 * MINUTE)) };
    play.at(5 * MINUTE, Command::AttachClient(brief));
    let row = row_of(&flush(&mut play, 5 * MINUTE), &sid);

    // The blog, with its short limits, uses the session again and again; the shop does not.
    for minute in 6..=30 {
        let before = play.alive(minute * MINUTE, &sid, Kind::Online).unwrap();
        let touch = Touch {
            sid: sid.clone(),
            kind: Kind::Online,
            client: Some(blog()),
            limits: limits(),
            client_limits: Limits { max: Some(DurationMs(20 * MINUTE)), idle: Some(DurationMs(10 * MINUTE)) },
        };
        play.at(minute * MINUTE, Command::Touch(touch));
        let now = play.alive(minute * MINUTE, &sid, Kind::Online).unwrap();

        assert!(now.expires >= before.expires, "minute {minute}");
        assert!(now.clients[&shop()].expires >= before.clients[&shop()].expires, "minute {minute}");
        assert!(now.expires > UnixMs(NOON.0 + minute * MINUTE));
        for row in play.state.dirty_rows(9) {
            assert!(row.expires >= now.last_use, "no row is written that has expired");
            assert!(row.version > Version::default());
        }
    }
    assert!(
        !play.alive(30 * MINUTE, &sid, Kind::Online).unwrap().clients.contains_key(&blog()),
        "by its maximum"
    );
    assert_eq!(row.session().unwrap().clients.len(), 2);
}

#[test]
fn a_late_row_never_brings_an_ended_session_back() {
    let mut play = durable();
    let sid = play.sign_in(0);
    let late = row_of(&flush(&mut play, 1), &sid);
    play.at(SECOND, Command::EndSession { sid: sid.clone(), kind: Kind::Online });
    let end = row_of(&flush(&mut play, SECOND), &sid);

    // Its end is a row of a higher version, so a late INSERT of a deposed leader is refused by the database.
    assert!(end.ended && end.payload.is_empty() && end.version > late.version);
    assert!(end.expires >= late.expires, "the end stays for as long as the session would have");
    assert_eq!(load(&mut play, 2 * SECOND, &late), Loading::Ended);
    assert_eq!(load(&mut play, 2 * SECOND, &end), Loading::Ended);
    // The row was read before the end, and is proposed when the end is forgotten.
    let read_at = play.state.applied;
    play.tick(11 * HOUR);
    assert_eq!(play.state.tally(Map::Tombstones).entries, 0, "over by itself");
    assert_eq!(load_at(&mut play, 11 * HOUR, read_at, &late), Loading::Over);
    assert_eq!(play.alive(11 * HOUR, &sid, Kind::Online), None);
}

#[test]
fn an_end_stays_until_it_is_written_and_a_day_old() {
    let mut play = durable();
    let sid = play.sign_in(0);
    play.at(0, start_offline(&sid));
    let row = flush(&mut play, 1)
        .into_iter()
        .find(|row| matches!(row.key, RowKey::Session { kind: Kind::Offline, .. }));
    let offline = Command::EndSession { sid: sid.clone(), kind: Kind::Offline };
    play.at(SECOND, offline);
    let read_at = play.state.applied - 1;
    let ends = |play: &Play| play.state.tally(Map::Tombstones).entries;

    for days in 1..5 {
        play.tick(days * 24 * HOUR + HOUR);
        assert_eq!(ends(&play), 1, "the database is away for {days} days");
    }
    flush(&mut play, 5 * 24 * HOUR);
    play.tick(5 * 24 * HOUR + HOUR);

    assert_eq!(ends(&play), 0, "written, and older than a day");
    let late = load_at(&mut play, 5 * 24 * HOUR + HOUR, read_at, &row.unwrap());
    assert_eq!(late, Loading::Refused, "what was read before is of the past");
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
fn nothing_is_dirty_where_nothing_has_rows() {
    let mut play = Play::default();
    let sid = play.sign_in(0);
    play.at(0, start_offline(&sid));
    play.at(1, Command::EndSession { sid: sid.clone(), kind: Kind::Online });
    play.at(2, Command::EndBefore { scope: FenceScope::Realm(lab()), kinds: vec![Kind::Online] });

    assert_eq!(play.state.dirty_rows(9), []);
    assert_eq!(evict(&mut play, HOUR, &sid), 0);
}

#[test]
fn what_stood_when_rows_begin_is_written_ends_first() {
    let mut play = Play::default();
    let (stays, ends) = (play.sign_in(0), play.sign_in(0));
    play.at(1, Command::EndSession { sid: ends.clone(), kind: Kind::Online });

    play.at(2, Command::Durable(Durability { online: true, offline: true, outbox: true }));
    for _ in 0..3_000 {
        play.tick(2);
    }
    let first = flush(&mut play, 3);
    for _ in 0..3_000 {
        play.tick(3);
    }
    assert!(play.state.are_loads_held());
    let then = flush(&mut play, 4);
    play.tick(4);

    assert_eq!(first.iter().map(|row| (&row.key, row.ended)).collect::<Vec<_>>(), [(&key(&ends), true)]);
    assert_eq!(then.iter().map(|row| (&row.key, row.ended)).collect::<Vec<_>>(), [(&key(&stays), false)]);
    assert!(!play.state.are_loads_held());
}

#[test]
fn a_restored_database_gets_everything_again_and_nothing_is_loaded_before() {
    let mut play = durable();
    let (away, row) = evicted(&mut play);
    let (stays, ends) = (play.sign_in(HOUR / 2), play.sign_in(HOUR / 2));
    play.at(HOUR / 2, Command::EndSession { sid: ends.clone(), kind: Kind::Online });
    flush(&mut play, HOUR / 2);
    assert_eq!(play.state.dirty.len(), 0);
    let persisted = play.state.persisted;

    play.at(HOUR / 2, Command::Restored { position: persisted });
    assert_eq!(play.state.dirty.len(), 0, "not behind");
    let behind = Version { index: persisted.index - 1, ..persisted };
    play.at(HOUR / 2, Command::Restored { position: behind });
    let mut written = Vec::new();
    for _ in 0..6_000 {
        assert_eq!(load(&mut play, HOUR / 2, &row), Loading::Refused);
        if play.state.redo.as_ref().is_some_and(|redo| redo.place.is_none()) {
            written.extend(flush(&mut play, HOUR / 2));
        }
        if play.state.redo.is_none() {
            break;
        }
    }

    let keys: Vec<_> = written.iter().map(|row| (row.key.clone(), row.ended)).collect();
    assert_eq!(keys, [(key(&ends), true), (key(&stays), false)]);
    assert_eq!(load(&mut play, HOUR / 2, &row), Loading::Loaded);
    assert!(play.alive(HOUR / 2, &away, Kind::Online).is_some());
}

#[test]
fn a_batch_of_before_the_restore_makes_nothing_clean() {
    let mut play = durable();
    let sid = play.sign_in(0);
    let (rows, position) = (play.state.dirty_rows(9), play.state.version());
    flush(&mut play, 1);
    play.at(1, Command::Restored { position: Version::default() });
    for _ in 0..3_000 {
        play.tick(1);
    }

    let rows = rows.into_iter().map(|row| (row.key, row.version)).collect();
    play.at(2, Command::MarkPersisted(MarkPersisted { rows, position }));

    assert!(mark(&play, &sid).is_dirty);
}

#[test]
fn only_the_clean_and_cold_are_evicted() {
    let mut play = durable();
    let sid = play.sign_in(0);

    assert_eq!(evict(&mut play, 2 * MINUTE, &sid), 0, "dirty");
    flush(&mut play, 2 * MINUTE);
    play.at(2 * MINUTE, touch(&sid));
    assert_eq!(evict(&mut play, 2 * MINUTE + SECOND, &sid), 0, "used lately");
    assert_eq!(play.state.evictable(0, 9).0, []);

    // A use that the row does not show: it is written first.
    assert!(!mark(&play, &sid).is_dirty, "one use is not worth a write");
    play.at(5 * MINUTE, Command::Evict { keys: vec![key(&sid)] });
    assert!(mark(&play, &sid).is_dirty && play.alive(5 * MINUTE, &sid, Kind::Online).is_some());
    flush(&mut play, 5 * MINUTE);
    let of_sid = crate::handle::Sid::parse(&sid).unwrap();
    assert_eq!(play.state.evictable(0, 9).0, [(of_sid, Kind::Online)]);
    assert_eq!(evict(&mut play, 5 * MINUTE, &sid), 1);
    assert_eq!(play.state.tally(Map::Sessions).entries, 0);
}

#[test]
fn an_evicted_session_is_never_taken_for_one_that_is_not() {
    let mut play = durable();
    let (sid, row) = evicted(&mut play);
    let away = Outcome::NotLoaded { key: key(&sid) };

    for command in [
        Command::AttachClient(attach(&sid, blog())),
        Command::RotateRefresh(rotate(&sid, "a", "b")),
        Command::EndSession { sid: sid.clone(), kind: Kind::Online },
        Command::EndClientSession { sid: sid.clone(), kind: Kind::Online, client: shop(), or_session: true },
        Command::SetNotes { sid: sid.clone(), kind: Kind::Online, notes: Vec::new() },
        touch(&sid),
        start_offline(&sid),
    ] {
        assert_eq!(play.at(3 * MINUTE, command.clone()), away, "{command:?}");
    }
    assert_eq!(load(&mut play, 3 * MINUTE, &row), Loading::Loaded);
    assert_eq!(load(&mut play, 3 * MINUTE, &row), Loading::Stands);

    assert!(matches!(play.rotate(3 * MINUTE, rotate(&sid, "a", "b")), Rotation::Rotated { .. }));
    assert_eq!(play.alive(3 * MINUTE, &sid, Kind::Online).unwrap().clients.len(), 1);
}

#[test]
fn a_code_of_an_evicted_session_waits_for_it() {
    let mut play = durable();
    let mut begun = start(&alice());
    let sid = begun.sid.clone();
    begun.code = Some(crate::command::NewCode { lifespan: DurationMs(10 * MINUTE), ..code() });
    play.at(0, Command::StartSession(begun));
    let row = row_of(&flush(&mut play, 1), &sid);
    evict(&mut play, 2 * MINUTE, &sid);

    let away = play.at(3 * MINUTE, Command::RedeemCode(redeem(&sid)));
    load(&mut play, 3 * MINUTE, &row);

    assert_eq!(away, Outcome::NotLoaded { key: key(&sid) });
    assert!(matches!(play.redeem(3 * MINUTE, redeem(&sid)), Redemption::Redeemed { .. }));
}

#[test]
fn an_absence_that_the_database_proves_is_an_answer() {
    let mut play = durable();
    let (sid, _) = evicted(&mut play);
    let other = crate::handle::new_sid(&lab(), &alice());
    let end = Command::EndSession { sid: other.clone(), kind: Kind::Online };
    assert_eq!(play.at(3 * MINUTE, end.clone()), Outcome::NotLoaded { key: key(&other) });

    let absent = vec![(other, Kind::Online), (sid.clone(), Kind::Online)];
    let load = Load { rows: Vec::new(), absent, read_at: play.state.applied - 1, used: None };
    let outcome = play.at(3 * MINUTE, Command::Load(load));

    assert_eq!(outcome, Outcome::Loaded { rows: Vec::new(), absent: vec![Loading::Loaded, Loading::Loaded] });
    assert_eq!(
        play.at(4 * MINUTE - 1, end.clone()),
        Outcome::Ended { sessions: Vec::new(), now: UnixMs(NOON.0 + 4 * MINUTE - 1) }
    );
    play.tick(5 * MINUTE);
    assert!(matches!(play.at(5 * MINUTE, end), Outcome::NotLoaded { .. }), "known for a minute");
}

#[test]
fn a_load_that_races_an_end_or_an_eviction_of_its_slot_is_refused() {
    let mut play = durable();
    let (sid, row) = evicted(&mut play);
    let read_at = play.state.applied;
    // Another session of Alice, in the same slot, ends meanwhile.
    let other = play.sign_in(3 * MINUTE);
    play.at(3 * MINUTE, Command::EndSession { sid: other, kind: Kind::Online });

    assert_eq!(load_at(&mut play, 3 * MINUTE, read_at, &row), Loading::Refused);
    assert_eq!(load(&mut play, 3 * MINUTE, &row), Loading::Loaded);
    // Changed, flushed and evicted again: the old row is of the past.
    let read_at = play.state.applied;
    play.at(4 * MINUTE, Command::AttachClient(attach(&sid, blog())));
    let newer = row_of(&flush(&mut play, 4 * MINUTE), &sid);
    assert_eq!(evict(&mut play, 6 * MINUTE, &sid), 1);
    assert_eq!(load_at(&mut play, 6 * MINUTE, read_at, &row), Loading::Refused);
    assert_eq!(load(&mut play, 6 * MINUTE, &newer), Loading::Loaded);
    assert_eq!(play.alive(6 * MINUTE, &sid, Kind::Online).unwrap().clients.len(), 2);
}

#[test]
fn rows_that_cannot_be_are_refused() {
    let mut play = durable();
    let (_, row) = evicted(&mut play);
    let year = DurationMs(366 * 24 * HOUR);
    let (late, early) = (NOON.plus(DurationMs(year.0 * 10 + HOUR)), UnixMs(1_577_836_799_999));

    assert_eq!(Row { expires: late, ..row.clone() }.check(NOON), Err(RowError::Expiry));
    assert_eq!(Row { expires: early, ..row.clone() }.check(NOON), Err(RowError::Expiry));
    assert_eq!(
        Row { expires: row.created.minus(DurationMs(1)), ..row.clone() }.check(NOON),
        Err(RowError::Creation)
    );
    assert_eq!(Row { created: early, ..row.clone() }.check(NOON), Err(RowError::Creation));
    assert_eq!(row.check(NOON), Ok(()));
    let of_later = Version { epoch: 1, index: play.state.applied + 1_000 };
    for wrong in [
        Row { expires: late, ..row.clone() },
        Row { version: of_later, ..row.clone() },
        Row { payload: row.payload[..9].to_vec(), ..row.clone() },
        Row { payload: vec![9, 9], ..row.clone() },
        Row { user: Some("mallory".into()), ..row.clone() },
        Row { realm: "other".into(), ..row.clone() },
        Row { key: key(&crate::handle::new_sid(&lab(), &alice())), ..row.clone() },
    ] {
        assert_eq!(load(&mut play, 3 * MINUTE, &wrong), Loading::Invalid, "{wrong:?}");
    }
}

#[test]
fn fences_reach_rows_that_are_not_in_memory() {
    let of_state = FenceScope::User(lab(), alice());
    let mut play = durable();
    let (_, row) = evicted(&mut play);
    play.at(3 * MINUTE, Command::EndBefore { scope: of_state.clone(), kinds: vec![Kind::Online] });
    assert_eq!(load(&mut play, 3 * MINUTE, &row), Loading::Over);

    let written = flush(&mut play, 3 * MINUTE);
    let fence = RowKey::Fence { scope: of_state, kind: Kind::Online };
    assert!(written.iter().any(|row| row.key == fence && row.created == UnixMs(NOON.0 + 3 * MINUTE)));

    // And fences that only the database knows.
    let mut play = durable();
    let (sid, row) = evicted(&mut play);
    let at = UnixMs(NOON.0 + MINUTE);
    let with = |play: &mut Play, scope| {
        let read_at = play.state.applied;
        let rows = vec![LoadRow { row: row.clone(), fences: vec![(scope, at)] }];
        load_with(play, 3 * MINUTE, Load { rows, absent: Vec::new(), read_at, used: None })
    };
    let mut other = Play::from(play.state.clone(), 100_000);
    assert_eq!(with(&mut other, FenceScope::Realm(lab())), Loading::Over);
    assert_eq!(with(&mut play, FenceScope::Client(lab(), shop())), Loading::Loaded);
    assert!(play.alive(3 * MINUTE, &sid, Kind::Online).unwrap().clients.is_empty());
    assert!(mark(&play, &sid).is_dirty, "its row must say so too");
}

#[test]
fn a_fence_is_not_forgotten_before_it_is_written() {
    let mut play = durable();
    play.at(0, Command::EndBefore { scope: FenceScope::Realm(lab()), kinds: vec![Kind::Online] });
    let fences = |play: &Play| play.state.tally(Map::Fences).entries;
    for _ in 0..20 {
        play.tick(48 * HOUR);
    }
    assert_eq!(fences(&play), 1);

    flush(&mut play, 48 * HOUR);
    play.tick(48 * HOUR);

    assert_eq!(fences(&play), 0);
}

#[test]
fn steady_use_is_written_when_the_row_would_end_within_half_the_idle_time() {
    let mut play = durable();
    let sid = play.sign_in(0);
    flush(&mut play, 0);

    // An hour of idle time; used every minute.
    let mut writes = 0;
    for minute in 1..=120 {
        play.at(minute * MINUTE, touch(&sid));
        let row = mark(&play, &sid);
        let now = UnixMs(NOON.0 + minute * MINUTE);
        assert!(row.least.since(now) >= DurationMs(HOUR / 2) || row.is_dirty, "minute {minute}");
        if row.is_dirty {
            writes += 1;
            flush(&mut play, minute * MINUTE);
        }
    }

    assert_eq!(writes, 3, "at 31, 62 and 93 minutes");
}

#[test]
fn a_row_that_would_outlive_its_session_is_ended() {
    let mut play = durable();
    let sid = play.sign_in(0);
    let row = row_of(&flush(&mut play, 0), &sid);
    let lowered = Limits { max: None, idle: Some(DurationMs(5 * MINUTE)) };
    let touch = Touch {
        sid: sid.clone(),
        kind: Kind::Online,
        client: None,
        limits: lowered,
        client_limits: Limits::default(),
    };
    play.at(2 * MINUTE, Command::Touch(touch));

    // The database is away all the time.
    play.tick(8 * MINUTE);

    assert_eq!(play.alive(8 * MINUTE, &sid, Kind::Online), None);
    assert_eq!(load(&mut play, 8 * MINUTE, &row), Loading::Ended);
    assert!(row_of(&play.state.dirty_rows(9), &sid).ended);
}
