//! Roles of a realm or a client, by name, and any role by id.

use http::StatusCode;
use keyraft_core::{Error as CoreError, authority::Right};
use keyraft_model::{ClientUuid, Role, RoleId};
use serde_json::Value;

use crate::{
    context::Context,
    error::Error,
    groups::client_ids,
    query::DEFAULT_MAX,
    reply::Reply,
    representation::{self, GroupShape},
    users,
};

/// The container of a row: the realm, or the client that its path names.
async fn container(cx: &Context) -> Result<Option<ClientUuid>, Error> {
    if !cx.parameters.contains_key("client-uuid") {
        return Ok(None);
    }
    Ok(Some(cx.client().await?.client.id.clone()))
}

/// The role of a path: by name in its container, or by id, for which the container's right is asked here.
pub(crate) async fn found(cx: &Context, write: bool) -> Result<Role, Error> {
    if cx.parameters.contains_key("role-id") {
        let role = cx.realm.roles.find(&RoleId::from(cx.parameter("role-id")));
        let role = role.ok_or_else(|| Error::not_found("Could not find role with id"))?;
        cx.require(match (&role.client, write) {
            (None, false) => Right::ViewRealm,
            (None, true) => Right::ManageRealm,
            (Some(_), false) => Right::ViewClients,
            (Some(_), true) => Right::ManageClients,
        })?;
        if let Some(client) = role.client.as_ref().filter(|_| write)
            && cx.core.is_management(&cx.realm, client).await?
        {
            return Err(Error::forbidden());
        }
        return Ok(role.clone());
    }
    let container = container(cx).await?;
    let role = cx.realm.roles.find_by_name(container.as_ref(), cx.parameter("role-name"));
    role.cloned().ok_or_else(|| Error::not_found("Could not find role"))
}

/// `GET roles`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let container = container(&cx).await?;
    let page = cx.query.page(None)?;
    let search = cx.query.filled("search").map(str::trim).map(str::to_lowercase);
    let fits = |role: &&Role| {
        let text = |text: &str| search.as_ref().is_none_or(|search| text.to_lowercase().contains(search));
        text(&role.name) || role.description.as_deref().is_some_and(text)
    };
    let mut roles: Vec<&Role> = cx.realm.roles.of(container.as_ref()).filter(fits).collect();
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    // Without a search Keycloak looks at `max` only where `first` stands beside it.
    let is_part = search.is_some() || (cx.query.filled("first").is_some() && page.max.is_some());
    let roles = if is_part { page.of(roles) } else { roles };
    let brief = cx.query.flag("briefRepresentation").unwrap_or(true);
    Ok(Reply::Json(representation::roles(&cx.realm, roles, brief)))
}

/// `POST roles`: `Location` ends in the name.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let container = container(&cx).await?;
    let given = cx.object("RoleRepresentation")?;
    let made = cx.core.create_role(&cx.realm, container.as_ref(), &given, &cx.authority).await;
    let role = made.map_err(|error| match error {
        CoreError::Invalid { field, rule } if field == "name" && rule == "role has no name" => {
            Error::plain(rule)
        }
        CoreError::NotFound(_) => unknown_composite(&given),
        other => other.into(),
    })?;
    Ok(cx.created(&role.name))
}

fn unknown_composite(given: &crate::json::Object) -> Error {
    let named = given.get("composites").and_then(|composites| composites.get("realm"));
    let name = named.and_then(|names| names.get(0)).and_then(Value::as_str).unwrap_or_default();
    Error::Message(StatusCode::NOT_FOUND, format!("Realm Role with name {name} does not exist"))
}

/// `GET roles/{role-name}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, false).await?;
    Ok(Reply::Json(representation::role(&cx.realm, &role, false)))
}

/// `PUT roles/{role-name}`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("RoleRepresentation")?;
    let role = found(&cx, true).await?;
    cx.core.update_role(&cx.realm, &role, &given, &cx.authority).await.map_err(|error| match error {
        CoreError::Invalid { field, rule } if field == "name" => Error::plain(rule),
        other => other.into(),
    })?;
    Ok(Reply::Nothing)
}

/// `DELETE roles/{role-name}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, true).await?;
    cx.core.delete_role(&cx.realm, &role, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// `GET roles/{role-name}/users`: who was given the role directly.
pub(crate) async fn users(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, false).await?;
    let page = cx.query.page(Some(DEFAULT_MAX))?;
    let holders = cx.core.list_users_with(&cx.realm, &role.id, page.offset(), page.limit()).await?;
    users::listed(&cx, &holders, false).await
}

/// `GET roles/{role-name}/groups`: groups that were given the role directly.
pub(crate) async fn groups(cx: Context) -> Result<Reply, Error> {
    let role = found(&cx, false).await?;
    let page = cx.query.page(Some(DEFAULT_MAX))?;
    let mut holders: Vec<_> = cx.realm.groups.iter().filter(|group| group.roles.contains(&role.id)).collect();
    holders.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let holders = page.of(holders);
    let names = client_ids(&cx, &holders).await?;
    let full = (cx.query.flag("briefRepresentation") == Some(false)).then_some(&names);
    let shape = GroupShape { full, counted: false, access: None };
    let shown = holders.iter().map(|group| representation::group(&cx.realm, group, shape, vec![]));
    Ok(Reply::Json(shown.collect::<Value>()))
}
