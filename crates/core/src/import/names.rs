//! What a representation names, and the ids behind the names: representations refer by name, rows by id.

use std::collections::HashMap;

use keyraft_model::{ClientUuid, FlowId, GroupId, Role, RoleId, ScopeId};

use super::{report::Findings, shape::wrong};
use crate::Error;

/// Names of one realm.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) clients: HashMap<String, ClientUuid>,
    /// By client (none: the realm) and name.
    pub(super) roles: HashMap<(Option<String>, String), RoleId>,
    pub(super) scopes: HashMap<String, ScopeId>,
    /// By path.
    pub(super) groups: HashMap<String, GroupId>,
    pub(super) flows: HashMap<String, FlowId>,
    pub(super) configs: HashMap<String, FlowId>,
    /// Roles that somebody holds and that no list of roles has: Keycloak makes them.
    pub(super) made: Vec<Role>,
    pub(super) findings: Findings,
}

impl Names {
    /// The role of that name.
    pub(super) fn role(&self, client: Option<&str>, name: &str, path: &str) -> Result<RoleId, Error> {
        let key = (client.map(str::to_owned), name.to_owned());
        self.roles.get(&key).cloned().ok_or_else(|| match client {
            Some(client) => wrong(path, &format!("the client {client:?} has no role {name:?}")),
            None => wrong(path, &format!("there is no realm role {name:?}")),
        })
    }

    /// The role of that name, made where it is not there.
    pub(super) fn role_or_made(
        &mut self,
        client: Option<&str>,
        name: &str,
        path: &str,
    ) -> Result<RoleId, Error> {
        if let Ok(found) = self.role(client, name, path) {
            return Ok(found);
        }
        let of = client.map(|client| self.client(client, path)).transpose()?;
        let role = Role {
            id: keyraft_crypto::random::uuid().into(),
            name: name.to_owned(),
            client: of,
            ..Role::default()
        };
        self.roles.insert((client.map(str::to_owned), name.to_owned()), role.id.clone());
        self.findings.made.push(format!("{path}: the role {name:?}"));
        self.made.push(role.clone());
        Ok(role.id)
    }

    /// The client of that `client_id`.
    pub(super) fn client(&self, client_id: &str, path: &str) -> Result<ClientUuid, Error> {
        let found = self.clients.get(client_id).cloned();
        found.ok_or_else(|| wrong(path, &format!("there is no client {client_id:?}")))
    }

    /// The group at a path, with or without its leading `/`.
    pub(super) fn group(&self, place: &str, path: &str) -> Result<GroupId, Error> {
        let with_slash = if place.starts_with('/') { place.to_owned() } else { format!("/{place}") };
        let found = self.groups.get(&with_slash).cloned();
        found.ok_or_else(|| wrong(path, &format!("there is no group {place:?}")))
    }
}
