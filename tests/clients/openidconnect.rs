//! The `openidconnect` crate.

use anyhow::{Context as _, Result};
use keyraft_harness::{Agent, Begun, Keyraft, Person, Realm, Rp, Tokens, skip};
use openidconnect::core::{CoreDeviceAuthorizationResponse, CoreUserInfoClaims};
use openidconnect::{
    AccessToken, DeviceAuthorizationUrl, IntrospectionUrl, OAuth2TokenResponse as _, ResourceOwnerPassword,
    ResourceOwnerUsername, Scope, TokenIntrospectionResponse as _,
};
use serde_json::json;

use crate::{CALLBACK, KEYRAFT, SECRET, shop};

async fn library(realm: &Realm<'_>) -> Result<Rp> {
    shop(realm).await?;
    Rp::discover(realm, "shop", Some(SECRET), CALLBACK).await
}

async fn signed_in(rp: &Rp, agent: &mut Agent, person: &Person) -> Result<Tokens> {
    let (url, begun): (_, Begun) = rp.begin();
    let callback = agent.sign_in(url.as_str(), person).await?;
    rp.finish(&callback, begun).await
}

#[tokio::test]
async fn a_code_becomes_tokens_that_the_crate_accepts() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("crate", json!({})).await?;
    let alice = realm.person("alice").await?;
    let shop = library(&realm).await?;

    let tokens = signed_in(&shop, &mut Agent::new(&keyraft), &alice).await?;

    assert_eq!((tokens.name.as_str(), &tokens.subject), ("alice", &alice.id));
    assert!(tokens.response.scopes().is_some_and(|scopes| scopes.contains(&Scope::new("email".to_owned()))));
    let expected = Some(openidconnect::SubjectIdentifier::new(alice.id.clone()));
    let request = shop.library.user_info(AccessToken::new(tokens.access().to_owned()), expected)?;
    let claims: CoreUserInfoClaims = request.request_async(&|r| shop.send(r)).await?;
    assert_eq!(claims.email().map(|email| email.as_str()), Some("alice@example.com"));
    assert_eq!(claims.email_verified(), Some(true));
    Ok(())
}

#[tokio::test]
async fn tokens_are_refreshed_looked_at_and_given_back() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("tokens", json!({})).await?;
    let alice = realm.person("alice").await?;
    let shop = library(&realm).await?;
    let more = shop.metadata.additional_metadata().clone();
    let looking = shop
        .library
        .clone()
        .set_introspection_url(IntrospectionUrl::from_url(more.introspection_endpoint.clone()));

    let first = signed_in(&shop, &mut Agent::new(&keyraft), &alice).await?;
    let second = shop.refresh(first.refresh()?).await?;
    assert_ne!(first.access(), second.access());
    assert_eq!(second.subject, alice.id);

    let access = AccessToken::new(second.access().to_owned());
    let seen = looking.introspect(&access).request_async(&|r| shop.send(r)).await?;
    assert!(seen.active());
    assert_eq!(seen.username(), Some("alice"));

    // The crate gives tokens back over https only.
    let form = [("token", second.refresh()?), ("client_id", "shop"), ("client_secret", SECRET)];
    let given = keyraft.http().post(more.revocation_endpoint).form(&form).send().await?;
    assert_eq!(given.status(), 200);
    let refused = shop.refresh(second.refresh()?).await.err().context("a token that was given back works")?;
    assert!(refused.to_string().starts_with("invalid_grant"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn signing_out_ends_the_session_and_comes_back() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("out", json!({})).await?;
    let alice = realm.person("alice").await?;
    let shop = library(&realm).await?;
    let mut browser = Agent::new(&keyraft);

    let tokens = signed_in(&shop, &mut browser, &alice).await?;
    let (silent, begun) = shop.begin_with("none");
    let again = shop.finish(&browser.open(silent.as_str()).await?.url, begun).await?;
    assert_eq!(again.subject, alice.id);
    let back = browser.open(shop.sign_out(&tokens.id_token, "https://shop.example/").as_str()).await?;
    assert_eq!(back.url.as_str(), "https://shop.example/");

    let (silent, begun) = shop.begin_with("none");
    let refused = shop.finish(&browser.open(silent.as_str()).await?.url, begun).await.err();
    assert_eq!(refused.context("still signed in")?.to_string(), "login_required");
    let refused = shop.refresh(again.refresh()?).await.err().context("a session that ended gives tokens")?;
    assert!(refused.to_string().starts_with("invalid_grant"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_service_and_a_script_get_tokens_without_a_browser() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("direct", json!({})).await?;
    let alice = realm.person("alice").await?;
    let shop = library(&realm).await?;

    let own = shop.library.exchange_client_credentials()?.request_async(&|r| shop.send(r)).await?;
    assert!(own.expires_in().is_some());
    assert!(own.refresh_token().is_none());

    let (name, password) =
        (ResourceOwnerUsername::new(alice.name), ResourceOwnerPassword::new(alice.password));
    let request =
        shop.library.exchange_password(&name, &password)?.add_scope(Scope::new("openid".to_owned()));
    let hers = request.request_async(&|r| shop.send(r)).await?;
    assert!(hers.extra_fields().id_token().is_some());

    let wrong = ResourceOwnerPassword::new("something else".to_owned());
    let request = shop.library.exchange_password(&name, &wrong)?;
    assert!(request.request_async(&|r| shop.send(r)).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_device_gets_in_by_a_code_typed_elsewhere() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("device", json!({})).await?;
    let alice = realm.person("alice").await?;
    let shop = library(&realm).await?;
    let Some(endpoint) = shop.metadata.additional_metadata().device_authorization_endpoint.clone() else {
        skip("the server offers no device grant");
        return Ok(());
    };
    let television =
        shop.library.clone().set_device_authorization_url(DeviceAuthorizationUrl::from_url(endpoint));

    let begun = television.exchange_device_code().add_scope(Scope::new("openid".to_owned()));
    let begun: CoreDeviceAuthorizationResponse = begun.request_async(&|r| shop.send(r)).await?;
    let mut browser = Agent::new(&keyraft);
    let link = begun.verification_uri_complete().context("no complete link")?.secret().clone();
    approve(&mut browser, &link, &alice).await?;

    let polling = television.exchange_device_access_token(&begun)?;
    let tokens = polling.request_async(&|r| shop.send(r), tokio::time::sleep, None).await?;
    assert!(tokens.extra_fields().id_token().is_some());
    Ok(())
}

/// Signs in and says yes, until no page asks any more.
async fn approve(browser: &mut Agent, link: &str, person: &Person) -> Result<()> {
    let mut page = browser.open(link).await?;
    for _ in 0..5 {
        let Ok(mut form) = page.form() else { return Ok(()) };
        form.fill("username", &person.name);
        form.fill("password", &person.password);
        form.fields.retain(|(name, _)| name != "cancel");
        page = browser.send(&form).await?;
    }
    anyhow::bail!("the device is not let in: {}", page.body)
}
