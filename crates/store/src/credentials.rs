//! Credentials of users; their secret data is sealed.

use keyraft_model::{Credential, CredentialId, RealmId, UserId};

use crate::{
    Error, Source, Tx, Versioned, doc,
    source::{Row, args},
    sql::{Sql, statements},
    users::touch,
};

statements! {
    LIST = "SELECT id, doc, ver FROM credential WHERE realm_id = $1 AND usr_id = $2 ORDER BY prio, id";
    INSERT = "INSERT INTO credential (realm_id, usr_id, id, kind, prio, doc, ver) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    UPDATE = "UPDATE credential SET kind = $5, prio = $6, doc = $7, ver = ver + 1 \
               WHERE realm_id = $1 AND usr_id = $2 AND id = $3 AND ver = $4 RETURNING ver";
    DELETE = "DELETE FROM credential WHERE realm_id = $1 AND usr_id = $2 AND id = $3";
    SAMPLE = "SELECT usr_id, id, doc FROM credential WHERE realm_id = $1 AND kind = $2 ORDER BY realm_id, usr_id, id LIMIT $3";
}

/// Priorities of a user's credentials are this far apart, as in Keycloak.
const STEP: i64 = 10;

/// A user's credentials, the preferred ones first.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn list(
    on: &impl Source,
    realm: &RealmId,
    user: &UserId,
) -> Result<Vec<Versioned<Credential>>, Error> {
    let rows = on.rows(LIST, args![realm.as_str(), user.as_str()]).await?;
    rows.iter().map(|row| from_row(on, realm, user, row)).collect()
}

/// Inserts a credential and returns its version. A `priority` of 0 puts it behind the others.
///
/// # Errors
/// [`Error::Conflict`] when its id is taken; [`Error::Corrupt`] when there is no such user.
pub async fn insert(tx: &Tx, realm: &RealmId, user: &UserId, credential: &Credential) -> Result<i64, Error> {
    let mut credential = credential.clone();
    if credential.priority == 0 {
        let last = list(tx, realm, user).await?.last().map_or(0, |last| last.value.priority);
        credential.priority = last + STEP;
    }
    let (id, ver) = (credential.id.as_str(), Tx::first_ver());
    let doc = doc::write_sealed(tx.sealer(), "credential", &key(realm, user, id), &credential)?;
    let args = args![realm.as_str(), user.as_str(), id, &credential.kind, credential.priority, doc, ver];
    tx.exec(INSERT, args).await?;
    touch(tx, realm, user);
    Ok(ver)
}

/// Replaces a credential and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more.
pub async fn update(
    tx: &Tx,
    realm: &RealmId,
    user: &UserId,
    credential: &Credential,
    ver: i64,
) -> Result<i64, Error> {
    let id = credential.id.as_str();
    let doc = doc::write_sealed(tx.sealer(), "credential", &key(realm, user, id), credential)?;
    let args = args![realm.as_str(), user.as_str(), id, ver, &credential.kind, credential.priority, doc];
    let row = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?;
    touch(tx, realm, user);
    row.int(UPDATE, 0)
}

/// Deletes a credential. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, user: &UserId, id: &CredentialId) -> Result<bool, Error> {
    touch(tx, realm, user);
    Ok(tx.exec(DELETE, args![realm.as_str(), user.as_str(), id.as_str()]).await? > 0)
}

/// Moves a credential behind another of the same user, or to the front. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn reorder(
    tx: &Tx,
    realm: &RealmId,
    user: &UserId,
    id: &CredentialId,
    behind: Option<&CredentialId>,
) -> Result<bool, Error> {
    let mut all = list(tx, realm, user).await?;
    let Some(from) = all.iter().position(|held| held.value.id == *id) else { return Ok(false) };
    let moved = all.remove(from);
    let to = match behind {
        None => 0,
        Some(behind) => match all.iter().position(|held| held.value.id == *behind) {
            Some(place) => place + 1,
            None => return Ok(false),
        },
    };
    all.insert(to, moved);
    for (place, held) in (1..).zip(all) {
        if held.value.priority != place * STEP {
            let credential = Credential { priority: place * STEP, ..held.value };
            update(tx, realm, user, &credential, held.ver).await?;
        }
    }
    Ok(true)
}

/// Some credentials of a kind, to learn how a realm's users prove who they are.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn sample(
    on: &impl Source,
    realm: &RealmId,
    kind: &str,
    max: i64,
) -> Result<Vec<Credential>, Error> {
    let rows = on.rows(SAMPLE, args![realm.as_str(), kind, max]).await?;
    rows.iter()
        .map(|row| {
            let (user, id) = (UserId::from(row.text(SAMPLE, 0)?), row.text(SAMPLE, 1)?);
            doc::read_sealed(on.sealer(), "credential", &key(realm, &user, &id), (SAMPLE, row, 2))
        })
        .collect()
}

fn from_row(
    on: &impl Source,
    realm: &RealmId,
    user: &UserId,
    row: &Row,
) -> Result<Versioned<Credential>, Error> {
    let sql: Sql = LIST;
    let key = key(realm, user, &row.text(sql, 0)?);
    let value = doc::read_sealed(on.sealer(), "credential", &key, (sql, row, 1))?;
    Ok(Versioned { value, ver: row.int(sql, 2)? })
}

fn key(realm: &RealmId, user: &UserId, id: &str) -> String {
    format!("{realm}/{user}/{id}")
}
