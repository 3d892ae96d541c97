//! `/realms/{realm}/protocol/openid-connect/logout` (OpenID Connect RP-Initiated Logout 1.0).
//!
//! A link alone signs nobody out: without an ID token of the very session the person is asked. Where the browser
//! goes afterwards must be one of the client's post-logout redirect URIs, by the same matcher as everywhere. A
//! form post with a refresh token is Keycloak's older way for applications without a browser.

mod confirm;
mod finish;
mod legacy;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_cluster::session::UserSession;
use keyraft_core::ClientView;
use keyraft_login::identity;
use keyraft_model::{Client, UnixMs};
use keyraft_web::{CookieJar, Fields, Form, Query};
use keyraft_wire::oauth::{ErrorCode, Params, RedirectUris, redirect_uri};

use crate::Oidc;
use crate::asked::Asked;
use crate::pages::{self, Sentence};
use crate::refusal::Refusal;
use crate::tokens::verify::{Kind, Token};

pub(crate) use confirm::{confirm, confirm_directly};

/// Why nobody is signed out. All of it is shown on a page: a redirect URI that is not proven is none.
#[derive(Debug, thiserror::Error)]
enum LogoutError {
    #[error("post_logout_redirect_uri without a client")]
    HintMissing,
    #[error("id_token_hint is none of ours, or of another client")]
    HintInvalid,
    #[error("post_logout_redirect_uri is none of the client's")]
    RedirectUri,
    #[error("the confirmation is of another session, or too old")]
    NotConfirmed,
    #[error("https is required")]
    Plain,
    #[error("something behind us failed")]
    Failure(#[from] keyraft_core::Error),
}

impl LogoutError {
    fn respond(&self, asked: &Asked, query: &Fields) -> Response {
        let sentence = match self {
            Self::HintMissing => Sentence::about("missingParameterMessage", "id_token_hint"),
            Self::HintInvalid => Sentence::about("invalidParameterMessage", "id_token_hint"),
            Self::RedirectUri => Sentence::bad_request("invalidRedirectUriMessage"),
            Self::NotConfirmed => Sentence::bad_request("logoutFailed"),
            Self::Plain => {
                Sentence { status: StatusCode::FORBIDDEN, key: "httpsRequiredMessage", argument: "" }
            }
            Self::Failure(error) => return pages::failure(asked, query, error),
        };
        pages::error(asked, query, sentence)
    }
}

/// What a request to sign out says, proven.
struct Wish {
    client: Option<Arc<ClientView>>,
    /// Where to go then; may be used.
    next: Option<String>,
    state: Option<String>,
    hint: Option<Arc<Token>>,
}

/// A browser that wants to sign out, and who is signed in on it.
struct Leaving<'a> {
    oidc: &'a Oidc,
    asked: &'a Asked,
    query: &'a Fields,
    cookies: CookieJar,
    session: Option<Arc<UserSession>>,
    now: UnixMs,
}

/// Answers a link.
pub(crate) async fn get(State(oidc): State<Oidc>, asked: Asked, Query(query): Query) -> Response {
    let params = Params::new(query.clone().into_pairs());
    leave(&oidc, &asked, &query, &params).await
}

/// Answers a form: of a browser, or with a refresh token of an application.
pub(crate) async fn post(
    State(oidc): State<Oidc>,
    asked: Asked,
    Query(query): Query,
    Form(form): Form,
) -> Response {
    let has_token = form.has("refresh_token");
    let params = Params::new(form.into_pairs());
    if has_token {
        legacy::post(&oidc, &asked, &params).await
    } else {
        leave(&oidc, &asked, &query, &params).await
    }
}

async fn leave(oidc: &Oidc, asked: &Asked, query: &Fields, params: &Params) -> Response {
    uncached(answer(oidc, asked, query, params).await.unwrap_or_else(|error| error.respond(asked, query)))
}

/// Where an identity provider above us would say that its session ended: none is configured, so no token of one
/// can be read.
pub(crate) async fn from_upstream(_: Asked, Form(form): Form) -> Response {
    let description = match form.get("logout_token") {
        None => "No logout token",
        Some(_) => "The decode of the logoutToken failed",
    };
    Refusal::bad_request(ErrorCode::InvalidRequest, description).into_response()
}

/// What Keycloak sends with every answer here.
fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn answer(
    oidc: &Oidc,
    asked: &Asked,
    query: &Fields,
    params: &Params,
) -> Result<Response, LogoutError> {
    if !asked.is_secure_enough() {
        return Err(LogoutError::Plain);
    }
    let wish = Wish::read(oidc, asked, params).await?;
    let leaving = Leaving::find(oidc, asked, query).await?;
    let hinted = wish.hint.as_ref().and_then(|hint| hint.text("sid")).map(str::to_owned);
    match (&leaving.session, hinted) {
        // The ID token is of this session, or nobody is signed in here: the token alone shows whose it is.
        (Some(session), Some(sid)) if session.sid == sid => leaving.end(&wish, Some(sid)).await,
        (None, Some(sid)) => leaving.end(&wish, Some(sid)).await,
        (None, None) if wish.hint.is_some() || wish.next.is_some() => leaving.end(&wish, None).await,
        // Neither the browser's session nor the other one ends unasked.
        (Some(_), _) | (None, None) => leaving.ask(&wish).await,
    }
}

impl Wish {
    async fn read(oidc: &Oidc, asked: &Asked, params: &Params) -> Result<Self, LogoutError> {
        let next = params.standard("post_logout_redirect_uri");
        let client_id = params.standard("client_id");
        let hint = params.standard("id_token_hint");
        if next.is_some() && hint.is_none() && client_id.is_none() {
            return Err(LogoutError::HintMissing);
        }
        let now = oidc.core.sessions.view().await?.now();
        let hint =
            hint.map(|hint| oidc.signatures.verify(Kind::IdHint, &asked.realm, &asked.issuer, hint, now));
        let hint = hint.transpose().map_err(|_| LogoutError::HintInvalid)?;
        let azp = hint.as_ref().and_then(|hint| hint.text("azp"));
        if client_id.is_some() && azp.is_some() && client_id != azp {
            return Err(LogoutError::HintInvalid);
        }
        let client = match client_id.or(azp) {
            Some(id) => oidc.core.client(&asked.realm, id).await?,
            None => None,
        };
        let may_go = |uri: &str| client.as_ref().is_some_and(|client| may_go(asked, &client.client, uri));
        if next.is_some_and(|uri| !may_go(uri)) {
            return Err(LogoutError::RedirectUri);
        }
        Ok(Self {
            next: next.map(str::to_owned),
            state: params.standard("state").map(str::to_owned),
            client,
            hint,
        })
    }
}

/// Whether a client may send the browser there after signing out: `post.logout.redirect.uris`, where `+` (and
/// nothing at all) means its redirect URIs and `-` nowhere.
fn may_go(asked: &Asked, client: &Client, uri: &str) -> bool {
    let mut patterns = Vec::new();
    for pattern in client.attribute("post.logout.redirect.uris").unwrap_or("+").split("##") {
        match pattern {
            "+" => patterns.extend_from_slice(&client.redirect_uris),
            "-" | "" => {}
            pattern => patterns.push(pattern.to_owned()),
        }
    }
    let root_url = redirect_uri::resolve_root_url(client.root_url.as_deref(), asked.base_url());
    RedirectUris { patterns: &patterns, root_url: &root_url }.allow(uri)
}

impl<'a> Leaving<'a> {
    async fn find(oidc: &'a Oidc, asked: &'a Asked, query: &'a Fields) -> Result<Self, keyraft_core::Error> {
        let cookies = CookieJar::read(&asked.headers, &asked.origin, &asked.realm.realm);
        let identity = identity::find(&oidc.core, &asked.realm, &asked.issuer, &cookies).await?;
        let now = oidc.core.sessions.view().await?.now();
        Ok(Self { oidc, asked, query, cookies, session: identity.map(|identity| identity.session), now })
    }
}
