//! A database that fails in every way, and what becomes of reads and writes meanwhile.
//!
//! A proxy between the store and PostgreSQL loses answers, cuts, refuses, falls silent. On a machine without
//! PostgreSQL these tests are skipped.

#[path = "../../../tests/harness/fault_proxy.rs"]
#[expect(unreachable_pub, reason = "the harness of the binary's tests has it too")]
mod fault_proxy;
#[expect(dead_code, reason = "these tests are of PostgreSQL alone")]
mod support;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fault_proxy::{Fault, FaultProxy, Point, Upstream, Weather};
use keyraft_model::{Realm, RealmId, User};
use keyraft_store::{Db, Error, Settings, UserQuery, data_keys, realms, server_state, users};

/// A caller hears "unavailable" by then, and a little later on a busy machine.
const PATIENCE: Duration = Duration::from_millis(2_500);
const CONNECTIONS: u32 = 4;

/// A store behind the proxy, and one that goes straight to the same database.
struct House {
    db: Db,
    direct: support::Fresh,
    proxy: FaultProxy,
    realm: RealmId,
    runs: AtomicUsize,
}

impl House {
    /// `None` where there is no PostgreSQL.
    async fn open() -> Option<Self> {
        let Some(direct) = support::postgres().await else {
            eprintln!("SKIPPED: faults: PostgreSQL's programs are not installed");
            return None;
        };
        let realm = Realm { id: "r".into(), realm: "r".into(), ..Realm::default() };
        direct.db.write(async |tx| realms::insert(&tx, &realm).await).await.expect("inserts");
        let (upstream, user, name) = place(&direct.url);
        let proxy = FaultProxy::start(upstream).await.expect("listens");
        let url = format!("postgres://{user}@127.0.0.1:{}/{name}?sslmode=disable", proxy.port());
        let settings = Settings { max_connections: CONNECTIONS, ..Settings::new(url) };
        let db = Db::open(&settings, Arc::new(support::Marker)).await.expect("opens");
        Some(Self { db, direct, proxy, realm: realm.id, runs: AtomicUsize::new(0) })
    }

    /// Adds a user of a new name in every run: what is done twice can be counted.
    async fn add(&self) -> Result<String, Error> {
        self.db
            .write(async |tx| {
                let run = self.runs.fetch_add(1, Ordering::SeqCst);
                let name = format!("user-{run}");
                let user = User { id: name.as_str().into(), username: name.clone(), ..User::default() };
                users::insert(&tx, &self.realm, &user, true).await?;
                Ok(name)
            })
            .await
    }

    /// Names of users that are there, as the database itself says.
    async fn names(&self) -> Vec<String> {
        let found = users::search(&self.direct.db, &self.realm, &UserQuery::default(), 0, 100).await;
        found.expect("reads").into_iter().map(|found| found.value.username).collect()
    }

    async fn read(&self) -> Result<(), Error> {
        users::find_by_username(&self.db, &self.realm, "nobody").await.map(|_| ())
    }

    /// As many at once as there are connections: one that leaked would be missed.
    async fn is_whole(&self) -> bool {
        let all = (0..CONNECTIONS).map(|_| async {
            self.db.read(async |tx| users::find_by_username(&tx, &self.realm, "nobody").await).await.is_ok()
        });
        all_of(all).await.into_iter().all(|is_ok| is_ok)
    }

    async fn heals_within(&self, patience: Duration) -> Duration {
        let began = Instant::now();
        while !self.is_whole().await {
            assert!(began.elapsed() < patience, "still away after {patience:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(self.proxy.connections() <= CONNECTIONS as usize, "{} connections", self.proxy.connections());
        began.elapsed()
    }
}

/// Where a database's address leads, its user and its name.
fn place(url: &str) -> (Upstream, String, String) {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let (rest, options) =
        rest.and_then(|rest| rest.split_once('?')).or(rest.map(|rest| (rest, ""))).expect("an address");
    let (place, name) = rest.split_once('/').expect("a database");
    let (user, place) = place.rsplit_once('@').expect("a user");
    let socket = options.split('&').find_map(|option| option.strip_prefix("host="));
    let upstream = if let Some(folder) = socket {
        Upstream::Unix(PathBuf::from(folder).join(".s.PGSQL.5432"))
    } else {
        let (host, port) = place.split_once(':').unwrap_or((place, "5432"));
        Upstream::Tcp(host.to_owned(), port.parse().expect("a port"))
    };
    (upstream, user.to_owned(), name.to_owned())
}

async fn all_of<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |cx| {
        for (future, output) in &mut waiting {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(cx)
            {
                *output = Some(ready);
            }
        }
        if waiting.iter().any(|(_, output)| output.is_none()) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(waiting.iter_mut().filter_map(|(_, output)| output.take()).collect())
    })
    .await
}

fn is_unavailable<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Unavailable { .. }))
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_out_about() {
    let Some(house) = House::open().await else { return };
    house.proxy.at(Point::Commit, Fault::LoseAnswer);

    let name = house.add().await.expect("it was committed");

    assert!(house.proxy.is_done());
    assert_eq!((house.names().await, house.runs.load(Ordering::SeqCst)), (vec![name], 1));
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_done_again() {
    let Some(house) = House::open().await else { return };
    house.proxy.at(Point::Commit, Fault::LoseRequest);

    let name = house.add().await.expect("it is done");

    assert_eq!((house.names().await, house.runs.load(Ordering::SeqCst)), (vec![name], 2));
}

#[tokio::test]
async fn a_commit_that_arrives_late_is_not_done_twice() {
    let Some(house) = House::open().await else { return };
    for (late, round) in [0, 20, 60, 150, 600].into_iter().zip(1..) {
        house.proxy.at(Point::Commit, Fault::Late(Duration::from_millis(late)));

        let added = house.add().await;

        tokio::time::sleep(Duration::from_millis(late + 300)).await;
        let names = house.names().await;
        assert_eq!(names.len(), round, "{late} ms late: {names:?}");
        match added {
            Ok(name) => assert!(names.contains(&name), "{late} ms late: {name} of {names:?}"),
            Err(error) => assert!(matches!(error, Error::OutcomeUnknown), "{late} ms late: {error}"),
        }
    }
}

#[tokio::test]
async fn a_lost_commit_that_left_no_trace_is_unknown_and_not_repeated() {
    let Some(house) = House::open().await else { return };
    house.proxy.at(Point::Commit, Fault::LoseAnswer);
    let key = data_keys::WrappedKey { id: "k".into(), wrapped: "w".into() };

    let inserted = data_keys::insert_first(&house.db, &key).await;

    assert!(matches!(inserted, Err(Error::OutcomeUnknown)), "{inserted:?}");
    assert_eq!(data_keys::list(&house.direct.db).await.expect("reads"), [key]);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_transaction_is_retried() {
    let Some(house) = House::open().await else { return };
    for (statement, round) in (1..=3).zip(1..) {
        for (fault, more) in [(Fault::LoseRequest, 0), (Fault::LoseAnswer, 1)] {
            house.proxy.at(Point::Statement(statement), fault);
            house.add().await.expect("it is done");
            assert!(house.proxy.is_done());
            assert_eq!(house.names().await.len(), 2 * round - 1 + more, "{fault:?} at {statement}");
        }
    }
}

#[tokio::test]
async fn a_conflict_of_serialization_is_retried_so_often_and_no_more() {
    let Some(house) = House::open().await else { return };
    for point in [Point::Statement(1), Point::Statement(2), Point::Commit] {
        for code in ["40001", "40P01"] {
            for _ in 0..3 {
                house.proxy.at(point, Fault::Refuse(code));
            }
            let before = house.runs.load(Ordering::SeqCst);
            house.add().await.expect("it is done in the end");
            assert_eq!(house.runs.load(Ordering::SeqCst) - before, 4, "{code} at {point:?}");
        }
    }
    let before = (house.runs.load(Ordering::SeqCst), house.names().await.len(), Instant::now());
    for _ in 0..8 {
        house.proxy.at(Point::Statement(1), Fault::Refuse("40001"));
    }
    assert!(is_unavailable(&house.add().await));
    assert_eq!(house.runs.load(Ordering::SeqCst) - before.0, 8);
    assert_eq!(house.names().await.len(), before.1);
    assert!(before.2.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn every_code_gets_its_answer() {
    let Some(house) = House::open().await else { return };
    for code in ["57P01", "57P03", "08006", "53300", "0A000"] {
        house.proxy.at(Point::Statement(1), Fault::Refuse(code));
        assert!(house.add().await.is_ok(), "{code} is retried");
        house.proxy.at(Point::Statement(1), Fault::Refuse(code));
        assert!(house.read().await.is_ok(), "{code} is retried");
    }
    for code in ["25006", "53100", "53200", "57014"] {
        let before = house.runs.load(Ordering::SeqCst);
        house.proxy.at(Point::Statement(1), Fault::Refuse(code));
        assert!(is_unavailable(&house.add().await), "{code}");
        assert_eq!(house.runs.load(Ordering::SeqCst) - before, 1, "{code} is not retried");
        house.heals_within(PATIENCE).await;
    }
    house.proxy.at(Point::Statement(1), Fault::Refuse("23505"));
    assert!(matches!(house.add().await, Err(Error::Conflict { stale: false, .. })));
    let before = house.names().await.len();
    house.proxy.at(Point::Commit, Fault::Refuse("40003"));
    house.add().await.expect("it was not committed, so it is done again");
    assert_eq!(house.names().await.len(), before + 1);
}

#[tokio::test]
async fn a_silent_database_is_unavailable_in_time_and_leaks_no_connection() {
    let Some(house) = House::open().await else { return };
    assert!(house.is_whole().await);
    for stranded in [false, true] {
        house.proxy.set(Weather::Silent);

        let began = Instant::now();
        let reads = all_of((0..20).map(|_| house.read())).await;
        assert!(reads.iter().all(is_unavailable) && began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        let began = Instant::now();
        let writes = all_of((0..20).map(|_| house.add())).await;
        assert!(writes.iter().all(is_unavailable) && began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        assert!(house.db.is_away());

        if stranded {
            house.proxy.strand();
        }
        house.proxy.set(Weather::Clear);
        house.heals_within(Duration::from_secs(10)).await;
        assert!(!house.db.is_away());
    }
    assert_eq!(house.names().await, Vec::<String>::new());
}

#[tokio::test]
async fn silence_in_the_middle_of_a_transaction_ends_it_in_time() {
    let Some(house) = House::open().await else { return };
    let began = house
        .db
        .write(async |tx| {
            house.proxy.set(Weather::Silent);
            let began = Instant::now();
            let user = User { id: "u".into(), username: "u".into(), ..User::default() };
            assert!(is_unavailable(&users::insert(&tx, &house.realm, &user, true).await));
            Err::<(), _>(Kept(began))
        })
        .await
        .expect_err("nothing was written");

    assert!(began.0.elapsed() < PATIENCE, "{:?}", began.0.elapsed());
    house.proxy.set(Weather::Clear);
    house.heals_within(Duration::from_secs(10)).await;
    assert_eq!(house.names().await, Vec::<String>::new());
}

/// When something began; for want of another way out of a closure.
#[derive(Debug)]
struct Kept(Instant);

impl From<Error> for Kept {
    fn from(error: Error) -> Self {
        panic!("{error}")
    }
}

#[tokio::test]
async fn stranded_connections_are_not_tried_one_after_another() {
    let Some(house) = House::open().await else { return };
    // Two at once, so that there are two: over a single one nothing tells a stranded answer from a slow one.
    let both = house.db.read(async |_| house.read().await).await;
    both.expect("both are made");
    // They go back into the pool in the background.
    tokio::time::sleep(Duration::from_millis(500)).await;
    house.proxy.strand();

    let began = Instant::now();
    assert!(is_unavailable(&house.read().await));
    assert!(house.read().await.is_ok() && house.add().await.is_ok());
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_broken_database_is_unavailable_in_time_and_comes_back() {
    let Some(house) = House::open().await else { return };
    house.proxy.set(Weather::Broken);

    let began = Instant::now();
    assert!(is_unavailable(&house.read().await) && is_unavailable(&house.add().await));
    assert!(began.elapsed() < 2 * PATIENCE, "{:?}", began.elapsed());

    house.proxy.set(Weather::Clear);
    house.heals_within(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_slow_statement_is_waited_for_while_the_database_answers_others() {
    let Some(house) = House::open().await else { return };
    house.proxy.set(Weather::Slow(Duration::from_millis(250)));

    let began = Instant::now();
    house.add().await.expect("slow is not away");
    assert!(began.elapsed() > Duration::from_secs(1));
    assert!(!house.db.is_away());
}

#[tokio::test]
async fn who_leaves_in_the_middle_leaves_no_transaction_behind() {
    let Some(house) = House::open().await else { return };
    house.proxy.set(Weather::Slow(Duration::from_millis(60)));
    for patience in (10..300).step_by(20) {
        let patience = Duration::from_millis(patience);
        all_of((0..CONNECTIONS).map(async |_| drop(tokio::time::timeout(patience, house.add()).await))).await;
    }
    house.proxy.set(Weather::Clear);
    house.heals_within(Duration::from_secs(5)).await;

    // Written outside any transaction: seen by others at once, or never if one was left open.
    for round in 0..2 * CONNECTIONS {
        let name = format!("state-{round}");
        assert!(server_state::put(&house.db, &name, "{}", None).await.expect("writes"));
        assert!(server_state::find(&house.direct.db, &name).await.expect("reads").is_some(), "{name}");
    }
}
