//! `openid-client`, for Node.

use std::process::Command;

use anyhow::{Context as _, Result};
use keyraft_harness::{Agent, Keyraft, find_program, folder, node_modules, skip};
use serde_json::json;

use crate::script::Script;
use crate::{CALLBACK, KEYRAFT, SECRET, shop};

#[tokio::test]
async fn openid_client_goes_all_the_way() -> Result<()> {
    let Some(node) = find_program("node").filter(|_| find_program("npm").is_some()) else {
        skip("node and npm are not installed");
        return Ok(());
    };
    let source = folder().join("clients/node");
    let packages = node_modules("clients", &source)?;
    let program = packages.join("openid_client.js");
    std::fs::copy(source.join("openid_client.js"), &program)?;
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("node", json!({})).await?;
    let alice = realm.person("alice").await?;
    shop(&realm).await?;
    let mut browser = Agent::new(&keyraft);

    let mut application = Script::start(Command::new(node).arg(program).current_dir(packages))?;
    let home = "https://shop.example/";
    application.say(&json!({
        "issuer": realm.issuer(), "id": "shop", "secret": SECRET, "redirect": CALLBACK, "home": home,
    }))?;
    for _ in ["plain", "pushed"] {
        let callback = browser.sign_in(&application.hear_url()?, &alice).await?;
        application.say(&json!({ "callback": callback }))?;
    }
    let mut found = application.hear()?;

    let out = found["out"].take();
    let expected = json!({
        "name": "alice", "same": true, "email": "alice@example.com", "active": true, "own": "bearer",
        "spent": "invalid_grant", "wrong": found["wrong"], "out": null,
    });
    assert_eq!(found, expected);
    assert!(
        found["wrong"].to_string().contains("WWW-Authenticate") || found["wrong"] == "invalid_token",
        "{found}"
    );
    let back = browser.open(out.as_str().context("no way out")?).await?;
    assert_eq!(back.url.as_str(), home);
    Ok(())
}
