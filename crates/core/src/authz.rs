//! Which roles a user holds, and which of them a client's token may carry.
//!
//! Pure: everything that is asked for comes in as views of the realm, the client and the user.

use std::collections::HashSet;

use keyraft_model::{ClientScope, Role, RoleId};

use crate::{ClientView, RealmView, UserRecord};

/// Every role that a user holds: his own, his groups' (ancestors included), and what those include.
pub fn held_roles<'a>(realm: &'a RealmView, user: &'a UserRecord) -> Vec<&'a Role> {
    let of_groups = user
        .groups
        .iter()
        .flat_map(|id| realm.groups.with_ancestors(id))
        .flat_map(|group| group.roles.iter());
    realm.roles.effective(user.roles.iter().chain(of_groups))
}

/// The roles of a user that a token for `client` with these client scopes may carry.
///
/// With `fullScopeAllowed` all of them; else those that the client, its own roles or the scopes name
/// (Keycloak, "Client scope: role scope mappings").
pub fn granted_roles<'a>(
    realm: &'a RealmView,
    client: &'a ClientView,
    user: &'a UserRecord,
    scopes: &[&'a ClientScope],
) -> Vec<&'a Role> {
    let held = held_roles(realm, user);
    if client.client.full_scope_allowed {
        return held;
    }
    let own = realm.roles.of(Some(&client.client.id)).map(|role| &role.id);
    let of_scopes = scopes.iter().flat_map(|scope| scope.scope_mappings.iter());
    let named = client.scope_mappings.iter().chain(own).chain(of_scopes);
    let allowed: HashSet<&RoleId> = realm.roles.effective(named).into_iter().map(|role| &role.id).collect();
    held.into_iter().filter(|role| allowed.contains(&role.id)).collect()
}

/// Whether a user may be granted a client scope: one that names roles is for holders of one of them.
pub fn may_have_scope(realm: &RealmView, user: &UserRecord, scope: &ClientScope) -> bool {
    if scope.scope_mappings.is_empty() {
        return true;
    }
    let wanted: HashSet<&RoleId> =
        realm.roles.effective(&scope.scope_mappings).into_iter().map(|role| &role.id).collect();
    held_roles(realm, user).iter().any(|role| wanted.contains(&role.id))
}
