//! From a request to its operation: who asks, where it leads, whether he may, what came along.
//!
//! The order is Keycloak's where it can be seen from outside: without a valid token 401 whatever the path, then
//! the realm, then the path. The right is asked for before the body is read: a stranger's body is not parsed.

use std::sync::Arc;

use axum::{
    body::{Bytes, to_bytes},
    extract::{Request, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use keyraft_core::{
    RealmView,
    authority::{Asker, Authority, Right},
};
use keyraft_model::{ClientUuid, GroupId, ScopeId, UserId};
use keyraft_oidc::{
    Oidc,
    bearer::{self, Bearer, BearerError},
};
use keyraft_web::RequestOrigin;
use percent_encoding::percent_decode_str;

use crate::{
    context::Context,
    error::Error,
    query::Query,
    routes::{self, Match, Parameters, Route},
    unbuilt,
};

/// The largest body of an operation.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// The largest body of an import.
const MAX_IMPORT: usize = 64 * 1024 * 1024;

/// Answers a request to the admin API.
pub(crate) async fn serve(State(oidc): State<Oidc>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return bearer::preflight(&parts.headers, "DELETE, POST, GET, PUT");
    }
    let Some(origin) = parts.extensions.get::<Arc<RequestOrigin>>().cloned() else {
        return Error::Core(keyraft_core::Error::Internal("no layers settle the origin".to_owned()))
            .into_response();
    };
    let foreign = bearer::foreign_origin(&origin, &parts.headers).cloned();
    let headers = parts.headers.clone();
    let response = match let_in(&oidc, &origin, &headers).await {
        Err(error) => return error.into_response(),
        Ok(bearer) => answer(&oidc, origin, bearer, parts, body).await,
    };
    opened(response.unwrap_or_else(Error::into_response), foreign)
}

async fn let_in(oidc: &Oidc, origin: &RequestOrigin, headers: &HeaderMap) -> Result<Bearer, Error> {
    bearer::bearer(oidc, origin, headers).await.map_err(|error| match error {
        BearerError::Unauthorized => Error::unauthorized(),
        BearerError::ForeignOrigin => Error::Plain(StatusCode::FORBIDDEN, "Invalid origin".to_owned()),
        BearerError::Failure(error) => error.into(),
    })
}

/// Lets the script of an allowed origin read the answer; others never get this far.
fn opened(mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        let exposed = HeaderValue::from_static("Access-Control-Allow-Methods, Location");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

async fn answer(
    oidc: &Oidc,
    origin: Arc<RequestOrigin>,
    bearer: Bearer,
    parts: Parts,
    body: axum::body::Body,
) -> Result<Response, Error> {
    let path = segments(parts.uri.path()).ok_or_else(Error::no_path)?;
    let realm = match path.get(2) {
        Some(name) if path[1] == "realms" => {
            oidc.core.realm(name).await?.ok_or_else(|| Error::not_found("Realm not found."))?
        }
        _ => Arc::clone(&bearer.realm),
    };
    let asker =
        Asker { realm: bearer.realm, user: bearer.user, client: bearer.client, scopes: bearer.scopes };
    let authority = oidc.core.authority(&asker, &realm).await?;
    let gone = async || gone(oidc, &realm, &authority, &path).await;
    let (route, parameters) = match routes::find(parts.method.as_str(), &path) {
        Match::Row(route, parameters) => (route, parameters),
        Match::NotFound => return Err(gone().await?.unwrap_or_else(Error::no_path)),
        Match::WrongMethod => return Err(gone().await?.unwrap_or_else(Error::wrong_method)),
    };
    if !authority.has(route.right) {
        return Err(denied(oidc, &realm, &authority, &parameters).await?);
    }
    let Some(operation) = route.operation else { return Err(unbuilt::sentence(route)) };
    let body = read(body, limit(route)).await?;
    let context = Context {
        core: oidc.core.clone(),
        asker,
        realm,
        authority,
        writes: route.method != "GET",
        parameters,
        query: Query::read(parts.uri.query()),
        body,
        headers: parts.headers,
        url: format!("{}{}", origin.admin, parts.uri.path()),
        origin: RequestOrigin::clone(&origin),
    };
    let mut response = operation(context).await?.into_response();
    if routes::says_no_cache(route) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    Ok(response)
}

/// The segments of a path, each decoded on its own; `None` when one is no text.
fn segments(path: &str) -> Option<Vec<String>> {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.map(|segment| Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned())).collect()
}

/// 403, or 404 for a user or client that is not there when the caller may list them: he knows that anyway.
async fn denied(
    oidc: &Oidc,
    realm: &RealmView,
    authority: &Authority,
    parameters: &Parameters,
) -> Result<Error, Error> {
    if let Some(id) = parameters.get("user-id").filter(|_| authority.has(Right::QueryUsers))
        && oidc.core.user(realm, &UserId::from(id.as_str())).await?.is_none()
    {
        return Ok(Error::not_found("User not found"));
    }
    if let Some(id) = parameters.get("client-uuid").filter(|_| authority.has(Right::QueryClients))
        && oidc.core.client_by_id(realm, &ClientUuid::from(id.as_str())).await?.is_none()
    {
        return Ok(Error::not_found("Could not find client"));
    }
    Ok(Error::forbidden())
}

/// Where no row fits, Keycloak has looked for what the path goes through by then, and says if that is not there.
/// Here it says so to those who may list such things: nobody else learns which ids there are.
async fn gone(
    oidc: &Oidc,
    realm: &RealmView,
    authority: &Authority,
    path: &[String],
) -> Result<Option<Error>, Error> {
    let [_, realms, _, kind, id, ..] = path else { return Ok(None) };
    if realms != "realms" || (kind == "users" && id == "profile") {
        return Ok(None);
    }
    let id = id.as_str();
    let needed = match kind.as_str() {
        "users" => Right::QueryUsers,
        "groups" => Right::QueryGroups,
        _ => Right::QueryClients,
    };
    if !authority.has(needed) {
        return Ok(None);
    }
    let missing = match kind.as_str() {
        "users" if oidc.core.user(realm, &UserId::from(id)).await?.is_none() => "User not found",
        "clients" if oidc.core.client_by_id(realm, &ClientUuid::from(id)).await?.is_none() => {
            "Could not find client"
        }
        "groups" if realm.groups.find(&GroupId::from(id)).is_none() => "Could not find group by id",
        "client-scopes" | "client-templates" if realm.scopes.get(&ScopeId::from(id)).is_none() => {
            "Could not find client scope"
        }
        _ => return Ok(None),
    };
    Ok(Some(Error::not_found(missing)))
}

fn limit(route: &Route) -> usize {
    let imports = route.method == "POST" && matches!(route.path, "/admin/realms" | "~/partialImport");
    if imports { MAX_IMPORT } else { MAX_BODY }
}

async fn read(body: axum::body::Body, limit: usize) -> Result<Bytes, Error> {
    to_bytes(body, limit).await.map_err(|_| {
        Error::Plain(StatusCode::PAYLOAD_TOO_LARGE, "HTTP 413 Request Entity Too Large".to_owned())
    })
}
