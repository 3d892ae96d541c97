//! Protocol mappers of clients and client scopes.
//!
//! A mapper that puts a fixed role into tokens gives that role to everybody who signs in: it may name only
//! roles that its maker may give.

use keyraft_model::{ProtocolMapper, Rest, RoleId};

use crate::{
    Core, Error, RealmView,
    authority::Authority,
    overlay::{fits, invalid, merge_attributes, text},
};

/// The mapper types that this server knows, those of SAML included for what an import brings.
pub const TYPES: &[&str] = &[
    "oidc-acr-mapper",
    "oidc-address-mapper",
    "oidc-allowed-origins-mapper",
    "oidc-amr-mapper",
    "oidc-audience-mapper",
    "oidc-audience-resolve-mapper",
    "oidc-claims-param-token-mapper",
    "oidc-claims-param-value-idtoken-mapper",
    "oidc-full-name-mapper",
    "oidc-group-membership-mapper",
    "oidc-hardcoded-claim-mapper",
    "oidc-hardcoded-role-mapper",
    "oidc-nonce-backwards-compatible-mapper",
    "oidc-organization-membership-mapper",
    "oidc-role-name-mapper",
    "oidc-session-state-mapper",
    "oidc-sha256-pairwise-sub-mapper",
    "oidc-sub-mapper",
    "oidc-usermodel-attribute-mapper",
    "oidc-usermodel-client-role-mapper",
    "oidc-usermodel-property-mapper",
    "oidc-usermodel-realm-role-mapper",
    "oidc-usersessionmodel-note-mapper",
    "saml-audience-mapper",
    "saml-audience-resolve-mapper",
    "saml-authn-context-class-ref-mapper",
    "saml-group-membership-mapper",
    "saml-hardcode-attribute-mapper",
    "saml-hardcode-role-mapper",
    "saml-organization-membership-mapper",
    "saml-role-list-mapper",
    "saml-role-name-mapper",
    "saml-user-attribute-mapper",
    "saml-user-attribute-nameid-mapper",
    "saml-user-property-mapper",
    "saml-user-session-note-mapper",
];

/// What a mapper belongs to.
#[derive(Clone, Debug)]
pub enum MapperOwner {
    /// A client.
    Client(keyraft_model::ClientUuid),
    /// A client scope.
    Scope(keyraft_model::ScopeId),
}

/// Reads a mapper from Keycloak's `ProtocolMapperRepresentation`; empty configuration values are dropped, and what it
/// says of consent, which scopes ask for and mappers do not.
///
/// # Errors
/// [`Error::Invalid`] without a name (an empty one is one), a protocol or a type.
pub fn mapper_of(given: &Rest) -> Result<ProtocolMapper, Error> {
    let needed = |name: &'static str| {
        let value = text(given, name).filter(|value| !value.is_empty());
        value.map(str::to_owned).ok_or_else(|| invalid(name, format!("Protocol mapper has no {name}")))
    };
    let id = text(given, "id").filter(|id| !id.is_empty());
    let mut mapper = ProtocolMapper {
        id: id.map_or_else(|| keyraft_model::ComponentId::random().to_string(), str::to_owned),
        name: text(given, "name").ok_or_else(|| invalid("name", "Protocol mapper has no name"))?.to_owned(),
        protocol: needed("protocol")?,
        protocol_mapper: needed("protocolMapper")?,
        ..ProtocolMapper::default()
    };
    fits("id", &mapper.id, 36)?;
    fits("name", &mapper.name, 255)?;
    if let Some(config) = given.get("config").and_then(|value| value.as_object()) {
        merge_attributes(&mut mapper.config, config);
    }
    Ok(mapper)
}

/// The mappers in a representation's `protocolMappers`; `None` when it has none to say.
///
/// # Errors
/// As [`mapper_of`]; [`Error::Conflict`] for two of one name.
pub fn mappers_of(given: &Rest) -> Result<Option<Vec<ProtocolMapper>>, Error> {
    let Some(list) = given.get("protocolMappers").and_then(|value| value.as_array()) else { return Ok(None) };
    let mut mappers: Vec<ProtocolMapper> = Vec::with_capacity(list.len());
    for given in list.iter().filter_map(|value| value.as_object()) {
        let mapper = mapper_of(given)?;
        if mappers.iter().any(|other| is_same_name(other, &mapper)) {
            return Err(Error::Conflict { what: "protocol mapper", name: mapper.name });
        }
        mappers.push(mapper);
    }
    Ok(Some(mappers))
}

impl Core {
    /// Adds mappers, all or none.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a name is taken, [`Error::Denied`] for a role that the caller may not give.
    pub async fn add_mappers(
        &self,
        realm: &RealmView,
        owner: &MapperOwner,
        added: &[ProtocolMapper],
        by: &Authority,
    ) -> Result<(), Error> {
        for mapper in added {
            self.may_map(realm, mapper, by).await?;
        }
        let current = self.mappers(realm, owner).await?;
        for (index, mapper) in added.iter().enumerate() {
            let others = current.iter().chain(&added[..index]);
            if others.clone().any(|other| is_same_name(other, mapper) || other.id == mapper.id) {
                return Err(Error::Conflict { what: "protocol mapper", name: mapper.name.clone() });
            }
        }
        self.change_mappers(realm, owner, |mappers| mappers.extend(added.iter().cloned())).await
    }

    /// Replaces type and configuration of a mapper; name and protocol stay, as in Keycloak.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] for a role that the caller may not give.
    pub async fn update_mapper(
        &self,
        realm: &RealmView,
        owner: &MapperOwner,
        id: &str,
        given: &Rest,
        by: &Authority,
    ) -> Result<(), Error> {
        let mappers = self.mappers(realm, owner).await?;
        let mut mapper =
            mappers.into_iter().find(|mapper| mapper.id == id).ok_or(Error::NotFound("protocol mapper"))?;
        if let Some(kind) = text(given, "protocolMapper") {
            kind.clone_into(&mut mapper.protocol_mapper);
        }
        mapper.config = keyraft_model::Attributes::new();
        if let Some(config) = given.get("config").and_then(|value| value.as_object()) {
            merge_attributes(&mut mapper.config, config);
        }
        self.may_map(realm, &mapper, by).await?;
        self.change_mappers(realm, owner, |mappers| {
            if let Some(stored) = mappers.iter_mut().find(|stored| stored.id == id) {
                stored.clone_from(&mapper);
            }
        })
        .await
    }

    /// Removes a mapper.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_mapper(&self, realm: &RealmView, owner: &MapperOwner, id: &str) -> Result<(), Error> {
        self.change_mappers(realm, owner, |mappers| mappers.retain(|mapper| mapper.id != id)).await
    }

    /// The mappers of a client or client scope.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn mappers(
        &self,
        realm: &RealmView,
        owner: &MapperOwner,
    ) -> Result<Vec<ProtocolMapper>, Error> {
        match owner {
            MapperOwner::Client(id) => {
                let client = self.client_by_id(realm, id).await?.ok_or(Error::NotFound("client"))?;
                Ok(client.client.protocol_mappers.clone())
            }
            MapperOwner::Scope(id) => {
                Ok(realm.scopes.get(id).ok_or(Error::NotFound("client scope"))?.protocol_mappers.clone())
            }
        }
    }

    async fn change_mappers(
        &self,
        realm: &RealmView,
        owner: &MapperOwner,
        change: impl Fn(&mut Vec<ProtocolMapper>) + Send + Sync,
    ) -> Result<(), Error> {
        match owner {
            MapperOwner::Client(id) => {
                self.change_client(realm, id, |client| {
                    change(&mut client.protocol_mappers);
                    Ok(())
                })
                .await
            }
            MapperOwner::Scope(id) => {
                self.change_client_scope(realm, id, |scope| change(&mut scope.protocol_mappers)).await
            }
        }
    }

    /// Refuses a mapper that puts a role into tokens which its maker may not give.
    ///
    /// # Errors
    /// [`Error::Denied`].
    pub async fn may_map(
        &self,
        realm: &RealmView,
        mapper: &ProtocolMapper,
        by: &Authority,
    ) -> Result<(), Error> {
        for name in roles_named(mapper) {
            if let Some(role) = self.role_by_spelling(realm, name).await?
                && !by.may_give(realm, &role)
            {
                return Err(Error::Denied("a mapper gives a role with more authority than its maker has"));
            }
        }
        Ok(())
    }

    /// The role that `name` or `client.name` means. A client id may hold dots, so each is tried.
    async fn role_by_spelling(&self, realm: &RealmView, name: &str) -> Result<Option<RoleId>, Error> {
        for (dot, _) in name.match_indices('.') {
            if let Some(client) = self.client(realm, &name[..dot]).await?
                && let Some(role) = realm.roles.find_by_name(Some(&client.client.id), &name[dot + 1..])
            {
                return Ok(Some(role.id.clone()));
            }
        }
        Ok(realm.roles.find_by_name(None, name).map(|role| role.id.clone()))
    }
}

/// Roles that a mapper puts into tokens by name: fixed ones, and what it renames others to.
fn roles_named(mapper: &ProtocolMapper) -> impl Iterator<Item = &str> {
    let member = match mapper.protocol_mapper.as_str() {
        "oidc-hardcoded-role-mapper" | "saml-hardcode-role-mapper" => Some("role"),
        "oidc-role-name-mapper" | "saml-role-name-mapper" => Some("new.role.name"),
        _ => None,
    };
    member.and_then(|member| mapper.config(member)).into_iter()
}

fn is_same_name(a: &ProtocolMapper, b: &ProtocolMapper) -> bool {
    a.name == b.name && a.protocol == b.protocol
}
