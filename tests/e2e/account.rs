//! The account API: what an application may ask about the person who signed in to it.

use anyhow::{Context as _, Result};
use http::Method;
use keyraft_harness::Keyraft;
use serde_json::{Value, json};

use crate::{keyraft, shop::Shop};

struct Asker<'a> {
    keyraft: &'a Keyraft,
    base: String,
    token: String,
}

impl Asker<'_> {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<(u16, Value)> {
        let request = self.keyraft.http().request(method, format!("{}{path}", self.base));
        let mut request = request.bearer_auth(&self.token).header("accept", "application/json");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }
}

async fn asker<'a>(shop: &Shop<'a>, name: &str) -> Result<Asker<'a>> {
    let password = format!("{name} likes long walks");
    let form = [("grant_type", "password"), ("username", name), ("password", &password)];
    let reply = shop.token(&form).await?;
    let keyraft = shop.realm.keyraft();
    let token = reply.text("access_token")?.to_owned();
    Ok(Asker { keyraft, base: format!("{}/account", shop.realm.issuer()), token })
}

#[tokio::test]
async fn a_person_reads_and_changes_his_own_profile_through_an_application() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("profile", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    realm.person("alice").await?;
    realm.person("bob").await?;
    let alice = asker(&shop, "alice").await?;
    let changed = json!({ "username": "alice", "email": "a@example.com", "firstName": "A", "lastName": "B" });
    let taken = json!({ "username": "alice", "email": "bob@example.com", "firstName": "A", "lastName": "B" });

    let before = alice.ask(Method::GET, "", None).await?;
    let done = alice.ask(Method::POST, "/", Some(changed)).await?;
    let after = alice.ask(Method::GET, "/", None).await?;
    let refused = alice.ask(Method::POST, "/", Some(taken)).await?;

    assert_eq!(
        (before.0, &before.1["username"], &before.1["emailVerified"]),
        (200, &json!("alice"), &json!(true))
    );
    assert_eq!((done.0, after.0), (204, 200));
    assert_eq!((&after.1["email"], &after.1["emailVerified"]), (&json!("a@example.com"), &json!(false)));
    assert_eq!((refused.0, &refused.1["errorMessage"]), (409, &json!("emailExistsMessage")));
    Ok(())
}

#[tokio::test]
async fn only_roles_of_the_account_client_that_the_application_may_carry_open_the_api() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("roles", json!({})).await?;
    let wide = Shop::open(&realm, "wide").await?;
    let narrow = Shop::open_with(&realm, "narrow", json!({ "fullScopeAllowed": false })).await?;
    let alice = realm.person("alice").await?;
    let other = keyraft.realm("other", json!({})).await?;
    let elsewhere = Shop::open(&other, "wide").await?;
    other.person("alice").await?;

    let (wide, narrow, mut foreign) =
        (asker(&wide, "alice").await?, asker(&narrow, "alice").await?, asker(&elsewhere, "alice").await?);
    foreign.base.clone_from(&wide.base);
    let roles = keyraft.read(&realm.path(&format!("/users/{}/role-mappings/realm", alice.id))).await?;
    let before = wide.ask(Method::GET, "/sessions", None).await?;
    let not_carried = narrow.ask(Method::GET, "/sessions", None).await?;
    let of_another = foreign.ask(Method::GET, "/sessions", None).await?;
    keyraft
        .admin(Method::DELETE, &realm.path(&format!("/users/{}/role-mappings/realm", alice.id)), Some(roles))
        .await?;
    let taken_away = wide.ask(Method::GET, "/sessions", None).await?;

    assert_eq!(before.0, 200);
    assert_eq!((not_carried.0, of_another.0, taken_away.0), (401, 401, 401));
    Ok(())
}

#[tokio::test]
async fn sessions_and_consents_are_seen_and_ended_and_only_his_own() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("sessions", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    Shop::open_with(&realm, "bank", json!({ "consentRequired": true })).await?;
    realm.person("alice").await?;
    realm.person("bob").await?;
    let (first, second, bob) =
        (asker(&shop, "alice").await?, asker(&shop, "alice").await?, asker(&shop, "bob").await?);
    let scopes = keyraft.read(&realm.path("/client-scopes")).await?;
    let profile = scopes.as_array().context("a list")?.iter().find(|scope| scope["name"] == "profile");
    let granted = json!({ "grantedScopes": [{ "id": profile.context("a scope")?["id"] }] });

    let sessions = second.ask(Method::GET, "/sessions", None).await?;
    let of_bob = bob.ask(Method::GET, "/sessions", None).await?.1[0]["id"].clone();
    second.ask(Method::DELETE, &format!("/sessions/{}", of_bob.as_str().context("an id")?), None).await?;
    let bob_after = bob.ask(Method::GET, "/sessions", None).await?;
    let ended = second.ask(Method::DELETE, "/sessions", None).await?;
    let (gone, stays) =
        (first.ask(Method::GET, "/sessions", None).await?, second.ask(Method::GET, "/sessions", None).await?);
    let given = second.ask(Method::PUT, "/applications/bank/consent", Some(granted)).await?;
    let listed = second.ask(Method::GET, "/applications", None).await?;
    second.ask(Method::DELETE, "/applications/bank/consent", None).await?;
    let taken_back = second.ask(Method::GET, "/applications/bank/consent", None).await?;

    assert_eq!(sessions.1.as_array().map(Vec::len), Some(2));
    assert_eq!(bob_after.1.as_array().map(Vec::len), Some(1), "another's session is not his to end");
    assert_eq!((ended.0, gone.0, stays.1.as_array().map(Vec::len)), (204, 401, Some(1)));
    assert_eq!((given.0, &given.1["grantedScopes"][0]["displayText"]), (200, &json!("User profile")));
    assert!(listed.1.as_array().context("a list")?.iter().any(|app| app["clientId"] == "bank"));
    assert_eq!(taken_back.0, 204);
    Ok(())
}
