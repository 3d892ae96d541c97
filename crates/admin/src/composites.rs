//! What a role includes.

use keyraft_core::RolesOf;
use keyraft_model::{ClientUuid, Role, RoleId};
use serde_json::Value;

use crate::{context::Context, error::Error, json, reply::Reply, representation, roles::found};

fn included<'a>(cx: &'a Context, role: &'a Role) -> impl Iterator<Item = &'a Role> {
    role.composites.iter().filter_map(|id| cx.realm.roles.find(id))
}

/// `GET …/composites`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, false).await?;
    let search = cx.query.filled("search").map(str::to_lowercase);
    let fits = |role: &&Role| search.as_ref().is_none_or(|search| role.name.to_lowercase().contains(search));
    let mut roles: Vec<&Role> = included(&cx, &role).filter(fits).collect();
    roles.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(Reply::Json(representation::roles(&cx.realm, cx.query.page(None)?.of(roles), true)))
}

/// `GET …/composites/realm`.
pub(crate) async fn realm(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, false).await?;
    let roles = included(&cx, &role).filter(|role| role.client.is_none());
    Ok(Reply::Json(representation::roles(&cx.realm, roles, true)))
}

/// `GET …/composites/clients/{client}`.
pub(crate) async fn client(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, false).await?;
    let variable = if cx.parameters.contains_key("clientUuid") { "clientUuid" } else { "targetClientUuid" };
    let client: ClientUuid = cx.client_named(variable, "Could not find client").await?.client.id.clone();
    let roles = included(&cx, &role).filter(|role| role.client.as_ref() == Some(&client));
    Ok(Reply::Json(representation::roles(&cx.realm, roles, true)))
}

/// `POST …/composites`.
pub(crate) async fn add(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, true).await?;
    let added = listed(&cx)?;
    cx.core.give_roles(&cx.realm, RolesOf::Role(&role.id), &added, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// `DELETE …/composites`.
pub(crate) async fn remove(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, true).await?;
    let removed = listed(&cx)?;
    cx.core.take_roles(&cx.realm, RolesOf::Role(&role.id), &removed, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// Roles that a body lists by id.
fn listed(cx: &Context) -> Result<Vec<RoleId>, Error> {
    let listed = cx.list("RoleRepresentation")?;
    let found = listed.iter().filter_map(Value::as_object).map(|given| {
        let role = json::text(given, "id").and_then(|id| cx.realm.roles.find(&RoleId::from(id)));
        role.map(|role| role.id.clone()).ok_or_else(|| Error::not_found("Could not find composite role"))
    });
    found.collect()
}
