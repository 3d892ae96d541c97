//! Back, reload, double submit, two tabs, no script: a login gets to its application all the same.

use anyhow::Result;
use keyraft_harness::{App, Browser, Keyraft, Window, code_now};
use serde_json::json;

use crate::KEYRAFT;
use crate::page::get_on;
use crate::sign_in::ALERT;

#[tokio::test]
async fn everything_works_without_script() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("noscript", json!({})).await?;
    let alice = realm.person_with_codes("alice").await?;
    let bob = realm.person_with("bob", json!({ "requiredActions": ["UPDATE_PASSWORD"] })).await?;
    let shop = App::start(&realm, "shop", json!({ "consentRequired": true })).await?;
    let Some(browser) = Browser::open(Window { script: false, ..Window::default() }).await? else {
        return Ok(());
    };

    browser.go(&shop.sign_in()).await?;
    browser.sign_in(&alice).await?;
    browser.press("#kc-login").await?; // consent
    assert_eq!(browser.text("#person").await?, "alice");
    browser.go(&format!("{}/sign-out", shop.url)).await?;
    browser.find("#in").await?;

    browser.go(&shop.sign_in()).await?;
    browser.sign_in(&bob).await?;
    browser.fill("#password-new", "bob likes short walks").await?;
    if browser.has("#password-confirm").await? {
        browser.fill("#password-confirm", "bob likes short walks").await?;
    }
    browser.press("#kc-passwd-update-form [type=submit], #kc-submit").await?;
    browser.press("#kc-login").await?; // consent
    assert_eq!(browser.text("#person").await?, "bob");
    Ok(())
}

#[tokio::test]
async fn two_tabs_may_sign_in_one_after_the_other() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("tabs", json!({})).await?;
    let alice = realm.person("alice").await?;
    let (shop, bank) =
        (App::start(&realm, "shop", json!({})).await?, App::start(&realm, "bank", json!({})).await?);
    let Some(browser) = Browser::open(Window { script: false, ..Window::default() }).await? else {
        return Ok(());
    };
    browser.go(&shop.sign_in()).await?;
    browser.find("#password").await?;
    browser.another_tab().await?;
    browser.go(&bank.sign_in()).await?;
    browser.sign_in(&alice).await?;
    browser.arrive(&bank.url).await?;

    browser.tab(0).await?;
    if browser.has("#password").await? {
        browser.sign_in(&alice).await?;
    }

    get_on(&browser, &shop.url).await?;
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn back_to_the_form_and_forward_again() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("back", json!({})).await?;
    let alice = realm.person_with_codes("alice").await?;
    let shop = App::start(&realm, "shop", json!({})).await?;
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    browser.fill("#username", &alice.name).await?;
    browser.fill("#password", &alice.password).await?;
    browser.press("#kc-login").await?;
    browser.find("#otp").await?;
    // From the code back to the password, and on. The original's button stays off there.
    if keyraft.is_own() {
        browser.driver().back().await?;
        if browser.has("#password").await? {
            browser.fill("#username", &alice.name).await?;
            browser.fill("#password", &alice.password).await?;
            browser.press("#kc-login").await?;
        } else if !browser.has("#otp").await? {
            browser.press("#loginContinueLink").await?;
        }
    }
    browser.fill("#otp", &code_now(&alice.otp_secret)).await?;
    browser.press("#kc-login").await?;
    browser.arrive(&shop.url).await?;

    // From the application back into the login that is over.
    browser.driver().back().await?;
    get_on(&browser, &shop.url).await?;
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn a_form_may_be_sent_twice() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("twice", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    // The first answer never reaches the browser, as when somebody presses twice.
    browser.go(&shop.sign_in()).await?;
    let action = browser.run("return document.forms[0].action").await?;
    let cookies = browser.driver().get_all_cookies().await?;
    let cookies: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
    let fields = [("username", alice.name.as_str()), ("password", &alice.password), ("credentialId", "")];
    let request =
        keyraft.http().post(action.as_str().unwrap_or_default()).header("cookie", cookies.join("; "));
    assert_eq!(request.form(&fields).send().await?.status(), 302);
    browser.sign_in(&alice).await?;

    for _ in 0..3 {
        if browser.has("#person").await? {
            break;
        }
        if browser.has("#password").await? {
            browser.sign_in(&alice).await?;
        } else {
            browser.press("#loginContinueLink, main a.primary").await?;
        }
    }
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn a_page_may_be_loaded_again() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("reload", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    browser.driver().refresh().await?;
    browser.fill("#username", &alice.name).await?;
    browser.fill("#password", "not this one").await?;
    browser.press("#kc-login").await?;
    browser.find(ALERT).await?;
    browser.driver().refresh().await?;

    browser.sign_in(&alice).await?;
    browser.arrive(&shop.url).await?;
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}

#[tokio::test]
async fn a_form_of_another_browser_starts_the_same_request_again() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    if !keyraft.is_own() {
        return Ok(()); // the original answers with an error page without a way on
    }
    let realm = keyraft.realm("foreign", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    browser.driver().delete_all_cookies().await?;
    browser.sign_in(&alice).await?;
    assert!(
        !browser.url().await?.starts_with(&shop.url),
        "a form works only in the browser that it was made for"
    );

    browser.press("#loginContinueLink, #loginRestartLink").await?;
    // The application's own cookies are gone as well; its memory of the request is not.
    browser.sign_in(&alice).await?;
    assert_eq!(browser.text("#person").await?, "alice");
    Ok(())
}
