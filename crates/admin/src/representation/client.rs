//! Clients, client scopes and their mappers.

use keyraft_core::{
    RealmView,
    authority::{Authority, Right},
    realms::MASKED,
};
use keyraft_model::{Client, ClientScope, ProtocolMapper, ScopeId};
use serde_json::{Value, json};

use super::{Members, plain, put, put_some};

/// What the caller may see and do with a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// He has all the authority that its service account has.
    pub(crate) covers: bool,
    /// Authority is made of its roles, so that nobody changes it.
    pub(crate) is_management: bool,
}

/// A client as Keycloak's `ClientRepresentation`. A secret that would open more authority than the caller has
/// is masked; a public client's is not shown at all.
pub(crate) fn client(realm: &RealmView, client: &Client, by: &Authority, reach: Reach) -> Members {
    let mut shown = plain(client);
    let names = |ids: &[ScopeId]| {
        realm.scopes_of(ids).map(|scope| Value::from(scope.name.clone())).collect::<Vec<_>>()
    };
    put(&mut shown, "defaultClientScopes", names(&client.default_client_scopes));
    put(&mut shown, "optionalClientScopes", names(&client.optional_client_scopes));
    shown.shift_remove("registrationAccessToken");
    if client.public_client {
        shown.shift_remove("secret");
    } else if !reach.covers && client.secret.is_some() {
        put(&mut shown, "secret", MASKED);
    }
    let manage = by.has(Right::ManageClients) && !reach.is_management;
    put(
        &mut shown,
        "access",
        json!({"view": by.has(Right::ViewClients), "configure": manage, "manage": manage}),
    );
    shown
}

/// A client scope as Keycloak's `ClientScopeRepresentation`.
pub(crate) fn client_scope(scope: &ClientScope) -> Value {
    let mut shown = plain(scope);
    shown.shift_remove("_scopeMappings");
    shown.into()
}

/// What stands for a client scope in lists; with its protocol in a realm's.
pub(crate) fn scope_reference(scope: &ClientScope, protocol: bool) -> Value {
    let mut shown = Members::new();
    put(&mut shown, "id", scope.id.as_str());
    put(&mut shown, "name", scope.name.as_str());
    put_some(&mut shown, "protocol", scope.protocol.clone().filter(|_| protocol));
    shown.into()
}

/// A mapper as the mapper endpoints show it: a switch that follows another where it is not set is shown.
pub(crate) fn effective_mapper(mapper: &ProtocolMapper) -> Value {
    let mut shown = mapper.clone();
    let kind = mapper.protocol_mapper.as_str();
    if kind.starts_with("oidc-") && kind != "oidc-nonce-backwards-compatible-mapper" {
        for (from, to) in
            [("access.token.claim", "introspection.token.claim"), ("id.token.claim", "userinfo.token.claim")]
        {
            if let Some(value) = mapper.config.get(from).filter(|_| !mapper.config.contains_key(to)) {
                shown.config.insert(to.to_owned(), value.clone());
            }
        }
    }
    plain(&shown).into()
}
