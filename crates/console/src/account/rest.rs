//! The account REST API: what browser libraries and an application's own account pages ask about a person.
//!
//! Whoever presents an access token of this realm speaks for the person that it names, as far as he holds roles of
//! the client `account` and the client that got the token may carry them. As in the admin API, roles are what is
//! stored now; no claim counts. Paths, bodies and statuses are Keycloak's.

mod applications;
mod credentials;
mod profile;
mod sessions;

use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use keyraft_core::authority::Asker;
use keyraft_core::{Core, Error};
use keyraft_oidc::Oidc;
use keyraft_oidc::bearer::{self, Bearer, BearerError};
use keyraft_web::{Fields, Locales, Messages, RequestOrigin};
use serde_json::{Value, json};

/// The client whose roles say what a person may do with his own account.
const ACCOUNT: &str = "account";

/// Methods as preflights list them.
const METHODS: &str = "HEAD, DELETE, POST, GET, OPTIONS, PUT";

/// Who may, by roles of the client `account`; one of them is enough.
const READS_PROFILE: &[&str] = &["manage-account", "view-profile"];
const MANAGES: &[&str] = &["manage-account"];
const READS_APPLICATIONS: &[&str] = &["manage-account", "view-applications"];
const READS_CONSENT: &[&str] = &["manage-account", "manage-consent", "view-consent"];
const MANAGES_CONSENT: &[&str] = &["manage-account", "manage-consent"];
const READS_GROUPS: &[&str] = &["manage-account", "view-groups"];

/// A request for the API.
pub(super) struct Ask {
    pub(super) realm: String,
    /// What follows `account/`.
    pub(super) rest: String,
    pub(super) method: Method,
    pub(super) query: Fields,
    pub(super) origin: RequestOrigin,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A request that was let in.
struct Call {
    core: Core,
    bearer: Bearer,
    t: Messages,
    issuer: String,
    roles: Vec<String>,
    ask: Ask,
}

/// An answer, and whether it says `Cache-Control: no-cache`, which the original does not say everywhere.
enum Reply {
    Json(Value),
    UncachedJson(Value),
    Nothing,
    UncachedNothing,
}

/// What is not answered.
enum Refusal {
    /// A status with `{"error": …}`.
    Plain(StatusCode, String),
    /// A status with a body of its own.
    Body(StatusCode, Value),
    /// It cannot be known now.
    Failure(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failure(error)
    }
}

impl Refusal {
    fn status(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        Self::Plain(status, format!("HTTP {} {reason}", status.as_u16()))
    }

    fn not_found() -> Self {
        Self::status(StatusCode::NOT_FOUND)
    }
}

impl Call {
    /// Refuses who holds none of these roles.
    fn require(&self, one_of: &[&str]) -> Result<(), Refusal> {
        let may = self.roles.iter().any(|role| one_of.contains(&role.as_str()));
        if may { Ok(()) } else { Err(Refusal::status(StatusCode::FORBIDDEN)) }
    }
}

/// Answers a request.
pub(super) async fn serve(oidc: &Oidc, ask: Ask) -> Response {
    if ask.method == Method::OPTIONS {
        return bearer::preflight(&ask.headers, METHODS);
    }
    let origin = bearer::foreign_origin(&ask.origin, &ask.headers).cloned();
    let answered = match enter(oidc, ask).await {
        Ok(call) => route(&call).await,
        Err(refusal) => Err(refusal),
    };
    let mut response = match answered {
        Ok(reply) => respond(reply),
        // Scripts of other origins read refusals of nobody.
        Err(refusal) => return refuse(refusal),
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    response
}

async fn enter(oidc: &Oidc, ask: Ask) -> Result<Call, Refusal> {
    let unauthorized = || Refusal::status(StatusCode::UNAUTHORIZED);
    let realm = oidc.core.realm(&ask.realm).await?;
    let realm =
        realm.ok_or_else(|| Refusal::Plain(StatusCode::NOT_FOUND, "Realm does not exist".to_owned()))?;
    let bearer = match bearer::bearer(oidc, &ask.origin, &ask.headers).await {
        Ok(bearer) => bearer,
        Err(BearerError::Unauthorized) => return Err(unauthorized()),
        Err(BearerError::ForeignOrigin) => {
            return Err(Refusal::Plain(StatusCode::FORBIDDEN, "Invalid origin".to_owned()));
        }
        Err(BearerError::Failure(error)) => return Err(error.into()),
    };
    // A token of another realm speaks of nobody here; a service account has no person behind it.
    if bearer.realm.realm.id != realm.realm.id || bearer.user.user.service_account_client.is_some() {
        return Err(unauthorized());
    }
    let account = oidc.core.client(&realm, ACCOUNT).await?.filter(|client| client.client.enabled);
    let account = account.ok_or_else(Refusal::not_found)?;
    let asker = Asker {
        realm: bearer.realm.clone(),
        user: bearer.user.clone(),
        client: bearer.client.clone(),
        scopes: bearer.scopes.clone(),
    };
    let roles = asker.roles();
    let held = roles.iter().filter_map(|id| realm.roles.find(id));
    let of_account = held.filter(|role| role.client.as_ref() == Some(&account.client.id));
    let roles: Vec<String> = of_account.map(|role| role.name.clone()).collect();
    if roles.is_empty() {
        return Err(unauthorized());
    }
    let t = Messages::for_locale(&realm.realm, &Locales::read(&ask.headers, &ask.query));
    let issuer = ask.origin.issuer(&realm.realm);
    Ok(Call { core: oidc.core.clone(), bearer, t, issuer, roles, ask })
}

async fn route(call: &Call) -> Result<Reply, Refusal> {
    let path: Vec<&str> = call.ask.rest.split('/').filter(|segment| !segment.is_empty()).collect();
    let path = match path.as_slice() {
        ["v1alpha1", rest @ ..] => rest,
        path => path,
    };
    match (call.ask.method.as_str(), path) {
        ("GET" | "HEAD", []) => profile::read(call),
        ("POST", []) => profile::update(call).await,
        ("GET" | "HEAD", ["sessions"]) => sessions::list(call).await,
        ("GET" | "HEAD", ["sessions", "devices"]) => sessions::devices(call).await,
        ("DELETE", ["sessions"]) => sessions::end_all(call).await,
        ("DELETE", ["sessions", sid]) => sessions::end(call, sid).await,
        ("GET" | "HEAD", ["credentials"]) => credentials::list(call).await,
        ("DELETE", ["credentials", id]) => credentials::remove(call, id).await,
        ("PUT", ["credentials", id, "label"]) => credentials::label(call, id).await,
        ("GET" | "HEAD", ["applications"]) => applications::list(call).await,
        ("GET" | "HEAD", ["applications", id, "consent"]) => applications::consent(call, id).await,
        ("POST" | "PUT", ["applications", id, "consent"]) => applications::grant(call, id).await,
        ("DELETE", ["applications", id, "consent"]) => applications::revoke(call, id).await,
        // No user has an identity of a provider: there are no providers in this release.
        ("GET" | "HEAD", ["linked-accounts"]) => {
            call.require(READS_PROFILE)?;
            Ok(Reply::UncachedJson(json!([])))
        }
        ("GET" | "HEAD", ["groups"]) => profile::groups(call),
        ("GET" | "HEAD", ["supportedLocales"]) => Ok(profile::locales(call)),
        ("GET" | "HEAD", ["resources"]) => {
            let sentence = json!({ "errorMessage": "User-managed access not enabled" });
            Err(Refusal::Body(StatusCode::FORBIDDEN, sentence))
        }
        ("GET" | "HEAD" | "POST" | "PUT" | "DELETE", _) => Err(Refusal::not_found()),
        _ => Err(Refusal::status(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

fn respond(reply: Reply) -> Response {
    let (body, cached) = match reply {
        Reply::Json(body) => (Some(body), true),
        Reply::UncachedJson(body) => (Some(body), false),
        Reply::Nothing => (None, true),
        Reply::UncachedNothing => (None, false),
    };
    let mut response = match body {
        Some(body) => {
            let kind = [(header::CONTENT_TYPE, "application/json;charset=UTF-8")];
            (StatusCode::OK, kind, body.to_string()).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    };
    if cached {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

fn refuse(refusal: Refusal) -> Response {
    let (status, body) = match refusal {
        Refusal::Plain(status, error) => (status, json!({ "error": error })),
        Refusal::Body(status, body) => (status, body),
        Refusal::Failure(error) => {
            tracing::error!(%error, "the account API could not answer");
            let unavailable = matches!(error, Error::Unavailable(_) | Error::Busy);
            let status =
                if unavailable { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR };
            let log = "For more on this error consult the server log.";
            (status, json!({ "error": "unknown_error", "error_description": log }))
        }
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
