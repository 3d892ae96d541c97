//! A database that is away: who asks hears "not now" in time, and nothing stays behind.
//!
//! Between the server and PostgreSQL stands a proxy that falls silent, cuts and loses answers. Without
//! `KEYRAFT_TEST_PG_URL` these tests are skipped.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::future::join_all;
use http::Method;
use keyraft_harness::{Agent, Database, Fault, FaultProxy, Keyraft, Point, Weather, skip};
use serde_json::{Value, json};

use crate::shop::{SECRET, Shop};

/// "Not now" is heard by then, and a little later on a busy machine.
const IN_TIME: Duration = Duration::from_millis(2_500);
/// Connections that the server may have to its database.
const CONNECTIONS: usize = 8;

struct House {
    keyraft: Keyraft,
    proxy: FaultProxy,
    _database: Database,
}

impl House {
    /// `None` where there is no PostgreSQL.
    async fn open() -> Result<Option<Self>> {
        let Some(database) = Database::on_postgres()? else {
            skip("KEYRAFT_TEST_PG_URL is not set");
            return Ok(None);
        };
        let proxy = FaultProxy::start(database.upstream()).await?;
        let url = database.url_through(&proxy);
        let most = CONNECTIONS.to_string();
        let settings = [("KEYRAFT_DB_URL", url.as_str()), ("KEYRAFT_DB_POOL_MAX_SIZE", most.as_str())];
        let keyraft = Keyraft::start_with(env!("CARGO_BIN_EXE_keyraft"), &["start-dev"], &settings).await?;
        Ok(Some(Self { keyraft, proxy, _database: database }))
    }

    /// Threads and open files of the server.
    fn footprint(&self) -> Result<(usize, usize)> {
        let (id, _) = self.keyraft.inside().context("a server of the test's own")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).context("no threads")?;
        Ok((threads.trim().parse()?, std::fs::read_dir(format!("/proc/{id}/fd"))?.count()))
    }
}

/// What each kind of request hears: its name, the status and `Retry-After`.
async fn ask(
    house: &House,
    shop: &Shop<'_>,
    token: &str,
    round: usize,
) -> Result<Vec<(&'static str, u16, Option<String>, Duration)>> {
    let http = house.keyraft.http();
    let base = house.keyraft.url();
    let someone = format!("somebody-{round}");
    let (form, users) = (
        [("grant_type", "password"), ("username", &someone), ("password", "guess")],
        shop.realm.path("/users"),
    );
    let requests = [
        (
            "token",
            http.post(shop.realm.endpoint("token")).form(&form).basic_auth(&shop.client_id, Some(SECRET)),
        ),
        ("login page", http.get(shop.authorize(&[("client_id", &format!("unknown-{round}"))])?)),
        ("admin read", http.get(format!("{base}{users}?search=a{round}")).bearer_auth(token)),
        (
            "admin write",
            http.post(format!("{base}{users}")).bearer_auth(token).json(&json!({ "username": someone })),
        ),
        ("unknown realm", http.get(format!("{base}/realms/unknown-{round}"))),
    ];
    let asked = requests.map(async |(what, request)| {
        let began = Instant::now();
        let answer = request.send().await?;
        let again =
            answer.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok::<_, anyhow::Error>((what, answer.status().as_u16(), again, began.elapsed()))
    });
    join_all(asked).await.into_iter().collect()
}

#[tokio::test]
async fn a_database_that_hangs_is_503_in_time_leaks_nothing_and_heals_by_itself() -> Result<()> {
    let Some(house) = House::open().await? else { return Ok(()) };
    let realm = house.keyraft.realm("outage", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let token = house.keyraft.token().await?;
    shop.sign_in(&alice).await?;
    ask(&house, &shop, &token, 0).await?;
    let before = house.footprint()?;

    for (round, weather) in [Weather::Silent, Weather::Broken, Weather::Silent].into_iter().enumerate() {
        house.proxy.set(weather);
        for turn in 1..=6 {
            let round = 100 * round + 10 * turn;
            for answers in join_all((0..4).map(|n| ask(&house, &shop, &token, round + n))).await {
                for (what, status, again, took) in answers? {
                    assert_eq!(status, 503, "{what}, {weather:?}\n{}", house.keyraft.log());
                    assert!(again.is_some(), "{what} says when to come back");
                    assert!(took < IN_TIME, "{what} took {took:?} ({weather:?})");
                }
            }
        }
        // What is known needs no database.
        let known = house.keyraft.http().get(realm.issuer()).send().await?;
        assert_eq!(known.status(), 200);

        if round == 2 {
            house.proxy.strand();
        }
        house.proxy.set(Weather::Clear);
        let began = Instant::now();
        while !shop.is_served().await? {
            ensure!(began.elapsed() < Duration::from_secs(10), "still away: {}", house.keyraft.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    let page = Agent::new(&house.keyraft).sign_in(&shop.authorize(&[])?, &alice).await?;
    assert!(page.query().is_some_and(|query| query.contains("code=")), "{page}");
    assert!(house.proxy.connections() <= CONNECTIONS, "{} connections", house.proxy.connections());
    // Threads that waited for files end when they have had nothing to do for ten seconds; what leaks stays.
    let began = Instant::now();
    loop {
        let after = house.footprint()?;
        if after.0 <= before.0 + 2 && after.1 <= before.1 + CONNECTIONS + 4 {
            break;
        }
        ensure!(began.elapsed() < Duration::from_secs(20), "{before:?}, then {after:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_change_whose_commit_got_no_answer_is_made_once() -> Result<()> {
    let Some(house) = House::open().await? else { return Ok(()) };
    let realm = house.keyraft.realm("commits", json!({})).await?;
    let users = realm.path("/users");

    let faults = [Fault::LoseAnswer, Fault::LoseRequest, Fault::Late(Duration::from_millis(200))];
    for (number, fault) in faults.into_iter().enumerate() {
        house.proxy.at(Point::Commit, fault);
        let user = json!({ "username": format!("user-{number}") });
        let made = house.keyraft.admin(Method::POST, &users, Some(user)).await;
        assert!(made.is_ok(), "{fault:?}: {made:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let all = house.keyraft.read(&users).await?;
        let all = all.as_array().map(Vec::len);
        assert_eq!(all, Some(number + 1), "{fault:?}");
    }
    for number in 0..5 {
        house.proxy.at(Point::Statement(1 + number), Fault::Refuse("40001"));
        let user = json!({ "username": format!("retried-{number}") });
        house.keyraft.admin(Method::POST, &users, Some(user)).await?;
    }
    let count: Value = house.keyraft.read(&realm.path("/users/count")).await?;
    assert_eq!(count, json!(8));
    Ok(())
}
