//! Rows that say what changed, from the transaction that changed it until every node has heard.

use crate::{
    Db, Error, Source, Tx, clock,
    source::{Row, args},
    sql::{Sql, statements},
};

pub use crate::notes::Kind;

statements! {
    INSERT = "INSERT INTO change (bucket, id, realm_id, kind, entity, ver, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    FIND = "SELECT ver FROM change WHERE bucket = $1 AND id = $2";
    OLDER = "SELECT id, bucket, realm_id, kind, entity, ver FROM change \
              WHERE bucket = $1 AND at_ms < $2 ORDER BY bucket, at_ms, id LIMIT $3";
    RECENT = "SELECT id, bucket, realm_id, kind, entity, ver FROM change \
               WHERE bucket >= 0 AND at_ms >= $1 ORDER BY bucket, at_ms, id LIMIT $2";
    DELETE = "DELETE FROM change WHERE bucket = $1 AND id = $2";
    DELETE_OLDER = "DELETE FROM change WHERE bucket = $1 AND at_ms < $2";
}

/// Spread over this many ranges, so that rows of one moment do not all land in one place.
const BUCKETS: i64 = 16;

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its row.
    pub id: String,
    /// The realm that it is of.
    pub realm: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its id; the realm's own for a realm.
    pub entity: String,
    /// Its version now: no cache may hold an older one.
    pub ver: i64,
}

/// An id for a change: 32 random hexadecimal digits, of which the first is the bucket.
pub(crate) fn new_id() -> Result<String, Error> {
    let mut random = [0_u8; 16];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| Error::Refused("the operating system gives no randomness".into()))?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

/// Inserts the row of a change.
pub(crate) async fn insert(tx: &Tx, change: &Change) -> Result<(), Error> {
    let Change { id, realm, kind, entity, ver } = change;
    let at = clock::now_ms();
    tx.exec(INSERT, args![bucket(id), id, realm, kind.as_str(), entity, *ver, at]).await.map(|_| ())
}

/// Whether the row of a change stands.
pub(crate) async fn is_there(db: &Db, change: &Change) -> Result<bool, Error> {
    Ok(db.row(FIND, args![bucket(&change.id), &change.id]).await?.is_some())
}

/// Changes older than `at_ms` whose node may have died before it told the others, at most `limit` a bucket.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_older(on: &impl Source, at_ms: i64, limit: i64) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for bucket in 0..BUCKETS {
        let rows = on.rows(OLDER, args![bucket, at_ms, limit]).await?;
        changes.extend(from_rows(OLDER, &rows)?);
    }
    Ok(changes)
}

/// Changes of the last `window_ms`, by this node's clock, whoever made them; at most `limit`.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_recent(on: &impl Source, window_ms: i64, limit: i64) -> Result<Vec<Change>, Error> {
    let rows = on.rows(RECENT, args![clock::now_ms().saturating_sub(window_ms), limit]).await?;
    from_rows(RECENT, &rows)
}

/// For so long (in milliseconds) the row of a change has to tell that its transaction was committed.
pub const STAY_MS: i64 = 60_000;

/// Deletes changes older than `window_ms`, which every node has read by then; [`STAY_MS`] at least while others write.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn forget(db: &Db, window_ms: i64) -> Result<(), Error> {
    let before = clock::now_ms().saturating_sub(window_ms);
    for bucket in 0..BUCKETS {
        db.exec_alone(DELETE_OLDER, args![bucket, before]).await?;
    }
    Ok(())
}

/// A kind of a newer release means nothing to this one, and is left out.
fn from_rows(sql: Sql, rows: &[Row]) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(kind) = Kind::parse(&row.text(sql, 3)?) else { continue };
        changes.push(Change {
            id: row.text(sql, 0)?,
            realm: row.text(sql, 2)?,
            kind,
            entity: row.text(sql, 4)?,
            ver: row.int(sql, 5)?,
        });
    }
    Ok(changes)
}

/// Deletes the rows of changes that every node has heard of.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn delete(db: &Db, changes: &[Change]) -> Result<(), Error> {
    for change in changes {
        db.exec_alone(DELETE, args![bucket(&change.id), &change.id]).await?;
    }
    Ok(())
}

fn bucket(id: &str) -> i64 {
    i64::from(id.as_bytes().first().map_or(0, |digit| (*digit as char).to_digit(16).unwrap_or(0)))
}
