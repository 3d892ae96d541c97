//! What people meet who forgot a password, or whom an administrator asks for something, in Chromium.

use anyhow::Result;
use keyraft_harness::{App, Browser, Keyraft, Mailbox, Window};
use serde_json::json;

use crate::KEYRAFT;
use crate::every_page::judge;
use crate::page::eventually;

/// A phone of 2010, and a page at 400 % on a laptop.
const SMALL: (u32, u32) = (320, 640);

#[tokio::test]
async fn who_forgot_a_password_finds_good_pages_at_320_pixels() -> Result<()> {
    forgotten(Window { size: SMALL, ..Window::default() }).await
}

#[tokio::test]
async fn who_forgot_a_password_finds_good_pages_in_the_dark() -> Result<()> {
    forgotten(Window { dark: true, ..Window::default() }).await
}

async fn forgotten(window: Window) -> Result<()> {
    let (keyraft, mailbox) = (Keyraft::start(KEYRAFT).await?, Mailbox::start().await?);
    let settings = json!({
        "registrationAllowed": true, "resetPasswordAllowed": true, "smtpServer": mailbox.settings(),
    });
    let realm = keyraft.realm("recovery", settings).await?;
    let shop = App::start(&realm, "shop", json!({})).await?;
    realm.person("alice").await?;
    let Some(browser) = Browser::open(window).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    browser.press("a[href*=reset-credentials]").await?;
    browser.find("#kc-reset-password-form").await?;
    judge(&keyraft, &browser).await?;
    browser.fill("#username", "alice").await?;
    browser.press("#kc-form-buttons").await?;
    browser.find("#password").await?;
    judge(&keyraft, &browser).await?;
    assert_eq!(mailbox.get(0).await?.to, ["alice@example.com"]);
    Ok(())
}

#[tokio::test]
async fn recovery_works_without_script() -> Result<()> {
    let (keyraft, mailbox) = (Keyraft::start(KEYRAFT).await?, Mailbox::start().await?);
    let settings = json!({ "resetPasswordAllowed": true, "smtpServer": mailbox.settings() });
    let realm = keyraft.realm("plain", settings).await?;
    let shop = App::start(&realm, "shop", json!({})).await?;
    let bob = realm.person("bob").await?;
    let Some(browser) = Browser::open(Window { script: false, ..Window::default() }).await? else {
        return Ok(());
    };

    browser.go(&shop.sign_in()).await?;
    browser.press("a[href*=reset-credentials]").await?;
    browser.fill("#username", &bob.name).await?;
    browser.press("#kc-form-buttons").await?;
    browser.find("#password").await?;
    let mail = mailbox.get(0).await?;
    browser.go(&mail.link()?).await?;
    browser.fill("#password-new", "bob likes the sea").await?;
    browser.press("#kc-submit").await?;

    browser.arrive(&shop.url).await?;
    assert_eq!(browser.text("#person").await?, "bob");
    Ok(())
}

#[tokio::test]
async fn a_link_of_an_administrator_leads_through_what_he_asks_for() -> Result<()> {
    let (keyraft, mailbox) = (Keyraft::start(KEYRAFT).await?, Mailbox::start().await?);
    let realm = keyraft.realm("asked", json!({ "smtpServer": mailbox.settings() })).await?;
    let shop = App::start(&realm, "shop", json!({})).await?;
    let carol = realm.person("carol").await?;
    let Some(browser) = Browser::open(Window { size: SMALL, ..Window::default() }).await? else {
        return Ok(());
    };
    let path = realm.path(&format!("/users/{}/execute-actions-email?client_id=shop", carol.id));
    keyraft.admin(http::Method::PUT, &path, Some(json!(["UPDATE_PASSWORD"]))).await?;

    browser.go(&mailbox.get(0).await?.link()?).await?;
    browser.find("#kc-proceed").await?;
    judge(&keyraft, &browser).await?;
    browser.press("#kc-proceed").await?;
    browser.fill("#password-new", "carol likes the sea").await?;
    browser.press("#kc-submit").await?;
    browser.find("#kc-info-message").await?;
    judge(&keyraft, &browser).await?;

    eventually("the page offers a way on", async || browser.has("main a.primary").await).await?;
    browser.go(&shop.sign_in()).await?;
    browser.find("#password").await?;
    Ok(())
}
