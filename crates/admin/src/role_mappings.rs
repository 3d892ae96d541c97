//! Role mappings of users and groups.

use keyraft_core::{RolesOf, authz};
use keyraft_model::{ClientUuid, GroupId, Role, RoleId, UserId};
use serde_json::{Map, json};

use crate::{context::Context, error::Error, reply::Reply, representation};

/// Who holds the roles.
enum Holder {
    User(UserId),
    Group(GroupId),
}

impl Holder {
    fn list(&self) -> RolesOf<'_> {
        match self {
            Self::User(user) => RolesOf::User(user),
            Self::Group(group) => RolesOf::Group(group),
        }
    }
}

/// A holder with the roles that he was given, and all that follow.
struct Held {
    holder: Holder,
    given: Vec<RoleId>,
    effective: Vec<RoleId>,
}

async fn held(cx: &Context) -> Result<Held, Error> {
    let ids = |roles: Vec<&Role>| roles.into_iter().map(|role| role.id.clone()).collect();
    if cx.parameters.contains_key("user-id") {
        let record = cx.user().await?;
        let effective = ids(authz::held_roles(&cx.realm, &record));
        return Ok(Held {
            holder: Holder::User(record.user.id.clone()),
            given: record.roles.clone(),
            effective,
        });
    }
    let group = cx.group_named("group-id", "Could not find group by id")?;
    let line = cx.realm.groups.with_ancestors(&group.id);
    let effective = ids(cx.realm.roles.effective(line.into_iter().flat_map(|group| &group.roles)));
    Ok(Held { holder: Holder::Group(group.id.clone()), given: group.roles.clone(), effective })
}

/// The container of a row: the realm, or the client that its path names.
async fn container(cx: &Context) -> Result<Option<ClientUuid>, Error> {
    if !cx.parameters.contains_key("client-id") {
        return Ok(None);
    }
    Ok(Some(cx.client_named("client-id", "Client not found").await?.client.id.clone()))
}

fn in_container<'a>(cx: &'a Context, ids: &'a [RoleId], container: Option<&ClientUuid>) -> Vec<&'a Role> {
    let found = ids.iter().filter_map(|id| cx.realm.roles.find(id));
    found.filter(|role| role.client.as_ref() == container).collect()
}

/// `GET …/role-mappings`: what was given, by container.
pub(crate) async fn all(cx: Context) -> Result<Reply, Error> {
    let held = held(&cx).await?;
    by_container(&cx, &held.given).await
}

/// Roles by container, as Keycloak's `MappingsRepresentation`.
pub(crate) async fn by_container(cx: &Context, ids: &[RoleId]) -> Result<Reply, Error> {
    let mut shown = Map::new();
    let of_realm = in_container(cx, ids, None);
    if !of_realm.is_empty() {
        shown.insert("realmMappings".to_owned(), representation::roles(&cx.realm, of_realm, true));
    }
    let clients = ids.iter().filter_map(|id| cx.realm.roles.find(id)?.client.clone());
    let names = cx.core.client_ids(&cx.realm, clients).await?;
    let mut of_clients = Map::new();
    for (id, client_id) in names {
        let roles = representation::roles(&cx.realm, in_container(cx, ids, Some(&id)), true);
        let mapped = json!({"id": id.as_str(), "client": client_id, "mappings": roles});
        of_clients.insert(client_id, mapped);
    }
    if !of_clients.is_empty() {
        shown.insert("clientMappings".to_owned(), of_clients.into());
    }
    Ok(Reply::Json(shown.into()))
}

pub(crate) async fn given(cx: Context) -> Result<Reply, Error> {
    let (held, container) = (held(&cx).await?, container(&cx).await?);
    let roles = in_container(&cx, &held.given, container.as_ref());
    Ok(Reply::Json(representation::roles(&cx.realm, roles, true)))
}

/// What could be given: roles of the container that are not, and do not follow from what is.
pub(crate) async fn available(cx: Context) -> Result<Reply, Error> {
    let (held, container) = (held(&cx).await?, container(&cx).await?);
    let free = cx.realm.roles.of(container.as_ref()).filter(|role| !held.given.contains(&role.id));
    let may = free.filter(|role| cx.authority.may_give(&cx.realm, &role.id));
    Ok(Reply::Json(representation::roles(&cx.realm, may, true)))
}

pub(crate) async fn composite(cx: Context) -> Result<Reply, Error> {
    let (held, container) = (held(&cx).await?, container(&cx).await?);
    let brief = cx.query.flag("briefRepresentation").unwrap_or(true);
    let roles = in_container(&cx, &held.effective, container.as_ref());
    Ok(Reply::Json(representation::roles(&cx.realm, roles, brief)))
}

pub(crate) async fn add(cx: Context) -> Result<Reply, Error> {
    let (held, container) = (held(&cx).await?, container(&cx).await?);
    let roles = cx.listed_roles(container.as_ref())?;
    cx.core.give_roles(&cx.realm, held.holder.list(), &roles, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// Without a body everything of the container is taken away.
pub(crate) async fn remove(cx: Context) -> Result<Reply, Error> {
    let (held, container) = (held(&cx).await?, container(&cx).await?);
    let roles = if cx.body.is_empty() {
        in_container(&cx, &held.given, container.as_ref()).into_iter().map(|role| role.id.clone()).collect()
    } else {
        cx.listed_roles(container.as_ref())?
    };
    cx.core.take_roles(&cx.realm, held.holder.list(), &roles, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// Both containers have the same operations; the path says which one is meant.
pub(crate) use self::{
    add as add_client, add as add_realm, available as client_available, available as realm_available,
    composite as client_composite, composite as realm_composite, given as client, given as realm,
    remove as remove_client, remove as remove_realm,
};
