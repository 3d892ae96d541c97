//! Data keys, wrapped by a master key that the database never sees.

use crate::{Db, Error, Source, clock, source::args, sql::statements};

statements! {
    LIST = "SELECT id, wrapped FROM data_key ORDER BY created_ms DESC, id";
    INSERT = "INSERT INTO data_key (id, wrapped, created_ms) VALUES ($1, $2, $3)";
    REWRAP = "UPDATE data_key SET wrapped = $3 WHERE id = $1 AND wrapped = $2";
    FIRST = "INSERT INTO data_key (id, wrapped, created_ms) SELECT $1, $2, $3 \
             WHERE NOT EXISTS (SELECT 1 FROM data_key) ON CONFLICT (id) DO NOTHING";
}

/// A wrapped data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its id.
    pub id: String,
    /// The key, sealed by a master key.
    pub wrapped: String,
}

/// All data keys, the newest first.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(on: &impl Source) -> Result<Vec<WrappedKey>, Error> {
    let rows = on.rows(LIST, args![]).await?;
    rows.iter().map(|row| Ok(WrappedKey { id: row.text(LIST, 0)?, wrapped: row.text(LIST, 1)? })).collect()
}

/// Inserts the first data key, unless there is one: of two nodes that start at once, one wins and both read it.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn insert_first(db: &Db, key: &WrappedKey) -> Result<(), Error> {
    db.write(async |tx| {
        tx.exec(FIRST, args![&key.id, &key.wrapped, clock::now_ms()]).await?;
        Ok::<_, Error>(())
    })
    .await
}

/// Inserts a further data key, which seals from now on.
///
/// # Errors
/// [`Error::Conflict`] when its id is taken; [`Error::Unavailable`].
pub async fn insert(db: &Db, key: &WrappedKey) -> Result<(), Error> {
    db.exec_alone(INSERT, args![&key.id, &key.wrapped, clock::now_ms()]).await.map(|_| ())
}

/// Replaces the wrapping of a key, if it is still the one that was read.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn rewrap(db: &Db, old: &WrappedKey, wrapped: &str) -> Result<(), Error> {
    db.exec_alone(REWRAP, args![&old.id, &old.wrapped, wrapped]).await.map(|_| ())
}
