//! Scope mappings of clients and client scopes: roles that tokens may carry.

use keyraft_core::RolesOf;
use keyraft_model::{ClientUuid, Role, RoleId, ScopeId};

use crate::{context::Context, error::Error, reply::Reply, representation, role_mappings::by_container};

/// What the mappings belong to.
enum Owner {
    Client(ClientUuid),
    Scope(ScopeId),
}

impl Owner {
    fn list(&self) -> RolesOf<'_> {
        match self {
            Self::Client(client) => RolesOf::Client(client),
            Self::Scope(scope) => RolesOf::Scope(scope),
        }
    }
}

struct Mapped {
    owner: Owner,
    roles: Vec<RoleId>,
    /// With `fullScopeAllowed` every role may be carried.
    full: bool,
}

async fn mapped(cx: &Context) -> Result<Mapped, Error> {
    if cx.parameters.contains_key("client-uuid") {
        let view = cx.client().await?;
        let (owner, full) = (Owner::Client(view.client.id.clone()), view.client.full_scope_allowed);
        return Ok(Mapped { owner, roles: view.scope_mappings.clone(), full });
    }
    let scope = cx.scope_named("client-scope-id", "Could not find client scope")?;
    Ok(Mapped { owner: Owner::Scope(scope.id.clone()), roles: scope.scope_mappings.clone(), full: false })
}

async fn container(cx: &Context) -> Result<Option<ClientUuid>, Error> {
    if !cx.parameters.contains_key("client") {
        return Ok(None);
    }
    Ok(Some(cx.client_named("client", "Could not find client").await?.client.id.clone()))
}

fn in_container<'a>(
    ids: impl Iterator<Item = &'a Role>,
    container: Option<&ClientUuid>,
) -> impl Iterator<Item = &'a Role> {
    ids.filter(move |role| role.client.as_ref() == container)
}

/// `GET …/scope-mappings`.
pub(crate) async fn all(cx: Context) -> Result<Reply, Error> {
    let mapped = mapped(&cx).await?;
    by_container(&cx, &mapped.roles).await
}

pub(crate) async fn given(cx: Context) -> Result<Reply, Error> {
    let (mapped, container) = (mapped(&cx).await?, container(&cx).await?);
    let roles = mapped.roles.iter().filter_map(|id| cx.realm.roles.find(id));
    Ok(Reply::Json(representation::roles(&cx.realm, in_container(roles, container.as_ref()), true)))
}

pub(crate) async fn available(cx: Context) -> Result<Reply, Error> {
    let (mapped, container) = (mapped(&cx).await?, container(&cx).await?);
    let free = cx.realm.roles.of(container.as_ref());
    let free =
        free.filter(|role| !mapped.roles.contains(&role.id) && cx.authority.may_give(&cx.realm, &role.id));
    Ok(Reply::Json(representation::roles(&cx.realm, free, true)))
}

pub(crate) async fn composite(cx: Context) -> Result<Reply, Error> {
    let (mapped, container) = (mapped(&cx).await?, container(&cx).await?);
    let brief = cx.query.flag("briefRepresentation").unwrap_or(true);
    let roles: Vec<&Role> = if mapped.full {
        cx.realm.roles.of(container.as_ref()).collect()
    } else {
        in_container(cx.realm.roles.effective(&mapped.roles).into_iter(), container.as_ref()).collect()
    };
    Ok(Reply::Json(representation::roles(&cx.realm, roles, brief)))
}

pub(crate) async fn add(cx: Context) -> Result<Reply, Error> {
    let (mapped, container) = (mapped(&cx).await?, container(&cx).await?);
    let roles = listed(&cx, container.as_ref())?;
    cx.core.give_roles(&cx.realm, mapped.owner.list(), &roles, &cx.authority).await?;
    Ok(Reply::Nothing)
}

pub(crate) async fn remove(cx: Context) -> Result<Reply, Error> {
    let (mapped, container) = (mapped(&cx).await?, container(&cx).await?);
    let roles = if cx.body.is_empty() {
        let roles = mapped.roles.iter().filter_map(|id| cx.realm.roles.find(id));
        in_container(roles, container.as_ref()).map(|role| role.id.clone()).collect()
    } else {
        listed(&cx, container.as_ref())?
    };
    cx.core.take_roles(&cx.realm, mapped.owner.list(), &roles, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// Roles that a body lists: by id in the realm, by name in a client, as Keycloak reads them.
fn listed(cx: &Context, container: Option<&ClientUuid>) -> Result<Vec<RoleId>, Error> {
    let listed = cx.list("RoleRepresentation")?;
    let found = listed.iter().filter_map(serde_json::Value::as_object).map(|given| {
        let by_id = crate::json::text(given, "id").and_then(|id| cx.realm.roles.find(&RoleId::from(id)));
        let by_name = || cx.realm.roles.find_by_name(container, crate::json::text(given, "name")?);
        let role = by_id.filter(|role| role.client.as_ref() == container).or_else(by_name);
        role.map(|role| role.id.clone()).ok_or_else(|| Error::not_found("Role not found"))
    });
    found.collect()
}

/// Both containers have the same operations; the path says which one is meant.
pub(crate) use self::{
    add as add_client, add as add_realm, available as client_available, available as realm_available,
    composite as client_composite, composite as realm_composite, given as client, given as realm,
    remove as remove_client, remove as remove_realm,
};
