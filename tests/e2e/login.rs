//! What happens at the login page.

use anyhow::Result;
use keyraft_harness::{Agent, Answer};
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, parameter},
};

/// Fills in the login form and sends it.
async fn try_password(agent: &mut Agent, page: &Answer, name: &str, password: &str) -> Result<Answer> {
    let mut form = page.form()?;
    form.fill("username", name);
    form.fill("password", password);
    agent.send(&form).await
}

#[tokio::test]
async fn a_wrong_password_gets_the_page_again_and_so_does_an_unknown_name() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("wrong", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let mut agent = Agent::new(&keyraft);
    let page = agent.open(&shop.authorize(&[])?).await?;

    let wrong = try_password(&mut agent, &page, "alice", "guess").await?;
    let unknown = try_password(&mut agent, &wrong, "nobody", "guess").await?;
    let right = try_password(&mut agent, &unknown, "alice", &alice.password).await?;

    assert_eq!((wrong.status, unknown.status), (200, 200));
    for page in [&wrong, &unknown] {
        assert!(page.body.contains("Invalid username or password."), "{}", page.body);
    }
    assert!(parameter(&right.url, "code").is_ok(), "{}", right.url);
    Ok(())
}

#[tokio::test]
async fn who_is_signed_in_at_one_application_is_signed_in_at_the_next() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("sso", json!({})).await?;
    let (shop, wiki) = (Shop::open(&realm, "shop").await?, Shop::open(&realm, "wiki").await?);
    let alice = realm.person("alice").await?;
    let mut agent = Agent::new(&keyraft);

    let first = shop.redeem(&shop.code(&mut agent, &alice).await?).await?;
    let straight = agent.open(&wiki.authorize(&[])?).await?;
    let second = wiki.redeem(&parameter(&straight.url, "code")?).await?;

    assert_eq!(first.text("session_state")?, second.text("session_state")?);
    Ok(())
}

#[tokio::test]
async fn a_person_who_was_disabled_gets_no_further() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("disabled", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let tokens = shop.sign_in(&alice).await?;
    assert!(shop.is_active(tokens.text("access_token")?).await?);

    let path = realm.path(&format!("/users/{}", alice.id));
    keyraft.admin(http::Method::PUT, &path, Some(json!({ "enabled": false }))).await?;

    assert_eq!(shop.refresh(tokens.text("refresh_token")?).await?.refusal(), (400, "invalid_grant"));
    assert!(!shop.is_active(tokens.text("access_token")?).await?);
    Ok(())
}

#[tokio::test]
async fn a_second_factor_is_asked_of_who_has_one() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("otp", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person_with_codes("alice").await?);
    let mut agent = Agent::new(&keyraft);
    let page = agent.open(&shop.authorize(&[])?).await?;

    let asked = try_password(&mut agent, &page, "alice", &alice.password).await?;
    let mut form = asked.form()?;
    form.fill("otp", "000000");
    let wrong = agent.send(&form).await?;

    assert!(asked.form()?.has("otp") && wrong.form()?.has("otp"));
    assert!(wrong.body.contains("Invalid authenticator code."), "{}", wrong.body);
    let back = agent.sign_in(&shop.authorize(&[])?, &alice).await?;
    assert!(parameter(&back, "code").is_ok(), "{back}");
    Ok(())
}

#[tokio::test]
async fn guessing_locks_a_person_out_for_a_while_even_with_the_right_password() -> Result<()> {
    let keyraft = keyraft().await?;
    let protection = json!({
        "bruteForceProtected": true, "failureFactor": 3, "waitIncrementSeconds": 60, "maxFailureWaitSeconds": 900,
        "quickLoginCheckMilliSeconds": 0,
    });
    let realm = keyraft.realm("brute", protection).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let ask = async |password: &str| {
        shop.token(&[("grant_type", "password"), ("username", "alice"), ("password", password)]).await
    };

    for _ in 0..3 {
        assert_eq!(ask("guess").await?.refusal(), (400, "invalid_grant"));
    }
    let right = ask(&alice.password).await?;

    assert_eq!(right.refusal(), (400, "invalid_grant"));
    // An administrator lifts it.
    let path = realm.path(&format!("/attack-detection/brute-force/users/{}", alice.id));
    keyraft.admin(http::Method::DELETE, &path, None).await?;
    assert_eq!(ask(&alice.password).await?.status, 200);
    Ok(())
}
