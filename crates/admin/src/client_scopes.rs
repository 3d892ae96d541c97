//! `client-scopes`.

use keyraft_core::authority::Right;
use serde_json::{Value, json};

use crate::{context::Context, error::Error, json as body, reply::Reply, representation};

const UNKNOWN: &str = "Could not find client scope";

/// `GET client-scopes`. Who may only query clients gets an empty list.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    if !cx.authority.has(Right::ViewClients) {
        return Ok(Reply::Json(json!([])));
    }
    Ok(Reply::Json(cx.realm.scopes.values().map(representation::client_scope).collect::<Value>()))
}

/// The body: members that Keycloak does not know are passed over here, as it does.
fn given(cx: &Context) -> Result<body::Object, Error> {
    cx.takes("application/json")?;
    Ok(body::lenient_object(&cx.body, "ClientScopeRepresentation")?)
}

/// `POST client-scopes`.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let given = given(&cx)?;
    may_map(&cx, &given).await?;
    let scope = cx.core.create_client_scope(&cx.realm, &given).await?;
    Ok(cx.created(scope.id.as_str()))
}

/// Refuses mappers that give a role which the caller may not give.
async fn may_map(cx: &Context, given: &body::Object) -> Result<(), Error> {
    for mapper in keyraft_core::mappers::mappers_of(given)?.unwrap_or_default() {
        cx.core.may_map(&cx.realm, &mapper, &cx.authority).await?;
    }
    Ok(())
}

/// `GET client-scopes/{client-scope-id}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(representation::client_scope(cx.scope_named("client-scope-id", UNKNOWN)?)))
}

/// `PUT client-scopes/{client-scope-id}`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let id = cx.scope_named("client-scope-id", UNKNOWN)?.id.clone();
    let given = given(&cx)?;
    cx.core.update_client_scope(&cx.realm, &id, &given).await?;
    Ok(Reply::Nothing)
}

/// `DELETE client-scopes/{client-scope-id}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let id = cx.scope_named("client-scope-id", UNKNOWN)?.id.clone();
    cx.core.delete_client_scope(&cx.realm, &id).await?;
    Ok(Reply::Nothing)
}
