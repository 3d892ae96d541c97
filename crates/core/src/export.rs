//! Gives realms out in the form of Keycloak's export files: what an import reads is what an export writes.
//!
//! An export of the operator holds every secret in clear, as Keycloak's does: it is a backup. One that goes to an
//! administrator over the API is [`Masked`](Secrets::Masked).

use keyraft_model::{RealmId, Rest, UserId};
use keyraft_store::{
    Db, Error as StoreError, RealmParts, RolesOf, Tx, clients as client_rows, consents, credentials,
    realm_parts, realms, role_lists, users as user_rows,
};
use serde_json::{Value, json};

use crate::{
    Error,
    image::{ClientImage, RealmImage, Representation, UserImage},
};

mod clients;
mod labels;
mod parts;
mod people;

use labels::Labels;

/// The version of Keycloak whose export files these are.
pub const VERSION: &str = "26.7.3";

/// Users read at once.
const PAGE: i64 = 500;

/// Members in the order of Keycloak's files; others follow in theirs.
const ORDER: &str = include_str!("export/order.txt");

/// How secrets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// In clear: a backup.
    Clear,
    /// As ten asterisks; private keys not at all.
    Masked,
}

/// What an export holds beside the realm's own settings.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Users with credentials.
    pub users: bool,
    /// Clients.
    pub clients: bool,
    /// Roles and groups.
    pub roles_and_groups: bool,
    /// How secrets are written.
    pub secrets: Secrets,
}

impl Options {
    /// Everything, in clear.
    pub const BACKUP: Self =
        Self { users: true, clients: true, roles_and_groups: true, secrets: Secrets::Clear };
}

/// Reads a whole realm, all of one moment.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn read(store: &Db, name: &str) -> Result<Option<RealmImage>, Error> {
    let image: Result<_, StoreError> = store
        .read(async |tx| {
            let Some(realm) = realms::find_by_name(&tx, name).await? else { return Ok(None) };
            let parts = realm_parts::of(&tx, realm).await?;
            Ok(Some(read_rest(&tx, parts).await?))
        })
        .await;
    Ok(image?)
}

async fn read_rest(tx: &Tx, parts: RealmParts) -> Result<RealmImage, StoreError> {
    let realm = &parts.realm.id;
    let mut images: Vec<_> = client_rows::list(tx, realm, None, 0, None)
        .await?
        .into_iter()
        .map(|client| ClientImage { client: client.value, scope_mappings: Vec::new() })
        .collect();
    for (client, role) in client_rows::all_scope_mappings(tx, realm).await? {
        if let Some(image) = images.iter_mut().find(|image| image.client.id == client) {
            image.scope_mappings.push(role);
        }
    }
    let mut people: Vec<UserImage> = Vec::new();
    loop {
        let after = people.last().map(|last| last.user.username.clone()).unwrap_or_default();
        let page = user_rows::list_after(tx, realm, &after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for found in page {
            let mut image = read_user(tx, realm, &found.value.id).await?;
            image.user = found.value;
            people.push(image);
        }
    }
    Ok(RealmImage { parts, clients: images, users: people })
}

async fn read_user(tx: &Tx, realm: &RealmId, id: &UserId) -> Result<UserImage, StoreError> {
    let credentials = credentials::list(tx, realm, id).await?;
    Ok(UserImage {
        credentials: credentials.into_iter().map(|credential| credential.value).collect(),
        roles: role_lists::list(tx, realm, RolesOf::User(id)).await?,
        groups: user_rows::groups(tx, realm, id).await?,
        consents: consents::list(tx, realm, id).await?,
        ..UserImage::default()
    })
}

/// The representation of a realm.
///
/// # Errors
/// [`Error::Internal`] when an entity does not serialise.
pub fn representation(image: &RealmImage, options: Options) -> Result<Representation, Error> {
    let labels = Labels::of(image);
    let mut members = parts::settings(image, options.secrets)?;
    members.insert("requiredActions".into(), parts::values(&image.parts.required_actions)?);
    members.extend(parts::flows(image, &labels)?);
    members.insert("components".into(), parts::components(image, options.secrets)?);
    members.extend(parts::client_scopes(image, &labels)?);
    members.insert("defaultRole".into(), parts::default_role(image));
    if options.roles_and_groups {
        members.insert("roles".into(), parts::roles(image, &labels, options.clients));
        members.insert("groups".into(), parts::groups(image, &labels));
    }
    let of_groups = image.parts.realm.default_groups.iter().filter_map(|id| labels.group(id));
    let default_groups: Vec<_> = of_groups.collect();
    if !default_groups.is_empty() {
        members.insert("defaultGroups".into(), json!(default_groups));
    }
    if options.clients {
        members.insert("clients".into(), clients::clients(image, &labels, options.secrets)?);
        members.extend(clients::scope_mappings(image, &labels));
    }
    if options.users && !image.users.is_empty() {
        members.insert("users".into(), Value::Array(users(image)?));
    }
    members.insert("keycloakVersion".into(), json!(VERSION));
    Ok(ordered(members))
}

/// The representations of a realm's users, by name, for users files beside the realm's own.
///
/// # Errors
/// [`Error::Internal`] when an entity does not serialise.
pub fn users(image: &RealmImage) -> Result<Vec<Value>, Error> {
    let labels = Labels::of(image);
    image.users.iter().map(|user| people::user(user, &labels)).collect()
}

fn ordered(mut members: Rest) -> Rest {
    let mut out = Rest::new();
    for name in ORDER.lines() {
        if let Some(value) = members.shift_remove(name) {
            out.insert(name.to_owned(), value);
        }
    }
    out.extend(members);
    out
}

/// An entity as an object.
fn object<T: serde::Serialize>(entity: &T) -> Result<Rest, Error> {
    match serde_json::to_value(entity) {
        Ok(Value::Object(mut members)) => {
            // Names that begin with an underscore are ours.
            members.retain(|name, _| !name.starts_with('_'));
            Ok(members)
        }
        Ok(_) => Err(Error::Internal("an entity is no object".into())),
        Err(error) => Err(Error::Internal(format!("an entity does not serialise: {error}"))),
    }
}
