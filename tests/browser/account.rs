//! The pages on which people see to their own account.

use anyhow::Result;
use keyraft_harness::{App, Browser, Keyraft, Window};
use serde_json::json;

use crate::KEYRAFT;
use crate::page::{accessible, eventually, fits};

#[tokio::test]
async fn a_person_signs_out_of_all_other_devices() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    if !keyraft.is_own() {
        return Ok(()); // the original's are an application of their own
    }
    let realm = keyraft.realm("devices", json!({})).await?;
    let (alice, shop) = (realm.person("alice").await?, App::start(&realm, "shop", json!({})).await?);
    let Some(desktop) = Browser::open(Window::default()).await? else { return Ok(()) };
    let Some(phone) = Browser::open(Window { size: (320, 640), ..Window::default() }).await? else {
        return Ok(());
    };
    for browser in [&phone, &desktop] {
        browser.go(&shop.sign_in()).await?;
        browser.sign_in(&alice).await?;
        browser.arrive(&shop.url).await?;
    }
    for browser in [&phone, &desktop] {
        for page in ["", "/devices"] {
            browser.go(&format!("{}/account{page}", realm.issuer())).await?;
            fits(browser).await?;
            accessible(browser).await?;
        }
    }

    desktop.press("[name=others]").await?;
    eventually("no other device is left", async || Ok(!desktop.has("[name=others]").await?)).await?;

    phone.go(&format!("{}/refresh", shop.url)).await?;
    assert!(phone.text("#error").await?.starts_with("invalid_grant"));
    phone.go(&shop.sign_in()).await?;
    phone.find("#password").await?;
    desktop.go(&format!("{}/refresh", shop.url)).await?;
    assert_eq!(desktop.text("#refreshed").await?, "alice");
    Ok(())
}
