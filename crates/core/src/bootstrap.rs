//! The first start: the realm `master`, and somebody who may govern it.
//!
//! The first administrator is temporary, as in Keycloak: marked `is_temporary_admin`, to be replaced by real ones.

use keyraft_crypto::{Secret, password::Hasher, random};
use keyraft_model::{Client, RoleId, ScopeId, UnixMs, User, text::lower};
use keyraft_store::{
    Db, Error as StoreError, RealmParts, RolesOf, clients, credentials, realm_parts, role_lists, users,
};

use crate::{
    Error,
    contents::{self, MASTER},
    image::{ClientImage, RealmImage, UserImage},
    import,
};

/// Marks what is meant to be replaced.
const TEMPORARY: &str = "is_temporary_admin";

/// Who may govern a server on which nobody may yet. Nothing is made of what has no secret.
#[derive(Clone, Debug, Default)]
pub struct FirstAdmin {
    /// User name of the administrator.
    pub username: String,
    /// His password.
    pub password: Option<Secret>,
    /// `client_id` of an administrating client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Option<Secret>,
}

/// Makes the realm `master` with its first administrator where it is not there. Says whether it made it.
///
/// # Errors
/// [`Error::Busy`]; [`Error::Unavailable`].
pub async fn run(store: &Db, hasher: &Hasher, first: &FirstAdmin, now: UnixMs) -> Result<bool, Error> {
    if keyraft_store::realms::find_by_name(store, MASTER).await?.is_some() {
        return Ok(false);
    }
    let (mut image, _) = import::image(hasher, contents::master(), now).await?;
    let made = administrators(&image.parts, first, now)?;
    image.clients.extend(made.client);
    for mut user in made.users {
        import::hash_password(hasher, None, &mut user, now).await?;
        image.users.push(user);
    }
    link_itself(&mut image);
    let result = store.write(async |tx| image.insert(&tx).await).await;
    match result {
        Ok(()) => Ok(true),
        // Another node that started at the same moment was first.
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Adds an administrator to a `master` that is there, for who has lost every other one.
///
/// # Errors
/// [`Error::NotFound`] without `master`; [`Error::Conflict`] when the name is taken; [`Error::Busy`];
/// [`Error::Unavailable`].
pub async fn add_admin(store: &Db, hasher: &Hasher, first: &FirstAdmin, now: UnixMs) -> Result<(), Error> {
    let parts = realm_parts::load_by_name(store, MASTER).await?.ok_or(Error::NotFound("realm"))?;
    let mut made = administrators(&parts, first, now)?;
    for user in &mut made.users {
        import::hash_password(hasher, parts.realm.password_policy.as_deref(), user, now).await?;
    }
    let realm = &parts.realm.id;
    let result = store
        .write(async |tx| {
            if let Some(entry) = &made.client {
                clients::insert(&tx, realm, &entry.client).await?;
            }
            for entry in &made.users {
                users::insert(&tx, realm, &entry.user, false).await?;
                role_lists::add(&tx, realm, RolesOf::User(&entry.user.id), &entry.roles).await?;
                for credential in &entry.credentials {
                    credentials::insert(&tx, realm, &entry.user.id, credential).await?;
                }
            }
            Ok::<_, StoreError>(())
        })
        .await;
    result.map_err(|error| match error {
        StoreError::Conflict { .. } => {
            Error::Conflict { what: "administrator", name: first.username.clone() }
        }
        other => other.into(),
    })
}

struct Administrators {
    client: Option<ClientImage>,
    users: Vec<UserImage>,
}

fn administrators(master: &RealmParts, first: &FirstAdmin, now: UnixMs) -> Result<Administrators, Error> {
    let admin = master.roles.iter().find(|role| role.client.is_none() && role.name == "admin");
    let admin = admin.ok_or(Error::NotFound("role"))?;
    let roles = vec![master.realm.default_role.clone(), admin.id.clone()];
    let mut made = Administrators { client: None, users: Vec::new() };
    if let Some(password) = &first.password {
        let password = Some(password.clone());
        made.users.push(UserImage { password, ..person(lower(&first.username), &roles, now) });
    }
    if let Some(secret) = &first.client_secret {
        let client = client(master, &first.client_id, secret);
        let mut account = person(format!("service-account-{}", lower(&first.client_id)), &roles, now);
        account.user.attributes.clear();
        account.user.service_account_client = Some(client.id.clone());
        made.client = Some(ClientImage { client, scope_mappings: Vec::new() });
        made.users.push(account);
    }
    Ok(made)
}

fn person(username: String, roles: &[RoleId], now: UnixMs) -> UserImage {
    let mut user = User {
        id: random::uuid().into(),
        username,
        enabled: true,
        created_timestamp: now.0,
        ..User::default()
    };
    user.attributes.insert(TEMPORARY.into(), vec!["true".into()]);
    UserImage { user, roles: roles.to_vec(), ..UserImage::default() }
}

fn client(master: &RealmParts, client_id: &str, secret: &Secret) -> Client {
    let of = |list: &[ScopeId]| -> Vec<ScopeId> {
        let is_oidc = |id: &&ScopeId| {
            let scope = master.client_scopes.iter().find(|scope| scope.id == **id);
            scope.is_some_and(|scope| scope.protocol.as_deref() == Some("openid-connect"))
        };
        list.iter().filter(is_oidc).cloned().collect()
    };
    let mut default_client_scopes = of(&master.default_scopes);
    default_client_scopes.extend(
        master
            .client_scopes
            .iter()
            .find(|scope| scope.name == "service_account")
            .map(|scope| scope.id.clone()),
    );
    let mut client = Client {
        id: random::uuid().into(),
        client_id: client_id.to_owned(),
        enabled: true,
        client_authenticator_type: "client-secret".into(),
        secret: Some(secret.expose().to_owned()),
        service_accounts_enabled: true,
        full_scope_allowed: true,
        protocol: Some("openid-connect".into()),
        node_re_registration_timeout: -1,
        default_client_scopes,
        optional_client_scopes: of(&master.optional_scopes),
        ..Client::default()
    };
    for (name, value) in [(TEMPORARY, "true"), ("realm_client", "false")] {
        client.attributes.insert(name.into(), value.into());
    }
    client
}

/// In `master`, authority over itself is the client `master-realm`.
fn link_itself(image: &mut RealmImage) {
    let own = image.clients.iter().find(|entry| entry.client.client_id == "master-realm");
    if let Some(own) = own {
        image.parts.realm.master_admin_client = own.client.id.clone();
    }
}
