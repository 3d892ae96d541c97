//! `POST /realms/{realm}/protocol/openid-connect/revoke` (RFC 7009).
//!
//! An access token is revoked alone. A refresh token takes its client out of the session, and the session with
//! it where that was the last client; an offline one ends the client's offline session.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyraft_cluster::session::Kind as SessionKind;
use keyraft_core::ClientView;
use keyraft_model::UnixMs;
use keyraft_web::Form;
use keyraft_wire::oauth::{ErrorCode, Params};

use crate::Oidc;
use crate::asked::Asked;
use crate::client_auth::{self, ClientAuthError};
use crate::cors::{Cors, ForeignOrigin};
use crate::refusal::Refusal;
use crate::tokens::verify::{Kind, Token};

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
enum RevocationError {
    #[error("https is required")]
    Plain,
    #[error("realm is disabled")]
    RealmDisabled,
    #[error(transparent)]
    Client(#[from] ClientAuthError),
    #[error("Bearer-only not allowed")]
    BearerOnly,
    #[error("duplicated parameter")]
    Duplicated,
    #[error("Token not provided")]
    NoToken,
    #[error("Invalid token")]
    Invalid,
    #[error("Unsupported token type")]
    TokenType,
    #[error("Unmatching clients")]
    OtherClient,
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

impl RevocationError {
    fn refusal(&self) -> Refusal {
        let text = self.to_string();
        match self {
            Self::Plain => Refusal::https_required(),
            Self::RealmDisabled => Refusal::realm_disabled(),
            Self::Client(error) => error.refusal(),
            Self::BearerOnly => Refusal::bad_request(ErrorCode::InvalidClient, text),
            Self::Duplicated | Self::NoToken | Self::OtherClient => {
                Refusal::bad_request(ErrorCode::InvalidRequest, text)
            }
            // What cannot be used needs no revoking (RFC 7009 section 2.2): 200, with Keycloak's body.
            Self::Invalid => Refusal::new(StatusCode::OK, ErrorCode::InvalidToken, text),
            Self::TokenType => Refusal::bad_request(ErrorCode::UnsupportedTokenType, text),
            Self::Failure(error) => Refusal::failure(error),
        }
    }
}

/// Answers a revocation request.
pub(crate) async fn revoke(State(oidc): State<Oidc>, asked: Asked, Form(form): Form) -> Response {
    let cors = Cors::new(&asked);
    let params = Params::new(form.into_pairs());
    let answer = async {
        if !asked.is_secure_enough() {
            return Ok(RevocationError::Plain.refusal().into_response());
        }
        if !asked.realm.realm.enabled {
            return Ok(RevocationError::RealmDisabled.refusal().into_response());
        }
        let client = match client_auth::authenticate(&oidc, &asked, &params).await {
            Ok(client) => client,
            Err(error) => return Ok(cors.open(RevocationError::from(error).refusal().into_response())),
        };
        cors.check(&asked, &client)?;
        let answer = match take(&oidc, &asked, &client, &params).await {
            Ok(()) => StatusCode::OK.into_response(),
            Err(error) => error.refusal().into_response(),
        };
        Ok::<_, ForeignOrigin>(cors.open(answer))
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn take(
    oidc: &Oidc,
    asked: &Asked,
    client: &Arc<ClientView>,
    params: &Params,
) -> Result<(), RevocationError> {
    if client.client.bearer_only {
        return Err(RevocationError::BearerOnly);
    }
    if params.has_duplicates() {
        return Err(RevocationError::Duplicated);
    }
    let presented = params.get("token").ok_or(RevocationError::NoToken)?;
    let view = oidc.core.sessions.view().await?;
    let verify = |kind| oidc.signatures.verify(kind, &asked.realm, &asked.issuer, presented, view.now()).ok();
    if verify(Kind::Id).is_some() {
        return Err(RevocationError::TokenType);
    }
    let (token, is_access) = match verify(Kind::Access) {
        Some(token) => (token, true),
        None => (verify(Kind::Refresh).ok_or(RevocationError::Invalid)?, false),
    };
    if token.text("azp") != Some(&client.client.client_id) {
        return Err(RevocationError::OtherClient);
    }
    if is_access {
        revoke_access(oidc, asked, &token, view.now()).await
    } else {
        let kind = if token.is_offline() { SessionKind::Offline } else { SessionKind::Online };
        let sid = token.text("sid").ok_or(RevocationError::Invalid)?;
        let session = oidc.core.sessions.find(&asked.realm, sid, kind).await?;
        let is_in = session.is_some_and(|session| session.clients.contains_key(&client.client.id));
        if !is_in {
            return Err(RevocationError::Invalid);
        }
        oidc.core.sessions.end_client(sid, kind, &client.client.id, true).await?;
        Ok(())
    }
}

/// Remembers the token's id until it would have expired; revoking it twice is no error.
async fn revoke_access(
    oidc: &Oidc,
    asked: &Asked,
    token: &Token,
    now: UnixMs,
) -> Result<(), RevocationError> {
    let jti = token.text("jti").ok_or(RevocationError::Invalid)?;
    let end = token.number("exp").map_or(now, UnixMs::from_secs);
    // A second more than the token has left: both ends are rounded.
    let left = end.since(now).0.saturating_add(1000);
    oidc.core.sessions.revoke(&asked.realm.realm.id, jti, keyraft_model::DurationMs(left)).await?;
    Ok(())
}
