//! `/.well-known/openid-configuration` and `oauth-authorization-server` below the realm, and the latter at the root
//! (OpenID Connect Discovery 1.0, RFC 8414 section 3).

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use keyraft_crypto::keys::Algorithm;
use keyraft_model::ClientScope;
use keyraft_wire::oidc::discovery::{Discovery, Offer};
use serde::Deserialize;

use crate::Oidc;
use crate::acr;
use crate::asked::Asked;
use crate::cors::Cors;
use crate::refusal::{Refusal, json};
use crate::session_iframe::NEVER_STORED;

/// The path of the root form: which document, of which realm.
#[derive(Debug, Deserialize)]
pub(crate) struct RootPath {
    provider: String,
}

/// The document of a realm.
pub(crate) async fn document(asked: Asked) -> Response {
    let algorithms: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
    let acr_values = acr::known(&asked.realm.realm);
    let acr_values: Vec<&str> = acr_values.iter().map(String::as_str).collect();
    let scopes: Vec<&str> = asked
        .realm
        .scopes
        .values()
        .filter(|scope| is_listed(scope))
        .map(|scope| scope.name.as_str())
        .collect();
    let backend = asked.origin.backchannel_issuer(&asked.realm.realm);
    let document = Discovery::new(&Offer {
        issuer: &asked.issuer,
        frontend: &asked.issuer,
        backend: &backend,
        signing: &algorithms,
        acr_values: &acr_values,
        scopes: &scopes,
        registration: asked.realm.realm.registration_allowed,
    });
    match serde_json::to_vec(&document) {
        Ok(body) => {
            let mut response = json(StatusCode::OK, body);
            response.headers_mut().insert(header::CACHE_CONTROL, NEVER_STORED);
            Cors::public(&asked).open(response)
        }
        Err(error) => Refusal::failure(&keyraft_core::Error::Internal(error.to_string())).into_response(),
    }
}

/// The root form (RFC 8414 section 3.1): only for OAuth metadata, as in Keycloak.
pub(crate) async fn root(
    State(_): State<Oidc>,
    Path(path): Path<RootPath>,
    headers: HeaderMap,
    asked: Asked,
) -> Response {
    if path.provider == "oauth-authorization-server" {
        return document(asked).await;
    }
    keyraft_web::failure::no_page(&headers, asked.id, "HTTP 404 Not Found")
}

/// A scope can keep itself out of the document.
fn is_listed(scope: &ClientScope) -> bool {
    scope.protocol.as_deref().is_none_or(|protocol| protocol == "openid-connect")
        && scope.attribute("include.in.openid.provider.metadata").is_none_or(|text| text == "true")
}
