//! `GET` and `POST /realms/{realm}/protocol/openid-connect/auth` (RFC 6749 section 3.1, OpenID Connect Core 3.1.2).
//!
//! A request passes the [`gates`] in their order and then goes to `login`; whoever comes out of there is answered
//! by [`OpenIdConnect`], which login knows as a [`Protocol`] only. What the client asked travels sealed in between
//! (the [`continuation`]); its switches are checked again on the way back, because hours may lie between.

pub mod continuation;
pub mod gates;
pub mod respond;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use keyraft_cluster::command::{NewClientSession, NewCode};
use keyraft_cluster::session::{Kind, Notes};
use keyraft_core::{ClientView, limits};
use keyraft_login::Door;
use keyraft_login::protocol::{Browser, Finished, Grant, Granted, LoginRequest, Protocol, Refused};
use keyraft_model::{Client, DurationMs, Realm};
use keyraft_web::{CookieJar, Fields, Form, Locales, Query};
use keyraft_wire::oauth::{AuthorizationRequest, ErrorCode, Params};

use crate::asked::Asked;
use crate::code;
use crate::notes;
use crate::pages::{self, Sentence};
use crate::tokens::GrantedScopes;
use crate::tokens::verify::Kind as TokenKind;
use crate::{Oidc, acr};
use continuation::Continuation;
use gates::AuthorizeError;
use respond::Answer;

/// Answers an authorization request by query.
pub(crate) async fn get(State(oidc): State<Oidc>, asked: Asked, Query(query): Query) -> Response {
    let params = Params::new(query.clone().into_pairs());
    begin(&oidc, Door::SignIn, asked, query, params).await
}

/// `GET …/registrations`: the same request, for somebody who has no account yet.
pub(crate) async fn registrations(State(oidc): State<Oidc>, asked: Asked, Query(query): Query) -> Response {
    let params = Params::new(query.clone().into_pairs());
    begin(&oidc, Door::Registration, asked, query, params).await
}

/// `GET …/forgot-credentials`: the same request, for somebody who forgot his password.
pub(crate) async fn forgot_credentials(
    State(oidc): State<Oidc>,
    asked: Asked,
    Query(query): Query,
) -> Response {
    let params = Params::new(query.clone().into_pairs());
    begin(&oidc, Door::ResetCredentials, asked, query, params).await
}

/// Answers an authorization request by form; what the query says counts for nothing.
pub(crate) async fn post(
    State(oidc): State<Oidc>,
    asked: Asked,
    Query(query): Query,
    Form(form): Form,
) -> Response {
    let params = Params::new(form.into_pairs());
    begin(&oidc, Door::SignIn, asked, query, params).await
}

async fn begin(oidc: &Oidc, door: Door, asked: Asked, query: Fields, params: Params) -> Response {
    match prepare(oidc, &asked, &params, door).await {
        Ok((client, request, door)) => {
            let browser = Browser {
                cookies: CookieJar::read(&asked.headers, &asked.origin, &asked.realm.realm),
                locales: locales(&asked.headers, &query, request.ui_locales.as_deref()),
                realm: Arc::clone(&asked.realm),
                client,
                origin: asked.origin,
            };
            oidc.login.begin_at(door, browser, request).await
        }
        Err(error) => {
            let home = match &error {
                AuthorizeError::RedirectUri => home(oidc, &asked, &params).await,
                _ => None,
            };
            refuse(&asked, &query, &error, home.as_deref())
        }
    }
}

/// Where the client that is named lives, if it says so: the way back for who came with a wrong redirect URI.
async fn home(oidc: &Oidc, asked: &Asked, params: &Params) -> Option<String> {
    let client_id = AuthorizationRequest::client_id(params).ok()?;
    let client = oidc.core.client(&asked.realm, client_id).await.ok()??;
    client.client.base_url.clone().filter(|url| url.starts_with("http"))
}

fn locales(headers: &HeaderMap, query: &Fields, ui_locales: Option<&str>) -> Locales {
    let mut locales = Locales::read(headers, query);
    locales.client = locales.client.or_else(|| ui_locales.map(str::to_owned));
    locales
}

/// Reads the request, leads it through the gates and says what login is to do.
async fn prepare(
    oidc: &Oidc,
    asked: &Asked,
    params: &Params,
    door: Door,
) -> Result<(Arc<ClientView>, LoginRequest, Door), AuthorizeError> {
    let client_id = AuthorizationRequest::client_id(params).map_err(AuthorizeError::Unreadable)?;
    gates::check_realm(asked)?;
    let client = oidc.core.client(&asked.realm, client_id).await?.filter(|_| !client_id.is_empty());
    let client = client.ok_or(AuthorizeError::ClientUnknown)?;
    gates::check_client(&client.client)?;
    let request = AuthorizationRequest::read(params).map_err(AuthorizeError::Unreadable)?;
    let passed = gates::pass(asked, &client, &request)?;
    let level = acr::requested_level(&asked.realm.realm, &client.client, &request)?;
    let door = if request.prompt.create { Door::Registration } else { door };
    match door {
        Door::Registration if !asked.realm.realm.registration_allowed => {
            return Err(AuthorizeError::RegistrationOff);
        }
        Door::ResetCredentials if !asked.realm.realm.reset_password_allowed => {
            return Err(AuthorizeError::ResetOff);
        }
        Door::SignIn | Door::Link | Door::Registration | Door::ResetCredentials => {}
    }
    let scopes = GrantedScopes::of(&asked.realm, &client, request.scope.as_deref());
    let subject = subject(oidc, asked, request.id_token_hint.as_deref()).await?;
    let continuation = Continuation::new(&request, &passed, &scopes);
    let login = LoginRequest {
        client_id: client_id.to_owned(),
        silent: request.prompt.none,
        force_login: request.prompt.login,
        force_consent: request.prompt.consent,
        max_age_secs: max_age(&request, &client.client),
        login_hint: request.login_hint,
        level,
        ui_locales: request.ui_locales,
        action: request.kc_action,
        subject,
        scopes: scopes.ids(),
        continuation: continuation.to_bytes()?,
    };
    Ok((client, login, door))
}

/// The request's `max_age`, else the client's `default.max.age`.
fn max_age(request: &AuthorizationRequest, client: &Client) -> Option<i64> {
    request.max_age.or_else(|| client.attribute_number("default.max.age")).filter(|secs| *secs >= 0)
}

/// Whom an `id_token_hint` names; a hint that is none of ours is ignored, as Keycloak does.
async fn subject(oidc: &Oidc, asked: &Asked, hint: Option<&str>) -> Result<Option<String>, AuthorizeError> {
    let Some(hint) = hint else { return Ok(None) };
    let now = oidc.core.sessions.view().await?.now();
    let token = oidc.signatures.verify(TokenKind::IdHint, &asked.realm, &asked.issuer, hint, now).ok();
    Ok(token.and_then(|token| token.text("sub").map(str::to_owned)))
}

/// A page, or the way back to the client with an error: only where its redirect URI is proven.
fn refuse(asked: &Asked, query: &Fields, error: &AuthorizeError, back: Option<&str>) -> Response {
    match error.face() {
        gates::Face::Page(sentence) => pages::error_with_way_back(asked, query, sentence, back),
        gates::Face::Failure(error) => pages::failure(asked, query, error),
        gates::Face::Redirect(back, code, description) => {
            let answer =
                Answer::error(&asked.issuer, &back.redirect_uri, back.mode, back.state.as_deref(), code);
            answer.described(description.as_deref()).respond(
                &asked.realm.realm,
                &pages::texts(asked, query),
                &asked.origin.root,
            )
        }
    }
}

/// The protocol that login answers for.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenIdConnect;

impl Protocol for OpenIdConnect {
    fn grant(
        &self,
        browser: &Browser,
        request: &LoginRequest,
        finished: &Finished,
        sid: &str,
    ) -> Result<Grant, Box<Response>> {
        let Some(asked) = Continuation::from_bytes(&request.continuation) else {
            return Err(Box::new(Self::broken(browser)));
        };
        let (realm, client) = (&browser.realm.realm, &browser.client.client);
        // The switch may have been turned while the person typed.
        if !client.standard_flow_enabled {
            let answer = asked.error(browser, ErrorCode::UnauthorizedClient);
            let description = gates::STANDARD_FLOW_OFF;
            return Err(Box::new(respond(browser, request, &answer.described(Some(description)))));
        }
        let (secret, hash) = code::new(sid, &client.id);
        let acr = acr::reached(realm, client, request.level, finished);
        let challenge = asked.challenge();
        let code = asked.wants_code.then(|| NewCode {
            hash,
            lifespan: DurationMs::from_secs(realm.access_code_lifespan),
            client: client.id.clone(),
            redirect_uri: asked.sent_redirect_uri(),
            challenge,
            notes: asked.code_notes(),
        });
        Ok(Grant { client: client_session(realm, client, &asked, acr), code, secret, notes: Notes::new() })
    }

    fn unasked(&self, browser: &Browser) -> LoginRequest {
        let scopes = GrantedScopes::of(&browser.realm, &browser.client, Some("openid"));
        let account = format!("{}/account/", browser.origin.issuer(&browser.realm.realm));
        let continuation = Continuation::to_page(account, scopes.all());
        LoginRequest {
            client_id: browser.client.client.client_id.clone(),
            scopes: scopes.ids(),
            // What cannot be written is read as broken, and the person starts anew.
            continuation: continuation.to_bytes().unwrap_or_default(),
            ..LoginRequest::default()
        }
    }

    fn respond<'a>(
        &'a self,
        browser: &'a Browser,
        request: &'a LoginRequest,
        finished: &'a Finished,
        granted: Granted<'a>,
    ) -> BoxFuture<'a, Response> {
        let response = match Continuation::from_bytes(&request.continuation) {
            Some(asked) => respond(browser, request, &asked.success(browser, request, finished, &granted)),
            None => Self::broken(browser),
        };
        std::future::ready(response).boxed()
    }

    fn refuse(&self, browser: &Browser, request: &LoginRequest, why: Refused) -> Response {
        let Some(asked) = Continuation::from_bytes(&request.continuation) else {
            return Self::broken(browser);
        };
        let (code, description) = match why {
            Refused::LoginRequired => (ErrorCode::LoginRequired, None),
            Refused::InteractionRequired => (ErrorCode::InteractionRequired, None),
            Refused::AccessDenied => (ErrorCode::AccessDenied, None),
            Refused::TermsDeclined => (ErrorCode::AccessDenied, Some("termsAndConditionsDeclined")),
            Refused::Expired => (ErrorCode::TemporarilyUnavailable, Some("authentication_expired")),
        };
        respond(browser, request, &asked.error(browser, code).described(description))
    }
}

impl OpenIdConnect {
    /// The state of a request of an older version, which nobody can read any more: the person starts anew.
    fn broken(browser: &Browser) -> Response {
        let asked = Asked {
            realm: Arc::clone(&browser.realm),
            issuer: browser.origin.issuer(&browser.realm.realm),
            origin: browser.origin.clone(),
            headers: HeaderMap::new(),
            id: None,
        };
        let sentence = Sentence::bad_request("invalidRequestMessage");
        pages::error(&asked, &Fields::default(), sentence)
    }
}

fn client_session(realm: &Realm, client: &Client, asked: &Continuation, acr: String) -> NewClientSession {
    NewClientSession {
        client: client.id.clone(),
        limits: limits::of_client_session(realm, client, Kind::Online),
        scope: asked.scope.clone(),
        redirect_uri: Some(asked.redirect_uri.clone()),
        notes: [(notes::ACR.to_owned(), acr)].into_iter().collect(),
    }
}

fn respond(browser: &Browser, request: &LoginRequest, answer: &Answer) -> Response {
    let mut wishes = browser.locales.clone();
    wishes.client = wishes.client.or_else(|| request.ui_locales.clone());
    let t = keyraft_web::Messages::for_locale(&browser.realm.realm, &wishes);
    answer.respond(&browser.realm.realm, &t, &browser.origin.root)
}
