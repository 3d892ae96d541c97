//! Writing a batch: rows of higher versions only, and the position with them, in one transaction.

use std::sync::LazyLock;

use super::{BUCKETS, DeliveryRow, FenceRow, SessionRow, Version, bucket, fences};
use crate::{
    Db, Error, Source, Sql, Tx,
    source::{Arg, args},
    sql::statements,
};

statements! {
    PUT_SESSION = "INSERT INTO user_session (sid, offline, realm_id, user_id, ended, started_ms, expires_ms, bucket, \
                    doc, epoch, idx) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                   ON CONFLICT (sid, offline) DO UPDATE SET ended = excluded.ended, started_ms = excluded.started_ms, \
                    expires_ms = excluded.expires_ms, doc = excluded.doc, epoch = excluded.epoch, idx = excluded.idx \
                   WHERE user_session.epoch < excluded.epoch \
                    OR (user_session.epoch = excluded.epoch AND user_session.idx < excluded.idx)";
    PUT_DELIVERY = "INSERT INTO outbox (id, settled, expires_ms, doc, epoch, idx) VALUES ($1, $2, $3, $4, $5, $6) \
                    ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, expires_ms = excluded.expires_ms, \
                     doc = excluded.doc, epoch = excluded.epoch, idx = excluded.idx \
                    WHERE outbox.epoch < excluded.epoch \
                     OR (outbox.epoch = excluded.epoch AND outbox.idx < excluded.idx)";
    FIND_POSITION = "SELECT epoch, idx FROM flush_position WHERE name = $1";
    PUT_POSITION = "INSERT INTO flush_position (name, epoch, idx) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, idx = excluded.idx \
                    WHERE flush_position.epoch < excluded.epoch \
                     OR (flush_position.epoch = excluded.epoch AND flush_position.idx < excluded.idx)";
}

/// The one position there is.
pub(super) const POSITION: &str = "sessions";
/// Rows of one statement; a batch is cut into such pieces and single rows.
const ROWS: usize = 25;
const COLUMNS: usize = 11;

/// What one flush writes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Fences, which are written first: whoever reads a row afterwards finds what ended it.
    pub fences: Vec<FenceRow>,
    /// Sessions and ends of sessions; each handle and kind at most once.
    pub sessions: Vec<SessionRow>,
    /// Logout notices.
    pub deliveries: Vec<DeliveryRow>,
    /// Up to where the log is flushed with this batch, as far as its writer knows.
    pub position: Version,
    /// The position that the log knows to be flushed: a database that is behind it has lost rows.
    pub flushed: Version,
}

/// How a flush went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Every row that was not there in a later version is there in this one.
    Done,
    /// Nothing was written: the database stands behind what was flushed before, so an older copy was put back.
    Behind(Version),
}

/// Writes a batch in one transaction.
///
/// # Errors
/// [`Error::Unavailable`]; [`Error::OutcomeUnknown`]: it may be repeated.
pub async fn flush(db: &Db, batch: &Batch) -> Result<Flushed, Error> {
    db.write(async |tx| {
        let found = super::position(&tx).await?.unwrap_or_default();
        if found < batch.flushed {
            return Ok(Flushed::Behind(found));
        }
        for fence in &batch.fences {
            fences::put(&tx, fence).await?;
        }
        put_sessions(&tx, &batch.sessions).await?;
        put_clients(&tx, &batch.sessions).await?;
        for delivery in &batch.deliveries {
            put_delivery(&tx, delivery).await?;
        }
        let Version { epoch, index } = batch.position;
        tx.exec(PUT_POSITION, args![POSITION, epoch, index]).await?;
        Ok::<_, Error>(Flushed::Done)
    })
    .await
}

pub(super) async fn find_position(on: &impl Source) -> Result<Option<Version>, Error> {
    let row = on.row(FIND_POSITION, args![POSITION]).await?;
    row.map(|row| super::version(FIND_POSITION, &row, 0)).transpose()
}

async fn put_sessions(tx: &Tx, rows: &[SessionRow]) -> Result<(), Error> {
    let (many, rest) = rows.as_chunks::<ROWS>();
    for rows in many {
        tx.exec(upsert_many(), rows.iter().flat_map(session_args).collect()).await?;
    }
    for row in rest {
        tx.exec(PUT_SESSION, session_args(row)).await?;
    }
    Ok(())
}

fn session_args(row: &SessionRow) -> Vec<Arg> {
    let SessionRow { sid, offline, realm, user, started, expires, doc, version, .. } = row;
    let (ended, bucket) = (doc.is_none(), bucket(sid));
    debug_assert!((0..BUCKETS).contains(&bucket), "a remainder is below its divisor");
    let doc = doc.as_deref().unwrap_or_default();
    args![
        sid,
        *offline,
        realm.as_str(),
        user.as_str(),
        ended,
        started.0,
        expires.0,
        bucket,
        doc,
        version.epoch,
        version.index
    ]
}

/// Notes which clients sessions may be found by. What is there stays: the doc has the last word.
async fn put_clients(tx: &Tx, sessions: &[SessionRow]) -> Result<(), Error> {
    let mut rows = Vec::new();
    for session in sessions {
        rows.extend(session.clients.iter().map(|client| {
            args![session.realm.as_str(), client.as_str(), session.offline, session.sid.as_str()]
        }));
    }
    for rows in rows.chunks(ROWS) {
        let mut rows = rows.to_vec();
        // One text serves every number of rows: the last is repeated, which is no conflict.
        while let Some(last) = rows.last().filter(|_| rows.len() < ROWS).cloned() {
            rows.push(last);
        }
        tx.exec(insert_clients(), rows.concat()).await?;
    }
    Ok(())
}

async fn put_delivery(tx: &Tx, row: &DeliveryRow) -> Result<(), Error> {
    let doc = row.doc.as_deref().unwrap_or_default();
    let Version { epoch, index } = row.version;
    tx.exec(PUT_DELIVERY, args![&row.id, row.doc.is_none(), row.expires.0, doc, epoch, index]).await?;
    Ok(())
}

/// [`PUT_SESSION`] for [`ROWS`] rows at once.
pub(super) fn upsert_many() -> Sql {
    static TEXT: LazyLock<String> = LazyLock::new(|| repeated(PUT_SESSION.text, COLUMNS));
    Sql::new("keyraft_store::sessions::flush::PUT_SESSIONS", &TEXT)
}

/// Rows of clients, [`ROWS`] at once.
pub(super) fn insert_clients() -> Sql {
    const ONE: &str = "INSERT INTO user_session_client (realm_id, client_id, offline, sid) \
                       VALUES ($1, $2, $3, $4) ON CONFLICT (realm_id, client_id, offline, sid) DO NOTHING";
    static TEXT: LazyLock<String> = LazyLock::new(|| repeated(ONE, 4));
    Sql::new("keyraft_store::sessions::flush::PUT_CLIENTS", &TEXT)
}

/// An INSERT of one row of `columns` parameters as one of [`ROWS`] rows.
fn repeated(text: &str, columns: usize) -> String {
    let row = |row: usize| {
        let names = (1..=columns).map(|column| format!("${}", row * columns + column));
        format!("({})", names.collect::<Vec<_>>().join(", "))
    };
    let rows = (0..ROWS).map(row).collect::<Vec<_>>().join(", ");
    text.replacen(&row(0), &rows, 1)
}
