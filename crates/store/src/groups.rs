//! Groups, their roles and members.

use std::collections::HashMap;

use keyraft_model::{Group, GroupId, RealmId, RoleId, User};

use crate::{
    Error, Source, Tx, Versioned,
    changes::Kind,
    doc, role_lists,
    role_lists::RolesOf,
    source::{Row, args},
    sql::{Sql, statements},
};

statements! {
    LIST = "SELECT doc, ver FROM grp WHERE realm_id = $1 ORDER BY parent_id, name";
    FIND = "SELECT doc, ver FROM grp WHERE realm_id = $1 AND id = $2";
    CHILDREN = "SELECT id FROM grp WHERE realm_id = $1 AND parent_id = $2 ORDER BY name";
    ALL_ROLES = "SELECT grp_id, role_id FROM grp_role WHERE realm_id = $1 ORDER BY grp_id, role_id";
    INSERT = "INSERT INTO grp (realm_id, id, parent_id, name, doc, ver) VALUES ($1, $2, $3, $4, $5, $6)";
    UPDATE = "UPDATE grp SET parent_id = $4, name = $5, doc = $6, ver = ver + 1 \
               WHERE realm_id = $1 AND id = $2 AND ver = $3 RETURNING ver";
    DELETE = "DELETE FROM grp WHERE realm_id = $1 AND id = $2";
    DELETE_ROLES = "DELETE FROM grp_role WHERE realm_id = $1 AND grp_id = $2";
    DELETE_MEMBERS = "DELETE FROM usr_grp WHERE realm_id = $1 AND grp_id = $2";
    MEMBERS = "SELECT u.doc, u.ver FROM usr_grp g JOIN usr u ON u.realm_id = g.realm_id AND u.id = g.usr_id \
                WHERE g.realm_id = $1 AND g.grp_id = $2 ORDER BY u.username LIMIT $3 OFFSET $4";
    COUNT_MEMBERS = "SELECT count(*) FROM usr_grp WHERE realm_id = $1 AND grp_id = $2";
}

/// All groups of a realm, with their roles; children after their parents is not promised.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source, realm: &RealmId) -> Result<Vec<Versioned<Group>>, Error> {
    let rows = on.rows(LIST, args![realm.as_str()]).await?;
    let mut groups = rows.iter().map(|row| from_row(LIST, row)).collect::<Result<Vec<_>, _>>()?;
    let mut held: HashMap<String, Vec<RoleId>> = HashMap::new();
    for row in on.rows(ALL_ROLES, args![realm.as_str()]).await? {
        held.entry(row.text(ALL_ROLES, 0)?).or_default().push(row.id(ALL_ROLES, 1)?);
    }
    for group in &mut groups {
        group.value.roles = held.remove(group.value.id.as_str()).unwrap_or_default();
    }
    Ok(groups)
}

/// The group of that id, with its roles.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find(
    on: &impl Source,
    realm: &RealmId,
    id: &GroupId,
) -> Result<Option<Versioned<Group>>, Error> {
    let Some(row) = on.row(FIND, args![realm.as_str(), id.as_str()]).await? else { return Ok(None) };
    let mut group = from_row(FIND, &row)?;
    group.value.roles = role_lists::list(on, realm, RolesOf::Group(id)).await?;
    Ok(Some(group))
}

/// Inserts a group with its roles and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its id, or its name among its siblings, is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, group: &Group) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    let args = args![realm.as_str(), group.id.as_str(), parent(group), &group.name, to_doc(group)?, ver];
    tx.exec(INSERT, args).await?;
    role_lists::add(tx, realm, RolesOf::Group(&group.id), &group.roles).await?;
    Ok(ver)
}

/// Replaces a group, its place in the tree included but not its roles, and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more, or the name is taken among its siblings.
pub async fn update(tx: &Tx, realm: &RealmId, group: &Group, ver: i64) -> Result<i64, Error> {
    let args = args![realm.as_str(), group.id.as_str(), ver, parent(group), &group.name, to_doc(group)?];
    let row = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?;
    touch(tx, realm);
    row.int(UPDATE, 0)
}

/// Deletes a group with all below it. Says whether it was there.
///
/// Cached users may name it a while longer; an id that no group has grants nothing.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, id: &GroupId) -> Result<bool, Error> {
    let mut doomed = vec![id.clone()];
    let mut is_gone = false;
    // Children join the list before their parent's row goes; a circle ends because its rows are gone.
    while let Some(id) = doomed.pop() {
        for row in tx.rows(CHILDREN, args![realm.as_str(), id.as_str()]).await? {
            doomed.push(row.id(CHILDREN, 0)?);
        }
        for sql in [DELETE_ROLES, DELETE_MEMBERS] {
            tx.exec(sql, args![realm.as_str(), id.as_str()]).await?;
        }
        is_gone |= tx.exec(DELETE, args![realm.as_str(), id.as_str()]).await? > 0;
    }
    touch(tx, realm);
    Ok(is_gone)
}

/// A page of the direct members of a group, by user name.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn members(
    on: &impl Source,
    realm: &RealmId,
    id: &GroupId,
    first: i64,
    max: i64,
) -> Result<Vec<Versioned<User>>, Error> {
    let rows = on.rows(MEMBERS, args![realm.as_str(), id.as_str(), max.max(0), first.max(0)]).await?;
    rows.iter()
        .map(|row| Ok(Versioned { value: doc::read(MEMBERS, row, 0)?, ver: row.int(MEMBERS, 1)? }))
        .collect()
}

/// How many direct members a group has.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn count_members(on: &impl Source, realm: &RealmId, id: &GroupId) -> Result<i64, Error> {
    let row = on.row(COUNT_MEMBERS, args![realm.as_str(), id.as_str()]).await?;
    row.map_or(Ok(0), |row| row.int(COUNT_MEMBERS, 0))
}

fn parent(group: &Group) -> &str {
    group.parent.as_ref().map_or("", |parent| parent.as_str())
}

fn touch(tx: &Tx, realm: &RealmId) {
    tx.changed(Kind::Realm, realm.as_str(), realm.as_str(), None);
}

fn to_doc(group: &Group) -> Result<String, Error> {
    doc::write(&Group { roles: Vec::new(), ..group.clone() })
}

fn from_row(sql: Sql, row: &Row) -> Result<Versioned<Group>, Error> {
    Ok(Versioned { value: doc::read(sql, row, 0)?, ver: row.int(sql, 1)? })
}
