//! `keycloak-js` and `oidc-client-ts`, in Chromium, as single-page applications of another origin.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::Path as Segments;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse as _};
use axum::routing::get;
use keyraft_harness::{Browser, Keyraft, Realm, Window, find_program, folder, node_modules, skip};
use serde_json::json;
use std::path::PathBuf;
use tokio::net::TcpListener;

use crate::KEYRAFT;

#[tokio::test]
async fn keycloak_js_signs_in_refreshes_and_signs_out() -> Result<()> {
    let Some(packages) = packages()? else { return Ok(()) };
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("keycloakjs", json!({})).await?;
    let alice = realm.person("alice").await?;
    let site = site(packages, "keycloak_js.html", &realm).await?;

    browser.go(&site).await?;
    assert_eq!(browser.text("#state.out").await?, "signed out", "a silent look finds nobody");
    browser.press("#in").await?;
    browser.sign_in(&alice).await?;
    browser.arrive(&site).await?;
    assert_eq!(browser.text("#state.in").await?, "alice");
    assert_eq!(browser.text("#profile").await?, "alice@example.com");
    assert_eq!(browser.text("#account").await?, "Example", "the account API tells her own name");
    assert_eq!(browser.text("#refreshed").await?, "true");

    browser.go(&site).await?;
    assert_eq!(browser.text("#state.in").await?, "alice", "a silent look finds her");
    browser.press("#out").await?;
    browser.find("#state.out").await?;
    browser.arrive(&site).await?;
    Ok(())
}

#[tokio::test]
async fn oidc_client_ts_signs_in_renews_and_signs_out() -> Result<()> {
    let Some(packages) = packages()? else { return Ok(()) };
    let Some(browser) = Browser::open(Window::default()).await? else { return Ok(()) };
    let keyraft = Keyraft::start(KEYRAFT).await?;
    let realm = keyraft.realm("oidcts", json!({})).await?;
    let alice = realm.person("alice").await?;
    let site = site(packages, "oidc_client_ts.html", &realm).await?;

    browser.go(&site).await?;
    browser.press("#in").await?;
    browser.sign_in(&alice).await?;
    browser.arrive(&site).await?;
    assert_eq!(browser.text("#state.in").await?, "alice");
    assert_eq!(browser.text("#profile").await?, "alice@example.com");
    assert_eq!(browser.text("#refreshed").await?, "alice");

    browser.press("#out").await?;
    browser.arrive(&site).await?;
    assert_eq!(browser.text("#state.out").await?, "signed out");
    Ok(())
}

/// The fetched packages, or `None` when they cannot be had.
fn packages() -> Result<Option<PathBuf>> {
    if find_program("npm").is_none() {
        skip("npm is not installed");
        return Ok(None);
    }
    node_modules("clients", &folder().join("clients/node")).map(Some)
}

/// Serves a page and the packages it loads on an origin of their own; makes the page a public client of the realm.
///
/// Returns the page's address. The server ends with the test's runtime.
async fn site(packages: PathBuf, page: &str, realm: &Realm<'_>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    let client = json!({
        "publicClient": true, "redirectUris": [format!("{origin}/*")], "webOrigins": [origin],
        "attributes": { "pkce.code.challenge.method": "S256", "post.logout.redirect.uris": format!("{origin}/*") },
    });
    realm.client("spa", client).await?;
    let source = folder().join("clients/node");
    let text = std::fs::read_to_string(source.join(page))?
        .replace("SERVER", realm.keyraft().url())
        .replace("REALM", realm.name());
    let silent = std::fs::read_to_string(source.join("silent.html"))?;
    let file = move |Segments(path): Segments<String>| async move {
        let text = std::fs::read_to_string(packages.join("node_modules").join(path)).unwrap_or_default();
        ([(CONTENT_TYPE, "text/javascript")], text).into_response()
    };
    let routes = Router::new()
        .route("/", get(|| async move { Html(text) }))
        .route("/silent", get(|| async move { Html(silent) }))
        .route("/packages/{*path}", get(file));
    tokio::spawn(async move { axum::serve(listener, routes).await.context("the site ends") });
    Ok(format!("{origin}/"))
}
