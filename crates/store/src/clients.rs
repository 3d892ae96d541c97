//! Clients, and the roles that their tokens may carry.

use keyraft_model::{Client, ClientUuid, RealmId, RoleId};

use crate::{
    Error, Source, Tx, Versioned,
    changes::Kind,
    doc,
    source::{Row, args},
    sql::{Sql, statements},
};

statements! {
    FIND = "SELECT id, doc, ver FROM client WHERE realm_id = $1 AND id = $2";
    FIND_BY_CLIENT_ID = "SELECT id, doc, ver FROM client WHERE realm_id = $1 AND client_id = $2";
    LIST = "SELECT id, doc, ver FROM client WHERE realm_id = $1 ORDER BY client_id LIMIT $2 OFFSET $3";
    SEARCH = "SELECT id, doc, ver FROM client \
               WHERE realm_id = $1 AND client_id_key LIKE $2 ESCAPE '!' ORDER BY client_id LIMIT $3 OFFSET $4";
    COUNT = "SELECT count(*) FROM client WHERE realm_id = $1";
    INSERT = "INSERT INTO client (realm_id, id, client_id, client_id_key, doc, ver) \
              VALUES ($1, $2, $3, $4, $5, $6)";
    UPDATE = "UPDATE client SET client_id = $4, client_id_key = $5, doc = $6, ver = ver + 1 \
               WHERE realm_id = $1 AND id = $2 AND ver = $3 RETURNING ver";
    DELETE = "DELETE FROM client WHERE realm_id = $1 AND id = $2";
    DELETE_SCOPE_MAPPINGS = "DELETE FROM client_role WHERE realm_id = $1 AND client_id = $2";
    DELETE_CONSENTS = "DELETE FROM consent WHERE realm_id = $1 AND client_id = $2";
    LIST_ROLES = "SELECT id FROM role WHERE realm_id = $1 AND client_id = $2 ORDER BY id";
    ALL_SCOPE_MAPPINGS = "SELECT client_id, role_id FROM client_role WHERE realm_id = $1 ORDER BY client_id, role_id";
    DELETE_USES = "DELETE FROM client_uses_scope WHERE realm_id = $1 AND client_id = $2";
    INSERT_USE = "INSERT INTO client_uses_scope (realm_id, scope_id, client_id) VALUES ($1, $2, $3) \
                  ON CONFLICT (realm_id, scope_id, client_id) DO NOTHING";
}

/// The client of that id, disabled ones included.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn find(
    on: &impl Source,
    realm: &RealmId,
    id: &ClientUuid,
) -> Result<Option<Versioned<Client>>, Error> {
    let row = on.row(FIND, args![realm.as_str(), id.as_str()]).await?;
    row.map(|row| from_row(on, realm, FIND, &row)).transpose()
}

/// The client of that RFC 6749 `client_id`, disabled ones included; case counts.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn find_by_client_id(
    on: &impl Source,
    realm: &RealmId,
    client_id: &str,
) -> Result<Option<Versioned<Client>>, Error> {
    let row = on.row(FIND_BY_CLIENT_ID, args![realm.as_str(), client_id]).await?;
    row.map(|row| from_row(on, realm, FIND_BY_CLIENT_ID, &row)).transpose()
}

/// A page of clients by `client_id`; all without `max`. `search` finds what contains it, case ignored.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Seal`].
pub async fn list(
    on: &impl Source,
    realm: &RealmId,
    search: Option<&str>,
    first: i64,
    max: Option<i64>,
) -> Result<Vec<Versioned<Client>>, Error> {
    let (max, first) = (max.filter(|max| *max >= 0).unwrap_or(i64::MAX), first.max(0));
    let (sql, rows) = match search {
        None => (LIST, on.rows(LIST, args![realm.as_str(), max, first]).await?),
        Some(text) => {
            let pattern = crate::users::search::infix(text);
            (SEARCH, on.rows(SEARCH, args![realm.as_str(), pattern, max, first]).await?)
        }
    };
    rows.iter().map(|row| from_row(on, realm, sql, row)).collect()
}

/// How many clients a realm has.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn count(on: &impl Source, realm: &RealmId) -> Result<i64, Error> {
    on.row(COUNT, args![realm.as_str()]).await?.map_or(Ok(0), |row| row.int(COUNT, 0))
}

/// Inserts a client and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its id or `client_id` is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, client: &Client) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    let doc = doc::write_sealed(tx.sealer(), "client", &key(realm, client.id.as_str()), client)?;
    let folded = keyraft_model::text::lower(&client.client_id);
    let args = args![realm.as_str(), client.id.as_str(), &client.client_id, folded, doc, ver];
    tx.exec(INSERT, args).await?;
    insert_uses(tx, realm, client).await?;
    tx.changed(Kind::Client, realm.as_str(), client.id.as_str(), Some(ver));
    Ok(ver)
}

/// Replaces a client and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more, or the `client_id` is taken.
pub async fn update(tx: &Tx, realm: &RealmId, client: &Client, ver: i64) -> Result<i64, Error> {
    let doc = doc::write_sealed(tx.sealer(), "client", &key(realm, client.id.as_str()), client)?;
    let folded = keyraft_model::text::lower(&client.client_id);
    let args = args![realm.as_str(), client.id.as_str(), ver, &client.client_id, folded, doc];
    let ver = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?.int(UPDATE, 0)?;
    tx.exec(DELETE_USES, args![realm.as_str(), client.id.as_str()]).await?;
    insert_uses(tx, realm, client).await?;
    tx.changed(Kind::Client, realm.as_str(), client.id.as_str(), Some(ver));
    Ok(ver)
}

/// Deletes a client with its roles, consents, scope mappings and service account. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, id: &ClientUuid) -> Result<bool, Error> {
    for row in tx.rows(LIST_ROLES, args![realm.as_str(), id.as_str()]).await? {
        crate::roles::delete(tx, realm, &row.id(LIST_ROLES, 0)?).await?;
    }
    if let Some(account) = crate::users::find_service_account(tx, realm, id).await? {
        crate::users::delete(tx, realm, &account.value.id).await?;
    }
    for sql in [DELETE_SCOPE_MAPPINGS, DELETE_CONSENTS, DELETE_USES] {
        tx.exec(sql, args![realm.as_str(), id.as_str()]).await?;
    }
    let is_gone = tx.exec(DELETE, args![realm.as_str(), id.as_str()]).await? > 0;
    tx.changed(Kind::Client, realm.as_str(), id.as_str(), Some(Tx::first_ver()));
    Ok(is_gone)
}

/// The scope mappings of all clients of a realm, by client.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn all_scope_mappings(
    on: &impl Source,
    realm: &RealmId,
) -> Result<Vec<(ClientUuid, RoleId)>, Error> {
    let rows = on.rows(ALL_SCOPE_MAPPINGS, args![realm.as_str()]).await?;
    rows.iter().map(|row| Ok((row.id(ALL_SCOPE_MAPPINGS, 0)?, row.id(ALL_SCOPE_MAPPINGS, 1)?))).collect()
}

/// Rows that say which client scopes a client uses: whoever deletes a scope asks them.
async fn insert_uses(tx: &Tx, realm: &RealmId, client: &Client) -> Result<(), Error> {
    for scope in client.default_client_scopes.iter().chain(&client.optional_client_scopes) {
        tx.exec(INSERT_USE, args![realm.as_str(), scope.as_str(), client.id.as_str()]).await?;
    }
    Ok(())
}

fn from_row(on: &impl Source, realm: &RealmId, sql: Sql, row: &Row) -> Result<Versioned<Client>, Error> {
    let key = key(realm, &row.text(sql, 0)?);
    let value = doc::read_sealed(on.sealer(), "client", &key, (sql, row, 1))?;
    Ok(Versioned { value, ver: row.int(sql, 2)? })
}

fn key(realm: &RealmId, id: &str) -> String {
    format!("{realm}/{id}")
}
