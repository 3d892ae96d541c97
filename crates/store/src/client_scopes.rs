//! Client scopes, the roles they let into tokens, and which of them a realm gives to new clients.

use keyraft_model::{ClientScope, ClientUuid, RealmId, ScopeId};

use crate::{
    Error, Source, Tx, Versioned,
    changes::Kind,
    doc, role_lists,
    role_lists::RolesOf,
    source::{Row, args},
    sql::{Sql, statements},
};

statements! {
    LIST = "SELECT doc, ver FROM client_scope WHERE realm_id = $1 ORDER BY name";
    FIND = "SELECT doc, ver FROM client_scope WHERE realm_id = $1 AND id = $2";
    INSERT = "INSERT INTO client_scope (realm_id, id, name, doc, ver) VALUES ($1, $2, $3, $4, $5)";
    UPDATE = "UPDATE client_scope SET name = $4, doc = $5, ver = ver + 1 \
               WHERE realm_id = $1 AND id = $2 AND ver = $3 RETURNING ver";
    DELETE = "DELETE FROM client_scope WHERE realm_id = $1 AND id = $2";
    DELETE_ROLES = "DELETE FROM scope_role WHERE realm_id = $1 AND scope_id = $2";
    ALL_ROLES = "SELECT scope_id, role_id FROM scope_role WHERE realm_id = $1 ORDER BY scope_id, role_id";
    USED_BY = "SELECT client_id FROM client_uses_scope WHERE realm_id = $1 AND scope_id = $2 ORDER BY client_id";
    REALM_LIST = "SELECT scope_id, is_default FROM realm_scope WHERE realm_id = $1 ORDER BY pos, scope_id";
    REALM_LAST = "SELECT pos FROM realm_scope WHERE realm_id = $1 ORDER BY pos DESC, scope_id DESC LIMIT 1";
    REALM_ADD = "INSERT INTO realm_scope (realm_id, scope_id, is_default, pos) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (realm_id, scope_id) DO UPDATE SET is_default = excluded.is_default";
    REALM_REMOVE = "DELETE FROM realm_scope WHERE realm_id = $1 AND scope_id = $2";
}

/// All client scopes of a realm, by name, with their scope mappings.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source, realm: &RealmId) -> Result<Vec<Versioned<ClientScope>>, Error> {
    let rows = on.rows(LIST, args![realm.as_str()]).await?;
    let mut scopes = rows.iter().map(|row| from_row(LIST, row)).collect::<Result<Vec<_>, _>>()?;
    for row in on.rows(ALL_ROLES, args![realm.as_str()]).await? {
        let id: ScopeId = row.id(ALL_ROLES, 0)?;
        if let Some(scope) = scopes.iter_mut().find(|scope| scope.value.id == id) {
            scope.value.scope_mappings.push(row.id(ALL_ROLES, 1)?);
        }
    }
    Ok(scopes)
}

/// The client scope of that id, with its scope mappings.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find(
    on: &impl Source,
    realm: &RealmId,
    id: &ScopeId,
) -> Result<Option<Versioned<ClientScope>>, Error> {
    let Some(row) = on.row(FIND, args![realm.as_str(), id.as_str()]).await? else { return Ok(None) };
    let mut scope = from_row(FIND, &row)?;
    scope.value.scope_mappings = role_lists::list(on, realm, RolesOf::Scope(id)).await?;
    Ok(Some(scope))
}

/// Inserts a client scope with its scope mappings and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its id or name is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, scope: &ClientScope) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    let args = args![realm.as_str(), scope.id.as_str(), &scope.name, to_doc(scope)?, ver];
    tx.exec(INSERT, args).await?;
    role_lists::add(tx, realm, RolesOf::Scope(&scope.id), &scope.scope_mappings).await?;
    Ok(ver)
}

/// Replaces a client scope, but for its scope mappings, and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more, or the name is taken.
pub async fn update(tx: &Tx, realm: &RealmId, scope: &ClientScope, ver: i64) -> Result<i64, Error> {
    let args = args![realm.as_str(), scope.id.as_str(), ver, &scope.name, to_doc(scope)?];
    let row = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?;
    touch(tx, realm);
    row.int(UPDATE, 0)
}

/// Deletes a client scope, also from the realm's lists. Clients that use it ([`used_by`]) are the caller's care.
/// Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, id: &ScopeId) -> Result<bool, Error> {
    for sql in [DELETE_ROLES, REALM_REMOVE] {
        tx.exec(sql, args![realm.as_str(), id.as_str()]).await?;
    }
    touch(tx, realm);
    Ok(tx.exec(DELETE, args![realm.as_str(), id.as_str()]).await? > 0)
}

/// Clients that have the scope as default or optional.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn used_by(on: &impl Source, realm: &RealmId, id: &ScopeId) -> Result<Vec<ClientUuid>, Error> {
    let rows = on.rows(USED_BY, args![realm.as_str(), id.as_str()]).await?;
    rows.iter().map(|row| row.id(USED_BY, 0)).collect()
}

/// The client scopes that new clients of a realm get (first) and may ask for (second), in their order.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn of_realm(on: &impl Source, realm: &RealmId) -> Result<(Vec<ScopeId>, Vec<ScopeId>), Error> {
    let (mut defaults, mut optionals) = (Vec::new(), Vec::new());
    for row in on.rows(REALM_LIST, args![realm.as_str()]).await? {
        let list = if row.bool(REALM_LIST, 1)? { &mut defaults } else { &mut optionals };
        list.push(row.id(REALM_LIST, 0)?);
    }
    Ok((defaults, optionals))
}

/// Puts a scope at the end of a realm's list, or moves it from the other one.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn add_to_realm(tx: &Tx, realm: &RealmId, id: &ScopeId, is_default: bool) -> Result<(), Error> {
    let last = tx.row(REALM_LAST, args![realm.as_str()]).await?;
    let pos = last.map_or(Ok(0), |row| row.int(REALM_LAST, 0).map(|pos| pos + 1))?;
    tx.exec(REALM_ADD, args![realm.as_str(), id.as_str(), is_default, pos]).await?;
    touch(tx, realm);
    Ok(())
}

/// Takes a scope out of the realm's lists.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn remove_from_realm(tx: &Tx, realm: &RealmId, id: &ScopeId) -> Result<(), Error> {
    tx.exec(REALM_REMOVE, args![realm.as_str(), id.as_str()]).await?;
    touch(tx, realm);
    Ok(())
}

fn touch(tx: &Tx, realm: &RealmId) {
    tx.changed(Kind::Realm, realm.as_str(), realm.as_str(), None);
}

fn to_doc(scope: &ClientScope) -> Result<String, Error> {
    // Scope mappings are rows: a second copy here would only go stale.
    doc::write(&ClientScope { scope_mappings: Vec::new(), ..scope.clone() })
}

fn from_row(sql: Sql, row: &Row) -> Result<Versioned<ClientScope>, Error> {
    Ok(Versioned { value: doc::read(sql, row, 0)?, ver: row.int(sql, 1)? })
}
