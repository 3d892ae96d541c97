//! What the first page costs to fetch.

use anyhow::{Context as _, Result};
use keyraft_harness::{App, Browser, Keyraft, Window};
use serde_json::json;

use crate::KEYRAFT;

/// Bytes that the first page may take, everything in.
const MOST: u64 = 20 * 1024;
/// Requests that it may take.
const MOST_REQUESTS: usize = 4;

#[tokio::test]
async fn the_first_page_is_light_and_asks_nobody_else() -> Result<()> {
    let keyraft = Keyraft::start(KEYRAFT).await?;
    if !keyraft.is_own() {
        return Ok(()); // the original weighs fifty times as much
    }
    let realm = keyraft.realm("weight", json!({ "rememberMe": true, "resetPasswordAllowed": true })).await?;
    let shop = App::start(&realm, "shop", json!({})).await?;
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };

    browser.go(&shop.sign_in()).await?;
    let fetched = browser
        .run(
            "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
                .map(e => [e.name, e.encodedBodySize])",
        )
        .await?;
    let mut fetched: Vec<(String, u64)> = serde_json::from_value(fetched)?;
    // A window that shows no icon does not fetch it; others do.
    let icon = browser.run("return document.querySelector('link[rel=icon]').href").await?;
    let icon = icon.as_str().context("no icon")?.to_owned();
    if !fetched.iter().any(|(url, _)| *url == icon) {
        let body = keyraft.http().get(&icon).header("accept-encoding", "gzip").send().await?.bytes().await?;
        fetched.push((icon, body.len() as u64));
    }

    let total: u64 = fetched.iter().map(|(_, bytes)| bytes).sum();
    assert!(total <= MOST, "{total} bytes: {fetched:#?}");
    assert!(fetched.iter().all(|(_, bytes)| *bytes > 0), "not measured: {fetched:#?}");
    assert!(fetched.len() <= MOST_REQUESTS, "{fetched:#?}");
    assert!(fetched.iter().all(|(url, _)| url.starts_with(keyraft.url())), "{fetched:#?}");
    Ok(())
}
