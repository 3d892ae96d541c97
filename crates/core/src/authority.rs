//! What an administrator may do in a realm, and which roles he may give.
//!
//! Authority is the roles that the caller holds as they are stored now, within his client's scope: claims in
//! his token count for nothing. In a realm it comes from the roles of its client `realm-management`; from
//! `master` it comes from the roles of the client that stands for the realm there (`<realm>-realm`).
//!
//! A role that carries authority is given by nobody who does not hold that authority himself. Everything that
//! can bring a role to someone (mappings, composites, groups, default roles, scopes, mappers) asks
//! [`Authority::may_give`] first; taking over an account or a client that holds more authority than the
//! caller does is giving it to himself, and asks [`Authority::covers`].

mod rights;

use std::collections::{HashMap, HashSet};

use keyraft_model::{ClientUuid, RealmId, RoleId};

pub use rights::{AdminRole, AdminRoles, Right};

use crate::{Core, Error, RealmView, UserRecord, authz, view::ClientView};

/// The realm whose administrators may administer every realm.
pub const MASTER: &str = "master";

/// The client whose roles are authority over its own realm.
pub const REALM_MANAGEMENT: &str = "realm-management";

/// Who asks: a user at a client, both as stored now.
#[derive(Clone, Debug)]
pub struct Asker {
    /// His realm.
    pub realm: std::sync::Arc<RealmView>,
    /// Himself.
    pub user: std::sync::Arc<UserRecord>,
    /// The client that he asks through.
    pub client: std::sync::Arc<ClientView>,
    /// Client scopes that were granted to it beyond its default ones, by name.
    pub scopes: Vec<String>,
}

impl Asker {
    /// The roles that count: those he holds and his client may carry.
    pub fn roles(&self) -> HashSet<RoleId> {
        let defaults = self.realm.scopes_of(&self.client.client.default_client_scopes);
        let optional = self.realm.scopes_of(&self.client.client.optional_client_scopes);
        let asked = optional.filter(|scope| self.scopes.contains(&scope.name));
        let scopes: Vec<_> = defaults.chain(asked).collect();
        authz::granted_roles(&self.realm, &self.client, &self.user, &scopes)
            .iter()
            .map(|role| role.id.clone())
            .collect()
    }
}

/// A caller's authority over one realm.
#[derive(Clone, Debug, Default)]
pub struct Authority {
    roles: AdminRoles,
    sources: Sources,
    may_create_realms: bool,
}

/// Which roles of a realm carry authority, and over what. In `master` that is every realm at once.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What a role means, by its id; composites are not resolved here.
    powers: HashMap<RoleId, Power>,
    /// What the caller has.
    held: HashSet<Power>,
}

/// One piece of authority.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Power {
    /// An admin role over a realm.
    Over(RealmId, AdminRole),
    /// `create-realm` in `master`.
    CreateRealm,
    /// `admin` in `master`: whatever there is and will be.
    Everything,
}

impl Authority {
    /// Whether the caller has `right`.
    pub fn has(&self, right: Right) -> bool {
        right.allows(self.roles)
    }

    /// The admin roles that the caller has over the realm.
    pub fn roles(&self) -> AdminRoles {
        self.roles
    }

    /// Whether the caller may create realms.
    pub fn may_create_realms(&self) -> bool {
        self.may_create_realms
    }

    /// Whether a role is one that authority is made of, directly and not by what it includes.
    pub fn is_admin_role(&self, role: &RoleId) -> bool {
        self.sources.powers.contains_key(role)
    }

    /// Whether the caller may give a role of `realm`: he has all the authority that it carries.
    pub fn may_give(&self, realm: &RealmView, role: &RoleId) -> bool {
        self.covers(realm, [role])
    }

    /// Whether the caller has all the authority that these roles of `realm` carry together.
    pub fn covers<'a>(&self, realm: &'a RealmView, roles: impl IntoIterator<Item = &'a RoleId>) -> bool {
        let powers = realm.roles.effective(roles);
        powers
            .iter()
            .filter_map(|role| self.sources.powers.get(&role.id))
            .all(|power| self.sources.has(power))
    }

    /// Whether the caller has all the authority that a user of `realm` has.
    pub fn covers_user(&self, realm: &RealmView, user: &UserRecord) -> bool {
        let held = authz::held_roles(realm, user);
        held.iter().filter_map(|role| self.sources.powers.get(&role.id)).all(|power| self.sources.has(power))
    }
}

impl Sources {
    fn has(&self, power: &Power) -> bool {
        self.held.contains(power) || self.held.contains(&Power::Everything)
    }
}

/// What the roles of a realm mean, when `management` is the client that stands for each realm there.
pub fn powers(realm: &RealmView, management: &[(RealmId, ClientUuid)]) -> HashMap<RoleId, Power> {
    let mut powers = HashMap::new();
    for (over, client) in management {
        for role in realm.roles.of(Some(client)) {
            if let Some(admin) = AdminRole::from_name(&role.name) {
                powers.insert(role.id.clone(), Power::Over(over.clone(), admin));
            }
        }
    }
    if realm.realm.realm == MASTER {
        let named = [("admin", Power::Everything), ("create-realm", Power::CreateRealm)];
        for (name, power) in named {
            powers.extend(realm.roles.find_by_name(None, name).map(|role| (role.id.clone(), power)));
        }
    }
    powers
}

impl Core {
    /// What `asker` may do in `target`. An administrator of neither that realm nor `master` may do nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn authority(&self, asker: &Asker, target: &RealmView) -> Result<Authority, Error> {
        let from_master = asker.realm.realm.realm == MASTER;
        if !from_master && asker.realm.realm.id != target.realm.id {
            return Ok(Authority::default());
        }
        let own = self.management_clients(&asker.realm).await?;
        let given = asker.roles();
        let own_powers = powers(&asker.realm, &own);
        let mut held: HashSet<Power> =
            own_powers.iter().filter(|(id, _)| given.contains(*id)).map(|(_, p)| p.clone()).collect();
        let over = |realm: &RealmId, held: &HashSet<Power>| {
            held.iter()
                .filter_map(|p| match p {
                    Power::Over(of, role) if of == realm => Some(*role),
                    _ => None,
                })
                .collect::<AdminRoles>()
        };
        let roles = over(&target.realm.id, &held);
        // `<realm>-realm` in master has no `realm-admin`; its holder has it when he has all the others.
        if roles.is_complete() {
            held.insert(Power::Over(target.realm.id.clone(), AdminRole::RealmAdmin));
        }
        let roles = over(&target.realm.id, &held);
        let may_create_realms = held.contains(&Power::CreateRealm);
        let powers = if asker.realm.realm.id == target.realm.id {
            own_powers
        } else {
            powers(target, &self.management_clients(target).await?)
        };
        Ok(Authority { roles, sources: Sources { powers, held }, may_create_realms })
    }

    /// Whether authority over a realm is made of a client's roles: nobody changes such a client.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn is_management(&self, realm: &RealmView, client: &ClientUuid) -> Result<bool, Error> {
        Ok(self.management_clients(realm).await?.iter().any(|(_, id)| id == client))
    }

    /// The clients of a realm whose roles are authority, each with the realm that it is over.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn management_clients(&self, realm: &RealmView) -> Result<Vec<(RealmId, ClientUuid)>, Error> {
        if realm.realm.realm != MASTER {
            let client = self.client(realm, REALM_MANAGEMENT).await?;
            return Ok(client
                .map(|client| (realm.realm.id.clone(), client.client.id.clone()))
                .into_iter()
                .collect());
        }
        let all = keyraft_store::realms::list(&self.store).await?;
        let with_client = all.into_iter().filter(|realm| !realm.value.master_admin_client.is_empty());
        Ok(with_client.map(|realm| (realm.value.id, realm.value.master_admin_client)).collect())
    }
}

#[cfg(test)]
mod tests;
