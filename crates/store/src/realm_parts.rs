//! All that is a realm's own but clients and users, in one go: what its cached view is made of.

use keyraft_model::{
    AuthenticatorConfig, ClientScope, Component, Flow, Group, Realm, RealmId, RequiredAction, Role, ScopeId,
};

use crate::{
    Db, Error, Tx, Versioned, client_scopes, components, flows, groups, realms, required_actions, roles,
};

/// A realm with its parts.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RealmParts {
    /// Its settings.
    pub realm: Realm,
    /// The version of its row, which rises with each change of any part.
    pub ver: i64,
    /// Flows and sub-flows, by alias.
    pub flows: Vec<Flow>,
    /// Configurations of executions.
    pub configs: Vec<AuthenticatorConfig>,
    /// Required actions, by rising priority.
    pub required_actions: Vec<RequiredAction>,
    /// Components, keys included, their secrets open.
    pub components: Vec<Component>,
    /// Client scopes, by name, with scope mappings.
    pub client_scopes: Vec<ClientScope>,
    /// Client scopes that new clients get, in order.
    pub default_scopes: Vec<ScopeId>,
    /// Client scopes that new clients may ask for, in order.
    pub optional_scopes: Vec<ScopeId>,
    /// Roles of the realm and of its clients, with composites.
    pub roles: Vec<Role>,
    /// Groups, with roles.
    pub groups: Vec<Group>,
}

/// The realm of that id with its parts, all of one moment.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn load(db: &Db, id: &RealmId) -> Result<Option<RealmParts>, Error> {
    db.read(async |tx| match realms::find(&tx, id).await? {
        Some(realm) => Ok(Some(of(&tx, realm).await?)),
        None => Ok::<_, Error>(None),
    })
    .await
}

/// The realm of that name with its parts, all of one moment.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn load_by_name(db: &Db, name: &str) -> Result<Option<RealmParts>, Error> {
    db.read(async |tx| match realms::find_by_name(&tx, name).await? {
        Some(realm) => Ok(Some(of(&tx, realm).await?)),
        None => Ok::<_, Error>(None),
    })
    .await
}

/// The parts of a realm as a transaction sees them.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn of(tx: &Tx, realm: Versioned<Realm>) -> Result<RealmParts, Error> {
    let id = realm.value.id.clone();
    let (default_scopes, optional_scopes) = client_scopes::of_realm(tx, &id).await?;
    Ok(RealmParts {
        flows: values(flows::list(tx, &id).await?),
        configs: values(flows::list_configs(tx, &id).await?),
        required_actions: values(required_actions::list(tx, &id).await?),
        components: values(components::list(tx, &id).await?),
        client_scopes: values(client_scopes::list(tx, &id).await?),
        default_scopes,
        optional_scopes,
        roles: values(roles::list(tx, &id).await?),
        groups: values(groups::list(tx, &id).await?),
        realm: realm.value,
        ver: realm.ver,
    })
}

fn values<T>(versioned: Vec<Versioned<T>>) -> Vec<T> {
    versioned.into_iter().map(|versioned| versioned.value).collect()
}
