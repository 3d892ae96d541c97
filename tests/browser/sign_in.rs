//! Signing in, and not.

use anyhow::Result;
use keyraft_harness::{App, Browser, Keyraft, Window, code_now};
use serde_json::json;

use crate::KEYRAFT;

/// Where the sign-in page says what went wrong: ours, and the original's.
pub(crate) const ALERT: &str = "[role=alert], [id^=input-error], .pf-m-danger";

#[tokio::test]
async fn a_person_signs_in_to_a_site_of_another_origin() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("signin", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    assert!(browser.url().await?.starts_with(&realm.endpoint("auth")), "the page comes in the answer itself");
    browser.sign_in(&alice).await?;

    browser.arrive(&shop.url).await?;
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_keeps_the_name_and_says_the_same_as_a_wrong_name() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("wrong", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    let mut said = Vec::new();
    for name in [alice.name.as_str(), "nobody"] {
        browser.go(&shop.sign_in()).await?;
        browser.fill("#username", name).await?;
        browser.fill("#password", "not this one").await?;
        browser.press("#kc-login").await?;
        said.push(browser.text(ALERT).await?);
        assert_eq!(browser.value("#username").await?, name);
        assert_eq!(browser.value("#password").await?, "");
        if keyraft.is_own() {
            assert!(browser.driver().title().await?.starts_with("Error:"));
            assert_eq!(browser.run("return document.activeElement.getAttribute('role')").await?, "alert");
        }
    }
    assert_eq!(said[0], said[1]);

    browser.sign_in(&alice).await?;
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn a_one_time_code_is_asked_for_and_a_wrong_one_refused() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("code", json!({})).await?;
    let (alice, shop) =
        (realm.person_with_codes("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    browser.fill("#username", &alice.name).await?;
    browser.fill("#password", &alice.password).await?;
    browser.press("#kc-login").await?;
    browser.fill("#otp", "000000").await?;
    browser.press("#kc-login").await?;
    browser.find(ALERT).await?;

    let code = code_now(&alice.otp_secret);
    let typed = if keyraft.is_own() { format!("{} {}", &code[..3], &code[3..]) } else { code };
    browser.fill("#otp", &typed).await?;
    browser.press("#kc-login").await?;
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn only_remember_me_outlives_the_browser() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("remember", json!({ "rememberMe": true })).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);

    for remember in [false, true] {
        let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };
        browser.go(&shop.sign_in()).await?;
        assert!(!browser.find("#rememberMe").await?.is_selected().await?, "off unless somebody wants it");
        if remember {
            browser.press("#rememberMe").await?;
        }
        browser.sign_in(&alice).await?;
        browser.find("#person").await?;

        // Any page of the realm: the cookie's path is the realm's.
        browser.go(&realm.endpoint("certs")).await?;
        let cookies = browser.driver().get_all_cookies().await?;
        let identity = cookies.iter().find(|cookie| cookie.name.to_lowercase().contains("identity"));
        let lasts = identity.map(|cookie| cookie.expiry.is_some());
        assert_eq!(lasts, Some(remember));
    }
    Ok(())
}
