//! Authlib, for Python.

use std::process::Command;

use anyhow::Result;
use keyraft_harness::{Agent, Keyraft, find_program, folder, python_with, skip};
use serde_json::json;

use crate::script::Script;
use crate::{CALLBACK, KEYRAFT, SECRET, shop};

#[tokio::test]
async fn authlib_goes_all_the_way() -> Result<()> {
    if find_program("python3").is_none() {
        skip("python3 is not installed");
        return Ok(());
    }
    let source = folder().join("clients/python");
    let python = python_with("clients", &source.join("requirements.txt"))?;
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("python", json!({})).await?;
    let alice = realm.person("alice").await?;
    shop(&realm).await?;

    let mut application = Script::start(Command::new(python).arg(source.join("authlib_client.py")))?;
    application
        .say(&json!({ "issuer": realm.issuer(), "id": "shop", "secret": SECRET, "redirect": CALLBACK }))?;
    let callback = Agent::new(&keyraft).sign_in(&application.hear_url()?, &alice).await?;
    application.say(&json!({ "callback": callback }))?;

    let expected = json!({
        "name": "alice", "email": "alice@example.com", "active": true, "given": 200, "spent": "invalid_grant",
        "own": "Bearer",
    });
    assert_eq!(application.hear()?, expected);
    Ok(())
}
