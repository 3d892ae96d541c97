//! What users allowed clients to ask for.

use keyraft_model::{ClientUuid, Consent, RealmId, UserId};

use crate::{Error, Source, Tx, doc, source::args, sql::statements, users::touch};

statements! {
    LIST = "SELECT doc FROM consent WHERE realm_id = $1 AND usr_id = $2 ORDER BY client_id";
    FIND = "SELECT doc FROM consent WHERE realm_id = $1 AND usr_id = $2 AND client_id = $3";
    PUT = "INSERT INTO consent (realm_id, usr_id, client_id, doc, ver) VALUES ($1, $2, $3, $4, $5) \
           ON CONFLICT (realm_id, usr_id, client_id) DO UPDATE SET doc = excluded.doc, ver = consent.ver + 1";
    DELETE = "DELETE FROM consent WHERE realm_id = $1 AND usr_id = $2 AND client_id = $3";
}

/// All consents of a user, by client.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source, realm: &RealmId, user: &UserId) -> Result<Vec<Consent>, Error> {
    let rows = on.rows(LIST, args![realm.as_str(), user.as_str()]).await?;
    rows.iter().map(|row| doc::read(LIST, row, 0)).collect()
}

/// What a user allowed one client.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find(
    on: &impl Source,
    realm: &RealmId,
    user: &UserId,
    client: &ClientUuid,
) -> Result<Option<Consent>, Error> {
    let row = on.row(FIND, args![realm.as_str(), user.as_str(), client.as_str()]).await?;
    row.map(|row| doc::read(FIND, &row, 0)).transpose()
}

/// Writes what a user allowed a client, in place of what he had allowed it.
///
/// # Errors
/// [`Error::Unavailable`]; [`Error::Corrupt`] when there is no such user.
pub async fn put(tx: &Tx, realm: &RealmId, user: &UserId, consent: &Consent) -> Result<(), Error> {
    let doc = doc::write(consent)?;
    let ver = Tx::first_ver();
    tx.exec(PUT, args![realm.as_str(), user.as_str(), consent.client.as_str(), doc, ver]).await?;
    touch(tx, realm, user);
    Ok(())
}

/// Withdraws what a user allowed a client. Says whether there was anything.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(tx: &Tx, realm: &RealmId, user: &UserId, client: &ClientUuid) -> Result<bool, Error> {
    touch(tx, realm, user);
    Ok(tx.exec(DELETE, args![realm.as_str(), user.as_str(), client.as_str()]).await? > 0)
}
