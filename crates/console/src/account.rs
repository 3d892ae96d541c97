//! The pages where people look after their own account.
//!
//! Whoever is signed in on this browser sees them; everybody else is sent to sign in to the client
//! `account-console` first and comes back here. The code that comes along is never redeemed: the identity
//! cookie is what counts, and no token of the person ever reaches the page. Forms carry a token made from
//! that cookie. What another session's handle is stays unsaid: a device is named by a digest.

mod devices;
mod door;
mod pages;
mod profile;
mod rest;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{any, get};
use http::{HeaderMap, Method};
use keyraft_oidc::Oidc;
use keyraft_web::{Query, RequestOrigin};

pub use pages::{Bar, Device, DevicesPage, Fact, ProfilePage, State as FactState, Tab, WelcomePage};

/// The path of the devices below the account's.
const DEVICES: &str = "/devices";

/// The routes below `/realms/{realm}/account`: pages for browsers, and the API for who asks for JSON.
pub fn router(oidc: Oidc) -> Router {
    let whole = || get(profile::show).fallback(ask_whole);
    Router::new()
        .route("/realms/{realm}/account", whole())
        .route("/realms/{realm}/account/", whole())
        .route("/realms/{realm}/account/devices", get(devices::show).post(devices::sign_out))
        .route("/realms/{realm}/account/{*rest}", any(ask))
        .with_state(oidc)
}

/// A request for the account API as a whole.
#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn ask_whole(
    oidc: State<Oidc>,
    Path(realm): Path<String>,
    method: Method,
    query: Query,
    origin: RequestOrigin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    ask(oidc, Path((realm, String::new())), method, query, origin, headers, body).await
}

/// A request for a part of it.
#[expect(clippy::too_many_arguments, reason = "each is an extractor")]
async fn ask(
    State(oidc): State<Oidc>,
    Path((realm, rest)): Path<(String, String)>,
    method: Method,
    Query(query): Query,
    origin: RequestOrigin,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    rest::serve(&oidc, rest::Ask { realm, rest, method, query, origin, headers, body }).await
}
