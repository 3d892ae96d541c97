//! Rows that say what changed, from the transaction that changed it until the log has it.

use std::time::Duration;

use crate::{
    Db, Error, Source, Tx, clock,
    source::{Row, args},
    sql::statements,
};

pub use crate::notes::Kind;

statements! {
    INSERT = "INSERT INTO change (bucket, id, realm_id, kind, entity, ver, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    FIND = "SELECT ver FROM change WHERE bucket = $1 AND id = $2";
    LIST = "SELECT id, bucket, realm_id, kind, entity, ver, at_ms FROM change \
             WHERE (bucket, at_ms, id) > ($1, $2, $3) ORDER BY bucket, at_ms, id LIMIT $4";
    DELETE = "DELETE FROM change WHERE bucket = $1 AND id = $2";
}

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

/// A change whose row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The change.
    pub change: Change,
    /// How long ago it was written, by the clocks of its node and of this one, which may differ.
    pub age: Duration,
}

/// Where a page ended. The default is before all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    bucket: i64,
    at_ms: i64,
    id: String,
}

/// A page of the changes whose rows stand: `limit` rows behind `after`, and where it ended if there may be more.
///
/// They are under way, or left for somebody else to tell because their node died before it did, or told for it.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list(
    on: &impl Source,
    after: &Place,
    limit: i64,
) -> Result<(Vec<Standing>, Option<Place>), Error> {
    let rows = on.rows(LIST, args![after.bucket, after.at_ms, &after.id, limit]).await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= limit);
    let end = match rows.last().filter(|_| is_full) {
        Some(row) => {
            Some(Place { id: row.text(LIST, 0)?, bucket: row.int(LIST, 1)?, at_ms: row.int(LIST, 6)? })
        }
        None => None,
    };
    Ok((standing(&rows)?, end))
}

/// For so long (in milliseconds) a row that its own node does not take away has to stand at least: it may have to tell
/// that node that its transaction was committed.
pub const STAY_MS: i64 = 60_000;

/// A kind of a newer release means nothing to this one, and is left out.
fn standing(rows: &[Row]) -> Result<Vec<Standing>, Error> {
    let now = clock::now_ms();
    let mut standing = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(kind) = Kind::parse(&row.text(LIST, 3)?) else { continue };
        let change = Change {
            id: row.text(LIST, 0)?,
            realm: row.text(LIST, 2)?,
            kind,
            entity: row.text(LIST, 4)?,
            ver: row.int(LIST, 5)?,
        };
        let age = now.saturating_sub(row.int(LIST, 6)?);
        standing.push(Standing { change, age: Duration::from_millis(u64::try_from(age).unwrap_or(0)) });
    }
    Ok(standing)
}

/// Deletes the rows of changes that the log has: after a COMMIT that was answered at once, otherwise not before
/// [`STAY_MS`].
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
