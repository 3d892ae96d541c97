//! From an authorization request to tokens.

use anyhow::Result;
use keyraft_harness::Agent;
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, parameter},
};

#[tokio::test]
async fn a_person_signs_in_and_the_application_learns_who() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("code", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);

    let back = Agent::new(&keyraft).sign_in(&shop.authorize(&[])?, &alice).await?;
    let tokens = shop.redeem(&parameter(&back, "code")?).await?;
    let who = shop.userinfo(tokens.text("access_token")?).await?;

    assert_eq!((parameter(&back, "state")?.as_str(), parameter(&back, "iss")?), ("xyz", realm.issuer()));
    assert_eq!(
        (tokens.status, tokens.text("token_type")?, tokens.body["expires_in"].as_u64()),
        (200, "Bearer", Some(300))
    );
    assert_eq!((who.text("sub")?, who.text("preferred_username")?), (alice.id.as_str(), "alice"));
    Ok(())
}

#[tokio::test]
async fn a_code_is_redeemed_once() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("once", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let code = shop.code(&mut Agent::new(&keyraft), &alice).await?;

    let first = shop.redeem(&code).await?;
    let again = shop.redeem(&code).await?;

    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(again.refusal(), (400, "invalid_grant"));
    assert_eq!(again.text("error_description")?, "Code not valid");
    // A thief and the owner cannot be told apart: what the first use gave ends too (RFC 6749 §4.1.2).
    assert!(!shop.is_active(first.text("access_token")?).await?);
    Ok(())
}

#[tokio::test]
async fn a_code_is_of_no_use_to_another_client_or_at_another_address() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("other", json!({})).await?;
    let (shop, thief) = (Shop::open(&realm, "shop").await?, Shop::open(&realm, "thief").await?);
    let alice = realm.person("alice").await?;
    let mut agent = Agent::new(&keyraft);

    let stolen = thief.redeem(&shop.code(&mut agent, &alice).await?).await?;
    let code = shop.code(&mut agent, &alice).await?;
    let elsewhere = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "http://127.0.0.1:9/x"),
    ];
    let moved = shop.token(&elsewhere).await?;

    assert_eq!(stolen.refusal(), (400, "invalid_grant"));
    assert_eq!(moved.refusal(), (400, "invalid_grant"));
    Ok(())
}

#[tokio::test]
async fn a_code_with_a_challenge_needs_its_verifier() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("pkce", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    // Appendix B of RFC 7636.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let asked = shop.authorize(&[("code_challenge", challenge), ("code_challenge_method", "S256")])?;
    let mut agent = Agent::new(&keyraft);

    let mut statuses = Vec::new();
    for verifier in [None, Some("a-verifier-that-somebody-guessed-but-not-quite-right"), Some(verifier)] {
        let code = parameter(&agent.sign_in(&asked, &alice).await?, "code")?;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", crate::shop::REDIRECT),
        ];
        form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
        statuses.push(shop.token(&form).await?.status);
    }

    assert_eq!(statuses, [400, 400, 200]);
    Ok(())
}

#[tokio::test]
async fn an_unknown_redirect_address_is_never_followed() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("redirect", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;

    let page =
        Agent::new(&keyraft).open(&shop.authorize(&[("redirect_uri", "https://evil.example/")])?).await?;

    assert_eq!(page.status, 400);
    assert!(page.url.as_str().starts_with(keyraft.url()), "{}", page.url);
    Ok(())
}

#[tokio::test]
async fn a_silent_request_without_a_session_says_login_required() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("silent", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let silent = shop.authorize(&[("prompt", "none")])?;
    let mut agent = Agent::new(&keyraft);

    let before = agent.open(&silent).await?.url;
    shop.code(&mut agent, &alice).await?;
    let after = agent.open(&silent).await?.url;

    assert_eq!(parameter(&before, "error")?, "login_required");
    assert!(parameter(&after, "code").is_ok(), "{after}");
    Ok(())
}
