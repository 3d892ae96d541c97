//! `GET /realms/{realm}`: what older adapters want to know of a realm.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_core::Error;
use keyraft_core::keys::RealmKey;
use keyraft_web::accept;
use serde::Serialize;

use crate::asked::Asked;
use crate::cors::Cors;
use crate::pages::{self, Sentence};
use crate::refusal::{Refusal, json};

/// Members in Keycloak's order.
#[derive(Serialize)]
struct RealmInfo<'a> {
    realm: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(rename = "token-service")]
    token_service: String,
    #[serde(rename = "account-service")]
    account_service: String,
    #[serde(rename = "tokens-not-before")]
    tokens_not_before: i64,
}

/// The document. It exists as JSON only.
pub(crate) async fn realm(asked: Asked) -> Response {
    if accept::names_html(&asked.headers)
        && !accept::prefers_json(&asked.headers)
        && !accepts_anything(&asked)
    {
        let sentence = Sentence { status: StatusCode::NOT_ACCEPTABLE, key: "pageNotFound", argument: "" };
        return pages::error(&asked, &keyraft_web::Fields::default(), sentence);
    }
    match body(&asked) {
        Ok(body) => {
            let mut response = json(StatusCode::OK, body);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Cors::public(&asked).open(response)
        }
        Err(error) => Refusal::failure(&error).into_response(),
    }
}

fn body(asked: &Asked) -> Result<Vec<u8>, Error> {
    let issuer = &asked.issuer;
    let signs = |key: &&RealmKey| key.enabled && key.active && key.algorithm == "RS256";
    let key = asked.realm.keys.iter().find(signs).map(|key| key.material.public_key_base64());
    let public_key = key.transpose().map_err(|error| Error::Internal(error.to_string()))?.flatten();
    let info = RealmInfo {
        realm: &asked.realm.realm.realm,
        public_key,
        token_service: format!("{issuer}/protocol/openid-connect"),
        account_service: format!("{issuer}/account"),
        tokens_not_before: asked.realm.realm.not_before,
    };
    serde_json::to_vec(&info).map_err(|error| Error::Internal(error.to_string()))
}

fn accepts_anything(asked: &Asked) -> bool {
    let lines = asked.headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| range.trim().starts_with("*/*"))
}
