//! Users: creating, changing, finding and deleting them, and what they are given.
//!
//! A user's attributes pass through the realm's user profile, his password through its policy; nothing is
//! written when either refuses. Whoever would take over an account (a new password, address or name) must
//! have all the authority that its owner has: else he would give himself the owner's roles.

use keyraft_crypto::Secret;
use keyraft_model::{
    ClientUuid, Credential, GroupId, MultiAttributes, Rest, UnixMs, User, UserId, text as fold,
};
use keyraft_store::{RolesOf, Tx, credentials, role_lists, users};
pub use keyraft_store::{UserQuery, users::search};
use serde_json::Value;

use crate::{
    Core, Error, RealmView, UserRecord, attempts,
    authority::Authority,
    groups::may_join,
    overlay::{flag, invalid, objects, text, texts},
    passwords::{PASSWORD, UPDATE_PASSWORD, check_new},
    policies::password::PasswordPolicy,
    user_profile::{self, Change, Editor, ROOT, UserProfile},
};

/// Prefix of the user name of a client's service account.
pub const SERVICE_ACCOUNT: &str = "service-account-";

/// A password that somebody else sets.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// The password.
    pub password: Secret,
    /// Whether it must be changed at the next login.
    pub temporary: bool,
}

/// A password or hash that comes with a user.
struct NewCredential {
    credential: Credential,
    temporary: bool,
}

impl Core {
    /// Creates a user from Keycloak's `UserRepresentation`, with its credentials and groups.
    ///
    /// # Errors
    /// [`Error::Conflict`] (`email`, `username`), [`Error::Profile`], [`Error::Password`], [`Error::Invalid`] for a
    /// group that is not there, [`Error::Denied`] for one that the caller may not give.
    pub async fn create_user(
        &self,
        realm: &RealmView,
        given: &Rest,
        by: &Authority,
        ip: &str,
    ) -> Result<User, Error> {
        let attributes = given_attributes(given, None);
        self.is_free(realm, &attributes, None).await?;
        let values = check(realm, &attributes, None)?;
        let now = self.sessions.view().await?.now();
        let mut user = User {
            id: UserId::random(),
            email_verified: flag(given, "emailVerified").unwrap_or(false),
            enabled: flag(given, "enabled").unwrap_or(false),
            created_timestamp: given.get("createdTimestamp").and_then(Value::as_i64).unwrap_or(now.0),
            required_actions: known_actions(realm, texts(given, "requiredActions").unwrap_or_default()),
            ..User::default()
        };
        user_profile::set_values(&mut user, values);
        let groups = joined(realm, given, by)?;
        let new = self.new_credentials(realm, &user, given, now, ip).await?;
        add_temporary(&mut user, &new);
        let credentials: Vec<_> = new.into_iter().map(|new| new.credential).collect();
        self.insert_user(realm, &user, &groups, &credentials).await?;
        Ok(user)
    }

    /// Writes a new user with his groups and credentials, and the role that everybody holds.
    ///
    /// # Errors
    /// [`Error::Conflict`] (`email`, `username`).
    pub(crate) async fn insert_user(
        &self,
        realm: &RealmView,
        user: &User,
        groups: &[GroupId],
        held: &[Credential],
    ) -> Result<(), Error> {
        let (of, unique_email) = (&realm.realm.id, !realm.realm.duplicate_emails_allowed);
        let default_role = std::slice::from_ref(&realm.realm.default_role);
        let written = self
            .store
            .write(async |tx| {
                users::insert(&tx, of, user, unique_email).await?;
                role_lists::add(&tx, of, RolesOf::User(&user.id), default_role).await?;
                for group in groups {
                    users::join_group(&tx, of, &user.id, group).await?;
                }
                for credential in held {
                    credentials::insert(&tx, of, &user.id, credential).await?;
                }
                Ok::<_, keyraft_store::Error>(())
            })
            .await;
        self.named_conflict(realm, written, user).await
    }

    /// Lays a representation over a user. With a member `attributes` the whole profile is replaced, without it
    /// what does not come is kept, as in Keycloak.
    ///
    /// # Errors
    /// As [`Core::create_user`]; [`Error::Denied`] when the user holds more authority than the caller and would
    /// be taken over.
    pub async fn update_user(
        &self,
        realm: &RealmView,
        record: &UserRecord,
        given: &Rest,
        by: &Authority,
        ip: &str,
    ) -> Result<(), Error> {
        let stored = user_profile::values_of(&record.user);
        let attributes = given_attributes(given, Some(&stored));
        self.is_free(realm, &attributes, Some(&record.user.id)).await?;
        let values = check(realm, &attributes, Some(&stored))?;
        let takes_over = ["username", "email"].iter().any(|name| values.get(*name) != stored.get(*name));
        let new =
            self.new_credentials(realm, &record.user, given, self.sessions.view().await?.now(), ip).await?;
        if (takes_over || !new.is_empty()) && !by.covers_user(realm, record) {
            return Err(Error::Denied("the user has more authority than the caller"));
        }
        let actions = texts(given, "requiredActions").map(|actions| known_actions(realm, actions));
        let change = |user: &mut User| {
            user_profile::set_values(user, values.clone());
            user.email_verified = flag(given, "emailVerified").unwrap_or(user.email_verified);
            if let Some(actions) = &actions {
                user.required_actions.clone_from(actions);
            }
            if let Some(enabled) = flag(given, "enabled") {
                user.enabled = enabled;
                if enabled {
                    user.attributes.shift_remove("disabledReason");
                }
            }
            add_temporary(user, &new);
        };
        let (of, id, unique_email) =
            (&realm.realm.id, &record.user.id, !realm.realm.duplicate_emails_allowed);
        let (change, new) = (&change, &new);
        let written = self
            .store
            .write(async |tx| {
                let Some(mut found) = users::find(&tx, of, id).await? else { return Ok(false) };
                change(&mut found.value);
                users::update(&tx, of, &found.value, found.ver, unique_email).await?;
                for new in new {
                    put_credential(&tx, of, id, &new.credential).await?;
                }
                Ok::<_, keyraft_store::Error>(true)
            })
            .await;
        let mut changed = record.user.clone();
        change(&mut changed);
        if !self.named_conflict(realm, written, &changed).await? {
            return Err(Error::NotFound("user"));
        }
        if flag(given, "enabled") == Some(true) && attempts::policy(&realm.realm).is_some() {
            attempts::clear(&self.sessions, &realm.realm.id, Some(id)).await?;
        }
        Ok(())
    }

    /// Deletes a user with all that is his, sessions included.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_user(&self, realm: &RealmView, id: &UserId) -> Result<(), Error> {
        let of = &realm.realm.id;
        let was_there = self.store.write(async |tx| users::delete(&tx, of, id).await).await?;
        if !was_there {
            return Err(Error::NotFound("user"));
        }
        self.sessions.end_of_user(of, id).await?;
        Ok(())
    }

    /// Has a user join a group.
    ///
    /// # Errors
    /// [`Error::Denied`] when the group gives authority that the caller does not have.
    pub async fn join_group(
        &self,
        realm: &RealmView,
        id: &UserId,
        group: &GroupId,
        by: &Authority,
    ) -> Result<(), Error> {
        if !may_join(realm, group, by) {
            return Err(Error::Denied("the group carries more authority than its giver has"));
        }
        let of = &realm.realm.id;
        self.store.write(async |tx| users::join_group(&tx, of, id, group).await).await?;
        Ok(())
    }

    /// Has a user leave a group; says whether he was in it.
    ///
    /// # Errors
    /// [`Error::Denied`] when the group gives authority that the caller does not have.
    pub async fn leave_group(
        &self,
        realm: &RealmView,
        id: &UserId,
        group: &GroupId,
        by: &Authority,
    ) -> Result<bool, Error> {
        if !may_join(realm, group, by) {
            return Err(Error::Denied("the group carries more authority than the caller has"));
        }
        let of = &realm.realm.id;
        Ok(self.store.write(async |tx| users::leave_group(&tx, of, id, group).await).await?)
    }

    /// Sets a user's password for him. A temporary one must be changed at the next login.
    ///
    /// # Errors
    /// [`Error::Password`], [`Error::Denied`] when the user holds more authority than the caller.
    pub async fn reset_password(
        &self,
        realm: &RealmView,
        record: &UserRecord,
        new: NewPassword,
        by: &Authority,
        ip: &str,
    ) -> Result<(), Error> {
        if !by.covers_user(realm, record) {
            return Err(Error::Denied("the user has more authority than the caller"));
        }
        if let Err(violation) = self.may_be_password(realm, record, &new.password, ip).await? {
            return Err(Error::Password(violation));
        }
        self.set_password(realm, &record.user.id, new.password, new.temporary, ip).await
    }

    /// Creates the service account of a client within a transaction.
    pub(crate) fn service_account_of(client: &ClientUuid, client_id: &str, now: UnixMs) -> User {
        User {
            id: UserId::random(),
            username: fold::lower(&format!("{SERVICE_ACCOUNT}{client_id}")),
            enabled: true,
            created_timestamp: now.0,
            service_account_client: Some(client.clone()),
            ..User::default()
        }
    }

    /// Refuses a user name or address that another user than `own` has; when both are taken the address is named.
    ///
    /// # Errors
    /// [`Error::Conflict`] (`email`, `username`).
    pub async fn is_free(
        &self,
        realm: &RealmView,
        given: &MultiAttributes,
        own: Option<&UserId>,
    ) -> Result<(), Error> {
        let first =
            |name: &str| given.get(name).and_then(|values| values.first()).map(|value| fold::lower(value));
        let (settings, of) = (&realm.realm, &realm.realm.id);
        let email = first("email").filter(|email| !email.is_empty());
        let username =
            if settings.registration_email_as_username { email.clone() } else { first("username") };
        let is_other = |found: Option<keyraft_store::Versioned<User>>| {
            found.is_some_and(|user| Some(&user.value.id) != own)
        };
        if let Some(email) = email.filter(|_| !settings.duplicate_emails_allowed) {
            let by_email = users::find_by_email(&self.store, of, &email).await?;
            let by_name = settings.login_with_email_allowed;
            if is_other(by_email)
                || (by_name && is_other(users::find_by_username(&self.store, of, &email).await?))
            {
                return Err(Error::Conflict { what: "email", name: email });
            }
        }
        if let Some(username) = username.filter(|username| !username.is_empty()) {
            let by_name = users::find_by_username(&self.store, of, &username).await?;
            let by_email = settings.login_with_email_allowed && !settings.duplicate_emails_allowed;
            if is_other(by_name)
                || (by_email && is_other(users::find_by_email(&self.store, of, &username).await?))
            {
                return Err(Error::Conflict { what: "username", name: username });
            }
        }
        Ok(())
    }

    /// Two requests at once may both have found a name free: the store decides, this says which it was.
    async fn named_conflict<T>(
        &self,
        realm: &RealmView,
        written: Result<T, keyraft_store::Error>,
        user: &User,
    ) -> Result<T, Error> {
        match written {
            Err(keyraft_store::Error::Conflict { .. }) => {
                self.is_free(realm, &user_profile::values_of(user), Some(&user.id)).await?;
                Err(Error::Conflict { what: "user", name: user.username.clone() })
            }
            other => Ok(other?),
        }
    }

    /// The credentials in a representation: passwords checked and hashed, hashes as they come.
    async fn new_credentials(
        &self,
        realm: &RealmView,
        user: &User,
        given: &Rest,
        now: UnixMs,
        ip: &str,
    ) -> Result<Vec<NewCredential>, Error> {
        let policy = PasswordPolicy::of(realm.realm.password_policy.as_deref());
        let mut new = Vec::new();
        for given in objects(given, "credentials") {
            // Keycloak looks at the switch of what is called a password alone.
            let temporary = flag(given, "temporary") == Some(true) && text(given, "type") == Some(PASSWORD);
            let hashed = (text(given, "secretData"), text(given, "credentialData"));
            let credential = match (text(given, "value"), hashed) {
                (Some(password), _) => {
                    let password = Secret::new(password);
                    check_new(&policy, user, &password).map_err(Error::Password)?;
                    self.new_password(realm, password, now, ip).await?
                }
                (None, (Some(secret_data), Some(credential_data))) => Credential {
                    id: keyraft_model::CredentialId::random(),
                    kind: text(given, "type").unwrap_or(PASSWORD).to_owned(),
                    user_label: text(given, "userLabel").map(str::to_owned),
                    created_date: given.get("createdDate").and_then(Value::as_i64).unwrap_or(now.0),
                    secret_data: secret_data.to_owned(),
                    credential_data: credential_data.to_owned(),
                    priority: 0,
                },
                _ => return Err(invalid("credentials", "No password provided")),
            };
            new.push(NewCredential { credential, temporary });
        }
        Ok(new)
    }
}

/// Replaces the password by a password; anything else is added.
async fn put_credential(
    tx: &Tx,
    of: &keyraft_model::RealmId,
    user: &UserId,
    credential: &Credential,
) -> Result<(), keyraft_store::Error> {
    if credential.kind == PASSWORD {
        for held in credentials::list(tx, of, user).await? {
            if held.value.kind == PASSWORD {
                credentials::delete(tx, of, user, &held.value.id).await?;
            }
        }
    }
    credentials::insert(tx, of, user, credential).await.map(|_| ())
}

/// The groups that a new user joins: the realm's and those that his representation names by path.
fn joined(realm: &RealmView, given: &Rest, by: &Authority) -> Result<Vec<GroupId>, Error> {
    let mut groups = realm.realm.default_groups.clone();
    for path in texts(given, "groups").unwrap_or_default() {
        let sentence = || format!("Unable to find group specified by path: {path}");
        let group = realm.groups.find_by_path(&path).ok_or_else(|| invalid("groups", sentence()))?;
        if !may_join(realm, &group.id, by) {
            return Err(Error::Denied("the group carries more authority than its giver has"));
        }
        if !groups.contains(&group.id) {
            groups.push(group.id.clone());
        }
    }
    Ok(groups)
}

fn check(
    realm: &RealmView,
    given: &MultiAttributes,
    stored: Option<&MultiAttributes>,
) -> Result<MultiAttributes, Error> {
    let change = Change {
        editor: Editor::Admin,
        stored,
        given,
        username_editable: realm.realm.edit_username_allowed,
        email_as_username: realm.realm.registration_email_as_username,
        scopes: &[],
    };
    UserProfile::of(&realm.components).check(&change).map_err(Error::Profile)
}

/// The attributes that a representation means: its own if it has them, else the stored ones, and over them
/// the members that every user has.
fn given_attributes(given: &Rest, stored: Option<&MultiAttributes>) -> MultiAttributes {
    let own = crate::overlay::multi_attributes(given, "attributes");
    let mut attributes = match (own, stored) {
        (Some(mut own), Some(stored)) => {
            if !own.contains_key("username") {
                own.extend(stored.get("username").map(|name| ("username".to_owned(), name.clone())));
            }
            own
        }
        (Some(own), None) => own,
        (None, stored) => stored.cloned().unwrap_or_default(),
    };
    for name in ROOT {
        if let Some(value) = text(given, name) {
            attributes.insert(name.to_owned(), vec![value.to_owned()]);
        }
    }
    attributes
}

/// Required actions that the realm knows; Keycloak drops others without a word.
fn known_actions(realm: &RealmView, wanted: Vec<String>) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for action in wanted {
        if realm.required_actions.iter().any(|registered| registered.alias == action)
            && !known.contains(&action)
        {
            known.push(action);
        }
    }
    known
}

fn add_temporary(user: &mut User, new: &[NewCredential]) {
    let temporary = new.iter().any(|new| new.temporary);
    if temporary && !user.required_actions.iter().any(|action| action == UPDATE_PASSWORD) {
        user.required_actions.push(UPDATE_PASSWORD.to_owned());
    }
}
