//! Required actions that a realm offers.

use keyraft_model::{RealmId, RequiredAction};

use crate::{Error, Source, Tx, Versioned, changes::Kind, doc, source::args, sql::statements};

statements! {
    LIST = "SELECT doc, ver FROM required_action WHERE realm_id = $1 ORDER BY prio, alias";
    INSERT = "INSERT INTO required_action (realm_id, alias, prio, doc, ver) VALUES ($1, $2, $3, $4, $5)";
    UPDATE = "UPDATE required_action SET prio = $4, doc = $5, ver = ver + 1 \
               WHERE realm_id = $1 AND alias = $2 AND ver = $3 RETURNING ver";
    DELETE = "DELETE FROM required_action WHERE realm_id = $1 AND alias = $2";
}

/// All required actions of a realm, by rising priority.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source, realm: &RealmId) -> Result<Vec<Versioned<RequiredAction>>, Error> {
    let rows = on.rows(LIST, args![realm.as_str()]).await?;
    rows.iter().map(|row| Ok(Versioned { value: doc::read(LIST, row, 0)?, ver: row.int(LIST, 1)? })).collect()
}

/// Inserts a required action and returns its version.
///
/// # Errors
/// [`Error::Conflict`] when its alias is taken.
pub async fn insert(tx: &Tx, realm: &RealmId, action: &RequiredAction) -> Result<i64, Error> {
    let ver = Tx::first_ver();
    tx.exec(INSERT, args![realm.as_str(), &action.alias, action.priority, doc::write(action)?, ver]).await?;
    touch(tx, realm);
    Ok(ver)
}

/// Replaces the required action of that alias and returns its new version.
///
/// # Errors
/// [`Error::Conflict`] when `ver` is not its version any more.
pub async fn update(tx: &Tx, realm: &RealmId, action: &RequiredAction, ver: i64) -> Result<i64, Error> {
    let args = args![realm.as_str(), &action.alias, ver, action.priority, doc::write(action)?];
    let row = tx.row(UPDATE, args).await?.ok_or_else(|| Error::stale(UPDATE))?;
    touch(tx, realm);
    row.int(UPDATE, 0)
}

/// Deletes a required action. Says whether it was there.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, alias: &str) -> Result<bool, Error> {
    touch(tx, realm);
    Ok(tx.exec(DELETE, args![realm.as_str(), alias]).await? > 0)
}

fn touch(tx: &Tx, realm: &RealmId) {
    tx.changed(Kind::Realm, realm.as_str(), realm.as_str(), None);
}
