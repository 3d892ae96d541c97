//! Finding realms, clients and users: by the caches first, then by the store; while that is away, by older copies.

use std::sync::Arc;

use keyraft_model::{Client, ClientUuid, Consent, Credential, RealmId, ScopeId, UnixMs, User, UserId, text};
use keyraft_store::{
    RolesOf, Versioned, clients, consents, credentials, realm_parts, realms, role_lists, users,
};

use crate::{
    ClientView, Core, Error, RealmView, UserRecord,
    away::{ask, is_away, unknown},
    cache::Name,
    copies::Key,
};

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
        match ask(realm_parts::load_by_name(&self.store, name)).await {
            Ok(parts) => Ok(parts.map(|parts| self.keep_realm(reading, parts))),
            Err(error) if is_away(&error) => {
                Box::pin(self.copied_realm(name)).await.map(Some).ok_or_else(|| unknown(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The realm of that row.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn realm_by_id(&self, id: &RealmId) -> Result<Option<Arc<RealmView>>, Error> {
        if let Some(view) = self.caches.realm_by_id(id) {
            return Ok(Some(view));
        }
        let name = match ask(realms::find(&self.store, id)).await {
            Ok(found) => found.map(|found| found.value.realm),
            Err(error) if is_away(&error) => {
                Some(Box::pin(self.copied_realm_name(id)).await.ok_or_else(|| unknown(error))?)
            }
            Err(error) => return Err(error.into()),
        };
        match name {
            Some(name) => Ok(self.realm(&name).await?.filter(|view| view.realm.id == *id)),
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
        let found = ask(async {
            let Some(found) = clients::find_by_client_id(&self.store, id, client_id).await? else {
                return Ok(None);
            };
            self.client_of(id, found).await.map(Some)
        });
        match found.await {
            Ok(view) => Ok(view.map(|view| self.keep_client(reading, id, view))),
            Err(error) if is_away(&error) => {
                let copy = Box::pin(self.copied_client(id, Key::Client(id.as_str(), client_id))).await;
                copy.map(Some).ok_or_else(|| unknown(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn client_of(
        &self,
        realm: &RealmId,
        found: Versioned<Client>,
    ) -> Result<ClientView, keyraft_store::Error> {
        let scope_mappings = role_lists::list(&self.store, realm, RolesOf::Client(&found.value.id)).await?;
        Ok(ClientView { client: found.value, ver: found.ver, scope_mappings })
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
        let found = ask(async {
            let Some(found) = clients::find(&self.store, of, id).await? else { return Ok(None) };
            self.client_of(of, found).await.map(Some)
        });
        match found.await {
            Ok(view) => Ok(view.map(|view| self.keep_client(reading, of, view))),
            Err(error) if is_away(&error) => {
                let copy = Box::pin(self.copied_client(of, Key::ClientId(of.as_str(), id.as_str()))).await;
                copy.map(Some).ok_or_else(|| unknown(error))
            }
            Err(error) => Err(error.into()),
        }
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
        match ask(users::load(&self.store, of, id)).await {
            Ok(found) => Ok(found.map(|found| self.keep_user(reading, of, found.value, found.ver))),
            Err(error) if is_away(&error) => {
                Box::pin(self.copied_user(of, id)).await.map(Some).ok_or_else(|| unknown(error))
            }
            Err(error) => Err(error.into()),
        }
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
        match ask(self.id_of(realm, &name)).await {
            Ok(Some(id)) => {
                self.caches.people.keep_name(of, Name::Typed(name), &id);
                self.user(realm, &id).await
            }
            Ok(None) => Ok(None),
            Err(error) if is_away(&error) => {
                Box::pin(self.remembered_user(realm, &name)).await.map(Some).ok_or_else(|| unknown(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whom a lower-cased name means.
    async fn id_of(&self, realm: &RealmView, name: &str) -> Result<Option<UserId>, keyraft_store::Error> {
        let of = &realm.realm.id;
        let by_email = realm.realm.login_with_email_allowed && name.contains('@');
        if by_email && let Some(found) = users::find_by_email(&self.store, of, name).await? {
            return Ok(Some(found.value.id));
        }
        Ok(users::find_by_username(&self.store, of, name).await?.map(|found| found.value.id))
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
        let of = &realm.realm.id;
        let id = match ask(users::find_service_account(&self.store, of, client)).await {
            Ok(Some(found)) => {
                self.keep_service_account(of, client, &found.value.id);
                found.value.id
            }
            Ok(None) => return Ok(None),
            Err(error) if is_away(&error) => {
                Box::pin(self.remembered_service_account(of, client)).await.ok_or_else(|| unknown(error))?
            }
            Err(error) => return Err(error.into()),
        };
        let account = self.user(realm, &id).await?;
        Ok(account.filter(|account| account.user.service_account_client.as_ref() == Some(client)))
    }

    /// The credentials of a user, in the order in which they are offered.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn credentials(&self, realm: &RealmId, user: &UserId) -> Result<Vec<Credential>, Error> {
        let reading = self.caches.reading();
        match ask(credentials::list(&self.store, realm, user)).await {
            Ok(listed) => {
                let held: Vec<_> = listed.into_iter().map(|found| found.value).collect();
                self.caches.keep_credentials(reading, realm, user, &held);
                Ok(held)
            }
            Err(error) if is_away(&error) => {
                self.remembered_credentials(realm, user).ok_or_else(|| unknown(error))
            }
            Err(error) => Err(error.into()),
        }
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
