//! Grants without a browser.

use anyhow::Result;
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, reply},
};

#[tokio::test]
async fn a_client_gets_a_token_of_its_own() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("machine", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;

    let tokens = shop.token(&[("grant_type", "client_credentials")]).await?;

    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert!(
        tokens.body.get("refresh_token").is_none() && shop.is_active(tokens.text("access_token")?).await?
    );
    Ok(())
}

#[tokio::test]
async fn a_password_gets_tokens_and_a_wrong_one_does_not() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("direct", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let ask = |name: &str, password: &str| {
        let form = [("grant_type", "password"), ("username", name), ("password", password)]
            .map(|(key, value)| (key, value.to_owned()));
        let shop = &shop;
        async move {
            let form: Vec<(&str, &str)> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
            shop.token(&form).await
        }
    };

    let good = ask("alice", &alice.password).await?;
    let wrong = ask("alice", "guess").await?;
    let unknown = ask("nobody", "guess").await?;

    assert_eq!(good.status, 200, "{good:?}");
    assert_eq!(wrong.refusal(), (400, "invalid_grant"));
    // Nothing tells whether the name or the password was wrong.
    assert_eq!(wrong.body, unknown.body);
    Ok(())
}

#[tokio::test]
async fn a_client_that_cannot_prove_itself_gets_nothing() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("proof", json!({})).await?;
    Shop::open(&realm, "shop").await?;
    let ask = |id: &'static str, secret: &'static str| {
        let request = keyraft.http().post(realm.endpoint("token")).basic_auth(id, Some(secret));
        reply(request.form(&[("grant_type", "client_credentials")]))
    };

    assert_eq!(ask("shop", "wrong").await?.refusal(), (401, "unauthorized_client"));
    assert_eq!(ask("nobody", "wrong").await?.refusal(), (401, "invalid_client"));
    Ok(())
}

#[tokio::test]
async fn an_unknown_grant_is_refused_by_name() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("grant", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;

    assert_eq!(shop.token(&[("grant_type", "nonsense")]).await?.refusal(), (400, "unsupported_grant_type"));
    assert_eq!(shop.token(&[]).await?.refusal(), (400, "invalid_request"));
    Ok(())
}
