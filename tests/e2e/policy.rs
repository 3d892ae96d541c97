//! A policy that was configured is never weakened: what this release cannot ask for refuses the login by name.

use anyhow::Result;
use http::Method;
use keyraft_harness::{Agent, Answer, Realm};
use serde_json::{Value, json};

use crate::{
    keyraft,
    shop::{Shop, parameter, reply},
};

/// Signs in as far as the server lets a browser go.
async fn as_far_as_it_goes(shop: &Shop<'_>, name: &str, password: &str) -> Result<(Agent, Answer)> {
    let mut agent = Agent::new(shop.realm.keyraft());
    let mut page = agent.open(&shop.authorize(&[])?).await?;
    for _ in 0..4 {
        let Ok(mut form) = page.form() else { break };
        if page.status != 200 {
            break;
        }
        form.fill("username", name);
        form.fill("password", password);
        page = agent.send(&form).await?;
    }
    Ok((agent, page))
}

/// The page refuses, names what is missing, and nobody is signed in.
async fn assert_refused(shop: &Shop<'_>, name: &str, password: &str, what: &str) -> Result<()> {
    let (mut agent, page) = as_far_as_it_goes(shop, name, password).await?;
    assert_eq!(page.status, 400, "{what}: {} {}", page.url, page.body);
    assert!(page.body.contains(what), "the page names {what}: {}", page.body);
    assert!(
        page.body.contains("that this server does not have"),
        "the page says what is the matter: {}",
        page.body
    );
    let silent = agent.open(&shop.authorize(&[("prompt", "none")])?).await?;
    assert!(parameter(&silent.url, "code").is_err(), "{}", silent.url);
    let log = shop.realm.keyraft().whole_log();
    let told = log.lines().any(|line| line.contains("LOGIN_ERROR") && line.contains(what));
    assert!(told || !shop.realm.keyraft().is_own(), "an event names {what}: {log}");
    Ok(())
}

async fn direct(shop: &Shop<'_>, name: &str, password: &str) -> Result<crate::shop::Reply> {
    shop.token(&[("grant_type", "password"), ("username", name), ("password", password)]).await
}

/// A key that somebody registered at the original.
fn key(kind: &str) -> Value {
    let data = json!({
        "aaguid": "00000000-0000-0000-0000-000000000000", "credentialId": "c2Vl", "counter": 0,
        "credentialPublicKey": "pQECAyYgASFYIA", "attestationStatementFormat": "none", "transports": [],
    });
    json!({ "type": kind, "userLabel": "key", "credentialData": data.to_string(), "secretData": "{}" })
}

#[tokio::test]
async fn who_has_a_security_key_is_not_let_in_without_it() -> Result<()> {
    let keyraft = keyraft().await?;
    let password = json!({ "type": "password", "value": "a long password", "temporary": false });
    let user = json!({
        "username": "alice", "enabled": true, "emailVerified": true, "email": "alice@example.com",
        "firstName": "Alice", "lastName": "Example", "credentials": [password, key("webauthn")],
    });
    let step = |authenticator: &str, requirement: &str, priority: u32| json!({ "authenticator": authenticator, "requirement": requirement, "priority": priority, "autheticatorFlow": false });
    // As in the original's browser flow, where the administrator has switched security keys on.
    let second = json!({
        "alias": "second", "providerId": "basic-flow", "topLevel": false, "builtIn": false,
        "authenticationExecutions": [
            step("conditional-user-configured", "REQUIRED", 10),
            step("auth-otp-form", "ALTERNATIVE", 20),
            step("webauthn-authenticator", "ALTERNATIVE", 30),
        ],
    });
    let below = json!({ "flowAlias": "second", "requirement": "CONDITIONAL", "priority": 20, "autheticatorFlow": true });
    let flow = json!({
        "alias": "mine", "providerId": "basic-flow", "topLevel": true, "builtIn": false,
        "authenticationExecutions": [step("auth-username-password-form", "REQUIRED", 10), below],
    });
    let settings = json!({ "users": [user], "authenticationFlows": [flow, second], "browserFlow": "mine" });
    let realm = keyraft.realm("keys", settings).await?;
    let shop = Shop::open(&realm, "shop").await?;
    // Who has none is not asked for one.
    let bob = realm.person("bob").await?;
    assert_eq!(shop.sign_in(&bob).await?.status, 200);

    assert_refused(&shop, "alice", "a long password", "webauthn-authenticator").await
}

#[tokio::test]
async fn an_action_that_is_due_and_not_built_refuses_the_login() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("actions", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;

    for action in ["CONFIGURE_RECOVERY_AUTHN_CODES", "webauthn-register", "CONFIGURE_TOTP"] {
        let name = format!("person-{}", action.to_lowercase());
        let person = realm.person_with(&name, json!({ "requiredActions": [action] })).await?;
        let (_, page) = as_far_as_it_goes(&shop, &name, &person.password).await?;
        // Built by now: then the page is the action's own, and there is nothing to refuse.
        if page.status != 200 {
            assert_refused(&shop, &name, &person.password, action).await?;
        }
        assert!(parameter(&page.url, "code").is_err(), "{action}: {}", page.url);
        let grant = direct(&shop, &name, &person.password).await?;
        assert_eq!(grant.refusal(), (400, "invalid_grant"), "{action}");
    }
    Ok(())
}

#[tokio::test]
async fn a_realm_that_verifies_addresses_lets_nobody_in_unverified() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("verify", json!({ "verifyEmail": true })).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let alice = realm.person_with("alice", json!({ "emailVerified": false })).await?;

    let (_, page) = as_far_as_it_goes(&shop, "alice", &alice.password).await?;

    assert!(parameter(&page.url, "code").is_err(), "{}", page.url);
    assert_eq!(direct(&shop, "alice", &alice.password).await?.refusal(), (400, "invalid_grant"));
    Ok(())
}

/// A realm whose browser flow, or direct grant flow, ends in something that nobody knows.
async fn with_flow<'a>(
    keyraft: &'a keyraft_harness::Keyraft,
    kind: &str,
    first: &str,
    requirement: &str,
) -> Result<Realm<'a>> {
    let execution = |authenticator: &str, requirement: &str, priority: u32| json!({ "authenticator": authenticator, "requirement": requirement, "priority": priority, "autheticatorFlow": false });
    let flow = json!({
        "alias": "mine", "providerId": "basic-flow", "topLevel": true, "builtIn": false,
        "authenticationExecutions": [execution(first, "REQUIRED", 10), execution("direct-grant-validate-password", if kind == "directGrantFlow" { "REQUIRED" } else { "DISABLED" }, 20), execution("acme-risk", requirement, 30)],
    });
    keyraft.realm("flow", json!({ "authenticationFlows": [flow], kind: "mine" })).await
}

#[tokio::test]
async fn a_step_that_nobody_knows_refuses_the_login() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = with_flow(&keyraft, "browserFlow", "auth-username-password-form", "REQUIRED").await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    assert_refused(&shop, "alice", &alice.password, "acme-risk").await
}

#[tokio::test]
async fn a_step_that_nobody_knows_refuses_the_direct_grant() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = with_flow(&keyraft, "directGrantFlow", "direct-grant-validate-username", "REQUIRED").await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    let grant = direct(&shop, "alice", &alice.password).await?;

    assert!((400..500).contains(&grant.status), "{grant:?}");
    assert!(keyraft.whole_log().contains("acme-risk"), "the log names it: {}", keyraft.log());
    Ok(())
}

#[tokio::test]
async fn a_step_that_is_switched_off_hinders_nobody() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = with_flow(&keyraft, "browserFlow", "auth-username-password-form", "DISABLED").await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    assert_eq!(shop.sign_in(&alice).await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn a_client_that_proves_itself_otherwise_is_not_let_in_by_its_secret() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("clients", json!({})).await?;

    for kind in ["client-x509", "federated-jwt", "acme-proof"] {
        let client = format!("client-of-{kind}");
        let shop = Shop::open_with(&realm, &client, json!({ "clientAuthenticatorType": kind })).await?;
        let answer = shop.token(&[("grant_type", "client_credentials")]).await?;
        assert!((400..=401).contains(&answer.status), "{kind}: {answer:?}");
        let form = [("grant_type", "client_credentials"), ("client_id", client.as_str())];
        let bare = reply(keyraft.http().post(realm.endpoint("token")).form(&form)).await?;
        assert!((400..=401).contains(&bare.status), "{kind}: {bare:?}");
        let introspected = shop.post("token/introspect", &[("token", "x")]).await?;
        assert!((400..=401).contains(&introspected.status), "{kind}: {introspected:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_policy_for_passwords_holds_on_every_way_to_one() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("policy", json!({ "passwordPolicy": "length(12) and digits(1)" })).await?;
    let short = json!({ "type": "password", "value": "short", "temporary": false });
    let made =
        realm.create("/users", json!({ "username": "bob", "enabled": true, "credentials": [short] })).await;
    assert!(made.is_err());

    let bob = realm.create("/users", json!({ "username": "bob", "enabled": true })).await?;
    let path = realm.path(&format!("/users/{bob}"));
    let reset = keyraft.admin(Method::PUT, &format!("{path}/reset-password"), Some(short.clone())).await;
    assert!(reset.is_err());
    let put = keyraft.admin(Method::PUT, &path, Some(json!({ "credentials": [short] }))).await;
    let shop = Shop::open(&realm, "shop").await?;
    assert!(put.is_err() || direct(&shop, "bob", "short").await?.status != 200);
    Ok(())
}

#[tokio::test]
async fn a_realm_that_wants_pkce_or_no_flow_of_a_client_is_obeyed() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("switches", json!({})).await?;
    let pkce = json!({ "attributes": { "pkce.code.challenge.method": "S256" } });
    let strict = Shop::open_with(&realm, "strict", pkce).await?;
    let closed = json!({
        "standardFlowEnabled": false, "directAccessGrantsEnabled": false, "serviceAccountsEnabled": false,
    });
    let closed = Shop::open_with(&realm, "closed", closed).await?;
    let alice = realm.person("alice").await?;

    let bare = Agent::new(&keyraft).open(&strict.authorize(&[])?).await?;
    assert_eq!(parameter(&bare.url, "error")?, "invalid_request");
    let shut = Agent::new(&keyraft).open(&closed.authorize(&[])?).await?;
    assert_eq!(parameter(&shut.url, "error")?, "unauthorized_client");
    assert_eq!(direct(&closed, "alice", &alice.password).await?.refusal(), (400, "unauthorized_client"));
    let machine = closed.token(&[("grant_type", "client_credentials")]).await?;
    assert_eq!(machine.refusal(), (401, "unauthorized_client"));
    // A flow that is switched off while somebody is on the way stops him at the end.
    let mut agent = Agent::new(&keyraft);
    let open = Shop::open(&realm, "open").await?;
    let mut form = agent.open(&open.authorize(&[])?).await?.form()?;
    let path = realm.path(&format!("/clients/{}", open.uuid));
    keyraft
        .admin(Method::PUT, &path, Some(json!({ "clientId": "open", "standardFlowEnabled": false })))
        .await?;
    form.fill("username", "alice");
    form.fill("password", &alice.password);
    let end = agent.send(&form).await?;
    assert!(parameter(&end.url, "code").is_err(), "{}", end.url);
    Ok(())
}
