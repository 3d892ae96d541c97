//! Keycloak's older way to sign out: an application posts the refresh token that it holds.
//!
//! It ends the whole session, every application in it. A token whose session is gone, or that has expired, is as
//! good as signed out.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyraft_cluster::session::Kind as SessionKind;
use keyraft_core::ClientView;
use keyraft_wire::oauth::{ErrorCode, Params};

use super::uncached;
use crate::Oidc;
use crate::asked::Asked;
use crate::backchannel;
use crate::client_auth::{self, ClientAuthError};
use crate::cors::{Cors, ForeignOrigin};
use crate::refusal::Refusal;
use crate::tokens::verify::Kind;

/// Why nothing was ended.
#[derive(Debug, thiserror::Error)]
enum LegacyError {
    #[error("https is required")]
    Plain,
    #[error(transparent)]
    Client(#[from] ClientAuthError),
    #[error("Bearer-only not allowed")]
    BearerOnly,
    #[error("No refresh token")]
    NoToken,
    #[error("Invalid refresh token")]
    Invalid,
    #[error("Invalid refresh token. Token client and authorized client don't match")]
    OtherClient,
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

impl LegacyError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Plain => Refusal::https_required(),
            Self::Client(error) => error.refusal(),
            Self::BearerOnly => Refusal::bad_request(ErrorCode::InvalidClient, self.to_string()),
            Self::NoToken => Refusal::bad_request(ErrorCode::InvalidRequest, self.to_string()),
            Self::Invalid | Self::OtherClient => {
                Refusal::bad_request(ErrorCode::InvalidGrant, self.to_string())
            }
            Self::Failure(error) => Refusal::failure(error),
        }
    }
}

/// Answers such a post.
pub(super) async fn post(oidc: &Oidc, asked: &Asked, params: &Params) -> Response {
    let cors = Cors::new(asked);
    let answer = async {
        if !asked.is_secure_enough() {
            return Ok(LegacyError::Plain.refusal().into_response());
        }
        let client = match client_auth::authenticate(oidc, asked, params).await {
            Ok(client) => client,
            Err(error) => return Ok(cors.open(LegacyError::from(error).refusal().into_response())),
        };
        cors.check(asked, &client)?;
        let answer = match end(oidc, asked, &client, params).await {
            Ok(()) => uncached(StatusCode::NO_CONTENT.into_response()),
            Err(error) => error.refusal().into_response(),
        };
        Ok::<_, ForeignOrigin>(cors.open(answer))
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

async fn end(
    oidc: &Oidc,
    asked: &Asked,
    client: &Arc<ClientView>,
    params: &Params,
) -> Result<(), LegacyError> {
    if client.client.bearer_only {
        return Err(LegacyError::BearerOnly);
    }
    let presented = params.standard("refresh_token").ok_or(LegacyError::NoToken)?;
    let now = oidc.core.sessions.view().await?.now();
    let token = oidc.signatures.verify(Kind::RefreshHint, &asked.realm, &asked.issuer, presented, now);
    let token = token.map_err(|_| LegacyError::Invalid)?;
    if token.text("azp") != Some(&client.client.client_id) {
        return Err(LegacyError::OtherClient);
    }
    let sid = token.text("sid").ok_or(LegacyError::Invalid)?;
    let kind = if token.is_offline() { SessionKind::Offline } else { SessionKind::Online };
    if oidc.core.sessions.find(&asked.realm, sid, kind).await?.is_none() {
        return Ok(());
    }
    let taken_out = (kind == SessionKind::Offline).then_some(&client.client.id);
    backchannel::end(&oidc.core, (&asked.realm, &asked.issuer), (sid, kind), taken_out).await?;
    Ok(())
}
