//! `POST /realms/{realm}/protocol/openid-connect/token/introspect` (RFC 7662).
//!
//! A confidential client asks what a token is worth now. It hears about tokens that are addressed to it (`aud`);
//! about all others, and about everything that is no token, it hears the same: not active.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_cluster::View;
use keyraft_cluster::session::Notes;
use keyraft_core::ClientView;
use keyraft_web::Form;
use keyraft_wire::oauth::{ErrorCode, Params};
use keyraft_wire::oidc::claims::{Claim, Claims};

use crate::Oidc;
use crate::asked::Asked;
use crate::client_auth::{self, ClientAuthError};
use crate::live::{self, Dead, Live};
use crate::mappers::{self, Target};
use crate::notes;
use crate::refusal::{Refusal, json};
use crate::tokens::verify::{Kind, Token};
use crate::tokens::{GrantedScopes, Moment, Subject, Use, sign};

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
enum IntrospectionError {
    #[error("https is required")]
    Plain,
    #[error("realm is disabled")]
    RealmDisabled,
    #[error(transparent)]
    Client(#[from] ClientAuthError),
    #[error("public clients may not ask")]
    PublicClient,
    #[error("duplicated parameter")]
    Duplicated,
    #[error("Token not provided.")]
    NoToken,
    #[error("Unsupported token type.")]
    TokenType,
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

impl IntrospectionError {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Plain => Refusal::https_required(),
            Self::RealmDisabled => Refusal::realm_disabled(),
            // This endpoint has words of its own for a wrong proof.
            Self::Client(ClientAuthError::WrongProof | ClientAuthError::WrongMethod(_)) => Refusal::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::InvalidClient,
                "Client authentication failed.",
            ),
            Self::Client(
                error @ (ClientAuthError::NoClient
                | ClientAuthError::AssertionMissing
                | ClientAuthError::WrongProtocol
                | ClientAuthError::Assertion(_)
                | ClientAuthError::Failure(_)),
            ) => error.refusal(),
            Self::PublicClient => {
                Refusal::new(StatusCode::FORBIDDEN, ErrorCode::InvalidRequest, "Client not allowed.")
            }
            Self::Duplicated | Self::NoToken | Self::TokenType => {
                Refusal::bad_request(ErrorCode::InvalidRequest, self.to_string())
            }
            Self::Failure(error) => Refusal::failure(error),
        }
    }
}

const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const INACTIVE: &str = r#"{"active":false}"#;

/// Answers an introspection request.
pub(crate) async fn introspect(State(oidc): State<Oidc>, asked: Asked, Form(form): Form) -> Response {
    let params = Params::new(form.into_pairs());
    match answer(&oidc, &asked, &params).await {
        Ok(body) => {
            let mut response = json(StatusCode::OK, body.unwrap_or_else(|| INACTIVE.into()));
            response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
            response
        }
        Err(error) => error.refusal().into_response(),
    }
}

/// The answer's text; nothing for a token that is not active, for this client or at all.
async fn answer(oidc: &Oidc, asked: &Asked, params: &Params) -> Result<Option<Vec<u8>>, IntrospectionError> {
    if !asked.is_secure_enough() {
        return Err(IntrospectionError::Plain);
    }
    if !asked.realm.realm.enabled {
        return Err(IntrospectionError::RealmDisabled);
    }
    let client = client_auth::authenticate(oidc, asked, params).await?;
    if client.client.public_client {
        return Err(IntrospectionError::PublicClient);
    }
    if params.has_duplicates() {
        return Err(IntrospectionError::Duplicated);
    }
    let presented = params.get("token").ok_or(IntrospectionError::NoToken)?;
    let kinds: &[Kind] = match params.get("token_type_hint") {
        None | Some("access_token") => &[Kind::Access, Kind::Id, Kind::Refresh],
        Some("refresh_token") => &[Kind::Refresh],
        // None is ever issued (UMA 2.0 section 5).
        Some("requesting_party_token") => &[],
        Some(_) => return Err(IntrospectionError::TokenType),
    };
    let is_hinted = kinds.len() == 1;
    let view = oidc.core.sessions.view().await?;
    let mut found = kinds.iter().filter_map(|kind| {
        oidc.signatures.verify(*kind, &asked.realm, &asked.issuer, presented, view.now()).ok()
    });
    let Some(token) = found.next() else { return Ok(None) };
    let live = match live::check(oidc, &asked.realm, &view, &token).await {
        Ok(live) => live,
        Err(Dead::Failure(error)) => return Err(error.into()),
        Err(Dead::Revoked | Dead::ClientDisabled | Dead::UserDisabled | Dead::NoSession) => return Ok(None),
    };
    let question = Question { oidc, asked, client: &client, token: &token, live: &live, view: &view };
    Ok(question.answer(is_hinted).await?)
}

struct Question<'a> {
    oidc: &'a Oidc,
    asked: &'a Asked,
    client: &'a Arc<ClientView>,
    token: &'a Token,
    live: &'a Live,
    view: &'a View,
}

impl Question<'_> {
    async fn answer(&self, is_refresh_token: bool) -> Result<Option<Vec<u8>>, keyraft_core::Error> {
        let client_id = self.client.client.client_id.as_str();
        if is_refresh_token && self.token.text("azp") != Some(client_id) {
            return Ok(None);
        }
        let scope = self.token.text("scope").unwrap_or_default();
        let scopes = GrantedScopes::of(&self.asked.realm, &self.live.client, Some(scope));
        let scopes = scopes.permitted(&self.asked.realm, &self.live.user);
        let realm = &self.asked.realm;
        let subject = Subject::gather(self.oidc, realm, &self.live.client, &self.live.user, scopes).await?;
        let none = Notes::new();
        let session = self.live.session.as_deref();
        let held = session.and_then(|session| session.clients.get(&self.live.client.client.id));
        let context = subject.context(Moment {
            issuer: &self.asked.issuer,
            base_url: self.asked.base_url(),
            sid: self.token.text("sid"),
            session_notes: session.map_or(&none, |session| &session.notes),
            acr: held.and_then(|held| held.notes.get(notes::ACR)).map_or(Some("1"), |acr| Some(acr)),
            nonce: None,
            now: self.view.now(),
        });
        let mut claims = self.claims();
        mappers::apply(context.mappers, &context, Target::Introspection, &mut claims);
        let is_addressed = is_refresh_token
            || self.client.client.is_attribute("allow.token.introspection.without.audience.check")
            || claims.aud.iter().any(|audience| audience == client_id);
        if !is_addressed {
            return Ok(None);
        }
        let jwt = self.wants_jwt().then(|| sign(Use::AccessToken, realm, &self.live.client.client, &claims));
        self.add_tail(&mut claims, jwt.transpose()?);
        serde_json::to_vec(&claims)
            .map(Some)
            .map_err(|error| keyraft_core::Error::Internal(error.to_string()))
    }

    /// What the token itself says; everything else is worked out anew.
    fn claims(&self) -> Claims<'_> {
        let text = |name| self.token.text(name).map(Into::into);
        Claims {
            exp: self.token.number("exp"),
            iat: self.token.number("iat"),
            auth_time: self.token.number("auth_time"),
            jti: text("jti"),
            iss: text("iss"),
            aud: self.token.texts("aud").into_iter().map(Into::into).collect(),
            sub: text("sub"),
            typ: text("typ"),
            azp: text("azp"),
            nonce: text("nonce"),
            sid: text("sid"),
            acr: text("acr"),
            scope: text("scope"),
            ..Claims::default()
        }
    }

    /// The claims once more as a signed token, for a client that may ask for that and does.
    fn wants_jwt(&self) -> bool {
        let may = self.client.client.is_attribute("client.introspection.response.allow.jwt.claim.enabled");
        let accept = self.asked.headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        may && accept.flat_map(|line| line.split(',')).any(|kind| kind.trim() == "application/jwt")
    }

    fn add_tail<'s>(&'s self, claims: &mut Claims<'s>, jwt: Option<String>) {
        let text = |text: &'s str| Claim::Text(text.into());
        claims.tail = vec![
            ("client_id", text(&self.live.client.client.client_id)),
            ("username", text(&self.live.user.user.username)),
            ("token_type", text(self.token.text("typ").unwrap_or_default())),
            ("active", Claim::Bool(true)),
        ];
        claims.tail.extend(jwt.map(|jwt| ("jwt", Claim::Text(jwt.into()))));
    }
}
