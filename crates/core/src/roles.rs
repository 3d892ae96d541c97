//! Roles: creating, changing and deleting them, and what they include.

use keyraft_model::{ClientUuid, Rest, Role, RoleId};
use keyraft_store::roles;
use serde_json::Value;

use crate::{
    Core, Error, RealmView,
    authority::Authority,
    overlay::{fits, flag, invalid, multi_attributes, text},
};

/// Longest name of a role.
const MAX_NAME: usize = 255;

impl Core {
    /// Creates a realm role, or a role of `client`, from Keycloak's `RoleRepresentation`.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`], [`Error::NotFound`] for a composite that is
    /// not there, [`Error::Denied`] for one that the caller may not give.
    pub async fn create_role(
        &self,
        realm: &RealmView,
        client: Option<&ClientUuid>,
        given: &Rest,
        by: &Authority,
    ) -> Result<Role, Error> {
        let name = text(given, "name").ok_or_else(|| invalid("name", "role has no name"))?;
        fits("name", name, MAX_NAME)?;
        fits("description", text(given, "description").unwrap_or_default(), MAX_NAME)?;
        let composites = self.named_composites(realm, given).await?;
        if !composites.iter().all(|role| by.may_give(realm, role)) {
            return Err(Error::Denied("a composite role carries more authority than its giver has"));
        }
        let role = Role {
            id: RoleId::random(),
            name: name.to_owned(),
            description: text(given, "description").map(str::to_owned),
            client: client.cloned(),
            attributes: multi_attributes(given, "attributes").unwrap_or_default(),
            composites,
        };
        if realm.roles.find_by_name(client, name).is_some() {
            return Err(Error::Conflict { what: "role", name: name.to_owned() });
        }
        let (of, stored) = (&realm.realm.id, &role);
        let inserted = self.store.write(async |tx| roles::insert(&tx, of, stored).await).await;
        inserted.map_err(|error| taken(error, "role", name))?;
        Ok(role)
    }

    /// The roles that a representation names in `composites`, if it says that it is `composite`.
    async fn named_composites(&self, realm: &RealmView, given: &Rest) -> Result<Vec<RoleId>, Error> {
        let named = given.get("composites").and_then(Value::as_object);
        let Some(named) = named.filter(|_| flag(given, "composite") == Some(true)) else { return Ok(vec![]) };
        let mut found = Vec::new();
        for name in crate::overlay::texts(named, "realm").unwrap_or_default() {
            let role = realm.roles.find_by_name(None, &name);
            found.push(role.ok_or(Error::NotFound("realm role of a composite"))?.id.clone());
        }
        let clients = named.get("client").and_then(Value::as_object);
        for (client_id, names) in clients.into_iter().flatten() {
            let client =
                self.client(realm, client_id).await?.ok_or(Error::NotFound("client of a composite"))?;
            for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
                let role = realm.roles.find_by_name(Some(&client.client.id), name);
                found.push(role.ok_or(Error::NotFound("client role of a composite"))?.id.clone());
            }
        }
        Ok(found)
    }

    /// Replaces name, description and attributes of a role; attributes that do not come are kept. Description
    /// is not: Keycloak takes an absent one for none.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`], [`Error::Denied`] for a role that carries
    /// authority: its name is what it means.
    pub async fn update_role(
        &self,
        realm: &RealmView,
        role: &Role,
        given: &Rest,
        by: &Authority,
    ) -> Result<(), Error> {
        let name = text(given, "name").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| invalid("name", "role has no name"))?;
        fits("name", name, MAX_NAME)?;
        fits("description", text(given, "description").unwrap_or_default(), MAX_NAME)?;
        if name != role.name && by.is_admin_role(&role.id) {
            return Err(Error::Denied("an admin role keeps its name"));
        }
        let (of, id, name) = (realm.realm.id.clone(), role.id.clone(), name.to_owned());
        let (of, id, new_name) = (&of, &id, &name);
        self.store
            .write(async |tx| {
                let mut found = roles::find(&tx, of, id).await?.ok_or(Error::NotFound("role"))?;
                found.value.name.clone_from(new_name);
                found.value.description = text(given, "description").map(str::to_owned);
                if let Some(attributes) = multi_attributes(given, "attributes") {
                    found.value.attributes = attributes;
                }
                roles::update(&tx, of, &found.value, found.ver).await?;
                Ok::<_, Error>(())
            })
            .await
            .map_err(|error| taken(error, "role name", &name))
    }

    /// Deletes a role. The realm's default role stays, and so do the roles that authority is made of.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the default role, [`Error::Denied`], [`Error::NotFound`].
    pub async fn delete_role(&self, realm: &RealmView, role: &Role, by: &Authority) -> Result<(), Error> {
        if role.id == realm.realm.default_role {
            let sentence = format!("{} is default role of the realm and cannot be removed.", role.name);
            return Err(invalid("name", sentence));
        }
        if by.is_admin_role(&role.id) && !by.may_give(realm, &role.id) {
            return Err(Error::Denied("the role carries more authority than the caller has"));
        }
        let (of, id) = (&realm.realm.id, &role.id);
        let was_there = self.store.write(async |tx| roles::delete(&tx, of, id).await).await?;
        if was_there { Ok(()) } else { Err(Error::NotFound("role")) }
    }
}

/// A taken key by the name that is taken.
pub(crate) fn taken(error: impl Into<Error>, what: &'static str, name: &str) -> Error {
    match error.into() {
        Error::Conflict { .. } => Error::Conflict { what, name: name.to_owned() },
        other => other,
    }
}
