//! One sign-in for all applications, and one way out of them.

use anyhow::Result;
use http::Method;
use keyraft_harness::{App, Browser, Keyraft, Window};
use serde_json::json;

use crate::KEYRAFT;
use crate::page::eventually;

#[tokio::test]
async fn a_second_application_asks_nothing() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("sso", json!({})).await?;
    let alice = realm.person("alice").await?;
    let (shop, bank) =
        (App::start(&realm, "shop", json!({})).await?, App::start(&realm, "bank", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    browser.sign_in(&alice).await?;
    browser.arrive(&shop.url).await?;

    browser.go(&bank.sign_in()).await?;
    assert_eq!(browser.text("#person").await?, "alice");
    assert!(browser.url().await?.starts_with(&bank.url));

    // Whoever asks for a fresh proof gets one.
    browser.go(&format!("{}?prompt=login", bank.sign_in())).await?;
    browser.find("#password").await?;
    Ok(())
}

#[tokio::test]
async fn signing_out_of_one_application_signs_out_of_all() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("signout", json!({})).await?;
    let alice = realm.person("alice").await?;
    let (shop, bank) =
        (App::start(&realm, "shop", json!({})).await?, App::start(&realm, "bank", json!({})).await?);
    bank.wants_to_be_told(&realm).await?;
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };
    browser.go(&shop.sign_in()).await?;
    browser.sign_in(&alice).await?;
    browser.go(&bank.sign_in()).await?;
    browser.find("#person").await?;

    browser.go(&format!("{}/sign-out", shop.url)).await?;
    browser.find("#in").await?;
    assert!(browser.url().await?.starts_with(&shop.url), "comes back to the application");

    eventually("the bank is told", async || Ok(bank.told().len() == 1)).await?;
    browser.go(&format!("{}/refresh", bank.url)).await?;
    assert!(browser.text("#error").await?.starts_with("invalid_grant"));
    browser.go(&format!("{}?prompt=none", bank.sign_in())).await?;
    assert_eq!(browser.text("#error").await?, "login_required");
    Ok(())
}

#[tokio::test]
async fn signing_out_without_a_hint_asks_first() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("asks", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };
    browser.go(&shop.sign_in()).await?;
    browser.sign_in(&alice).await?;
    browser.arrive(&shop.url).await?;

    browser.go(&realm.endpoint("logout")).await?;
    browser.find("#kc-logout").await?;
    browser.go(&format!("{}?prompt=none", shop.sign_in())).await?;
    assert_eq!(browser.text("#person").await?, "alice");

    browser.go(&realm.endpoint("logout")).await?;
    browser.press("#kc-logout").await?;
    browser.go(&format!("{}?prompt=none", shop.sign_in())).await?;
    assert_eq!(browser.text("#error").await?, "login_required");
    Ok(())
}

#[tokio::test]
async fn an_administrator_signs_somebody_out_everywhere() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("everywhere", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(desktop) = Browser::open(Window::default()).await? else { return Ok(()) };
    let Some(phone) = Browser::open(Window { size: (390, 800), ..Window::default() }).await? else {
        return Ok(());
    };
    for browser in [&desktop, &phone] {
        browser.go(&shop.sign_in()).await?;
        browser.sign_in(&alice).await?;
        browser.arrive(&shop.url).await?;
    }

    keyraft.admin(Method::POST, &realm.path(&format!("/users/{}/logout", alice.id)), None).await?;

    for browser in [&desktop, &phone] {
        browser.go(&format!("{}/refresh", shop.url)).await?;
        assert!(browser.text("#error").await?.starts_with("invalid_grant"));
        browser.go(&shop.sign_in()).await?;
        browser.find("#password").await?;
    }
    Ok(())
}
