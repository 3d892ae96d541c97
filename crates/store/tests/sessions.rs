//! What rows of sessions promise, on every database.

mod support;

use std::{collections::BTreeSet, sync::Arc};

use keyraft_model::UnixMs;
use keyraft_store::{
    Db, Settings,
    sessions::{self, Batch, DeliveryRow, FenceRow, Flushed, Page, Reaped, SessionRow, Version},
};

const NOON: UnixMs = UnixMs(1_800_000_000_000);
const HOUR: i64 = 3_600_000;

fn at(index: i64) -> Version {
    Version { epoch: 1, index }
}

fn alices(sid: &str, index: i64) -> SessionRow {
    SessionRow {
        sid: sid.into(),
        offline: false,
        realm: "lab".into(),
        user: "alice".into(),
        started: NOON,
        expires: UnixMs(NOON.0 + HOUR),
        doc: Some(format!("{sid}@{index}")),
        clients: vec!["shop".into()],
        version: at(index),
    }
}

fn ended(sid: &str, index: i64) -> SessionRow {
    SessionRow { doc: None, ..alices(sid, index) }
}

async fn put(db: &Db, rows: &[SessionRow]) -> Flushed {
    let position = rows.iter().map(|row| row.version).max().unwrap_or_default();
    let batch = Batch { sessions: rows.to_vec(), position, ..Batch::default() };
    sessions::flush(db, &batch).await.expect("flushes")
}

async fn doc_of(db: &Db, sid: &str) -> Option<String> {
    sessions::find(db, sid, false).await.expect("reads").expect("is there").doc
}

#[tokio::test]
async fn only_a_later_version_replaces_a_row() {
    for fresh in support::each().await {
        let db = &fresh.db;
        put(db, &[alices("a", 5)]).await;

        put(db, &[alices("a", 4)]).await;
        assert_eq!(doc_of(db, "a").await.as_deref(), Some("a@5"));
        put(db, &[alices("a", 6)]).await;
        assert_eq!(doc_of(db, "a").await.as_deref(), Some("a@6"));
        put(db, &[SessionRow { version: Version { epoch: 2, index: 1 }, ..alices("a", 1) }]).await;
        assert_eq!(
            doc_of(db, "a").await.as_deref(),
            Some("a@1"),
            "a new epoch is later than any index of the old"
        );
    }
}

#[tokio::test]
async fn the_late_write_of_a_deposed_leader_does_not_bring_a_session_back() {
    for fresh in support::each().await {
        let db = &fresh.db;
        put(db, &[alices("a", 5)]).await;
        put(db, &[ended("a", 7)]).await;

        let deposed = Db::open(&Settings::new(&fresh.url), Arc::new(support::Marker)).await.expect("opens");
        let late = put(&deposed, &[alices("a", 6)]).await;

        assert_eq!(late, Flushed::Done, "the late leader learns nothing");
        assert_eq!(doc_of(db, "a").await, None);
        assert_eq!(
            sessions::position(db).await.expect("reads"),
            Some(at(7)),
            "nor does the position go back"
        );
    }
}

#[tokio::test]
async fn a_batch_of_any_size_is_written_whole() {
    for fresh in support::each().await {
        let db = &fresh.db;
        for count in [1, 25, 26, 500] {
            let rows: Vec<_> =
                (0..count).map(|number| alices(&format!("{count}/{number:03}"), count)).collect();
            put(db, &rows).await;
        }

        let page = Page { after: (String::new(), "500/".into()), limit: 1_000 };
        let found = sessions::list_of_client(db, (&"lab".into(), &"shop".into()), false, NOON, &page)
            .await
            .expect("reads");

        assert_eq!(found.iter().filter(|row| row.sid.starts_with("500/")).count(), 500);
        let mut after = (String::new(), false);
        let mut seen = BTreeSet::new();
        loop {
            let page = sessions::versions(db, &after, NOON, 100).await.expect("reads");
            let Some((last, _)) = page.last() else { break };
            after = last.clone();
            seen.extend(page.into_iter().map(|((sid, _), version)| (sid, version)));
        }
        assert_eq!(seen.len(), 552);
    }
}

#[tokio::test]
async fn a_database_that_is_behind_is_found_out_before_anything_is_written() {
    for fresh in support::each().await {
        let db = &fresh.db;
        put(db, &[alices("a", 5)]).await;

        let batch =
            Batch { sessions: vec![alices("b", 10)], position: at(10), flushed: at(9), ..Batch::default() };
        let flushed = sessions::flush(db, &batch).await.expect("runs");

        assert_eq!(flushed, Flushed::Behind(at(5)));
        assert_eq!(sessions::find(db, "b", false).await.expect("reads"), None);
        assert_eq!(sessions::position(db).await.expect("reads"), Some(at(5)));
    }
}

#[tokio::test]
async fn lists_hold_what_is_alive_and_go_on_where_a_page_ended() {
    for fresh in support::each().await {
        let db = &fresh.db;
        let over = SessionRow { expires: UnixMs(NOON.0 - 1), ..alices("over", 1) };
        let offline = SessionRow { offline: true, ..alices("a", 1) };
        let bobs = SessionRow { user: "bob".into(), clients: vec!["blog".into()], ..alices("c", 1) };
        put(db, &[alices("a", 1), alices("b", 1), over, offline, bobs, ended("d", 1)]).await;
        let (lab, alice) = ("lab".into(), "alice".into());

        let of_alice =
            sessions::list_of_user(db, (&lab, &alice), false, (NOON, ""), 10).await.expect("reads");
        let first = Page { limit: 2, ..Page::default() };
        let of_realm = sessions::list_of_realm(db, &lab, false, NOON, &first).await.expect("reads");
        let last = of_realm.last().expect("is full");
        let next = Page { after: (last.user.to_string(), last.sid.clone()), limit: 2 };
        let rest = sessions::list_of_realm(db, &lab, false, NOON, &next).await.expect("reads");
        let first = Page { limit: 9, ..Page::default() };
        let at_blog =
            sessions::list_of_client(db, (&lab, &"blog".into()), false, NOON, &first).await.expect("reads");

        let names = |rows: &[SessionRow]| rows.iter().map(|row| row.sid.clone()).collect::<Vec<_>>();
        assert_eq!(names(&of_alice), ["a", "b"]);
        assert_eq!((names(&of_realm), names(&rest)), (vec!["a".into(), "b".into()], vec!["c".into()]));
        assert_eq!(names(&at_blog), ["c"]);
    }
}

#[tokio::test]
async fn the_reaper_leaves_what_was_prolonged_and_waits_a_minute() {
    for fresh in support::each().await {
        let db = &fresh.db;
        put(db, &[alices("over", 1), alices("used", 1), ended("gone", 1)]).await;
        let used = SessionRow { expires: UnixMs(NOON.0 + 2 * HOUR), ..alices("used", 2) };
        put(db, &[used]).await;

        let early = sessions::reap(db, UnixMs(NOON.0 + HOUR + 59_000), 100).await.expect("reaps");
        let late = sessions::reap(db, UnixMs(NOON.0 + HOUR + 61_000), 100).await.expect("reaps");

        assert_eq!((early.sessions, late.sessions), (0, 2));
        assert!(sessions::find(db, "used", false).await.expect("reads").is_some());
        let first = Page { limit: 9, ..Page::default() };
        let at_shop = sessions::list_of_client(db, (&"lab".into(), &"shop".into()), false, NOON, &first)
            .await
            .expect("reads");
        assert_eq!(at_shop.len(), 1);
    }
}

#[tokio::test]
async fn a_fence_stays_while_a_row_stands_behind_it() {
    for fresh in support::each().await {
        let db = &fresh.db;
        let fence = |user: Option<&str>, index| FenceRow {
            realm: "lab".into(),
            user: user.map(Into::into),
            client: None,
            offline: false,
            at: UnixMs(NOON.0 + index),
            version: at(index),
        };
        let batch = Batch {
            fences: vec![fence(Some("alice"), 2), fence(Some("bob"), 3), fence(None, 4)],
            sessions: vec![alices("a", 1)],
            position: at(4),
            ..Batch::default()
        };
        sessions::flush(db, &batch).await.expect("flushes");
        let (lab, alice) = ("lab".into(), "alice".into());

        let over_alice = sessions::fences_over(db, &lab, &alice).await.expect("reads");
        let soon = sessions::reap(db, UnixMs(NOON.0 + HOUR), 100).await.expect("reaps");
        // After a day, but while the session's row is there: only bob's has nothing behind it.
        let session = SessionRow { expires: UnixMs(NOON.0 + 48 * HOUR), ..alices("a", 5) };
        put(db, &[session]).await;
        let later = sessions::reap(db, UnixMs(NOON.0 + 25 * HOUR), 100).await.expect("reaps");
        let last = sessions::reap(db, UnixMs(NOON.0 + 49 * HOUR), 100).await.expect("reaps");

        assert_eq!(over_alice, [fence(None, 4), fence(Some("alice"), 2)]);
        assert_eq!(soon, Reaped::default());
        assert_eq!(later, Reaped { fences: 1, ..Reaped::default() });
        assert_eq!(last, Reaped { sessions: 1, fences: 2, ..Reaped::default() });
    }
}

#[tokio::test]
async fn a_notice_is_listed_until_it_is_settled() {
    for fresh in support::each().await {
        let db = &fresh.db;
        let notice = |id: &str, doc: Option<&str>, index| DeliveryRow {
            id: id.into(),
            expires: UnixMs(NOON.0 + HOUR),
            doc: doc.map(Into::into),
            version: at(index),
        };
        let batch = |deliveries: Vec<DeliveryRow>| Batch { deliveries, position: at(9), ..Batch::default() };
        let both = batch(vec![notice("1", Some("x"), 1), notice("2", Some("y"), 2)]);
        sessions::flush(db, &both).await.expect("flushes");
        sessions::flush(db, &batch(vec![notice("1", None, 3)])).await.expect("flushes");
        sessions::flush(db, &both).await.expect("a repeated flush changes nothing");

        let listed = sessions::list_deliveries(db, "", 10).await.expect("reads");
        let reaped = sessions::reap(db, UnixMs(NOON.0 + 2 * HOUR), 10).await.expect("reaps");

        assert_eq!(listed, [notice("2", Some("y"), 2)]);
        assert_eq!(reaped.deliveries, 2);
    }
}
