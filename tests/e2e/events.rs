//! What the log of events says of logins that failed: whom they were about, where that is known.

use anyhow::{Context as _, Result};
use keyraft_harness::{Agent, Keyraft};
use serde_json::json;

use crate::{keyraft, shop::Shop};

/// The last event of that error.
fn last(keyraft: &Keyraft, error: &str) -> Result<String> {
    let log = keyraft.whole_log();
    let told = log.lines().rfind(|line| line.contains("LOGIN_ERROR") && line.contains(error));
    told.map(str::to_owned).with_context(|| format!("no {error} in {log}"))
}

#[tokio::test]
async fn a_wrong_password_is_told_of_the_user_and_an_unknown_name_of_nobody() -> Result<()> {
    let keyraft = keyraft().await?;
    let realm = keyraft.realm("events", json!({})).await?;
    let (shop, alice) = (Shop::open(&realm, "shop").await?, realm.person("alice").await?);
    let bob = json!({ "username": "bob", "enabled": false, "credentials": [
        { "type": "password", "value": "the right one", "temporary": false }] });
    let bob = realm.create("/users", bob).await?;
    let ask = async |name: &str, password: &str| -> Result<()> {
        let form = [("grant_type", "password"), ("username", name), ("password", password)];
        shop.token(&form).await.map(|_| ())
    };
    let browse = async |name: &str, password: &str| -> Result<()> {
        let mut agent = Agent::new(&keyraft);
        let mut form = agent.open(&shop.authorize(&[])?).await?.form()?;
        form.fill("username", name);
        form.fill("password", password);
        agent.send(&form).await.map(|_| ())
    };

    for is_browser in [false, true] {
        let fail = async |name: &str, password: &str| {
            if is_browser { browse(name, password).await } else { ask(name, password).await }
        };
        fail("alice", "a wrong one").await?;
        assert!(last(&keyraft, "invalid_user_credentials")?.contains(&alice.id), "browser: {is_browser}");
        fail("nobody-at-all", "a wrong one").await?;
        let told = last(&keyraft, "user_not_found")?;
        assert!(!told.contains(&alice.id) && !told.contains(&bob), "{told}");
    }
    browse("bob", "the right one").await?;
    assert!(last(&keyraft, "user_disabled")?.contains(&bob));
    Ok(())
}
