//! The grants: each turns what a client brings into an [`Authorization`](crate::tokens::issue::Authorization).

pub mod authorization_code;
pub mod client_credentials;
pub mod password;
pub mod refresh_token;

use std::sync::{Arc, OnceLock};

use http::StatusCode;
use keyraft_core::{ClientView, UserRecord};
use keyraft_model::UserId;
use keyraft_wire::oauth::{ErrorCode, Params};

use crate::Oidc;
use crate::asked::Asked;
use crate::refusal::Refusal;
use crate::tokens::{GrantedScopes, InvalidScope};

/// What a grant works with: an authenticated client and its request.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// The server.
    pub oidc: &'a Oidc,
    /// The request's surroundings.
    pub asked: &'a Asked,
    /// Who asks.
    pub client: &'a Arc<ClientView>,
    /// What he sent.
    pub params: &'a Params,
    /// Whom it is about, once that is known: for the event, also when nothing is redeemed.
    pub about: &'a OnceLock<UserId>,
}

/// Why a grant is not redeemed. The texts are those that clients hear.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum GrantError {
    #[error("Missing parameter: code")]
    CodeMissing,
    /// Unknown, expired, burnt or redeemed before: nobody learns which.
    #[error("Code not valid")]
    CodeNotValid,
    #[error("Auth error: Found different client_id in clientSession")]
    CodeOfOtherClient,
    #[error("Incorrect redirect_uri")]
    RedirectUri,
    #[error("PKCE code verifier not specified")]
    VerifierMissing,
    #[error("PKCE code verifier specified but challenge not present in authorization")]
    VerifierUnexpected,
    #[error("PKCE verification failed: Invalid code verifier")]
    VerifierMalformed,
    #[error("PKCE verification failed: Code mismatch")]
    VerifierMismatch,
    #[error("Client not allowed to exchange code")]
    StandardFlowOff,
    #[error("No refresh token")]
    RefreshTokenMissing,
    #[error("Invalid refresh token")]
    RefreshTokenInvalid,
    #[error("Token is not active")]
    RefreshTokenExpired,
    #[error("Invalid refresh token. Token client and authorized client don't match")]
    RefreshTokenOfOtherClient,
    #[error("Stale token")]
    RefreshTokenStale,
    #[error("Maximum allowed refresh token reuse exceeded")]
    RefreshTokenReused,
    #[error("Session not active")]
    NoSession,
    #[error("Offline user session not found")]
    NoOfflineSession,
    #[error("Session doesn't have required client")]
    NoClientSession,
    #[error("Offline session invalid because offline access not granted anymore")]
    OfflineNotGranted,
    #[error("Offline tokens not allowed for the user or client")]
    OfflineNotAllowed,
    #[error("Client no longer has requested consent from user")]
    ConsentGone,
    #[error("User disabled")]
    UserDisabled,
    #[error("Missing parameter: username")]
    UsernameMissing,
    #[error("Invalid user credentials")]
    Credentials,
    #[error("Account disabled")]
    AccountDisabled,
    #[error("Account is not fully set up")]
    AccountIncomplete,
    #[error("Client not allowed for direct access grants")]
    DirectGrantOff,
    #[error("Client requires user consent")]
    ConsentRequired,
    #[error("Public client not allowed to retrieve service account")]
    PublicServiceAccount,
    #[error("Client not enabled to retrieve service account")]
    ServiceAccountOff,
    #[error(transparent)]
    Scope(#[from] InvalidScope),
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

impl GrantError {
    /// What the client hears: RFC 6749 section 5.2, with Keycloak's statuses.
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            Self::CodeMissing | Self::RefreshTokenMissing | Self::UsernameMissing => {
                ErrorCode::InvalidRequest
            }
            Self::CodeNotValid
            | Self::CodeOfOtherClient
            | Self::RedirectUri
            | Self::VerifierMissing
            | Self::VerifierUnexpected
            | Self::VerifierMalformed
            | Self::VerifierMismatch
            | Self::RefreshTokenInvalid
            | Self::RefreshTokenExpired
            | Self::RefreshTokenOfOtherClient
            | Self::RefreshTokenStale
            | Self::RefreshTokenReused
            | Self::NoSession
            | Self::NoOfflineSession
            | Self::NoClientSession
            | Self::OfflineNotGranted
            | Self::UserDisabled
            | Self::Credentials
            | Self::AccountDisabled
            | Self::AccountIncomplete => ErrorCode::InvalidGrant,
            Self::DirectGrantOff
            | Self::StandardFlowOff
            | Self::PublicServiceAccount
            | Self::ServiceAccountOff => ErrorCode::UnauthorizedClient,
            Self::ConsentRequired => ErrorCode::InvalidClient,
            Self::OfflineNotAllowed => ErrorCode::NotAllowed,
            Self::ConsentGone | Self::Scope(_) => ErrorCode::InvalidScope,
            Self::Failure(error) => return Refusal::failure(error),
        };
        let status = match self {
            Self::UsernameMissing | Self::PublicServiceAccount | Self::ServiceAccountOff => {
                StatusCode::UNAUTHORIZED
            }
            _ => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, code, self.to_string())
    }
}

impl<'a> Redemption<'a> {
    /// The scope that the request asks for, if the client may.
    ///
    /// # Errors
    ///
    /// See [`InvalidScope`].
    pub fn requested_scopes(&self) -> Result<GrantedScopes<'a>, InvalidScope> {
        GrantedScopes::request(&self.asked.realm, self.client, self.params.standard("scope"))
    }

    /// The user of that row, if he may have tokens.
    async fn enabled_user(&self, id: &keyraft_model::UserId) -> Result<Arc<UserRecord>, GrantError> {
        let user = self.oidc.core.user(&self.asked.realm, id).await?;
        user.filter(|user| user.user.enabled).ok_or(GrantError::UserDisabled)
    }
}
