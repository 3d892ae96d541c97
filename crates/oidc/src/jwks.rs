//! `GET /realms/{realm}/protocol/openid-connect/certs`: the realm's public keys (RFC 7517 section 5).

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

use crate::asked::Asked;
use crate::cors::Cors;
use crate::refusal::json;

/// The key set. It is everybody's.
pub(crate) async fn certs(asked: Asked) -> Response {
    let mut response = json(StatusCode::OK, asked.realm.keys.key_set());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Cors::public(&asked).open(response)
}
