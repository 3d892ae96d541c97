//! Components of realms: keys, policies, user profile; their secrets are sealed.

use keyraft_model::{Component, ComponentId, RealmId};

use crate::{
    Error, Source, Tx, Versioned,
    changes::Kind,
    doc,
    source::{Row, args},
    sql::{Sql, statements},
};

statements! {
    LIST = "SELECT id, doc, ver FROM component WHERE realm_id = $1 ORDER BY kind, name, id";
    FIND = "SELECT id, doc, ver FROM component WHERE realm_id = $1 AND id = $2";
    INSERT = "INSERT INTO component (realm_id, id, kind, name, parent_id, doc, ver) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    UPDATE = "UPDATE component SET kind = $4, name = $5, parent_id = $6, doc = $7, ver = ver + 1 \
               WHERE realm_id = $1 AND id = $2 AND ver = $3 RETURNING ver";
    DELETE = "DELETE FROM component WHERE realm_id = $1 AND id = $2";
    CHILDREN = "SELECT id FROM component WHERE realm_id = $1 AND parent_id = $2 ORDER BY id";
}

/// All components of a realm, by provider type and name.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn list(on: &impl Source, realm: &RealmId) -> Result<Vec<Versioned<Component>>, Error> {
    on.rows(LIST, args![realm.as_str()]).await?.iter().map(|row| from_row(on, realm, LIST, row)).collect()
}

/// The component of that id.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn find(
    on: &impl Source,
    realm: &RealmId,
    id: &ComponentId,
) -> Result<Option<Versioned<Component>>, Error> {
    let row = on.row(FIND, args![realm.as_str(), id.as_str()]).await?;
    row.map(|row| from_row(on, realm, FIND, &row)).transpose()
}

/// Inserts a component and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, component: &Component) -> Result<i64, Error> {
    let (id, ver) = (component.id.as_str(), Tx::first_ver());
    let doc = doc::write_sealed(tx.sealer(), "component", &key(realm, id), component)?;
    let name = component.name.as_deref().unwrap_or_default();
    let args = args![realm.as_str(), id, &component.provider_type, name, &component.parent_id, doc, ver];
    tx.exec(INSERT, args).await?;
    touch(tx, realm);
    Ok(ver)
}

/// Replaces a component and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more.
pub async fn update(tx: &Tx, realm: &RealmId, component: &Component, ver: i64) -> Result<i64, Error> {
    let id = component.id.as_str();
    let doc = doc::write_sealed(tx.sealer(), "component", &key(realm, id), component)?;
    let name = component.name.as_deref().unwrap_or_default();
    let args = args![realm.as_str(), id, ver, &component.provider_type, name, &component.parent_id, doc];
    let row = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?;
    touch(tx, realm);
    row.int(UPDATE, 0)
}

/// Deletes a component with its children. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, id: &ComponentId) -> Result<bool, Error> {
    let mut doomed = vec![id.clone()];
    let mut is_gone = false;
    while let Some(id) = doomed.pop() {
        for row in tx.rows(CHILDREN, args![realm.as_str(), id.as_str()]).await? {
            doomed.push(row.id(CHILDREN, 0)?);
        }
        is_gone |= tx.exec(DELETE, args![realm.as_str(), id.as_str()]).await? > 0;
    }
    touch(tx, realm);
    Ok(is_gone)
}

fn touch(tx: &Tx, realm: &RealmId) {
    tx.changed(Kind::Realm, realm.as_str(), realm.as_str(), None);
}

fn from_row(on: &impl Source, realm: &RealmId, sql: Sql, row: &Row) -> Result<Versioned<Component>, Error> {
    let key = key(realm, &row.text(sql, 0)?);
    let value = doc::read_sealed(on.sealer(), "component", &key, (sql, row, 1))?;
    Ok(Versioned { value, ver: row.int(sql, 2)? })
}

fn key(realm: &RealmId, id: &str) -> String {
    format!("{realm}/{id}")
}
