//! Small documents of the server itself, such as who formed the cluster; written by compare-and-swap.

use crate::{Db, Error, Source, Tx, Versioned, source::args, sql::statements};

statements! {
    FIND = "SELECT doc, ver FROM server_state WHERE name = $1";
    INSERT = "INSERT INTO server_state (name, doc, ver) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    UPDATE = "UPDATE server_state SET doc = $3, ver = ver + 1 WHERE name = $1 AND ver = $2";
}

/// The document of that name.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find(on: &impl Source, name: &str) -> Result<Option<Versioned<String>>, Error> {
    let row = on.row(FIND, args![name]).await?;
    row.map(|row| Ok(Versioned { value: row.text(FIND, 0)?, ver: row.int(FIND, 1)? })).transpose()
}

/// Writes a document if it is still at `ver`, or not there for `None`. Says whether it did.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn put(db: &Db, name: &str, doc: &str, ver: Option<i64>) -> Result<bool, Error> {
    let changed = match ver {
        None => db.exec_alone(INSERT, args![name, doc, Tx::first_ver()]).await?,
        Some(ver) => db.exec_alone(UPDATE, args![name, ver, doc]).await?,
    };
    Ok(changed > 0)
}
