//! `login-status-iframe.html` and `3p-cookies/*.html`: pages without sight that browser libraries load in a frame
//! (OpenID Connect Session Management 1.0).
//!
//! They hold no data. Which application may ask about a session is decided by `init`, by the client's web origins.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_web::Query;
use keyraft_web::headers::ContentPolicy;

use crate::Oidc;
use crate::asked::Asked;
use crate::refusal::Refusal;
use crate::tokens::web_origins;

const IFRAME: &str = include_str!("../../../web/templates/oidc/session_iframe.html");
const STEP_1: &str = include_str!("../../../web/templates/oidc/third_party_step1.html");
const STEP_2: &str = include_str!("../../../web/templates/oidc/third_party_step2.html");

/// What Keycloak sends with documents that must be fresh.
pub(crate) const NEVER_STORED: HeaderValue =
    HeaderValue::from_static("no-cache, must-revalidate, no-transform, no-store");

/// The session iframe. `version` asks for a copy that may be kept; there is none.
pub(crate) async fn iframe(_: Asked, Query(query): Query) -> Response {
    if query.has("version") { StatusCode::NOT_FOUND.into_response() } else { framed(IFRAME) }
}

/// Whether an application may ask the iframe.
pub(crate) async fn init(State(oidc): State<Oidc>, asked: Asked, Query(query): Query) -> Response {
    let (Some(client_id), Some(origin)) = (query.filled("client_id"), query.filled("origin")) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let client = match oidc.core.client(&asked.realm, client_id).await {
        Ok(client) => client,
        Err(error) => return Refusal::failure(&error).into_response(),
    };
    let own = keyraft_wire::oauth::redirect_uri::origin(&asked.origin.base);
    let is_allowed = client.filter(|client| client.client.enabled).is_some_and(|client| {
        let origins = web_origins(&client, asked.base_url());
        own == Some(origin) || origins.iter().any(|one| one == "*" || one == origin)
    });
    if is_allowed { StatusCode::NO_CONTENT.into_response() } else { StatusCode::FORBIDDEN.into_response() }
}

/// Sets a cookie inside another site's page.
pub(crate) async fn step_1(_: Asked) -> Response {
    framed(STEP_1)
}

/// Looks whether it is still there.
pub(crate) async fn step_2(_: Asked) -> Response {
    framed(STEP_2)
}

fn framed(page: &'static str) -> Response {
    let mut response = Html(page).into_response();
    response.extensions_mut().insert(ContentPolicy::SessionFrame);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html;charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, NEVER_STORED);
    response
}
