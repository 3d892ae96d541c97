//! What a request needs of a realm, a client and a user: read once, shared, dropped when they change.

use std::sync::Arc;

use indexmap::IndexMap;
use keyraft_model::{
    AuthenticatorConfig, Client, ClientScope, Component, Flow, Realm, RequiredAction, RoleId, ScopeId,
};
use keyraft_store::RealmParts;
pub use keyraft_store::UserRecord;

use crate::{group_index::Groups, keys::KeyRing, role_index::Roles};

/// A realm with everything that is its own, but for clients and users.
#[derive(Debug)]
pub struct RealmView {
    /// Its settings.
    pub realm: Arc<Realm>,
    /// The version of its row, for updates.
    pub ver: i64,
    /// Its flows and sub-flows.
    pub flows: Vec<Flow>,
    /// Configurations of its executions.
    pub configs: Vec<AuthenticatorConfig>,
    /// Its required actions, by rising priority.
    pub required_actions: Vec<RequiredAction>,
    /// Its components, keys included.
    pub components: Vec<Component>,
    /// Its client scopes.
    pub scopes: IndexMap<ScopeId, ClientScope>,
    /// Client scopes that new clients get, in order.
    pub default_scopes: Vec<ScopeId>,
    /// Client scopes that new clients may ask for, in order.
    pub optional_scopes: Vec<ScopeId>,
    /// Its roles and its clients' roles.
    pub roles: Roles,
    /// Its groups.
    pub groups: Groups,
    /// Its keys, parsed.
    pub keys: KeyRing,
}

impl RealmView {
    /// From what the store holds: parses the keys and builds the indexes.
    pub fn of(parts: RealmParts) -> Self {
        Self {
            keys: KeyRing::new(&parts.components),
            realm: Arc::new(parts.realm),
            ver: parts.ver,
            flows: parts.flows,
            configs: parts.configs,
            required_actions: parts.required_actions,
            components: parts.components,
            scopes: parts.client_scopes.into_iter().map(|scope| (scope.id.clone(), scope)).collect(),
            default_scopes: parts.default_scopes,
            optional_scopes: parts.optional_scopes,
            roles: Roles::new(parts.roles),
            groups: Groups::new(parts.groups),
        }
    }

    /// The client scope of that name.
    pub fn scope_by_name(&self, name: &str) -> Option<&ClientScope> {
        self.scopes.values().find(|scope| scope.name == name)
    }

    /// The client scopes of those ids, those that are gone left out.
    pub fn scopes_of<'a>(&'a self, ids: &'a [ScopeId]) -> impl Iterator<Item = &'a ClientScope> {
        ids.iter().filter_map(|id| self.scopes.get(id))
    }
}

/// A client with what belongs to it.
#[derive(Debug)]
pub struct ClientView {
    /// Its settings.
    pub client: Client,
    /// The version of its row, for updates.
    pub ver: i64,
    /// Roles that its tokens may carry where it may not carry all.
    pub scope_mappings: Vec<RoleId>,
}
