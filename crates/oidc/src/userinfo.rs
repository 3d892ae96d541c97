//! `GET` and `POST /realms/{realm}/protocol/openid-connect/userinfo` (OpenID Connect Core section 5.3).
//!
//! Errors have no body: the challenge says it (RFC 6750 section 3). It works while the realm is disabled, as
//! Keycloak's does.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_cluster::session::Notes;
use keyraft_web::Form;
use keyraft_wire::oauth::scope;
use keyraft_wire::oidc::claims::{Claim, Object};

use crate::Oidc;
use crate::asked::Asked;
use crate::cors::{Cors, ForeignOrigin};
use crate::live::{self, Dead, Live};
use crate::refusal::{Refusal, json, no_store};
use crate::tokens::verify::Kind;
use crate::tokens::{GrantedScopes, Moment, Subject, TokenBuilder, Use, sign};

/// Why nothing is told.
#[derive(Debug, thiserror::Error)]
enum UserinfoError {
    #[error("no token")]
    NoToken,
    #[error("More than one method used for including an access token")]
    TwoTokens,
    #[error("two Authorization headers")]
    Ambiguous,
    #[error("Token verification failed")]
    Invalid,
    #[error(transparent)]
    Dead(Dead),
    #[error("Missing openid scope")]
    NotOpenId,
    #[error("Lightweight access token not allowed for userinfo endpoint")]
    Lightweight,
    #[error("Invalid origin")]
    Origin(#[from] ForeignOrigin),
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

/// The words of a challenge.
struct Challenge {
    status: StatusCode,
    error: Option<(&'static str, String)>,
}

impl UserinfoError {
    fn challenge(&self) -> Result<Challenge, Box<Response>> {
        let invalid = || ("invalid_token", self.to_string());
        let (status, error) = match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, None),
            Self::TwoTokens => (StatusCode::BAD_REQUEST, Some(("invalid_request", self.to_string()))),
            Self::Dead(Dead::Failure(error)) | Self::Failure(error) => {
                return Err(Box::new(Refusal::failure(error).into_response()));
            }
            Self::Invalid
            | Self::Lightweight
            | Self::Dead(Dead::Revoked | Dead::ClientDisabled | Dead::UserDisabled | Dead::NoSession) => {
                (StatusCode::UNAUTHORIZED, Some(invalid()))
            }
            Self::NotOpenId => (StatusCode::FORBIDDEN, Some(("insufficient_scope", self.to_string()))),
            Self::Ambiguous => {
                let body = r#"{"error":"HTTP 401 Unauthorized"}"#;
                return Err(Box::new(json(StatusCode::UNAUTHORIZED, body)));
            }
            Self::Origin(origin) => return Err(Box::new(origin.into_response())),
        };
        Ok(Challenge { status, error })
    }

    fn respond(&self, asked: &Asked, cors: &Cors) -> Response {
        let challenge = match self.challenge() {
            Ok(challenge) => challenge,
            Err(response) => return *response,
        };
        let realm = asked.realm.realm.realm.replace(['"', '\\'], "");
        let mut text = format!("Bearer realm=\"{realm}\"");
        if let Some((error, description)) = &challenge.error {
            text = format!("{text}, error=\"{error}\", error_description=\"{description}\"");
        }
        let mut response = challenge.status.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=utf-8"));
        if let Ok(text) = HeaderValue::try_from(text) {
            headers.insert(header::WWW_AUTHENTICATE, text);
        }
        cors.open(response)
    }
}

/// Answers with the token in a header; a query is never looked at for one.
pub(crate) async fn get(State(oidc): State<Oidc>, asked: Asked) -> Response {
    respond(&oidc, &asked, None).await
}

/// Answers with the token in a header or in the form.
pub(crate) async fn post(State(oidc): State<Oidc>, asked: Asked, Form(form): Form) -> Response {
    respond(&oidc, &asked, form.filled("access_token")).await
}

async fn respond(oidc: &Oidc, asked: &Asked, in_form: Option<&str>) -> Response {
    let cors = Cors::with_challenge(asked);
    match answer(oidc, asked, &cors, in_form).await {
        Ok(response) => Cors::new(asked).open(response),
        Err(error) => no_store(error.respond(asked, &cors)),
    }
}

async fn answer(
    oidc: &Oidc,
    asked: &Asked,
    cors: &Cors,
    in_form: Option<&str>,
) -> Result<Response, UserinfoError> {
    let in_header = bearer(asked)?;
    let presented = match (in_header, in_form) {
        (Some(_), Some(_)) => return Err(UserinfoError::TwoTokens),
        (Some(token), None) | (None, Some(token)) => token,
        (None, None) => return Err(UserinfoError::NoToken),
    };
    let view = oidc.core.sessions.view().await?;
    let token = oidc.signatures.verify(Kind::Access, &asked.realm, &asked.issuer, presented, view.now());
    let token = token.map_err(|_| UserinfoError::Invalid)?;
    let live = live::check(oidc, &asked.realm, &view, &token).await.map_err(UserinfoError::Dead)?;
    cors.check(asked, &live.client)?;
    let granted = token.text("scope").unwrap_or_default();
    if !scope::contains(granted, scope::OPENID) {
        return Err(UserinfoError::NotOpenId);
    }
    let is_lightweight = token.text("jti").and_then(|jti| jti.get(2..4)) == Some("lt");
    if is_lightweight && !live.client.client.is_attribute("allow.userinfo.with.lightweight.access.token") {
        return Err(UserinfoError::Lightweight);
    }
    Ok(tell(oidc, asked, &live, granted, view.now()).await?)
}

/// The token of an `Authorization: Bearer` header.
fn bearer(asked: &Asked) -> Result<Option<&str>, UserinfoError> {
    let header = asked.header(header::AUTHORIZATION).map_err(|_| UserinfoError::Ambiguous)?;
    let Some((scheme, token)) = header.and_then(|header| header.split_once(' ')) else { return Ok(None) };
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty()))
}

async fn tell(
    oidc: &Oidc,
    asked: &Asked,
    live: &Live,
    granted: &str,
    now: keyraft_model::UnixMs,
) -> Result<Response, keyraft_core::Error> {
    let (realm, client) = (&asked.realm, &live.client);
    let scopes = GrantedScopes::of(realm, client, Some(granted)).permitted(realm, &live.user);
    let subject = Subject::gather(oidc, realm, client, &live.user, scopes).await?;
    let none = Notes::new();
    let session = live.session.as_deref();
    let context = subject.context(Moment {
        issuer: &asked.issuer,
        base_url: asked.base_url(),
        sid: session.map(|session| session.sid.as_str()),
        session_notes: session.map_or(&none, |session| &session.notes),
        acr: None,
        nonce: None,
        now,
    });
    let mut claims = TokenBuilder::new(context).userinfo();
    let response = match client.client.attribute("user.info.response.signature.alg") {
        None | Some("none") => {
            let body = serde_json::to_vec(&claims)
                .map_err(|error| keyraft_core::Error::Internal(error.to_string()))?;
            json(StatusCode::OK, body)
        }
        Some(_) => {
            add_addressee(&mut claims, &asked.issuer, &client.client.client_id);
            let algorithm = Use::UserInfo.algorithm(realm, &client.client);
            let realm = oidc.core.with_signing_key(realm, algorithm).await?;
            let jwt = sign(Use::UserInfo, &realm, &client.client, &claims)?;
            let mut response = Response::new(Body::from(jwt));
            let kind = HeaderValue::from_static("application/jwt");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
    };
    Ok(uncached(response))
}

/// A signed answer says who made it and for whom (OpenID Connect Core 5.3.2).
fn add_addressee<'a>(claims: &mut Object<'a>, issuer: &'a str, client_id: &'a str) {
    claims.put("iss", Claim::Text(issuer.into()));
    claims.put("aud", Claim::Text(client_id.into()));
}

/// Keycloak sends `Cache-Control` twice here.
fn uncached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.append(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
