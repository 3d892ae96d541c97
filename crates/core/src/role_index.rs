//! The roles of a realm as one index: who includes whom, found by id and by name.

use std::collections::{HashMap, HashSet};

use keyraft_model::{ClientUuid, Role, RoleId};

/// All roles of one realm, its clients' roles included.
#[derive(Debug, Default)]
pub struct Roles {
    by_id: HashMap<RoleId, Role>,
    by_name: HashMap<(Option<ClientUuid>, String), RoleId>,
}

impl Roles {
    /// Indexes the roles of a realm.
    pub fn new(roles: Vec<Role>) -> Self {
        let by_name = roles.iter().map(|r| ((r.client.clone(), r.name.clone()), r.id.clone())).collect();
        Self { by_id: roles.into_iter().map(|role| (role.id.clone(), role)).collect(), by_name }
    }

    /// The role of that id.
    pub fn find(&self, id: &RoleId) -> Option<&Role> {
        self.by_id.get(id)
    }

    /// The realm role (`client` is `None`) or client role of that name.
    pub fn find_by_name(&self, client: Option<&ClientUuid>, name: &str) -> Option<&Role> {
        self.by_id.get(self.by_name.get(&(client.cloned(), name.to_owned()))?)
    }

    /// Every role, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.by_id.values()
    }

    /// The roles of one client, or the realm's own (`None`), in no order.
    pub fn of(&self, client: Option<&ClientUuid>) -> impl Iterator<Item = &Role> {
        self.by_id.values().filter(move |role| role.client.as_ref() == client)
    }

    /// The given roles with all that they include, each once, the given ones first in their order.
    ///
    /// Composites may form a circle; each role is visited once.
    pub fn effective<'a>(&'a self, given: impl IntoIterator<Item = &'a RoleId>) -> Vec<&'a Role> {
        let mut seen = HashSet::new();
        let mut found: Vec<&Role> = Vec::new();
        for id in given {
            if seen.insert(id)
                && let Some(role) = self.find(id)
            {
                found.push(role);
            }
        }
        let mut next = 0;
        while let Some(role) = found.get(next).copied() {
            for id in &role.composites {
                if seen.insert(id)
                    && let Some(included) = self.find(id)
                {
                    found.push(included);
                }
            }
            next += 1;
        }
        found
    }

    /// Whether holding `outer` means holding `inner`.
    pub fn includes(&self, outer: &RoleId, inner: &RoleId) -> bool {
        self.effective([outer]).iter().any(|role| role.id == *inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(id: &str, composites: &[&str]) -> Role {
        let composites = composites.iter().map(|id| RoleId::from(*id)).collect();
        Role { id: id.into(), name: id.to_owned(), composites, ..Role::default() }
    }

    #[test]
    fn composites_resolve_through_circles() {
        let roles =
            Roles::new(vec![role("a", &["b"]), role("b", &["c", "a"]), role("c", &[]), role("d", &[])]);

        let held: Vec<_> = roles.effective([&"a".into()]).iter().map(|role| role.name.clone()).collect();

        assert_eq!(held, ["a", "b", "c"]);
        assert!(roles.includes(&"a".into(), &"c".into()));
        assert!(!roles.includes(&"c".into(), &"a".into()));
    }

    #[test]
    fn a_client_role_is_not_a_realm_role_of_the_same_name() {
        let mut of_client = role("x", &[]);
        of_client.client = Some("shop".into());
        let roles = Roles::new(vec![of_client]);

        assert!(roles.find_by_name(None, "x").is_none());
        assert!(roles.find_by_name(Some(&"shop".into()), "x").is_some());
    }
}
