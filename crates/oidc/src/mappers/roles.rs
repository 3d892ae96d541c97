//! The roles that a token carries, after mappers renamed and added some.

use keyraft_model::{ClientUuid, Role};
use keyraft_wire::oidc::claim_order;
use keyraft_wire::oidc::claims::{Claim, Claims, Text};

use super::{Mapper, Source, Target};

/// The roles of one token by their owner, in the order in which tokens list them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    realm: Vec<String>,
    clients: Vec<(String, Vec<String>)>,
}

impl Access {
    /// What a token with these roles carries. `client_id` names clients by their row; roles of a client that it
    /// does not know are left out.
    pub fn resolve<'c>(
        granted: &[&Role],
        mappers: &[Mapper],
        client_id: impl Fn(&ClientUuid) -> Option<&'c str>,
    ) -> Self {
        let mut access = Self::default();
        for role in granted {
            match &role.client {
                None => access.add(None, &role.name),
                Some(owner) => {
                    if let Some(owner) = client_id(owner) {
                        access.add(Some(owner), &role.name);
                    }
                }
            }
        }
        for mapper in mappers {
            access.change(mapper);
        }
        access.sort();
        access
    }

    /// The clients that own some of the roles: whose names [`Access::resolve`] will ask for.
    pub fn owners<'a>(granted: &[&'a Role]) -> Vec<&'a ClientUuid> {
        let mut owners: Vec<_> = granted.iter().filter_map(|role| role.client.as_ref()).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    /// The clients with at least one role.
    pub(super) fn clients(&self) -> impl Iterator<Item = &str> {
        self.clients.iter().filter(|(_, roles)| !roles.is_empty()).map(|(client, _)| client.as_str())
    }

    fn roles_mut(&mut self, owner: Option<&str>) -> &mut Vec<String> {
        let Some(owner) = owner else { return &mut self.realm };
        let at = self.clients.iter().position(|(client, _)| client == owner).unwrap_or_else(|| {
            self.clients.push((owner.to_owned(), Vec::new()));
            self.clients.len() - 1
        });
        &mut self.clients[at].1
    }

    fn add(&mut self, owner: Option<&str>, role: &str) {
        let roles = self.roles_mut(owner);
        if !roles.iter().any(|known| known == role) {
            roles.push(role.to_owned());
        }
    }

    fn change(&mut self, mapper: &Mapper) {
        match &mapper.source {
            Source::HardcodedRole { client_id, role } => self.add(client_id.as_deref(), role),
            Source::RoleName { from: (owner, role), to: (new_owner, new_role) } => {
                let roles = self.roles_mut(owner.as_deref());
                if let Some(at) = roles.iter().position(|known| known == role) {
                    roles.remove(at);
                    self.add(new_owner.as_deref(), new_role);
                }
            }
            _ => {}
        }
    }

    fn sort(&mut self) {
        self.clients.retain(|(_, roles)| !roles.is_empty());
        claim_order::sort(&mut self.realm, |role| role);
        claim_order::sort(&mut self.clients, |(client, _)| client);
        self.clients.iter_mut().for_each(|(_, roles)| claim_order::sort(roles, |role| role));
    }
}

impl Mapper {
    pub(super) fn put_realm_roles<'a>(
        &'a self,
        claims: &mut Claims<'a>,
        access: &'a Access,
        prefix: &str,
        target: Target,
    ) {
        if self.multivalued && is_access(target) && self.claim.is(&["realm_access", "roles"]) {
            merge(&mut claims.realm_roles, prefixed(&access.realm, prefix));
            return;
        }
        self.put_roles(claims, self.claim.words().to_vec(), &access.realm, prefix);
    }

    pub(super) fn put_client_roles<'a>(
        &'a self,
        claims: &mut Claims<'a>,
        access: &'a Access,
        only: Option<&str>,
        prefix: &str,
        target: Target,
    ) {
        for (client, roles) in
            access.clients.iter().filter(|(client, _)| only.is_none_or(|only| only == client))
        {
            if self.multivalued && is_access(target) && self.claim.is_client_roles() {
                let owner = self.claim.for_client(client).swap_remove(1);
                let roles = prefixed(roles, prefix);
                match claims.client_roles.iter_mut().find(|(known, _)| *known == owner) {
                    Some((_, known)) => merge(known, roles),
                    None => claims.client_roles.push((owner.into(), roles.collect())),
                }
            } else {
                self.put_roles(claims, self.claim.for_client(client), roles, prefix);
            }
        }
    }

    /// Adds role names to a free claim; several clients may write to the same one.
    fn put_roles<'a>(&self, claims: &mut Claims<'a>, path: Vec<String>, roles: &'a [String], prefix: &str) {
        let mut names = prefixed(roles, prefix);
        if !self.multivalued {
            if let Some(name) = names.next() {
                claims.other.put_at(path, Claim::Text(name));
            }
            return;
        }
        let names: Vec<_> = names.map(Claim::Text).collect();
        if names.is_empty() {
            return;
        }
        let merges = matches!(&path[..], [_]) && !self.claim.names_client();
        let mut list = match claims.other.get(path.first().map_or("", String::as_str)) {
            Some(Claim::List(known)) if merges => known.clone(),
            _ => Vec::new(),
        };
        list.extend(names.into_iter().filter(|name| !list.contains(name)).collect::<Vec<_>>());
        claims.other.put_at(path, Claim::List(list));
    }
}

const fn is_access(target: Target) -> bool {
    !matches!(target, Target::IdToken | Target::UserInfo)
}

fn prefixed<'a>(roles: &'a [String], prefix: &str) -> impl Iterator<Item = Text<'a>> {
    roles
        .iter()
        .map(move |role| if prefix.is_empty() { role.into() } else { format!("{prefix}{role}").into() })
}

fn merge<'a>(known: &mut Vec<Text<'a>>, roles: impl Iterator<Item = Text<'a>>) {
    for role in roles {
        if !known.contains(&role) {
            known.push(role);
        }
    }
}
