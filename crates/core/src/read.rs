//! Finding realms, clients and users: by the caches first, then by the store.

use std::sync::Arc;

use keyraft_model::{ClientUuid, Consent, Credential, RealmId, ScopeId, UnixMs, User, UserId, text};
use keyraft_store::{RolesOf, clients, consents, credentials, realm_parts, realms, role_lists, users};

use crate::{ClientView, Core, Error, RealmView, UserRecord};

/// Whether no database can hold that name: nobody has it, and asking would be an error.
fn is_nobodys(name: &str) -> bool {
    name.contains('\0')
}

impl Core {
    /// The realm of that name, with everything that is its own.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn realm(&self, name: &str) -> Result<Option<Arc<RealmView>>, Error> {
        if let Some(view) = self.caches.realm(name) {
            return Ok(Some(view));
        }
        if is_nobodys(name) {
            return Ok(None);
        }
        let reading = self.caches.reading();
        let Some(parts) = realm_parts::load_by_name(&self.store, name).await? else { return Ok(None) };
        let view = Arc::new(RealmView::of(parts));
        self.caches.keep_realm(reading, &view);
        Ok(Some(view))
    }

    /// The realm of that row.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn realm_by_id(&self, id: &RealmId) -> Result<Option<Arc<RealmView>>, Error> {
        match realms::find(&self.store, id).await? {
            Some(found) => self.realm(&found.value.realm).await,
            None => Ok(None),
        }
    }

    /// The client of that `client_id`, disabled ones included.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn client(&self, realm: &RealmView, client_id: &str) -> Result<Option<Arc<ClientView>>, Error> {
        let id = &realm.realm.id;
        if let Some(view) = self.caches.client(id, client_id) {
            return Ok(Some(view));
        }
        if is_nobodys(client_id) {
            return Ok(None);
        }
        let reading = self.caches.reading();
        let Some(found) = clients::find_by_client_id(&self.store, id, client_id).await? else {
            return Ok(None);
        };
        let scope_mappings = role_lists::list(&self.store, id, RolesOf::Client(&found.value.id)).await?;
        let view = Arc::new(ClientView { client: found.value, ver: found.ver, scope_mappings });
        self.caches.keep_client(reading, id, &view);
        Ok(Some(view))
    }

    /// The client of that row.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn client_by_id(
        &self,
        realm: &RealmView,
        id: &ClientUuid,
    ) -> Result<Option<Arc<ClientView>>, Error> {
        let of = &realm.realm.id;
        if let Some(view) = self.caches.client_by_id(of, id) {
            return Ok(Some(view));
        }
        if is_nobodys(id.as_str()) {
            return Ok(None);
        }
        let reading = self.caches.reading();
        let Some(found) = clients::find(&self.store, of, id).await? else { return Ok(None) };
        let scope_mappings = role_lists::list(&self.store, of, RolesOf::Client(id)).await?;
        let view = Arc::new(ClientView { client: found.value, ver: found.ver, scope_mappings });
        self.caches.keep_client(reading, of, &view);
        Ok(Some(view))
    }

    /// The user of that row, with roles and groups.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn user(&self, realm: &RealmView, id: &UserId) -> Result<Option<Arc<UserRecord>>, Error> {
        let of = &realm.realm.id;
        if let Some(user) = self.caches.user(of, id) {
            return Ok(Some(user));
        }
        if is_nobodys(id.as_str()) {
            return Ok(None);
        }
        let reading = self.caches.reading();
        let Some(found) = users::load(&self.store, of, id).await? else { return Ok(None) };
        let user = Arc::new(found.value);
        self.caches.keep_user(reading, of, &user);
        Ok(Some(user))
    }

    /// The user whom a person means who types `name`: by user name, or by e-mail address where the realm
    /// allows that. Letter case does not count.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn find_user(&self, realm: &RealmView, name: &str) -> Result<Option<Arc<UserRecord>>, Error> {
        let (of, name) = (&realm.realm.id, text::lower(name.trim()));
        if is_nobodys(&name) {
            return Ok(None);
        }
        let by_email = realm.realm.login_with_email_allowed && name.contains('@');
        let mut id = None;
        if by_email {
            id = users::find_by_email(&self.store, of, &name).await?.map(|found| found.value.id);
        }
        if id.is_none() {
            id = users::find_by_username(&self.store, of, &name).await?.map(|found| found.value.id);
        }
        match id {
            Some(id) => self.user(realm, &id).await,
            None => Ok(None),
        }
    }

    /// The service account of a client.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn service_account(
        &self,
        realm: &RealmView,
        client: &ClientUuid,
    ) -> Result<Option<Arc<UserRecord>>, Error> {
        match users::find_service_account(&self.store, &realm.realm.id, client).await? {
            Some(found) => self.user(realm, &found.value.id).await,
            None => Ok(None),
        }
    }

    /// The credentials of a user, in the order in which they are offered.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn credentials(&self, realm: &RealmId, user: &UserId) -> Result<Vec<Credential>, Error> {
        let listed = credentials::list(&self.store, realm, user).await?;
        Ok(listed.into_iter().map(|found| found.value).collect())
    }

    /// What a user allowed a client; `None`: he was never asked, or took it back.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn consent(
        &self,
        realm: &RealmId,
        user: &UserId,
        client: &ClientUuid,
    ) -> Result<Option<Consent>, Error> {
        Ok(consents::find(&self.store, realm, user, client).await?)
    }

    /// Adds to what a user allows a client.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn give_consent(
        &self,
        realm: &RealmId,
        user: &UserId,
        client: &ClientUuid,
        scopes: &[ScopeId],
        now: UnixMs,
    ) -> Result<(), Error> {
        let given = self.consent(realm, user, client).await?;
        let created = given.as_ref().map_or(now, |consent| consent.created);
        let mut all = given.map(|consent| consent.scopes).unwrap_or_default();
        all.extend(scopes.iter().filter(|scope| !all.contains(scope)).cloned().collect::<Vec<_>>());
        let consent = Consent { client: client.clone(), scopes: all, created, updated: now };
        self.store
            .write(|tx| {
                let (realm, user, consent) = (realm.clone(), user.clone(), consent.clone());
                async move { consents::put(&tx, &realm, &user, &consent).await }
            })
            .await?;
        Ok(())
    }

    /// Replaces a credential that is still as it was read.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub(crate) async fn replace_credential(
        &self,
        realm: &RealmId,
        user: &UserId,
        was: &Credential,
        renewed: &Credential,
    ) -> Result<(), Error> {
        self.store
            .write(|tx| {
                let (realm, user) = (realm.clone(), user.clone());
                let (was, renewed) = (was.clone(), renewed.clone());
                async move {
                    let now = credentials::list(&tx, &realm, &user).await?;
                    // Changed meanwhile, by the person or an administrator: theirs is the newer word.
                    if let Some(stored) = now.iter().find(|stored| stored.value == was) {
                        credentials::update(&tx, &realm, &user, &renewed, stored.ver).await?;
                    }
                    Ok::<_, keyraft_store::Error>(())
                }
            })
            .await?;
        Ok(())
    }

    /// Disables a user whom brute force protection locked out for good (Keycloak's `permanentLockout`).
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub(crate) async fn lock_out_for_good(&self, realm: &RealmView, user: &UserId) -> Result<(), Error> {
        self.change_user(realm, user, |user| {
            user.enabled = false;
            user.attributes.insert("disabledReason".into(), vec!["permanentLockout".into()]);
        })
        .await
    }

    /// Takes a required action off a user.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_required_action(
        &self,
        realm: &RealmView,
        user: &UserId,
        alias: &str,
    ) -> Result<(), Error> {
        self.change_user(realm, user, |user| user.required_actions.retain(|due| due != alias)).await
    }

    /// Reads, changes and writes a user in one transaction; one who is gone stays gone.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a changed name or address is taken; [`Error::Unavailable`].
    pub async fn change_user(
        &self,
        realm: &RealmView,
        user: &UserId,
        change: impl Fn(&mut User) + Send + Sync,
    ) -> Result<(), Error> {
        let (id, unique_email) = (&realm.realm.id, !realm.realm.duplicate_emails_allowed);
        self.store
            .write(async |tx| {
                if let Some(mut found) = users::find(&tx, id, user).await? {
                    change(&mut found.value);
                    users::update(&tx, id, &found.value, found.ver, unique_email).await?;
                }
                Ok::<_, keyraft_store::Error>(())
            })
            .await?;
        Ok(())
    }
}
