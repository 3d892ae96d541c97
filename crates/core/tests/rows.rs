//! The database behind the maps: rows follow, come back, and are never the newer word by mistake.

mod support;

use std::{sync::Arc, time::Duration};

use keyraft_cluster::{
    backing::{Backing, Whose},
    command::{AttachClient, NewClientSession, NewCode, RedeemCode, Redemption, StartSession},
    handle,
    session::{Kind, Limits, Notes, UserSession},
};
use keyraft_core::{Core, rows::Rows, sessions::Started};
use keyraft_model::{Client, DurationMs, RealmId, UnixMs};
use keyraft_store::{clients, sessions};
use support::{Folder, Place, fill, node, stop, store, within};

const HOUR: i64 = 3_600_000;

fn lab() -> RealmId {
    "lab".into()
}

fn limits() -> Limits {
    Limits { max: Some(DurationMs(10 * HOUR)), idle: Some(DurationMs(HOUR)) }
}

fn part(client: &str) -> NewClientSession {
    NewClientSession {
        client: client.into(),
        limits: Limits::default(),
        scope: "openid".into(),
        redirect_uri: None,
        notes: Notes::new(),
    }
}

/// No two codes of users that share a slot may be the same.
fn hash(number: u16) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..2].copy_from_slice(&number.to_be_bytes());
    hash
}

fn code(number: u16) -> NewCode {
    NewCode {
        hash: hash(number),
        lifespan: DurationMs(60_000),
        client: "shop".into(),
        redirect_uri: None,
        challenge: None,
        notes: Notes::new(),
    }
}

async fn sign_in(core: &Core, user: &str, with: Option<NewCode>) -> UserSession {
    let start = StartSession {
        sid: handle::new_sid(&lab(), &user.into()),
        realm: lab(),
        user: user.into(),
        limits: limits(),
        remember_me: false,
        ip_address: "192.0.2.1".into(),
        notes: Notes::new(),
        client: Some(part("shop")),
        code: with,
        login: None,
    };
    match core.sessions.start(start).await.expect("answers") {
        Started::Started { session, .. } => *session,
        other => panic!("{other:?}"),
    }
}

async fn redeem(core: &Core, sid: &str, number: u16) -> Redemption {
    let redeem = RedeemCode {
        hash: hash(number),
        sid: sid.into(),
        client: "shop".into(),
        redirect_uri: None,
        verifier: None,
    };
    core.sessions.redeem(redeem).await.expect("answers")
}

async fn is_flushed(core: &Core) -> bool {
    core.sessions.view().await.expect("views").dirty_count() == 0
}

/// What is in memory and what the rows say of the realm, each by handle.
async fn both(core: &Core) -> (Vec<UserSession>, Vec<UserSession>) {
    let view = core.sessions.view().await.expect("views");
    let mut memory: Vec<_> =
        view.sessions_of_realm(&lab(), Kind::Online).into_iter().map(Arc::unwrap_or_clone).collect();
    memory.sort_by(|a, b| a.sid.cmp(&b.sid));
    let rows = Rows::new(core.store.clone());
    let found =
        rows.list(Whose::Realm(lab()), Kind::Online, view.now(), (None, 10_000)).await.expect("reads");
    let mut stored: Vec<_> = found.rows.iter().map(|found| found.row.session().expect("decodes")).collect();
    stored.sort_by(|a, b| a.sid.cmp(&b.sid));
    (memory, stored)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_disks_lost_and_the_sessions_are_back_but_no_code_is() {
    let folder = Folder::new();
    for place in Place::each(&folder) {
        fill(&store(&place).await).await;
        let home = folder.join(place.name());
        let core = node(&place, &home, None).await;
        let realm = core.realm("lab").await.expect("reads").expect("is");
        let kept = sign_in(&core, "alice", Some(code(1))).await;
        let ended = sign_in(&core, "alice", None).await;
        let fenced = sign_in(&core, "bob", Some(code(2))).await;
        assert!(matches!(redeem(&core, &kept.sid, 1).await, Redemption::Redeemed { .. }));
        core.sessions.end(&ended.sid, Kind::Online).await.expect("ends");
        core.sessions.end_of_user(&lab(), &"bob".into()).await.expect("ends");
        within(Duration::from_secs(5), "all is flushed", async || is_flushed(&core).await).await;
        stop(core).await;
        std::fs::remove_dir_all(home.join("cluster")).expect("the disk is lost");

        let core = node(&place, &home, None).await;
        let find = async |sid: &str| core.sessions.find(&realm, sid, Kind::Online).await;
        within(Duration::from_secs(5), "the rows are asked", async || {
            find(&kept.sid).await.is_ok_and(|found| found.is_some())
        })
        .await;

        let back = find(&kept.sid).await.expect("reads").expect("is back");
        assert_eq!((&back.user, back.started), (&kept.user, kept.started), "{}", place.name());
        assert!(find(&ended.sid).await.expect("reads").is_none(), "{}: signed out", place.name());
        assert!(find(&fenced.sid).await.expect("reads").is_none(), "{}: signed out by a fence", place.name());
        assert!(matches!(redeem(&core, &kept.sid, 1).await, Redemption::Unknown), "a used code");
        assert!(core.sessions.view().await.expect("views").epoch_began().is_some());
        // What is new in the new epoch is flushed over the old rows.
        core.sessions.end(&kept.sid, Kind::Online).await.expect("ends");
        within(Duration::from_secs(5), "the end is flushed", async || is_flushed(&core).await).await;
        let row = sessions::find(&core.store, &kept.sid, false).await.expect("reads").expect("is");
        assert_eq!((row.doc, row.version.epoch > 0), (None, true));
        stop(core).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_end_of_a_session_never_moves_into_the_past() {
    let folder = Folder::new();
    for place in Place::each(&folder) {
        let beside = store(&place).await;
        fill(&beside).await;
        let blog = Client { id: "blog".into(), client_id: "blog".into(), enabled: true, ..Client::default() };
        beside.write(async |tx| clients::insert(&tx, &lab(), &blog).await).await.expect("inserts");
        let core = node(&place, &folder.join(place.name()), None).await;
        let realm = core.realm("lab").await.expect("reads").expect("is");
        let session = sign_in(&core, "alice", None).await;
        let mut ends = vec![stored_end(&core, &session.sid).await];

        let attach = AttachClient {
            sid: session.sid.clone(),
            realm: lab(),
            user: "alice".into(),
            client: part("blog"),
            code: None,
            login: None,
            notes: Notes::new(),
        };
        core.sessions.attach(attach).await.expect("attaches");
        ends.push(stored_end(&core, &session.sid).await);
        for client in [Some(&blog), None] {
            let view = core.sessions.view().await.expect("views");
            let stands = view.session(&session.sid, Kind::Online).expect("lives");
            let later = stands.last_use.plus(DurationMs(90_000));
            core.sessions.touch(&realm, &stands, client, later).await.expect("touches");
            ends.push(stored_end(&core, &session.sid).await);
        }
        core.sessions.end_client(&session.sid, Kind::Online, &"blog".into(), false).await.expect("ends");
        ends.push(stored_end(&core, &session.sid).await);

        let now = core.sessions.view().await.expect("views").now();
        for (step, end) in ends.iter().enumerate() {
            // Half the idle time is what a row may be behind memory; the least idle time of the realm's is 0.5 h.
            assert!(end.0 > now.0, "{}, step {step}: {ends:?} at {now:?}", place.name());
        }
        stop(core).await;
    }
}

/// When the row of a session says that it ends, once nothing waits to be written.
async fn stored_end(core: &Core, sid: &str) -> UnixMs {
    within(Duration::from_secs(5), "all is flushed", async || is_flushed(core).await).await;
    sessions::find(&core.store, sid, false).await.expect("reads").expect("has a row").expires
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_a_database_that_is_away_and_it_has_all_when_it_is_back() {
    let folder = Folder::new();
    let Some(place) = Place::server(&folder) else { return };
    let Place::Server(server) = &place else { return };
    fill(&store(&place).await).await;
    let core = node(&place, &folder.join("node"), None).await;
    let early = sign_in(&core, "alice", None).await;
    within(Duration::from_secs(5), "all is flushed", async || is_flushed(&core).await).await;

    server.stop();
    let began = std::time::Instant::now();
    for number in 0..300 {
        let session = sign_in(&core, &format!("user{number}"), Some(code(number))).await;
        assert!(matches!(redeem(&core, &session.sid, number).await, Redemption::Redeemed { .. }));
        if number % 3 == 0 {
            core.sessions.end(&session.sid, Kind::Online).await.expect("ends");
        }
    }
    core.sessions.end(&early.sid, Kind::Online).await.expect("ends");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "701 steps without a database took {took:?}");
    assert!(!is_flushed(&core).await);

    server.resume();
    within(Duration::from_mins(1), "all is flushed", async || is_flushed(&core).await).await;
    let (memory, stored) = both(&core).await;
    assert_eq!(memory.len(), 200);
    assert_eq!(memory, stored);
    let row = sessions::find(&core.store, &early.sid, false).await.expect("reads").expect("is");
    assert_eq!(row.doc, None, "the end came through");
    stop(core).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_database_is_noticed_and_written_again() {
    let folder = Folder::new();
    let place = Place::File(folder.join("k.db"));
    let home = folder.join("node");
    fill(&store(&place).await).await;
    let core = node(&place, &home, None).await;
    let old = sign_in(&core, "alice", None).await;
    within(Duration::from_secs(5), "all is flushed", async || is_flushed(&core).await).await;
    stop(core).await;
    std::fs::copy(folder.join("k.db"), folder.join("backup.db")).expect("is saved");
    let core = node(&place, &home, None).await;
    let new = sign_in(&core, "bob", None).await;
    core.sessions.end(&old.sid, Kind::Online).await.expect("ends");
    within(Duration::from_secs(5), "all is flushed", async || is_flushed(&core).await).await;
    stop(core).await;

    for name in ["k.db", "k.db-wal", "k.db-shm"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    std::fs::copy(folder.join("backup.db"), folder.join("k.db")).expect("is put back");
    let core = node(&place, &home, None).await;

    within(Duration::from_secs(15), "the rows are as they were", async || {
        let ended = sessions::find(&core.store, &old.sid, false).await.expect("reads");
        let lives = sessions::find(&core.store, &new.sid, false).await.expect("reads");
        ended.is_some_and(|row| row.doc.is_none()) && lives.is_some_and(|row| row.doc.is_some())
    })
    .await;
    let realm = core.realm("lab").await.expect("reads").expect("is");
    assert!(core.sessions.find(&realm, &old.sid, Kind::Online).await.expect("reads").is_none());
    assert!(core.sessions.find(&realm, &new.sid, Kind::Online).await.expect("reads").is_some());
    stop(core).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_database_knows_is_not_denied_while_it_is_away() {
    let folder = Folder::new();
    let Some(place) = Place::server(&folder) else { return };
    let Place::Server(server) = &place else { return };
    fill(&store(&place).await).await;
    let home = folder.join("node");
    let core = node(&place, &home, None).await;
    let session = sign_in(&core, "alice", None).await;
    within(Duration::from_secs(5), "all is flushed", async || is_flushed(&core).await).await;
    stop(core).await;
    std::fs::remove_dir_all(home.join("cluster")).expect("the disk is lost");
    let core = node(&place, &home, None).await;
    let realm = core.realm("lab").await.expect("reads").expect("is");

    server.stop();
    let began = std::time::Instant::now();
    let found = core.sessions.find(&realm, &session.sid, Kind::Online).await;
    assert!(matches!(found, Err(keyraft_core::Error::Unavailable(_))), "{found:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(
        core.sessions.end(&session.sid, Kind::Online).await.is_err(),
        "an end that may not have happened"
    );

    server.resume();
    let find = async || core.sessions.find(&realm, &session.sid, Kind::Online).await;
    within(Duration::from_secs(10), "it is found", async || find().await.is_ok_and(|found| found.is_some()))
        .await;
    stop(core).await;
}
