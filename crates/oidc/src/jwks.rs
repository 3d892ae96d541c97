//! `GET /realms/{realm}/protocol/openid-connect/certs`: the realm's public keys (RFC 7517 section 5).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_crypto::keys::Jwk;
use serde::Serialize;

use crate::asked::Asked;
use crate::cors::Cors;
use crate::refusal::{Refusal, json};

#[derive(Serialize)]
struct JwkSet<'a> {
    keys: &'a [Jwk],
}

/// The key set. It is everybody's.
pub(crate) async fn certs(asked: Asked) -> Response {
    match serde_json::to_vec(&JwkSet { keys: asked.realm.keys.jwks() }) {
        Ok(body) => {
            let mut response = json(StatusCode::OK, body);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Cors::public(&asked).open(response)
        }
        Err(error) => Refusal::failure(&keyraft_core::Error::Internal(error.to_string())).into_response(),
    }
}
