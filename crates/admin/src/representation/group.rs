//! Groups.

use std::collections::HashMap;

use keyraft_core::{
    RealmView,
    authority::{Authority, Right},
};
use keyraft_model::{ClientUuid, Group};
use serde_json::{Map, Value, json};

use super::{Members, put, put_some};

/// How much of a group is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupShape<'a> {
    /// Attributes and roles too; `client_id`s of the clients whose roles groups hold.
    pub(crate) full: Option<&'a HashMap<ClientUuid, String>>,
    /// How many groups stand in it.
    pub(crate) counted: bool,
    /// What the caller may do with it.
    pub(crate) access: Option<&'a Authority>,
}

/// A group as Keycloak's `GroupRepresentation`, with the given groups in it.
pub(crate) fn group(realm: &RealmView, group: &Group, shape: GroupShape<'_>, inner: Vec<Value>) -> Value {
    let mut shown = Members::new();
    put(&mut shown, "id", group.id.as_str());
    put(&mut shown, "name", group.name.as_str());
    put_some(&mut shown, "description", group.description.clone());
    put(&mut shown, "path", realm.groups.path(&group.id));
    put_some(&mut shown, "parentId", group.parent.as_ref().map(keyraft_model::GroupId::as_str));
    if shape.counted {
        put(&mut shown, "subGroupCount", realm.groups.children(Some(&group.id)).len());
    }
    put(&mut shown, "subGroups", inner);
    if let Some(client_ids) = shape.full {
        put(&mut shown, "attributes", json!(group.attributes));
        let (realm_roles, client_roles) = role_names(realm, group, client_ids);
        put(&mut shown, "realmRoles", realm_roles);
        put(&mut shown, "clientRoles", client_roles);
    }
    if let Some(by) = shape.access {
        put(&mut shown, "access", access(by));
    }
    shown.into()
}

fn role_names(
    realm: &RealmView,
    group: &Group,
    client_ids: &HashMap<ClientUuid, String>,
) -> (Vec<String>, Map<String, Value>) {
    let mut of_realm = Vec::new();
    let mut of_clients = Map::new();
    for role in group.roles.iter().filter_map(|id| realm.roles.find(id)) {
        match role.client.as_ref() {
            None => of_realm.push(role.name.clone()),
            Some(client) => {
                let Some(client_id) = client_ids.get(client) else { continue };
                let names = of_clients.entry(client_id.clone()).or_insert_with(|| json!([]));
                if let Value::Array(names) = names {
                    names.push(role.name.clone().into());
                }
            }
        }
    }
    (of_realm, of_clients)
}

fn access(by: &Authority) -> Value {
    let (view, manage) = (by.has(Right::ViewGroups), by.has(Right::ManageUsers));
    json!({
        "view": view,
        "viewMembers": by.has(Right::ViewUsers),
        "manageMembers": manage,
        "manage": manage,
        "manageMembership": manage,
    })
}
