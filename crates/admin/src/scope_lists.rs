//! Which client scopes a client has, and which the realm gives to new ones.

use keyraft_model::ScopeId;
use serde_json::Value;

use crate::{context::Context, error::Error, reply::Reply, representation::scope_reference};

const UNKNOWN: &str = "Client scope not found";

fn shown(cx: &Context, ids: &[ScopeId], protocol: bool) -> Reply {
    Reply::Json(cx.realm.scopes_of(ids).map(|scope| scope_reference(scope, protocol)).collect::<Value>())
}

/// `GET clients/{id}/default-client-scopes`.
pub(crate) async fn client_default(cx: Context) -> Result<Reply, Error> {
    let client = cx.client().await?;
    Ok(shown(&cx, &client.client.default_client_scopes, false))
}

/// `GET clients/{id}/optional-client-scopes`.
pub(crate) async fn client_optional(cx: Context) -> Result<Reply, Error> {
    let client = cx.client().await?;
    Ok(shown(&cx, &client.client.optional_client_scopes, false))
}

/// `PUT clients/{id}/default-client-scopes/{scope}`.
pub(crate) async fn add_client_default(cx: Context) -> Result<Reply, Error> {
    add_to_client(cx, true).await
}

/// `PUT clients/{id}/optional-client-scopes/{scope}`.
pub(crate) async fn add_client_optional(cx: Context) -> Result<Reply, Error> {
    add_to_client(cx, false).await
}

async fn add_to_client(cx: Context, is_default: bool) -> Result<Reply, Error> {
    let client = cx.client().await?;
    let scope = cx.scope_named("clientScopeId", UNKNOWN)?;
    cx.core.add_client_scope(&cx.realm, &client.client.id, &scope.id, is_default).await?;
    Ok(Reply::Nothing)
}

/// `DELETE clients/{id}/default-client-scopes/{scope}`: off either list, as in Keycloak.
pub(crate) async fn remove_client_default(cx: Context) -> Result<Reply, Error> {
    let client = cx.client().await?;
    let scope = cx.scope_named("clientScopeId", UNKNOWN)?;
    cx.core.remove_client_scope(&cx.realm, &client.client.id, &scope.id).await?;
    Ok(Reply::Nothing)
}

/// Both lists are left the same way.
pub(crate) use self::{
    remove_client_default as remove_client_optional, remove_realm_default as remove_realm_optional,
};

/// `GET default-default-client-scopes`.
pub(crate) async fn realm_default(cx: Context) -> Result<Reply, Error> {
    Ok(shown(&cx, &cx.realm.default_scopes, true))
}

/// `GET default-optional-client-scopes`.
pub(crate) async fn realm_optional(cx: Context) -> Result<Reply, Error> {
    Ok(shown(&cx, &cx.realm.optional_scopes, true))
}

/// `PUT default-default-client-scopes/{scope}`.
pub(crate) async fn add_realm_default(cx: Context) -> Result<Reply, Error> {
    add_to_realm(cx, true).await
}

/// `PUT default-optional-client-scopes/{scope}`.
pub(crate) async fn add_realm_optional(cx: Context) -> Result<Reply, Error> {
    add_to_realm(cx, false).await
}

async fn add_to_realm(cx: Context, is_default: bool) -> Result<Reply, Error> {
    let scope = cx.scope_named("clientScopeId", UNKNOWN)?;
    cx.core.add_realm_scope(&cx.realm, &scope.id, is_default).await?;
    Ok(Reply::Nothing)
}

/// `DELETE default-default-client-scopes/{scope}`.
pub(crate) async fn remove_realm_default(cx: Context) -> Result<Reply, Error> {
    let scope = cx.scope_named("clientScopeId", UNKNOWN)?;
    cx.core.remove_realm_scope(&cx.realm, &scope.id).await?;
    Ok(Reply::Nothing)
}
