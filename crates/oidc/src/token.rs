//! `POST /realms/{realm}/protocol/openid-connect/token` (RFC 6749 section 3.2).
//!
//! The phases are fixed: which grant, who asks, may scripts of that origin, is the request sound, redeem, issue.
//! A grant implements redeeming and nothing else.

use std::sync::OnceLock;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyraft_core::ClientView;
use keyraft_model::{Event, UserId};
use keyraft_web::Form;
use keyraft_wire::oauth::token_request::{self, GrantType, Unreadable};
use keyraft_wire::oauth::{ErrorCode, Params};

use crate::Oidc;
use crate::asked::Asked;
use crate::client_auth::{self, ClientAuthError};
use crate::cors::{Cors, ForeignOrigin};
use crate::grants::{self, GrantError};
use crate::refusal::{Refusal, json, no_store};
use crate::tokens::issue;

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The request came over plain http from outside.
    #[error("https is required")]
    Plain,
    /// The realm is disabled.
    #[error("realm is disabled")]
    RealmDisabled,
    /// The request names no grant that is served, or repeats itself.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Nobody was recognised.
    #[error(transparent)]
    Client(#[from] ClientAuthError),
    /// A bearer-only client never gets tokens.
    #[error("client is bearer-only")]
    BearerOnly,
    /// The grant was not redeemed.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// Something behind us failed.
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

impl TokenError {
    /// What the event says of it, which may tell apart what the client must not.
    fn told(&self, user: Option<&UserId>) -> String {
        match (self, user) {
            (Self::Grant(GrantError::Credentials), Some(_)) => "invalid_user_credentials".to_owned(),
            (Self::Grant(GrantError::Credentials), None) => "user_not_found".to_owned(),
            _ => self.to_string(),
        }
    }

    /// What the client hears.
    fn refusal(&self) -> Refusal {
        match self {
            Self::Plain => Refusal::https_required(),
            Self::RealmDisabled => Refusal::realm_disabled(),
            Self::Unreadable(error) => Refusal::bad_request(
                match error {
                    Unreadable::GrantTypeMissing | Unreadable::Duplicated => ErrorCode::InvalidRequest,
                    Unreadable::GrantTypeUnsupported => ErrorCode::UnsupportedGrantType,
                },
                error.to_string(),
            ),
            Self::Client(error) => error.refusal(),
            Self::BearerOnly => Refusal::bad_request(ErrorCode::InvalidClient, "Bearer-only not allowed"),
            Self::Grant(error) => error.refusal(),
            Self::Failure(error) => Refusal::failure(error),
        }
    }
}

/// Answers a token request.
pub(crate) async fn token(State(oidc): State<Oidc>, asked: Asked, Form(form): Form) -> Response {
    let cors = Cors::new(&asked);
    let params = Params::new(form.into_pairs());
    let answer = async {
        let grant = match begin(&asked, &params) {
            Ok(grant) => grant,
            Err(error) => return Ok(error.refusal().into_response()),
        };
        let client = match client_auth::authenticate(&oidc, &asked, &params).await {
            Ok(client) => client,
            Err(error) => {
                let outcome = Outcome { client: None, user: None, error: Some(error.to_string()) };
                emit(&oidc, &asked, grant, &params, outcome);
                return Ok(cors.open(error.refusal().into_response()));
            }
        };
        cors.check(&asked, &client)?;
        let about = OnceLock::new();
        let redemption = grants::Redemption {
            oidc: &oidc,
            asked: &asked,
            client: &client,
            params: &params,
            about: &about,
        };
        let answer = redeem(grant, redemption).await;
        let error = answer.as_ref().err().map(|error| error.told(about.get()));
        let outcome = Outcome { client: Some(&client), user: about.get(), error };
        emit(&oidc, &asked, grant, &params, outcome);
        Ok::<_, ForeignOrigin>(cors.open(answer.unwrap_or_else(|error| error.refusal().into_response())))
    };
    no_store(answer.await.unwrap_or_else(IntoResponse::into_response))
}

/// What can be said before anybody is asked who he is.
fn begin(asked: &Asked, params: &Params) -> Result<GrantType, TokenError> {
    if !asked.is_secure_enough() {
        return Err(TokenError::Plain);
    }
    if !asked.realm.realm.enabled {
        return Err(TokenError::RealmDisabled);
    }
    Ok(token_request::grant_type(params)?)
}

async fn redeem(grant: GrantType, redemption: grants::Redemption<'_>) -> Result<Response, TokenError> {
    let grants::Redemption { oidc, asked, client, about, .. } = redemption;
    if client.client.bearer_only {
        return Err(TokenError::BearerOnly);
    }
    token_request::is_unambiguous(redemption.params)?;
    let authorization = match grant {
        GrantType::AuthorizationCode => grants::authorization_code::redeem(redemption).await?,
        GrantType::ClientCredentials => grants::client_credentials::redeem(redemption).await?,
        GrantType::Password => grants::password::redeem(redemption).await?,
        GrantType::RefreshToken => grants::refresh_token::redeem(redemption).await?,
    };
    about.get_or_init(|| authorization.user.user.id.clone());
    let tokens = issue::issue(oidc, asked, client, authorization).await?;
    let body = serde_json::to_vec(&tokens)
        .map_err(|error| keyraft_core::Error::Internal(format!("token answer: {error}")))?;
    Ok(json(StatusCode::OK, body))
}

/// How a request ended, for its event.
struct Outcome<'a> {
    client: Option<&'a ClientView>,
    user: Option<&'a UserId>,
    error: Option<String>,
}

fn emit(oidc: &Oidc, asked: &Asked, grant: GrantType, params: &Params, outcome: Outcome<'_>) {
    let kind = match grant {
        GrantType::AuthorizationCode => "CODE_TO_TOKEN",
        GrantType::ClientCredentials => "CLIENT_LOGIN",
        GrantType::Password => "LOGIN",
        GrantType::RefreshToken => "REFRESH_TOKEN",
    };
    let name =
        params.standard("username").filter(|_| grant == GrantType::Password && outcome.client.is_some());
    let details = [("grant_type", params.standard("grant_type")), ("username", name)];
    let details = details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    oidc.core.events.emit(&Event {
        kind: if outcome.error.is_some() { format!("{kind}_ERROR") } else { kind.to_owned() },
        realm_id: asked.realm.realm.id.clone(),
        client_id: outcome.client.map(|client| client.client.client_id.clone()),
        user_id: outcome.user.map(ToString::to_string),
        ip_address: Some(asked.ip()),
        error: outcome.error,
        details: details.collect(),
        ..Event::default()
    });
}
