//! The end of a session, from every side.

use anyhow::Result;
use http::Method;
use keyraft_harness::Agent;
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, parameter},
};

#[tokio::test]
async fn after_sign_out_no_token_of_the_session_is_good() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("out", json!({})).await?;
    let (shop, wiki) = (Shop::open(&realm, "shop").await?, Shop::open(&realm, "wiki").await?);
    let alice = realm.person("alice").await?;
    let mut agent = Agent::new(&keyraft);
    let tokens = shop.redeem(&shop.code(&mut agent, &alice).await?).await?;
    let others = wiki.redeem(&wiki.code(&mut agent, &alice).await?).await?;

    assert!(shop.is_active(tokens.text("access_token")?).await?);

    let out = format!("{}?id_token_hint={}", realm.endpoint("logout"), tokens.text("id_token")?);
    agent.open(&out).await?;

    for (app, tokens) in [(&shop, &tokens), (&wiki, &others)] {
        assert_eq!(app.refresh(tokens.text("refresh_token")?).await?.refusal(), (400, "invalid_grant"));
        assert!(!app.is_active(tokens.text("access_token")?).await?);
        assert_eq!(app.userinfo(tokens.text("access_token")?).await?.status, 401);
    }
    let silent = agent.open(&shop.authorize(&[("prompt", "none")])?).await?;
    assert_eq!(parameter(&silent.url, "error")?, "login_required");
    Ok(())
}

#[tokio::test]
async fn an_application_may_end_the_session_without_a_browser() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("back", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let tokens = shop.sign_in(&alice).await?;

    assert!(shop.is_active(tokens.text("access_token")?).await?);

    let ended = shop.post("logout", &[("refresh_token", tokens.text("refresh_token")?)]).await?;

    assert_eq!(ended.status, 204);
    assert!(!shop.is_active(tokens.text("access_token")?).await?);
    Ok(())
}

#[tokio::test]
async fn a_revoked_token_is_dead_and_the_endpoint_tells_nothing() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("revoked", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let tokens = shop.sign_in(&alice).await?;

    let revoked = shop.post("revoke", &[("token", tokens.text("refresh_token")?)]).await?;

    assert_eq!(revoked.status, 200);
    assert_eq!(shop.refresh(tokens.text("refresh_token")?).await?.refusal(), (400, "invalid_grant"));
    Ok(())
}

#[tokio::test]
async fn an_administrator_signs_a_person_out_everywhere() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("everywhere", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let (desk, phone) = (shop.sign_in(&alice).await?, shop.sign_in(&alice).await?);

    keyraft.admin(Method::POST, &realm.path(&format!("/users/{}/logout", alice.id)), None).await?;

    for tokens in [desk, phone] {
        assert_eq!(shop.refresh(tokens.text("refresh_token")?).await?.refusal(), (400, "invalid_grant"));
        assert!(!shop.is_active(tokens.text("access_token")?).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_signed_out_browser_is_sent_back_only_to_an_address_of_the_client() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("after", json!({})).await?;
    let more = json!({ "attributes": { "post.logout.redirect.uris": "http://127.0.0.1:9/bye" } });
    let shop = Shop::open_with(&realm, "shop", more).await?;
    let alice = realm.person("alice").await?;
    let mut agent = Agent::new(&keyraft);
    let out = async |agent: &mut Agent, back: &str| {
        let tokens = shop.redeem(&shop.code(agent, &alice).await?).await?;
        let hint = tokens.text("id_token")?;
        let parameters = [("id_token_hint", hint), ("post_logout_redirect_uri", back), ("state", "s1")];
        agent.open(url::Url::parse_with_params(&realm.endpoint("logout"), parameters)?.as_str()).await
    };

    let good = out(&mut agent, "http://127.0.0.1:9/bye").await?;
    let bad = out(&mut agent, "https://evil.example/").await?;

    assert_eq!(good.url.as_str(), "http://127.0.0.1:9/bye?state=s1");
    assert_eq!((bad.status, bad.url.as_str().starts_with(keyraft.url())), (400, true));
    Ok(())
}
