//! Brings in realms from Keycloak's export files, and makes fresh ones: both are representations laid over the same
//! contents.
//!
//! Everything is read, checked, built and hashed first; then one transaction writes it, so that a broken file
//! changes nothing. What this release does not read it keeps, and an export gives it back. What was configured and
//! is not built stands first in the [`Report`]. Texts are taken to the letter: no file can read this server's
//! environment, unless the operator lists the variables ([`files::Placeholders`]).

use keyraft_crypto::{
    password::{HashParameters, Hasher},
    random,
};
use keyraft_model::{ClientUuid, Credential, Realm, RealmId, UnixMs};
use keyraft_store::{
    Db, Error as StoreError, RolesOf, Tx, clients as client_rows, realms, role_lists, roles as role_rows,
};

use crate::{
    Error,
    contents::{self, MASTER},
    image::{RealmImage, Representation, UserImage},
    passwords,
    policies::password::PasswordPolicy,
};

mod build;
mod clients;
mod components;
pub mod files;
mod flows;
mod groups;
mod legacy;
mod names;
mod report;
mod roles;
mod scopes;
mod shape;
mod users;

pub use report::{Outcome, Report};

/// What to do with a realm whose name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfThere {
    /// Leave it as it is (`--import-realm`).
    Skip,
    /// Replace it whole, users included.
    Replace,
    /// Refuse the whole import.
    Refuse,
}

/// A realm that is ready to be written.
struct Prepared {
    image: RealmImage,
    report: Report,
}

/// Makes a realm from what is given of it, and the rest as Keycloak does. Its id, its users and keys are taken
/// where they are given.
///
/// # Errors
/// [`Error::Conflict`] when the name or id is taken; [`Error::Invalid`] with the JSON path of what does not fit;
/// [`Error::Busy`]; [`Error::Unavailable`].
pub async fn create_realm(
    store: &Db,
    hasher: &Hasher,
    given: Representation,
    now: UnixMs,
) -> Result<(RealmId, Report), Error> {
    let prepared = prepare(hasher, given, now).await?;
    let id = prepared.image.parts.realm.id.clone();
    let name = prepared.image.parts.realm.realm.clone();
    let result = store.write(async |tx| write(&tx, &prepared, IfThere::Refuse).await).await;
    match result {
        Ok(_) => Ok((id, prepared.report)),
        Err(StoreError::Conflict { .. }) => Err(Error::Conflict { what: "realm", name }),
        Err(error) => Err(error.into()),
    }
}

/// Imports realms, all or none.
///
/// # Errors
/// As [`create_realm`]; [`Error::Conflict`] for a realm that is there under [`IfThere::Refuse`].
pub async fn import(
    store: &Db,
    hasher: &Hasher,
    given: Vec<Representation>,
    if_there: IfThere,
    now: UnixMs,
) -> Result<Vec<Report>, Error> {
    let mut prepared = Vec::with_capacity(given.len());
    for representation in given {
        let name = representation.get("realm").and_then(|name| name.as_str()).unwrap_or_default();
        let exists = realms::find_by_name(store, name).await?.is_some();
        match (exists, if_there) {
            (true, IfThere::Skip) => prepared.push(Err(Report::skipped(name))),
            (true, IfThere::Refuse) => return Err(Error::Conflict { what: "realm", name: name.to_owned() }),
            _ => prepared.push(Ok(prepare(hasher, representation, now).await?)),
        }
    }
    let outcomes: Result<Vec<Outcome>, StoreError> = store
        .write(async |tx| {
            let mut outcomes = Vec::new();
            for prepared in prepared.iter().flatten() {
                outcomes.push(write(&tx, prepared, if_there).await?);
            }
            Ok(outcomes)
        })
        .await;
    let outcomes = outcomes.map_err(|error| match error {
        StoreError::Conflict { .. } => {
            Error::Conflict { what: "realm", name: "of this import, or a row of it".into() }
        }
        other => other.into(),
    })?;
    let mut outcomes = outcomes.into_iter();
    Ok(prepared
        .into_iter()
        .map(|prepared| match prepared {
            Err(skipped) => skipped,
            Ok(prepared) => {
                Report { outcome: outcomes.next().unwrap_or(prepared.report.outcome), ..prepared.report }
            }
        })
        .collect())
}

/// Builds a realm from what is given, with its contents, keys and password hashes.
///
/// # Errors
/// As [`create_realm`].
pub(crate) async fn image(
    hasher: &Hasher,
    mut given: Representation,
    now: UnixMs,
) -> Result<(RealmImage, Report), Error> {
    let lacks_keys = contents::lacks_keys(&given) && !given.contains_key("privateKey");
    legacy::renew(&mut given);
    contents::complete(&mut given);
    legacy::place_templates(&mut given);
    let (mut image, findings) = build::realm(given, now)?;
    if lacks_keys {
        let realm = &image.parts.realm;
        let secs = u64::try_from(now.secs()).unwrap_or(0);
        let keys = contents::keys::generate(realm.id.as_str(), &realm.realm, secs).await?;
        image.parts.components.extend(keys);
    }
    let policy = image.parts.realm.password_policy.clone();
    for user in &mut image.users {
        hash_password(hasher, policy.as_deref(), user, now).await?;
    }
    let report = Report::of(&image, findings, Outcome::Created);
    Ok((image, report))
}

async fn prepare(hasher: &Hasher, given: Representation, now: UnixMs) -> Result<Prepared, Error> {
    let (image, report) = image(hasher, given, now).await?;
    Ok(Prepared { image, report })
}

/// Hashes a password that came in clear, as the realm's policy wants it.
pub(crate) async fn hash_password(
    hasher: &Hasher,
    policy: Option<&str>,
    entry: &mut UserImage,
    now: UnixMs,
) -> Result<(), Error> {
    let Some(password) = entry.password.take() else { return Ok(()) };
    let policy = PasswordPolicy::of(policy);
    let refused = |rule: String| Error::Invalid {
        field: format!("$.users[{:?}].credentials", entry.user.username),
        rule,
    };
    passwords::check_new(&policy, &entry.user, &password).map_err(|violation| {
        refused(format!("the realm's password policy refuses it ({})", violation.key))
    })?;
    let wanted =
        HashParameters::from_policy(policy.hash_algorithm(), policy.hash_iterations().map(i64::from))
            .map_err(|error| refused(error.to_string()))?;
    let hash = hasher.hash("import", wanted, password).await.map_err(|error| match error {
        keyraft_crypto::Error::Busy => Error::Busy,
        error => refused(error.to_string()),
    })?;
    let credential = Credential {
        id: random::uuid().into(),
        kind: "password".into(),
        created_date: now.0,
        credential_data: hash.credential_data(),
        secret_data: hash.secret_data(),
        ..Credential::default()
    };
    entry.credentials.insert(0, credential);
    for (place, credential) in (1..).zip(&mut entry.credentials) {
        credential.priority = 10 * place;
    }
    Ok(())
}

async fn write(tx: &Tx, prepared: &Prepared, if_there: IfThere) -> Result<Outcome, StoreError> {
    let realm = &prepared.image.parts.realm;
    let mut outcome = Outcome::Created;
    if if_there == IfThere::Replace
        && let Some(old) = realms::find_by_name(tx, &realm.realm).await?
    {
        realms::delete_whole(tx, &old.value.id).await?;
        outcome = Outcome::Replaced;
    }
    prepared.image.insert(tx).await?;
    if realm.realm == MASTER {
        // Realms that were there find their clients in the new master, or are given them.
        for old in realms::list(tx).await? {
            link(tx, &realm.id, &old.value.id).await?;
        }
    } else if let Some(master) = realms::find_by_name(tx, MASTER).await? {
        link(tx, &master.value.id, &realm.id).await?;
    }
    Ok(outcome)
}

/// Gives a realm its client in `master`, whose roles are authority over it, and the role `admin` those roles.
async fn link(tx: &Tx, master: &RealmId, id: &RealmId) -> Result<(), StoreError> {
    let Some(found) = realms::find(tx, id).await? else { return Ok(()) };
    let client_id = format!("{}-realm", found.value.realm);
    let client = match client_rows::find_by_client_id(tx, master, &client_id).await? {
        Some(client) => client.value.id,
        None => add_admin_client(tx, master, &found.value.realm).await?,
    };
    if found.value.master_admin_client != client {
        let realm = Realm { master_admin_client: client, ..found.value };
        realms::update(tx, &realm, found.ver).await?;
    }
    Ok(())
}

/// Adds the client of a realm to `master`, and its roles to the role `admin`.
async fn add_admin_client(tx: &Tx, master: &RealmId, realm: &str) -> Result<ClientUuid, StoreError> {
    let built = build::admin_client(realm);
    let (client, made) = built.map_err(|error| StoreError::Refused(error.to_string()))?;
    client_rows::insert(tx, master, &client).await?;
    for role in &made {
        role_rows::insert(tx, master, role).await?;
    }
    let all = role_rows::list(tx, master).await?;
    let admin = all.iter().find(|role| role.value.client.is_none() && role.value.name == "admin");
    if let Some(admin) = admin {
        let ids: Vec<_> = made.iter().map(|role| role.id.clone()).collect();
        role_lists::add(tx, master, RolesOf::Role(&admin.value.id), &ids).await?;
    }
    Ok(client.id)
}
