//! What people meet before they have all that a realm wants of them, by keyboard alone: an account of their own, terms,
//! an authenticator app, an address to confirm.

use anyhow::Result;
use http::Method;
use keyraft_harness::{App, Browser, Keyraft, Mailbox, Realm, Window, code_now};
use serde_json::json;

use crate::KEYRAFT;
use crate::every_page::judge;
use crate::sign_in::ALERT;

/// A phone of 2010, and a page at 400 % on a laptop.
const SMALL: (u32, u32) = (320, 640);
/// The key that sends a form, as a driver of browsers types it.
const ENTER: &str = "\u{e007}";

#[tokio::test]
async fn enrolment_is_good_at_320_pixels() -> Result<()> {
    enrolment(Window { size: SMALL, ..Window::default() }).await
}

#[tokio::test]
async fn enrolment_is_good_in_the_dark() -> Result<()> {
    enrolment(Window { dark: true, ..Window::default() }).await
}

async fn enrolment(window: Window) -> Result<()> {
    let (keyraft, mailbox) = (Keyraft::start(KEYRAFT).await?, Mailbox::start().await?);
    let settings = json!({ "registrationAllowed": true, "smtpServer": mailbox.settings() });
    let realm = keyraft.realm("enrolment", settings).await?;
    offer_terms(&keyraft, &realm).await?;
    realm.person("alice").await?;
    let shop = App::start(&realm, "shop", json!({})).await?;
    let Some(browser) = Browser::open(window).await? else { return Ok(()) };

    register(&keyraft, &browser, &shop).await?;
    browser.go(&realm.endpoint("logout")).await?;
    browser.press("#kc-logout").await?;

    let wanted = ["TERMS_AND_CONDITIONS", "CONFIGURE_TOTP", "VERIFY_EMAIL"];
    let more = json!({ "requiredActions": wanted, "emailVerified": false });
    let dora = realm.person_with("dora", more).await?;
    browser.go(&shop.sign_in()).await?;
    browser.sign_in(&dora).await?;
    let mut met = Vec::new();
    while met.len() < wanted.len() {
        browser.find("#kc-accept, #totp, #kc-verify-email-form").await?;
        judge(&keyraft, &browser).await?;
        if browser.has("#kc-accept").await? {
            met.push("terms");
            type_at(&browser, "#kc-accept", ENTER).await?;
        } else if browser.has("#totp").await? {
            met.push("app");
            set_up(&keyraft, &browser).await?;
        } else {
            met.push("address");
            if browser.has("#kc-send").await? {
                type_at(&browser, "#kc-send", ENTER).await?;
            }
            // Whoever confirms it goes on in the tab that the link opens.
            browser.go(&mailbox.get(0).await?.link()?).await?;
        }
    }
    browser.arrive(&shop.url).await?;
    met.sort_unstable();
    assert_eq!(met, ["address", "app", "terms"]);
    Ok(())
}

/// Types into an element without a pointer.
async fn type_at(browser: &Browser, css: &str, keys: &str) -> Result<()> {
    Ok(browser.find(css).await?.send_keys(keys).await?)
}

async fn register(keyraft: &Keyraft, browser: &Browser, shop: &App) -> Result<()> {
    browser.go(&shop.sign_in()).await?;
    type_at(browser, "a[href*=registration]", ENTER).await?;
    browser.find("#kc-register-form").await?;
    judge(keyraft, browser).await?;
    let of_erin = [
        ("username", "alice"),
        ("email", "erin@example.com"),
        ("firstName", "Erin"),
        ("lastName", "Example"),
        ("password", "erin collects stamps"),
    ];
    for (field, text) in of_erin {
        browser.fill(&format!("#{field}"), text).await?;
    }
    type_at(browser, "#lastName", ENTER).await?;
    browser.find("#username[aria-invalid=true]").await?; // somebody has that name
    judge(keyraft, browser).await?;
    browser.fill("#username", "erin").await?;
    browser.fill("#password", "erin collects stamps").await?;
    type_at(browser, "#password", ENTER).await?;
    browser.arrive(&shop.url).await
}

async fn set_up(keyraft: &Keyraft, browser: &Browser) -> Result<()> {
    browser.fill("#totp", "000000").await?;
    type_at(browser, "#totp", ENTER).await?;
    browser.find(ALERT).await?;
    judge(keyraft, browser).await?;
    let secret = browser.text("#kc-totp-secret-key").await?.replace(' ', "");
    browser.fill("#totp", &code_now(&secret)).await?;
    type_at(browser, "#totp", ENTER).await
}

async fn offer_terms(keyraft: &Keyraft, realm: &Realm<'_>) -> Result<()> {
    let path = realm.path("/authentication/required-actions/TERMS_AND_CONDITIONS");
    let mut action = keyraft.read(&path).await?;
    action["enabled"] = json!(true);
    keyraft.admin(Method::PUT, &path, Some(action)).await?;
    Ok(())
}
