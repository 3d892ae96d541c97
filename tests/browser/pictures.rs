//! Pictures for the README, taken when `KEYRAFT_SHOTS=1`.

use anyhow::{Context as _, Result, ensure};
use keyraft_harness::{App, Browser, Keyraft, Window, folder};
use serde_json::json;

use crate::KEYRAFT;
use crate::sign_in::ALERT;

/// Bytes that one picture may have.
const MOST: usize = 60 * 1024;

#[tokio::test]
async fn pictures_are_taken_on_demand() -> Result<()> {
    if std::env::var_os("KEYRAFT_SHOTS").is_none() {
        return Ok(());
    }
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let month = 30 * 24 * 60 * 60;
    let settings = json!({
        "displayName": "Acme", "rememberMe": true, "resetPasswordAllowed": true,
        "ssoSessionIdleTimeoutRememberMe": month, "ssoSessionMaxLifespanRememberMe": month,
    });
    let realm = keyraft.realm("acme", settings).await?;
    let alice = realm.person_with_codes("alice").await?;
    let shop = App::start(&realm, "shop", json!({})).await?;

    for (name, window) in [
        ("sign-in", Window { size: (560, 560), ..Window::default() }),
        ("sign-in-dark", Window { size: (560, 560), dark: true, ..Window::default() }),
        ("sign-in-320", Window { size: (320, 560), ..Window::default() }),
    ] {
        let Some(browser) = Browser::open(window).await? else { return Ok(()) };
        browser.go(&shop.sign_in()).await?;
        if name == "sign-in-320" {
            browser.fill("#username", "alice").await?;
            browser.fill("#password", "wrong").await?;
            browser.press("#kc-login").await?;
            browser.find(ALERT).await?;
        }
        keep(&browser, name).await?;
        if name == "sign-in" {
            browser.fill("#username", &alice.name).await?;
            browser.fill("#password", &alice.password).await?;
            browser.press("#kc-login").await?;
            browser.find("#otp").await?;
            keep(&browser, "one-time-code").await?;
        }
    }
    let Some(browser) = Browser::open(Window { size: (760, 480), ..Window::default() }).await? else {
        return Ok(());
    };
    browser.go(&format!("{}/account/devices", realm.issuer())).await?;
    browser.sign_in(&alice).await?;
    browser.find("#main").await?;
    keep(&browser, "account").await
}

async fn keep(browser: &Browser, name: &str) -> Result<()> {
    let shots = folder().parent().context("the rings have a parent folder")?.join("web/shots");
    let picture = browser.picture().await?;
    ensure!(picture.len() <= MOST, "{name}.png has {} bytes", picture.len());
    std::fs::create_dir_all(&shots)?;
    Ok(std::fs::write(shots.join(format!("{name}.png")), picture)?)
}
