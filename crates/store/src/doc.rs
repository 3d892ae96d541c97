//! Entities as `doc` texts, their secrets sealed.

use keyraft_model::Secrets;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Sql, source::Row};

/// A value with the version of its row, which an update must present.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The version of its row. Rises with each change, also over deletion and new insertion.
    pub ver: i64,
}

/// Why a secret did not seal or open; says where, never what.
#[derive(Debug, thiserror::Error)]
#[error("{table}/{row}/{column}: {reason}")]
pub struct SealError {
    /// The table.
    pub table: String,
    /// The row's key.
    pub row: String,
    /// The column and member.
    pub column: String,
    /// Why, in words.
    pub reason: String,
}

/// Seals secrets before they are written and opens them after they are read.
///
/// A sealed text is bound to its table, row and column, so that it opens nowhere else.
pub trait Sealer: Send + Sync + std::fmt::Debug {
    /// Seals a text for one place.
    ///
    /// # Errors
    /// When there is no key to seal with.
    fn seal(&self, table: &str, row: &str, column: &str, plain: &str) -> Result<String, SealError>;

    /// Opens a text sealed for that place.
    ///
    /// # Errors
    /// When the key is unknown, or the text was changed or moved.
    fn open(&self, table: &str, row: &str, column: &str, sealed: &str) -> Result<String, SealError>;
}

/// An entity as its `doc`.
pub(crate) fn write<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|source| Error::Corrupt { statement: "doc", source: Box::new(source) })
}

/// An entity from its `doc` in column `column`.
pub(crate) fn read<T: DeserializeOwned>(sql: Sql, row: &Row, column: usize) -> Result<T, Error> {
    let text = row.text(sql, column)?;
    serde_json::from_str(&text)
        .map_err(|source| Error::Corrupt { statement: sql.name, source: Box::new(source) })
}

/// An entity with secrets as its `doc`.
pub(crate) fn write_sealed<T>(sealer: &dyn Sealer, table: &str, row: &str, value: &T) -> Result<String, Error>
where
    T: Secrets + Serialize + Clone,
{
    let mut value = value.clone();
    visit(&mut value, |member, text| sealer.seal(table, row, &format!("doc.{member}"), text))?;
    write(&value)
}

/// An entity with secrets from its `doc` in column `column`.
pub(crate) fn read_sealed<T>(
    sealer: &dyn Sealer,
    table: &str,
    key: &str,
    (sql, row, column): (Sql, &Row, usize),
) -> Result<T, Error>
where
    T: Secrets + DeserializeOwned,
{
    let mut value = read(sql, row, column)?;
    visit(&mut value, |member, text| sealer.open(table, key, &format!("doc.{member}"), text))?;
    Ok(value)
}

fn visit(
    value: &mut impl Secrets,
    change: impl Fn(&str, &str) -> Result<String, SealError>,
) -> Result<(), Error> {
    let mut refusal = None;
    value.visit_secrets(&mut |member, text| match change(member, text) {
        Ok(changed) => *text = changed,
        Err(error) => {
            // What cannot be opened must not travel on as if it were the secret.
            text.clear();
            refusal = Some(error);
        }
    });
    refusal.map_or(Ok(()), |error| Err(Error::Seal(error)))
}
