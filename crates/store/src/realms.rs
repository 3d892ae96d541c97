//! Realms: their settings. What else is theirs has files of its own; [`RealmParts`](crate::RealmParts) reads it.

use keyraft_model::{Realm, RealmId};

use crate::{
    Db, Error, Source, Tx, Versioned,
    changes::Kind,
    doc,
    source::{Row, args},
    sql::{Sql, statements},
};

statements! {
    LIST = "SELECT id, doc, ver FROM realm ORDER BY name";
    NAMES = "SELECT id, name FROM realm ORDER BY name";
    FIND = "SELECT id, doc, ver FROM realm WHERE id = $1";
    FIND_BY_NAME = "SELECT id, doc, ver FROM realm WHERE name = $1";
    INSERT = "INSERT INTO realm (id, name, doc, ver) VALUES ($1, $2, $3, $4)";
    UPDATE = "UPDATE realm SET name = $3, doc = $4, ver = ver + 1 WHERE id = $1 AND ver = $2 RETURNING ver";
    DELETE = "DELETE FROM realm WHERE id = $1";
    DOOM = "INSERT INTO doomed_realm (id) VALUES ($1) ON CONFLICT (id) DO NOTHING";
    IS_DOOMED = "SELECT id FROM doomed_realm WHERE id = $1";
    LIST_DOOMED = "SELECT id FROM doomed_realm ORDER BY id";
    UNDOOM = "DELETE FROM doomed_realm WHERE id = $1";
    SWEEP_USER = "DELETE FROM usr WHERE realm_id = $1 AND id IN \
                  (SELECT id FROM usr WHERE realm_id = $1 ORDER BY id LIMIT $2)";
    SWEEP_COUNT = "DELETE FROM usr_count WHERE realm_id = $1";
    SWEEP_CLIENT = "DELETE FROM client WHERE realm_id = $1";
    SWEEP_CLIENT_ROLE = "DELETE FROM client_role WHERE realm_id = $1";
    SWEEP_CLIENT_USES = "DELETE FROM client_uses_scope WHERE realm_id = $1";
    SWEEP_SCOPE = "DELETE FROM client_scope WHERE realm_id = $1";
    SWEEP_SCOPE_ROLE = "DELETE FROM scope_role WHERE realm_id = $1";
    SWEEP_REALM_SCOPE = "DELETE FROM realm_scope WHERE realm_id = $1";
    SWEEP_ROLE = "DELETE FROM role WHERE realm_id = $1";
    SWEEP_COMPOSITE = "DELETE FROM role_composite WHERE realm_id = $1";
    SWEEP_GROUP = "DELETE FROM grp WHERE realm_id = $1";
    SWEEP_GROUP_ROLE = "DELETE FROM grp_role WHERE realm_id = $1";
    SWEEP_FLOW = "DELETE FROM flow WHERE realm_id = $1";
    SWEEP_CONFIG = "DELETE FROM authenticator_config WHERE realm_id = $1";
    SWEEP_ACTION = "DELETE FROM required_action WHERE realm_id = $1";
    SWEEP_COMPONENT = "DELETE FROM component WHERE realm_id = $1";
}

const SWEEPS: [Sql; 15] = [
    SWEEP_COUNT,
    SWEEP_CLIENT,
    SWEEP_CLIENT_ROLE,
    SWEEP_CLIENT_USES,
    SWEEP_SCOPE,
    SWEEP_SCOPE_ROLE,
    SWEEP_REALM_SCOPE,
    SWEEP_ROLE,
    SWEEP_COMPOSITE,
    SWEEP_GROUP,
    SWEEP_GROUP_ROLE,
    SWEEP_FLOW,
    SWEEP_CONFIG,
    SWEEP_ACTION,
    SWEEP_COMPONENT,
];

/// Users deleted in one transaction of a sweep.
const BATCH: i64 = 500;

/// All realms, by name.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn list(on: &impl Source) -> Result<Vec<Versioned<Realm>>, Error> {
    on.rows(LIST, args![]).await?.iter().map(|row| from_row(on, LIST, row)).collect()
}

/// Ids and names of all realms, by name.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn names(on: &impl Source) -> Result<Vec<(RealmId, String)>, Error> {
    on.rows(NAMES, args![]).await?.iter().map(|row| Ok((row.id(NAMES, 0)?, row.text(NAMES, 1)?))).collect()
}

/// The realm of that id.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn find(on: &impl Source, id: &RealmId) -> Result<Option<Versioned<Realm>>, Error> {
    on.row(FIND, args![id.as_str()]).await?.map(|row| from_row(on, FIND, &row)).transpose()
}

/// The realm of that name; case counts.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn find_by_name(on: &impl Source, name: &str) -> Result<Option<Versioned<Realm>>, Error> {
    on.row(FIND_BY_NAME, args![name]).await?.map(|row| from_row(on, FIND_BY_NAME, &row)).transpose()
}

/// Inserts a realm's settings and returns their version.
///
/// # Errors
/// [`Error::Conflict`] when its id or name is taken, also by a realm that is still being swept away.
pub async fn insert(tx: &Tx, realm: &Realm) -> Result<i64, Error> {
    let id = realm.id.as_str();
    if tx.row(IS_DOOMED, args![id]).await?.is_some() {
        return Err(Error::Conflict { statement: IS_DOOMED.name, stale: false });
    }
    let ver = Tx::first_ver();
    let doc = doc::write_sealed(tx.sealer(), "realm", id, realm)?;
    tx.exec(INSERT, args![id, &realm.realm, doc, ver]).await?;
    tx.changed(Kind::Whole, id, id, Some(ver));
    tx.realm_is_new(id);
    Ok(ver)
}

/// Replaces a realm's settings, its name included, and returns their new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more, or the name is taken.
pub async fn update(tx: &Tx, realm: &Realm, ver: i64) -> Result<i64, Error> {
    let id = realm.id.as_str();
    let doc = doc::write_sealed(tx.sealer(), "realm", id, realm)?;
    let row = tx.row(UPDATE, args![id, ver, &realm.realm, doc]).await?.ok_or_else(|| Error::stale(UPDATE))?;
    let ver = row.int(UPDATE, 0)?;
    tx.changed(Kind::Realm, id, id, Some(ver));
    Ok(ver)
}

/// Deletes a realm: it is gone at once; its rows follow in [`sweep`]s. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, id: &RealmId) -> Result<bool, Error> {
    let is_gone = tx.exec(DELETE, args![id.as_str()]).await? > 0;
    tx.exec(DOOM, args![id.as_str()]).await?;
    tx.changed(Kind::Whole, id.as_str(), id.as_str(), Some(Tx::first_ver()));
    Ok(is_gone)
}

/// Deletes a realm with all its rows in this transaction, so that another of the same id can follow in it.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete_whole(tx: &Tx, id: &RealmId) -> Result<bool, Error> {
    let is_gone = tx.exec(DELETE, args![id.as_str()]).await? > 0;
    while tx.exec(SWEEP_USER, args![id.as_str(), BATCH]).await? > 0 {}
    for sql in SWEEPS {
        tx.exec(sql, args![id.as_str()]).await?;
    }
    tx.exec(UNDOOM, args![id.as_str()]).await?;
    tx.changed(Kind::Whole, id.as_str(), id.as_str(), Some(Tx::first_ver()));
    Ok(is_gone)
}

/// Realms that were deleted and whose rows are not all gone.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_doomed(on: &impl Source) -> Result<Vec<RealmId>, Error> {
    on.rows(LIST_DOOMED, args![]).await?.iter().map(|row| row.id(LIST_DOOMED, 0)).collect()
}

/// Deletes the rows of a deleted realm in batches of 500 users, each in a transaction of its own.
///
/// # Errors
/// [`Error::Unavailable`]; what is left is found again by [`list_doomed`].
pub async fn sweep(db: &Db, id: &RealmId) -> Result<(), Error> {
    let id = id.as_str();
    if db.row(IS_DOOMED, args![id]).await?.is_none() {
        return Ok(());
    }
    while db.exec_alone(SWEEP_USER.planned_anew(), args![id, BATCH]).await? > 0 {}
    for sql in SWEEPS {
        db.exec_alone(sql, args![id]).await?;
    }
    db.exec_alone(UNDOOM, args![id]).await.map(|_| ())
}

fn from_row(on: &impl Source, sql: Sql, row: &Row) -> Result<Versioned<Realm>, Error> {
    let id = row.text(sql, 0)?;
    let value = doc::read_sealed(on.sealer(), "realm", &id, (sql, row, 1))?;
    Ok(Versioned { value, ver: row.int(sql, 2)? })
}
