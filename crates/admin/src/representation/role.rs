//! Roles.

use keyraft_core::RealmView;
use keyraft_model::Role;
use serde_json::{Value, json};

use super::{Members, put, put_some};

/// A role as Keycloak's `RoleRepresentation`; with its attributes unless it is `brief`.
pub(crate) fn role(realm: &RealmView, role: &Role, brief: bool) -> Value {
    let mut shown = Members::new();
    put(&mut shown, "id", role.id.as_str());
    put(&mut shown, "name", role.name.as_str());
    put_some(&mut shown, "description", role.description.clone());
    put(&mut shown, "composite", !role.composites.is_empty());
    put(&mut shown, "clientRole", role.client.is_some());
    let container = role.client.as_ref().map_or(realm.realm.id.as_str(), |client| client.as_str());
    put(&mut shown, "containerId", container);
    if !brief {
        put(&mut shown, "attributes", json!(role.attributes));
    }
    shown.into()
}

/// Roles, by name.
pub(crate) fn roles<'a>(realm: &RealmView, list: impl IntoIterator<Item = &'a Role>, brief: bool) -> Value {
    let mut list: Vec<&Role> = list.into_iter().collect();
    list.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    list.into_iter().map(|one| role(realm, one, brief)).collect()
}
