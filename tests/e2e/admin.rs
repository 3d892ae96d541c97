//! The admin REST API as its clients use it.

use anyhow::Result;
use http::Method;
use serde_json::json;

use crate::{
    keyraft,
    shop::{Shop, reply},
};

#[tokio::test]
async fn what_an_administrator_changes_counts_at_once() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("change", json!({})).await?;
    let shop = Shop::open(&realm, "shop").await?;
    let ask =
        async || Ok::<_, anyhow::Error>(shop.token(&[("grant_type", "client_credentials")]).await?.status);
    assert_eq!(ask().await?, 200);

    let path = realm.path(&format!("/clients/{}", shop.uuid));
    let mut client = keyraft.read(&path).await?;
    client["enabled"] = json!(false);
    keyraft.admin(Method::PUT, &path, Some(client)).await?;

    assert_eq!(ask().await?, 401);
    Ok(())
}

#[tokio::test]
async fn a_role_of_a_person_is_in_the_next_token() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("role", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let roles = async |token: &str| {
        let told = shop.post("token/introspect", &[("token", token)]).await?;
        Ok::<_, anyhow::Error>(told.body["realm_access"]["roles"].to_string())
    };
    let before = shop.sign_in(&alice).await?;
    assert!(!roles(before.text("access_token")?).await?.contains("buyer"));

    keyraft.admin(Method::POST, &realm.path("/roles"), Some(json!({ "name": "buyer" }))).await?;
    let role = keyraft.read(&realm.path("/roles/buyer")).await?;
    let path = realm.path(&format!("/users/{}/role-mappings/realm", alice.id));
    keyraft.admin(Method::POST, &path, Some(json!([role]))).await?;
    let after = shop.refresh(before.text("refresh_token")?).await?;

    assert!(roles(after.text("access_token")?).await?.contains("buyer"));
    Ok(())
}

#[tokio::test]
async fn nobody_and_a_person_without_a_role_may_not_look() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("stranger", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let tokens = shop.sign_in(&alice).await?;
    let users = format!("{}{}", keyraft.url(), realm.path("/users"));

    let nobody = reply(keyraft.http().get(&users)).await?;
    let person = reply(keyraft.http().get(&users).bearer_auth(tokens.text("access_token")?)).await?;

    assert_eq!((nobody.status, person.status), (401, 403));
    Ok(())
}

#[tokio::test]
async fn the_same_name_twice_is_a_conflict() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("twice", json!({})).await?;
    realm.person("alice").await?;

    let refused =
        keyraft.admin(Method::POST, &realm.path("/users"), Some(json!({ "username": "ALICE" }))).await;

    let said = refused.expect_err("a conflict").to_string();
    assert!(said.contains("409") && said.contains("User exists with same username"), "{said}");
    Ok(())
}
