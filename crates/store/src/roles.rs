//! Roles of realms and clients, what they include, and who holds them.

use std::collections::HashMap;

use keyraft_model::{GroupId, RealmId, Role, RoleId, User};

use crate::{
    Error, Source, Tx, Versioned,
    changes::Kind,
    doc, role_lists,
    role_lists::RolesOf,
    source::{Row, args},
    sql::{Sql, statements},
};

statements! {
    LIST = "SELECT doc, ver FROM role WHERE realm_id = $1 ORDER BY client_id, name";
    FIND = "SELECT doc, ver FROM role WHERE realm_id = $1 AND id = $2";
    COMPOSITES = "SELECT role_id, child_id FROM role_composite WHERE realm_id = $1 ORDER BY role_id, child_id";
    INSERT = "INSERT INTO role (realm_id, id, client_id, name, doc, ver) VALUES ($1, $2, $3, $4, $5, $6)";
    UPDATE = "UPDATE role SET name = $4, doc = $5, ver = ver + 1 \
               WHERE realm_id = $1 AND id = $2 AND ver = $3 RETURNING ver";
    DELETE = "DELETE FROM role WHERE realm_id = $1 AND id = $2";
    DELETE_COMPOSITE = "DELETE FROM role_composite WHERE realm_id = $1 AND role_id = $2";
    DELETE_CHILD = "DELETE FROM role_composite WHERE realm_id = $1 AND child_id = $2";
    DELETE_OF_USERS = "DELETE FROM usr_role WHERE realm_id = $1 AND role_id = $2";
    DELETE_OF_GROUPS = "DELETE FROM grp_role WHERE realm_id = $1 AND role_id = $2";
    DELETE_OF_SCOPES = "DELETE FROM scope_role WHERE realm_id = $1 AND role_id = $2";
    DELETE_OF_CLIENTS = "DELETE FROM client_role WHERE realm_id = $1 AND role_id = $2";
    USERS_WITH = "SELECT u.doc, u.ver FROM usr_role r JOIN usr u ON u.realm_id = r.realm_id AND u.id = r.usr_id \
                   WHERE r.realm_id = $1 AND r.role_id = $2 ORDER BY u.username LIMIT $3 OFFSET $4";
    GROUPS_WITH = "SELECT g.id FROM grp_role r JOIN grp g ON g.realm_id = r.realm_id AND g.id = r.grp_id \
                    WHERE r.realm_id = $1 AND r.role_id = $2 ORDER BY g.name, g.id LIMIT $3 OFFSET $4";
}

/// All roles of a realm and of its clients, with what they include.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source, realm: &RealmId) -> Result<Vec<Versioned<Role>>, Error> {
    let rows = on.rows(LIST, args![realm.as_str()]).await?;
    let mut roles = rows.iter().map(|row| from_row(LIST, row)).collect::<Result<Vec<_>, _>>()?;
    let mut included: HashMap<String, Vec<RoleId>> = HashMap::new();
    for row in on.rows(COMPOSITES, args![realm.as_str()]).await? {
        included.entry(row.text(COMPOSITES, 0)?).or_default().push(row.id(COMPOSITES, 1)?);
    }
    for role in &mut roles {
        role.value.composites = included.remove(role.value.id.as_str()).unwrap_or_default();
    }
    Ok(roles)
}

/// The role of that id, with what it includes.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find(on: &impl Source, realm: &RealmId, id: &RoleId) -> Result<Option<Versioned<Role>>, Error> {
    let Some(row) = on.row(FIND, args![realm.as_str(), id.as_str()]).await? else { return Ok(None) };
    let mut role = from_row(FIND, &row)?;
    role.value.composites = role_lists::list(on, realm, RolesOf::Role(id)).await?;
    Ok(Some(role))
}

/// Inserts a role with what it includes and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its id, or its name in the realm or client, is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, role: &Role) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    let client = role.client.as_ref().map_or("", |client| client.as_str());
    tx.exec(INSERT, args![realm.as_str(), role.id.as_str(), client, &role.name, to_doc(role)?, ver]).await?;
    role_lists::add(tx, realm, RolesOf::Role(&role.id), &role.composites).await?;
    Ok(ver)
}

/// Replaces a role, but for what it includes, and returns its new version. A role never changes its client.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more, or the name is taken.
pub async fn update(tx: &Tx, realm: &RealmId, role: &Role, ver: i64) -> Result<i64, Error> {
    let args = args![realm.as_str(), role.id.as_str(), ver, &role.name, to_doc(role)?];
    let row = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?;
    touch(tx, realm);
    row.int(UPDATE, 0)
}

/// Deletes a role and takes it from everyone. Says whether it was there.
///
/// Cached users may name it a while longer; an id that no role has grants nothing.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, id: &RoleId) -> Result<bool, Error> {
    for sql in [
        DELETE_COMPOSITE,
        DELETE_CHILD,
        DELETE_OF_USERS,
        DELETE_OF_GROUPS,
        DELETE_OF_SCOPES,
        DELETE_OF_CLIENTS,
    ] {
        tx.exec(sql, args![realm.as_str(), id.as_str()]).await?;
    }
    touch(tx, realm);
    Ok(tx.exec(DELETE, args![realm.as_str(), id.as_str()]).await? > 0)
}

/// A page of the users who hold a role directly, by user name.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn users_with(
    on: &impl Source,
    realm: &RealmId,
    id: &RoleId,
    first: i64,
    max: i64,
) -> Result<Vec<Versioned<User>>, Error> {
    let rows = on.rows(USERS_WITH, args![realm.as_str(), id.as_str(), max.max(0), first.max(0)]).await?;
    rows.iter()
        .map(|row| Ok(Versioned { value: doc::read(USERS_WITH, row, 0)?, ver: row.int(USERS_WITH, 1)? }))
        .collect()
}

/// A page of the groups that hold a role directly, by name.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn groups_with(
    on: &impl Source,
    realm: &RealmId,
    id: &RoleId,
    first: i64,
    max: i64,
) -> Result<Vec<GroupId>, Error> {
    let rows = on.rows(GROUPS_WITH, args![realm.as_str(), id.as_str(), max.max(0), first.max(0)]).await?;
    rows.iter().map(|row| row.id(GROUPS_WITH, 0)).collect()
}

fn touch(tx: &Tx, realm: &RealmId) {
    tx.changed(Kind::Realm, realm.as_str(), realm.as_str(), None);
}

fn to_doc(role: &Role) -> Result<String, Error> {
    doc::write(&Role { composites: Vec::new(), ..role.clone() })
}

fn from_row(sql: Sql, row: &Row) -> Result<Versioned<Role>, Error> {
    Ok(Versioned { value: doc::read(sql, row, 0)?, ver: row.int(sql, 1)? })
}
