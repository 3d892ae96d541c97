//! Client scopes: bundles of mappers and roles that clients share.

use keyraft_model::{ClientScope, Rest, ScopeId};
use keyraft_store::client_scopes;

use crate::{
    Core, Error, RealmView,
    mappers::mappers_of,
    overlay::{fits, invalid, merge_attributes, text},
    roles::taken,
};

/// Longest name of a client scope.
const MAX_NAME: usize = 255;

impl Core {
    /// Creates a client scope from Keycloak's `ClientScopeRepresentation`.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`].
    pub async fn create_client_scope(&self, realm: &RealmView, given: &Rest) -> Result<ClientScope, Error> {
        let name = text(given, "name");
        let name = name.ok_or_else(|| invalid("name", "Client scope name is missing"))?;
        check(name, text(given, "protocol"))?;
        if realm.scope_by_name(name).is_some() {
            return Err(Error::Conflict { what: "client scope", name: name.to_owned() });
        }
        let mut scope = ClientScope {
            id: text(given, "id").filter(|id| !id.is_empty()).map_or_else(ScopeId::random, ScopeId::from),
            name: name.to_owned(),
            description: text(given, "description").map(str::to_owned),
            protocol: text(given, "protocol").map(str::to_owned),
            protocol_mappers: mappers_of(given)?.unwrap_or_default(),
            ..ClientScope::default()
        };
        fits("id", scope.id.as_str(), 36)?;
        if let Some(attributes) = given.get("attributes").and_then(|value| value.as_object()) {
            merge_attributes(&mut scope.attributes, attributes);
        }
        let (of, stored) = (&realm.realm.id, &scope);
        let inserted = self.store.write(async |tx| client_scopes::insert(&tx, of, stored).await).await;
        inserted.map_err(|error| taken(error, "client scope", name))?;
        Ok(scope)
    }

    /// Lays a representation over a client scope: attributes are merged, mappers are not touched.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken, [`Error::Invalid`].
    pub async fn update_client_scope(
        &self,
        realm: &RealmView,
        id: &ScopeId,
        given: &Rest,
    ) -> Result<(), Error> {
        let current = realm.scopes.get(id).ok_or(Error::NotFound("client scope"))?;
        let name = text(given, "name").unwrap_or(&current.name);
        if realm.scope_by_name(name).is_some_and(|other| other.id != *id) {
            return Err(Error::Conflict { what: "client scope", name: name.to_owned() });
        }
        let protocol = text(given, "protocol").or(current.protocol.as_deref());
        check_name(name)?;
        let change = |scope: &mut ClientScope| {
            name.clone_into(&mut scope.name);
            scope.protocol = protocol.map(str::to_owned);
            if let Some(description) = text(given, "description") {
                scope.description = Some(description.to_owned());
            }
            if let Some(attributes) = given.get("attributes").and_then(|value| value.as_object()) {
                merge_attributes(&mut scope.attributes, attributes);
            }
        };
        self.change_client_scope(realm, id, change).await.map_err(|error| taken(error, "client scope", name))
    }

    /// Reads, changes and writes a client scope in one transaction.
    pub(crate) async fn change_client_scope(
        &self,
        realm: &RealmView,
        id: &ScopeId,
        change: impl Fn(&mut ClientScope) + Send + Sync,
    ) -> Result<(), Error> {
        let (of, change) = (&realm.realm.id, &change);
        self.store
            .write(async |tx| {
                let mut found =
                    client_scopes::find(&tx, of, id).await?.ok_or(Error::NotFound("client scope"))?;
                change(&mut found.value);
                client_scopes::update(&tx, of, &found.value, found.ver).await?;
                Ok::<_, Error>(())
            })
            .await
    }

    /// Deletes a client scope; clients that used it go on without.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_client_scope(&self, realm: &RealmView, id: &ScopeId) -> Result<(), Error> {
        let of = &realm.realm.id;
        let was_there = self.store.write(async |tx| client_scopes::delete(&tx, of, id).await).await?;
        if was_there { Ok(()) } else { Err(Error::NotFound("client scope")) }
    }

    /// Gives new clients a client scope, as a default or as an optional one.
    ///
    /// # Errors
    /// [`Error::Conflict`] when they get it already.
    pub async fn add_realm_scope(
        &self,
        realm: &RealmView,
        id: &ScopeId,
        is_default: bool,
    ) -> Result<(), Error> {
        if realm.default_scopes.contains(id) || realm.optional_scopes.contains(id) {
            return Err(Error::Conflict { what: "realm client scope", name: id.to_string() });
        }
        let of = &realm.realm.id;
        self.store.write(async |tx| client_scopes::add_to_realm(&tx, of, id, is_default).await).await?;
        Ok(())
    }

    /// Takes a client scope off the lists for new clients.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_realm_scope(&self, realm: &RealmView, id: &ScopeId) -> Result<(), Error> {
        let of = &realm.realm.id;
        self.store.write(async |tx| client_scopes::remove_from_realm(&tx, of, id).await).await?;
        Ok(())
    }
}

/// Names stand in the space-separated `scope` of requests and tokens (RFC 6749 section 3.3).
/// A scope's name is a word of the parameter `scope` (RFC 6749 §3.3).
fn check_name(name: &str) -> Result<(), Error> {
    fits("name", name, MAX_NAME)?;
    if name.is_empty() || !name.chars().all(|c| matches!(c, '!' | '#'..='[' | ']'..='~')) {
        return Err(invalid("name", format!("Unexpected name \"{name}\" for ClientScope")));
    }
    Ok(())
}

fn check(name: &str, protocol: Option<&str>) -> Result<(), Error> {
    check_name(name)?;
    if !matches!(protocol, Some("openid-connect" | "saml")) {
        return Err(invalid("protocol", "Unexpected protocol"));
    }
    Ok(())
}
