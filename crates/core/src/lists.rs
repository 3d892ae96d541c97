//! Lists of what a realm has, for administrators: pages straight from the store, never from a cache.

use keyraft_model::{Client, ClientUuid, Consent, GroupId, Realm, RealmId, RoleId, User, UserId};
use keyraft_store::{clients, consents, credentials, groups, realms, roles, users};

use crate::{Core, Error, RealmView, users::UserQuery};

fn values<T>(found: Vec<keyraft_store::Versioned<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}

impl Core {
    /// All realms, by name.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_realms(&self) -> Result<Vec<Realm>, Error> {
        Ok(values(realms::list(&self.store).await?))
    }

    /// A page of the users that match, by user name.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_users(
        &self,
        realm: &RealmView,
        query: &UserQuery,
        first: i64,
        max: Option<i64>,
    ) -> Result<Vec<User>, Error> {
        let max = max.unwrap_or(i64::MAX);
        Ok(values(users::search::search(&self.store, &realm.realm.id, query, first, max).await?))
    }

    /// How many users match.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn count_users(&self, realm: &RealmView, query: &UserQuery) -> Result<i64, Error> {
        Ok(users::search::count(&self.store, &realm.realm.id, query).await?)
    }

    /// Whether a user has a one-time code credential (Keycloak's `totp`).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn has_otp(&self, realm: &RealmId, user: &UserId) -> Result<bool, Error> {
        Ok(credentials::list(&self.store, realm, user).await?.iter().any(|held| held.value.kind == "otp"))
    }

    /// A page of clients by `client_id`; those that contain `search`, case ignored.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_clients(
        &self,
        realm: &RealmView,
        search: Option<&str>,
        first: i64,
        max: Option<i64>,
    ) -> Result<Vec<Client>, Error> {
        Ok(values(clients::list(&self.store, &realm.realm.id, search, first, max).await?))
    }

    /// The `client_id` of each of these clients that is still there.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn client_ids(
        &self,
        realm: &RealmView,
        ids: impl IntoIterator<Item = ClientUuid> + Send,
    ) -> Result<std::collections::HashMap<ClientUuid, String>, Error> {
        let mut names = std::collections::HashMap::new();
        for id in ids.into_iter().collect::<std::collections::HashSet<_>>() {
            if let Some(client) = self.client_by_id(realm, &id).await? {
                names.insert(id, client.client.client_id.clone());
            }
        }
        Ok(names)
    }

    /// A page of the direct members of a group.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_members(
        &self,
        realm: &RealmView,
        group: &GroupId,
        first: i64,
        max: Option<i64>,
    ) -> Result<Vec<User>, Error> {
        Ok(values(
            groups::members(&self.store, &realm.realm.id, group, first, max.unwrap_or(i64::MAX)).await?,
        ))
    }

    /// A page of the users who hold a role directly.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_users_with(
        &self,
        realm: &RealmView,
        role: &RoleId,
        first: i64,
        max: Option<i64>,
    ) -> Result<Vec<User>, Error> {
        Ok(values(
            roles::users_with(&self.store, &realm.realm.id, role, first, max.unwrap_or(i64::MAX)).await?,
        ))
    }

    /// What a user allowed clients.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_consents(&self, realm: &RealmId, user: &UserId) -> Result<Vec<Consent>, Error> {
        Ok(consents::list(&self.store, realm, user).await?)
    }

    /// Takes back what a user allowed a client; says whether he had.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn revoke_consent(
        &self,
        realm: &RealmId,
        user: &UserId,
        client: &ClientUuid,
    ) -> Result<bool, Error> {
        Ok(self.store.write(async |tx| consents::delete(&tx, realm, user, client).await).await?)
    }
}
