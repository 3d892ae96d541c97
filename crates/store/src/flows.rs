//! Authentication flows with their executions, and configurations of authenticators.

use keyraft_model::{AuthenticatorConfig, Flow, FlowId, RealmId};

use crate::{
    Error, Source, Tx, Versioned,
    changes::Kind,
    doc,
    source::args,
    sql::{Sql, statements},
};

statements! {
    LIST = "SELECT doc, ver FROM flow WHERE realm_id = $1 ORDER BY alias";
    INSERT = "INSERT INTO flow (realm_id, id, alias, doc, ver) VALUES ($1, $2, $3, $4, $5)";
    UPDATE = "UPDATE flow SET alias = $4, doc = $5, ver = ver + 1 \
               WHERE realm_id = $1 AND id = $2 AND ver = $3 RETURNING ver";
    DELETE = "DELETE FROM flow WHERE realm_id = $1 AND id = $2";
    LIST_CONFIGS = "SELECT doc, ver FROM authenticator_config WHERE realm_id = $1 ORDER BY alias, id";
    INSERT_CONFIG = "INSERT INTO authenticator_config (realm_id, id, alias, doc, ver) VALUES ($1, $2, $3, $4, $5)";
    UPDATE_CONFIG = "UPDATE authenticator_config SET alias = $4, doc = $5, ver = ver + 1 \
                      WHERE realm_id = $1 AND id = $2 AND ver = $3 RETURNING ver";
    DELETE_CONFIG = "DELETE FROM authenticator_config WHERE realm_id = $1 AND id = $2";
}

/// All flows and sub-flows of a realm, by alias.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source, realm: &RealmId) -> Result<Vec<Versioned<Flow>>, Error> {
    let rows = on.rows(LIST, args![realm.as_str()]).await?;
    rows.iter().map(|row| Ok(Versioned { value: doc::read(LIST, row, 0)?, ver: row.int(LIST, 1)? })).collect()
}

/// Inserts a flow with its executions and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its id or alias is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, flow: &Flow) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    tx.exec(INSERT, args![realm.as_str(), flow.id.as_str(), &flow.alias, doc::write(flow)?, ver]).await?;
    touch(tx, realm);
    Ok(ver)
}

/// Replaces a flow with its executions and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more, or the alias is taken.
pub async fn update(tx: &Tx, realm: &RealmId, flow: &Flow, ver: i64) -> Result<i64, Error> {
    replace(tx, UPDATE, (realm, &flow.id, ver), &flow.alias, doc::write(flow)?).await
}

/// Deletes a flow; its sub-flows and configurations are the caller's care. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, id: &FlowId) -> Result<bool, Error> {
    touch(tx, realm);
    Ok(tx.exec(DELETE, args![realm.as_str(), id.as_str()]).await? > 0)
}

/// All authenticator configurations of a realm, by alias.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_configs(
    on: &impl Source,
    realm: &RealmId,
) -> Result<Vec<Versioned<AuthenticatorConfig>>, Error> {
    let sql = LIST_CONFIGS;
    let rows = on.rows(sql, args![realm.as_str()]).await?;
    rows.iter().map(|row| Ok(Versioned { value: doc::read(sql, row, 0)?, ver: row.int(sql, 1)? })).collect()
}

/// Inserts an authenticator's configuration and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its id is taken.
pub async fn insert_config(tx: &Tx, realm: &RealmId, config: &AuthenticatorConfig) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    let args = args![realm.as_str(), config.id.as_str(), &config.alias, doc::write(config)?, ver];
    tx.exec(INSERT_CONFIG, args).await?;
    touch(tx, realm);
    Ok(ver)
}

/// Replaces an authenticator's configuration and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more.
pub async fn update_config(
    tx: &Tx,
    realm: &RealmId,
    config: &AuthenticatorConfig,
    ver: i64,
) -> Result<i64, Error> {
    replace(tx, UPDATE_CONFIG, (realm, &config.id, ver), &config.alias, doc::write(config)?).await
}

/// Deletes an authenticator's configuration. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete_config(tx: &Tx, realm: &RealmId, id: &FlowId) -> Result<bool, Error> {
    touch(tx, realm);
    Ok(tx.exec(DELETE_CONFIG, args![realm.as_str(), id.as_str()]).await? > 0)
}

async fn replace(
    tx: &Tx,
    sql: Sql,
    (realm, id, ver): (&RealmId, &FlowId, i64),
    alias: &str,
    doc: String,
) -> Result<i64, Error> {
    let row = tx.row(sql, args![realm.as_str(), id.as_str(), ver, alias, doc]).await?;
    touch(tx, realm);
    row.ok_or_else(|| Error::stale(sql))?.int(sql, 0)
}

fn touch(tx: &Tx, realm: &RealmId) {
    tx.changed(Kind::Realm, realm.as_str(), realm.as_str(), None);
}
