//! Every page of a login, on a small and on a dark screen: axe finds nothing, nothing scrolls sideways.

use anyhow::{Context as _, Result, ensure};
use keyraft_harness::{App, Browser, Keyraft, Realm, Window, code_now};
use serde_json::{Value, json};

use crate::KEYRAFT;
use crate::page::{accessible, fits};
use crate::sign_in::ALERT;

/// A phone of 2010, and a page at 400 % on a laptop.
const SMALL: (u32, u32) = (320, 640);

#[tokio::test]
async fn every_page_is_good_at_320_pixels() -> Result<()> {
    every_page(Window { size: SMALL, ..Window::default() }).await
}

#[tokio::test]
async fn every_page_is_good_in_the_dark() -> Result<()> {
    every_page(Window { dark: true, ..Window::default() }).await
}

#[tokio::test]
async fn pages_from_right_to_left_are_good() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("arabic", realm_settings()).await?;
    let shop = App::start(&realm, "shop", json!({})).await?;
    let Some(browser) = Browser::open(Window { size: SMALL, ..Window::default() }).await? else {
        return Ok(());
    };

    browser.go(&format!("{}?ui_locales=ar", shop.sign_in())).await?;

    assert_eq!(browser.run("return document.documentElement.dir").await?, "rtl");
    assert_eq!(browser.run("return document.documentElement.lang").await?, "ar");
    judge(&keyraft, &browser).await
}

fn realm_settings() -> Value {
    json!({
        "rememberMe": true, "resetPasswordAllowed": true, "registrationAllowed": true,
        "internationalizationEnabled": true, "supportedLocales": ["en", "de", "ar"], "defaultLocale": "en",
    })
}

async fn every_page(window: Window) -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("pages", realm_settings()).await?;
    let shop = App::start(&realm, "shop", json!({ "consentRequired": true })).await?;
    let Some(browser) = Browser::open(window).await? else { return Ok(()) };
    let more = json!({ "requiredActions": ["UPDATE_PASSWORD", "UPDATE_PROFILE"] });
    let bob = realm.person_with("bob", more).await?;
    let alice = realm.person_with_codes("alice").await?;

    browser.go(&shop.sign_in()).await?;
    judge(&keyraft, &browser).await?;
    wears(&keyraft, &browser, window.dark).await?;
    browser.fill("#username", "alice").await?;
    browser.fill("#password", "wrong").await?;
    browser.press("#kc-login").await?;
    browser.find(ALERT).await?;
    judge(&keyraft, &browser).await?;

    browser.fill("#password", &alice.password).await?;
    browser.press("#kc-login").await?;
    browser.find("#otp").await?;
    judge(&keyraft, &browser).await?;
    browser.fill("#otp", "000000").await?;
    browser.press("#kc-login").await?;
    browser.find(ALERT).await?;
    judge(&keyraft, &browser).await?;
    browser.fill("#otp", &code_now(&alice.otp_secret)).await?;
    browser.press("#kc-login").await?;
    browser.find("#kc-cancel").await?;
    judge(&keyraft, &browser).await?; // consent
    browser.press("#kc-login").await?;
    browser.arrive(&shop.url).await?;

    browser.go(&realm.endpoint("logout")).await?;
    browser.find("#kc-logout").await?;
    judge(&keyraft, &browser).await?;
    browser.press("#kc-logout").await?;
    judge(&keyraft, &browser).await?; // signed out

    browser.go(&shop.sign_in()).await?;
    browser.sign_in(&bob).await?;
    actions(&keyraft, &browser).await?;
    elsewhere(&keyraft, &realm, &browser).await
}

/// Two required actions, in the realm's order.
async fn actions(keyraft: &Keyraft, browser: &Browser) -> Result<()> {
    browser.find("#password-new, #email").await?;
    judge(keyraft, browser).await?;
    if browser.has("#password-new").await? {
        browser.fill("#password-new", "bob likes short walks").await?;
        if browser.has("#password-confirm").await? {
            browser.fill("#password-confirm", "bob likes short walks").await?;
        }
        browser.press("#kc-passwd-update-form [type=submit], #kc-submit").await?;
        browser.find("#email").await?;
        judge(keyraft, browser).await?;
    }
    Ok(())
}

/// Pages that no login leads to.
async fn elsewhere(keyraft: &Keyraft, realm: &Realm<'_>, browser: &Browser) -> Result<()> {
    let wrong = format!(
        "{}?client_id=shop&response_type=code&redirect_uri=https://evil.example/",
        realm.endpoint("auth")
    );
    for page in [wrong, format!("{}/device", realm.issuer())] {
        browser.go(&page).await?;
        judge(keyraft, browser).await?;
    }
    Ok(())
}

pub(crate) async fn judge(keyraft: &Keyraft, browser: &Browser) -> Result<()> {
    if !keyraft.is_own() {
        return Ok(()); // how the original looks is not ours to judge
    }
    fits(browser).await?;
    accessible(browser).await
}

/// Whether the page follows the reader's wish for light or dark.
async fn wears(keyraft: &Keyraft, browser: &Browser, dark: bool) -> Result<()> {
    if !keyraft.is_own() {
        return Ok(());
    }
    // What the whole page is painted with: the root's colour, or else the body's.
    let script =
        "return [document.documentElement, document.body].map(e => getComputedStyle(e).backgroundColor)
        .map(c => c.match(/[0-9.]+/g).map(Number)).find(c => c[3] !== 0).slice(0, 3)";
    let colour: Vec<f64> = serde_json::from_value(browser.run(script).await?)?;
    let brightest = colour.iter().copied().reduce(f64::max).context("no background")?;
    ensure!((brightest < 80.0) == dark, "the background is {colour:?}");
    Ok(())
}
