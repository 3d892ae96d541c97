//! What is asked of every page.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use keyraft_harness::{Browser, folder, node_modules};
use serde_json::Value;

/// Asks axe, the accessibility checker, for everything it knows; fails on any finding.
pub(crate) async fn accessible(browser: &Browser) -> Result<()> {
    let axe =
        node_modules("browser", &folder().join("browser/node"))?.join("node_modules/axe-core/axe.min.js");
    browser.run(&std::fs::read_to_string(axe)?).await?;
    let script = "const done = arguments[0]; axe.run(document).then(
        found => done(found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' | '))),
        error => done(['axe failed: ' + error]))";
    let found = browser.driver().execute_async(script, Vec::new()).await?.json().clone();
    let found = found.as_array().context("axe says nothing")?;
    ensure!(found.is_empty(), "axe on {}: {found:#?}", browser.url().await?);
    Ok(())
}

/// Fails when a page has to be scrolled sideways.
pub(crate) async fn fits(browser: &Browser) -> Result<()> {
    let wide = "return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5
        || e.getBoundingClientRect().left < -0.5 && e.getBoundingClientRect().right > 0)
        .map(e => e.outerHTML.slice(0, 120))";
    let sideways = browser.run("return document.documentElement.scrollWidth > innerWidth").await?;
    let wide = browser.run(wide).await?;
    ensure!(sideways == Value::Bool(false), "{} scrolls sideways: {wide:#}", browser.url().await?);
    Ok(())
}

/// Follows the ways on that a page offers until the browser is at `url`.
pub(crate) async fn get_on(browser: &Browser, url: &str) -> Result<()> {
    for _ in 0..3 {
        if let Ok(()) = soon(async || Ok(browser.url().await?.starts_with(url)), Duration::from_secs(2)).await
        {
            return Ok(());
        }
        browser.press("#loginContinueLink, main a.primary, #kc-form-login [name=login], a").await?;
    }
    browser.arrive(url).await
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    soon(is_so, Duration::from_secs(20)).await.with_context(|| format!("not so: {what}"))
}

async fn soon(mut is_so: impl AsyncFnMut() -> Result<bool>, patience: Duration) -> Result<()> {
    let since = Instant::now();
    while since.elapsed() < patience {
        if is_so().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    bail!("waited for {patience:?}")
}
