//! What the server has said stays said, however it ends.

use anyhow::Result;
use keyraft_harness::{Agent, Keyraft, skip};
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, parameter},
};

/// A server of the test's own, that it may crash.
async fn mortal() -> Result<Option<Keyraft>> {
    let keyraft = keyraft().await?;
    if keyraft.inside().is_none() {
        skip("a server that was given is not ended");
        return Ok(None);
    }
    Ok(Some(keyraft))
}

#[tokio::test]
async fn a_signed_in_person_stays_signed_in_over_a_crash() -> Result<()> {
    let Some(keyraft) = mortal().await? else { return Ok(()) };
    let realm = keyraft.realm("stay", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let mut agent = Agent::new(&keyraft);
    let tokens = shop.redeem(&shop.code(&mut agent, &alice).await?).await?;

    keyraft.crash().await?;

    let silent = agent.open(&shop.authorize(&[("prompt", "none")])?).await?.url;
    assert!(parameter(&silent, "code").is_ok(), "{silent}");
    assert_eq!(shop.refresh(tokens.text("refresh_token")?).await?.status, 200);
    assert!(shop.is_active(tokens.text("access_token")?).await?);
    Ok(())
}

#[tokio::test]
async fn what_was_used_up_stays_used_up_over_a_crash() -> Result<()> {
    let Some(keyraft) = mortal().await? else { return Ok(()) };
    let settings = json!({ "revokeRefreshToken": true, "refreshTokenMaxReuse": 0 });
    let realm = keyraft.realm("used", settings).await?;
    let (shop, wiki) = (Shop::open(&realm, "shop").await?, Shop::open(&realm, "wiki").await?);
    let alice = realm.person("alice").await?;
    let mut agent = Agent::new(&keyraft);
    let code = shop.code(&mut agent, &alice).await?;
    let first = shop.redeem(&code).await?;
    let waiting = wiki.code(&mut agent, &alice).await?;
    let second = shop.refresh(first.text("refresh_token")?).await?;

    keyraft.crash().await?;

    // A code that nobody has redeemed yet is still good; the one that was is not.
    assert_eq!(wiki.redeem(&waiting).await?.status, 200);
    assert_eq!(shop.refresh(second.text("refresh_token")?).await?.status, 200);
    assert_eq!(shop.refresh(first.text("refresh_token")?).await?.refusal(), (400, "invalid_grant"));
    assert_eq!(shop.redeem(&code).await?.refusal(), (400, "invalid_grant"));
    Ok(())
}

#[tokio::test]
async fn what_was_ended_stays_ended_over_a_crash() -> Result<()> {
    let Some(keyraft) = mortal().await? else { return Ok(()) };
    let realm = keyraft.realm("ended", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let (desk, phone) = (shop.sign_in(&alice).await?, shop.sign_in(&alice).await?);
    shop.post("revoke", &[("token", desk.text("access_token")?)]).await?;
    assert_eq!(shop.post("logout", &[("refresh_token", phone.text("refresh_token")?)]).await?.status, 204);

    keyraft.crash().await?;

    assert!(!shop.is_active(desk.text("access_token")?).await?, "a revoked token");
    assert_eq!(shop.refresh(desk.text("refresh_token")?).await?.status, 200, "its session lives");
    assert!(!shop.is_active(phone.text("access_token")?).await?, "a token of an ended session");
    assert_eq!(shop.refresh(phone.text("refresh_token")?).await?.refusal(), (400, "invalid_grant"));
    Ok(())
}

#[tokio::test]
async fn failures_stay_counted_over_a_crash() -> Result<()> {
    let Some(keyraft) = mortal().await? else { return Ok(()) };
    let settings = json!({
        "bruteForceProtected": true, "failureFactor": 3, "waitIncrementSeconds": 600, "quickLoginCheckMilliSeconds": 0,
    });
    let realm = keyraft.realm("counted", settings).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let ask = async |password: &str| {
        shop.token(&[("grant_type", "password"), ("username", "alice"), ("password", password)]).await
    };
    ask("guess").await?;
    ask("guess").await?;

    keyraft.crash().await?;
    let status = realm.path(&format!("/attack-detection/brute-force/users/{}", alice.id));
    assert_eq!(keyraft.read(&status).await?["numFailures"], 2);
    ask("guess").await?;

    keyraft.crash().await?;
    assert_eq!(ask(&alice.password).await?.refusal(), (400, "invalid_grant"), "locked");
    Ok(())
}

#[tokio::test]
async fn what_an_administrator_was_told_is_stored_survives_a_crash() -> Result<()> {
    let Some(keyraft) = mortal().await? else { return Ok(()) };
    let realm = keyraft.realm("stored", json!({})).await?;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(realm.person(&format!("person-{number}")).await?.id);
    }

    keyraft.crash().await?;

    for id in ids {
        keyraft.read(&realm.path(&format!("/users/{id}"))).await?;
    }
    Ok(())
}
