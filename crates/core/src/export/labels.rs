//! The names behind ids: rows refer by id, representations by name.

use std::collections::HashMap;

use keyraft_model::{GroupId, RoleId, ScopeId};

use crate::image::RealmImage;

/// Names of one realm.
#[derive(Debug)]
pub(super) struct Labels<'a> {
    clients: HashMap<&'a str, &'a str>,
    /// Client (none: the realm) and name.
    roles: HashMap<&'a str, (Option<&'a str>, &'a str)>,
    scopes: HashMap<&'a str, &'a str>,
    flows: HashMap<&'a str, &'a str>,
    configs: HashMap<&'a str, &'a str>,
    groups: HashMap<&'a str, String>,
}

impl<'a> Labels<'a> {
    pub(super) fn of(image: &'a RealmImage) -> Self {
        let parts = &image.parts;
        let clients: HashMap<_, _> = image
            .clients
            .iter()
            .map(|entry| (entry.client.id.as_str(), entry.client.client_id.as_str()))
            .collect();
        let role = |role: &'a keyraft_model::Role| {
            let client = role.client.as_ref().and_then(|client| clients.get(client.as_str()).copied());
            (role.id.as_str(), (client, role.name.as_str()))
        };
        Self {
            roles: parts.roles.iter().map(role).collect(),
            scopes: parts
                .client_scopes
                .iter()
                .map(|scope| (scope.id.as_str(), scope.name.as_str()))
                .collect(),
            flows: parts.flows.iter().map(|flow| (flow.id.as_str(), flow.alias.as_str())).collect(),
            configs: parts.configs.iter().map(|config| (config.id.as_str(), config.alias.as_str())).collect(),
            groups: paths(image),
            clients,
        }
    }

    pub(super) fn client(&self, id: &str) -> Option<&'a str> {
        self.clients.get(id).copied()
    }

    pub(super) fn role(&self, id: &RoleId) -> Option<(Option<&'a str>, &'a str)> {
        self.roles.get(id.as_str()).copied()
    }

    /// A client scope's name; a client's where a consent was given to the client itself.
    pub(super) fn scope(&self, id: &ScopeId) -> Option<&'a str> {
        self.scopes.get(id.as_str()).copied().or_else(|| self.client(id.as_str()))
    }

    pub(super) fn flow(&self, id: &str) -> Option<&'a str> {
        self.flows.get(id).copied()
    }

    pub(super) fn config(&self, id: &str) -> Option<&'a str> {
        self.configs.get(id).copied()
    }

    pub(super) fn group(&self, id: &GroupId) -> Option<&str> {
        self.groups.get(id.as_str()).map(String::as_str)
    }
}

/// The paths of all groups; a group whose parents form a circle has none.
fn paths(image: &RealmImage) -> HashMap<&str, String> {
    let groups = &image.parts.groups;
    let by_id: HashMap<&str, _> = groups.iter().map(|group| (group.id.as_str(), group)).collect();
    let path = |id: &str| {
        let mut names = Vec::new();
        let mut next = by_id.get(id);
        while let Some(group) = next {
            if names.len() > groups.len() {
                return None;
            }
            names.push(group.name.as_str());
            next = group.parent.as_ref().and_then(|parent| by_id.get(parent.as_str()));
        }
        Some(names.iter().rev().fold(String::new(), |path, name| path + "/" + name))
    };
    groups.iter().filter_map(|group| Some((group.id.as_str(), path(group.id.as_str())?))).collect()
}
