//! What lies in the database: seen by every node at once, followed by rows, and done without for a while.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use http::Method;
use keyraft_harness::{Agent, Keyraft, Nodes, Person, Realm, Weather};
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;

use super::{ran, skipped, three};

/// Where codes go; nothing listens there.
const REDIRECT: &str = "http://127.0.0.1:9/callback";
/// The secret of every client here.
const SECRET: &str = "shop-likes-to-keep-a-secret";
/// What a change may take until it is in a row: batches of 200 ms, on a busy machine.
const FLUSHED: Duration = Duration::from_secs(10);
/// "Not now" is heard by then, and a little later on a busy machine.
const IN_TIME: Duration = Duration::from_millis(2_500);

/// An application that asks any node.
struct Shop {
    http: Client,
    urls: Vec<String>,
    realm: String,
    client_id: String,
    /// What the admin API knows it by.
    uuid: String,
}

/// Status, `Retry-After` and JSON of an answer.
#[derive(Debug)]
struct Reply {
    status: u16,
    again: Option<String>,
    body: Value,
}

impl Reply {
    fn text(&self, name: &str) -> Result<&str> {
        self.body[name].as_str().with_context(|| format!("no {name} in {self:?}"))
    }
}

impl Shop {
    /// Registers a client.
    async fn open(nodes: &Nodes, realm: &Realm<'_>, client_id: &str, attributes: Value) -> Result<Self> {
        let settings = json!({
            "secret": SECRET, "redirectUris": [REDIRECT], "directAccessGrantsEnabled": true,
            "serviceAccountsEnabled": true, "attributes": attributes,
        });
        let uuid = realm.client(client_id, settings).await?;
        let urls: Vec<_> = (0..nodes.count())
            .map(|place| Ok(nodes.server(place)?.url().to_owned()))
            .collect::<Result<_>>()?;
        let http = realm.keyraft().http().clone();
        let (realm, client_id) = (realm.name().to_owned(), client_id.to_owned());
        Ok(Self { http, urls, realm, client_id, uuid })
    }

    fn endpoint(&self, place: usize, name: &str) -> String {
        format!("{}/realms/{}/protocol/openid-connect/{name}", self.urls[place], self.realm)
    }

    async fn post(&self, place: usize, endpoint: &str, form: &[(&str, &str)]) -> Result<Reply> {
        let request = self.http.post(self.endpoint(place, endpoint)).form(form);
        let answer = request.basic_auth(&self.client_id, Some(SECRET)).send().await?;
        let status = answer.status().as_u16();
        let again = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let again = again.map(str::to_owned);
        Ok(Reply { status, again, body: serde_json::from_str(&answer.text().await?).unwrap_or_default() })
    }

    async fn token(&self, place: usize, form: &[(&str, &str)]) -> Result<Reply> {
        self.post(place, "token", form).await
    }

    /// Signs somebody in by password.
    async fn sign_in(&self, place: usize, person: &Person, scope: &str) -> Result<Reply> {
        let form = [
            ("grant_type", "password"),
            ("username", person.name.as_str()),
            ("password", person.password.as_str()),
            ("scope", scope),
        ];
        self.token(place, &form).await
    }

    async fn refresh(&self, place: usize, token: &str) -> Result<Reply> {
        self.token(place, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn redeem(&self, place: usize, code: &str) -> Result<Reply> {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)];
        self.token(place, &form).await
    }

    /// A code from a browser that is at that node, where it signs in or is signed in already.
    async fn code(&self, place: usize, browser: &mut Agent, person: &Person) -> Result<String> {
        let parameters = [
            ("client_id", self.client_id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", "openid"),
        ];
        let url = Url::parse_with_params(&self.endpoint(place, "auth"), parameters)?;
        let back = browser.sign_in(url.as_str(), person).await?;
        let code = back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        code.with_context(|| format!("no code in {back}"))
    }
}

/// The session that an access token is of.
fn sid(tokens: &Reply) -> Result<String> {
    let payload = tokens.text("access_token")?.split('.').nth(1).context("a JWT has three parts")?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    Ok(claims["sid"].as_str().context("the token is of a session")?.to_owned())
}

/// What the row of a session says: whether it ended, and when it ends, in Unix milliseconds.
fn row(nodes: &Nodes, sid: &str, offline: bool) -> Result<Option<(bool, i64)>> {
    let query =
        format!("SELECT ended, expires_ms FROM user_session WHERE sid = '{sid}' AND offline = {offline}");
    let rows = nodes.database().rows(&query)?;
    let Some((ended, expires)) = rows.first().and_then(|row| row.split_once('|')) else { return Ok(None) };
    Ok(Some((ended == "t", expires.parse()?)))
}

/// Waits until the row of a session says that it is alive, or that it ended.
async fn followed(nodes: &Nodes, sid: &str, offline: bool, ended: bool) -> Result<()> {
    let began = Instant::now();
    loop {
        let found = row(nodes, sid, offline)?;
        if found.is_some_and(|(is_ended, _)| is_ended == ended) {
            return Ok(());
        }
        ensure!(began.elapsed() < FLUSHED, "the row of {sid} says {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn now_ms() -> Result<i64> {
    Ok(i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?)
}

async fn change(server: &Keyraft, realm: &Realm<'_>, path: &str, body: Value) -> Result<()> {
    server.admin(Method::PUT, &realm.path(path), Some(body)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_changes_at_one_node_holds_at_all_when_he_is_answered() -> Result<()> {
    let began = Instant::now();
    let Some(nodes) = three().await? else { return Ok(()) };
    let server = nodes.server(0)?;
    let realm = server.realm("changed", json!({})).await?;
    let shop = Shop::open(&nodes, &realm, "shop", json!({})).await?;
    let alice = realm.person("alice").await?;
    let ask = async |place| shop.token(place, &[("grant_type", "client_credentials")]).await;
    let mut slowest = Duration::ZERO;

    for round in 0..15 {
        for (enabled, good) in [(true, 200), (false, 401)] {
            let (path, asked) = (format!("/clients/{}", shop.uuid), Instant::now());
            change(&server, &realm, &path, json!({ "clientId": "shop", "enabled": enabled })).await?;
            slowest = slowest.max(asked.elapsed());

            for place in [1, 2, 0] {
                let reply = ask(place).await?;
                ensure!(reply.status == good, "round {round}, node {place}, {enabled}: {reply:?}");
            }
        }
    }

    change(
        &server,
        &realm,
        &format!("/clients/{}", shop.uuid),
        json!({ "clientId": "shop", "enabled": true }),
    )
    .await?;
    for place in 0..3 {
        ensure!(shop.sign_in(place, &alice, "openid").await?.status == 200, "alice is known at node {place}");
    }
    change(
        &server,
        &realm,
        &format!("/users/{}", alice.id),
        json!({ "username": "alice", "enabled": false }),
    )
    .await?;
    for place in [1, 2, 0] {
        let reply = shop.sign_in(place, &alice, "openid").await?;
        ensure!(reply.status == 400, "node {place}: {reply:?}");
    }
    ensure!(
        slowest < Duration::from_secs(1),
        "with three nodes well, a change waits for nobody: {slowest:?}"
    );
    ran("an administrator's change at one node, asked at the others at once", began);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stored_end_of_a_session_never_moves_into_the_past() -> Result<()> {
    let began = Instant::now();
    let Some(nodes) = three().await? else { return Ok(()) };
    let server = nodes.server(0)?;
    // The second client's part in a session ends long before the session does.
    let realm = server.realm("ends", json!({ "ssoSessionIdleTimeout": 1_800 })).await?;
    let short = json!({ "client.session.idle.timeout": "2", "client.session.max.lifespan": "2" });
    let shop = Shop::open(&nodes, &realm, "shop", json!({})).await?;
    let blog = Shop::open(&nodes, &realm, "blog", short).await?;
    let alice = realm.person("alice").await?;
    let mut browser = Agent::new(&server);

    let first = shop.redeem(0, &shop.code(0, &mut browser, &alice).await?).await?;
    let of = sid(&first)?;
    followed(&nodes, &of, false, false).await?;
    let is_well = async |step: &str| {
        // A batch's time, and some.
        tokio::time::sleep(Duration::from_millis(400)).await;
        let found = row(&nodes, &of, false)?;
        let least = now_ms()? + 60_000;
        ensure!(found.is_some_and(|(ended, end)| !ended && end > least), "after {step}: {found:?}");
        Ok(())
    };
    is_well("the first client's code").await?;
    let mut token = first.text("refresh_token")?.to_owned();
    for place in 0..3 {
        let second = blog.redeem(place, &blog.code(0, &mut browser, &alice).await?).await?;
        ensure!(sid(&second)? == of, "the same session");
        is_well(&format!("the second client's code at node {place}")).await?;
        blog.refresh(place, second.text("refresh_token")?).await?;
        is_well(&format!("the second client's refresh at node {place}")).await?;
        let third = shop.refresh(place, &token).await?;
        token = third.text("refresh_token")?.to_owned();
        is_well(&format!("the first client's refresh at node {place}")).await?;
    }
    ran("a session's stored end while a second client uses it", began);
    Ok(())
}

/// What a node says while the database is away: who is signed in goes on as if nothing had happened, who has been here
/// comes in, and of whom nobody can know it is not said that he is nobody.
async fn while_away(
    shop: &Shop,
    place: usize,
    (known, unknown): (&Person, &Person),
    early: &Reply,
) -> Result<Reply> {
    let began = Instant::now();
    let reply = shop.refresh(place, early.text("refresh_token")?).await?;
    ensure!(reply.status == 200, "node {place}: {reply:?}");
    ensure!(began.elapsed() < Duration::from_millis(500), "a refresh waits: {:?}", began.elapsed());
    let known = shop.sign_in(place, known, "openid").await?;
    ensure!(known.status == 200, "node {place}: {known:?}");
    let (began, reply) = (Instant::now(), shop.sign_in(place, unknown, "openid").await?);
    ensure!((reply.status, reply.again.is_some()) == (503, true), "node {place}: {reply:?}");
    ensure!(began.elapsed() < IN_TIME, "node {place}: not in time: {:?}", began.elapsed());
    Ok(known)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_keeps_nobody_out_who_is_known_and_gets_everything_later() -> Result<()> {
    let began = Instant::now();
    let Some(mut nodes) = Nodes::start_behind_proxy(env!("CARGO_BIN_EXE_keyraft"), 3).await? else {
        skipped();
        return Ok(());
    };
    let server = nodes.server(0)?;
    let realm = server.realm("away", json!({})).await?;
    let shop = Shop::open(&nodes, &realm, "shop", json!({})).await?;
    let (alice, bob) = (realm.person("alice").await?, realm.person("bob").await?);
    let mut early = Vec::new();
    for place in 0..3 {
        early.push(shop.sign_in(place, &alice, "openid").await?);
    }

    let away = Instant::now();
    let mut late = Vec::new();
    for weather in [Weather::Silent, Weather::Broken] {
        nodes.weather(weather);
        let until = away.elapsed() + Duration::from_millis(7_500);
        for _ in 0..2 {
            let asked = (0..3).map(|place| while_away(&shop, place, (&alice, &bob), &early[place]));
            for known in join_all(asked).await {
                late.push(known.with_context(|| format!("{weather:?}"))?);
            }
        }
        tokio::time::sleep(until.saturating_sub(away.elapsed())).await;
    }
    let form = [("refresh_token", early[0].text("refresh_token")?)];
    ensure!(shop.post(1, "logout", &form).await?.status == 204, "an end waits for no database");
    nodes.weather(Weather::Clear);

    let back = Instant::now();
    for place in 0..3 {
        nodes.ready(place).await?;
        while shop.sign_in(place, &bob, "openid").await?.status != 200 {
            ensure!(back.elapsed() < Duration::from_secs(10), "node {place}:\n{}", nodes.log(place));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    followed(&nodes, &sid(&early[0])?, false, true).await?;
    for tokens in early[1..].iter().chain(&late) {
        followed(&nodes, &sid(tokens)?, false, false).await?;
    }
    for (place, tokens) in late.iter().enumerate() {
        let reply = shop.refresh(place % 3, tokens.text("refresh_token")?).await?;
        ensure!(reply.status == 200, "all stay signed in: {reply:?}");
    }
    ran("the database hangs, then refuses, 15 s in all", began);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_disks_lost_and_the_database_kept_keeps_everybody_signed_in() -> Result<()> {
    let began = Instant::now();
    let Some(mut nodes) = three().await? else { return Ok(()) };
    let server = nodes.server(0)?;
    let realm = server.realm("kept", json!({})).await?;
    let shop = Shop::open(&nodes, &realm, "shop", json!({})).await?;
    let alice = realm.person("alice").await?;
    let mut browser = Agent::new(&server);
    let code = shop.code(0, &mut browser, &alice).await?;
    let online = shop.redeem(1, &code).await?;
    let unused = shop.code(0, &mut browser, &alice).await?;
    let offline = shop.sign_in(2, &alice, "openid offline_access").await?;
    let ended = shop.sign_in(0, &alice, "openid").await?;
    let form = [("refresh_token", ended.text("refresh_token")?)];
    ensure!(shop.post(1, "logout", &form).await?.status == 204);
    followed(&nodes, &sid(&online)?, false, false).await?;
    followed(&nodes, &sid(&offline)?, true, false).await?;
    followed(&nodes, &sid(&ended)?, false, true).await?;

    for place in 0..3 {
        nodes.kill(place)?;
        nodes.wipe(place)?;
    }
    for place in 0..3 {
        nodes.start_again(place)?;
    }
    nodes.until_said(0, &["reform"]).await?;
    for place in 0..3 {
        nodes.ready(place).await?;
    }

    let status = nodes.status(0)?;
    ensure!(status["epoch"].as_u64() > Some(1), "{status:#}");
    for place in 0..3 {
        for (kept, what) in [(&online, "online"), (&offline, "offline")] {
            let reply = shop.refresh(place, kept.text("refresh_token")?).await?;
            ensure!(reply.status == 200, "{what} at node {place}: {reply:?}\n{}", nodes.log(place));
        }
        let reply = shop.refresh(place, ended.text("refresh_token")?).await?;
        ensure!((reply.status, reply.text("error")?) == (400, "invalid_grant"), "node {place}: {reply:?}");
        for code in [&code, &unused] {
            let reply = shop.redeem(place, code).await?;
            ensure!(
                (reply.status, reply.text("error")?) == (400, "invalid_grant"),
                "node {place}: {reply:?}"
            );
        }
    }
    ran("all disks lost, the database kept", began);
    Ok(())
}
