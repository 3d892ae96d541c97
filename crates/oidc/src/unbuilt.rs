//! Addresses below a realm that nobody serves, answered as Keycloak answers them.

use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;
use keyraft_web::failure;
use serde::Deserialize;

use crate::Oidc;
use crate::asked::Asked;

/// What follows the realm in the path.
#[derive(Debug, Deserialize)]
pub(crate) struct Rest {
    rest: String,
}

/// No such address: says whether the realm, the protocol or the path is unknown.
pub(crate) async fn unknown(
    State(_): State<Oidc>,
    asked: Asked,
    Path(path): Path<Rest>,
    headers: HeaderMap,
) -> Response {
    let protocol = path.rest.strip_prefix("protocol/").and_then(|rest| rest.split('/').next());
    let error = match protocol {
        Some(protocol) if protocol != "openid-connect" => "Protocol not found",
        Some(_) | None => "HTTP 404 Not Found",
    };
    failure::no_page(&headers, asked.id, error)
}
