//! Who forms the cluster of this database, and how often each member's disk was started.
//!
//! The row of an epoch is written once: whoever comes second reads who came first. Texts are JSON of the
//! caller's; nothing here looks into them.

use crate::{Db, Error, Source, clock, source::args, sql::statements};

statements! {
    NEWEST = "SELECT epoch, name, founders, members, members_at FROM cluster_epoch ORDER BY epoch DESC LIMIT 1";
    FORM = "INSERT INTO cluster_epoch (epoch, name, founders, members, members_at, formed_ms) \
            VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT (epoch) DO NOTHING";
    MEMBERS = "UPDATE cluster_epoch SET members = $3, members_at = $2 WHERE epoch = $1 AND members_at < $2";
    BOOT = "INSERT INTO cluster_boot (epoch, member, boot) VALUES ($1, $2, $3) \
            ON CONFLICT (epoch, member) DO UPDATE SET boot = excluded.boot \
             WHERE cluster_boot.boot < excluded.boot RETURNING boot";
}

/// The row of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: i64,
    /// The cluster's name.
    pub name: String,
    /// Who initialises it.
    pub founders: String,
    /// Who is in it now.
    pub members: String,
    /// Index of the log entry that says so.
    pub members_at: i64,
}

/// The newest epoch's row, if any cluster was ever formed here.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn newest(on: &impl Source) -> Result<Option<Epoch>, Error> {
    let row = on.row(NEWEST, args![]).await?;
    let epoch = |row: &crate::source::Row| {
        Ok(Epoch {
            epoch: row.int(NEWEST, 0)?,
            name: row.text(NEWEST, 1)?,
            founders: row.text(NEWEST, 2)?,
            members: row.text(NEWEST, 3)?,
            members_at: row.int(NEWEST, 4)?,
        })
    };
    row.as_ref().map(epoch).transpose()
}

/// Writes the row of an epoch unless it is there, and returns the newest, which may be another's.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn form(db: &Db, epoch: i64, name: &str, founders: &str, members: &str) -> Result<Epoch, Error> {
    db.exec_alone(FORM, args![epoch, name, founders, members, clock::now_ms()]).await?;
    newest(db).await?.ok_or(Error::OutcomeUnknown)
}

/// Writes who is in an epoch's cluster, as the entry at `at` says; older news than what stands is left aside.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn set_members(db: &Db, epoch: i64, at: i64, members: &str) -> Result<(), Error> {
    db.exec_alone(MEMBERS, args![epoch, at, members]).await.map(|_| ())
}

/// Notes a start of a member's disk; `false` when that start, or a later one, was noted before.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn note_boot(db: &Db, epoch: i64, member: i64, boot: i64) -> Result<bool, Error> {
    Ok(!db.rows_alone(BOOT, args![epoch, member, boot]).await?.is_empty())
}
