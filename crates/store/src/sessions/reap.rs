//! Deleting what nobody can need any more, by comparison: what moved on since it was found stays.

use keyraft_model::{DurationMs, UnixMs};

use super::BUCKETS;
use crate::{
    Db, Error, Source, Sql,
    source::{Row, args},
    sql::statements,
};

statements! {
    DUE = "SELECT sid, offline, expires_ms FROM user_session \
           WHERE bucket = $1 AND expires_ms < $2 ORDER BY bucket, expires_ms, sid, offline LIMIT $3";
    DELETE = "DELETE FROM user_session WHERE sid = $1 AND offline = $2 AND expires_ms = $3";
    DELETE_CLIENTS = "DELETE FROM user_session_client WHERE sid = $1 AND offline = $2 \
                      AND NOT EXISTS (SELECT 1 FROM user_session WHERE sid = $1 AND offline = $2)";
    DUE_DELIVERIES = "SELECT id, expires_ms FROM outbox WHERE expires_ms < $1 ORDER BY id LIMIT $2";
    DELETE_DELIVERY = "DELETE FROM outbox WHERE id = $1 AND expires_ms = $2";
    LIST_FENCES = "SELECT realm_id, user_id, client_id, offline, at_ms FROM session_fence \
                   WHERE (realm_id, user_id, client_id, offline) > ($1, $2, $3, $4) AND at_ms < $5 \
                   ORDER BY realm_id, user_id, client_id, offline LIMIT $6";
    DELETE_FENCE = "DELETE FROM session_fence WHERE realm_id = $1 AND user_id = $2 AND client_id = $3 \
                     AND offline = $4 AND at_ms = $5 AND NOT EXISTS (SELECT 1 FROM user_session \
                      WHERE realm_id = $1 AND offline = $4 AND started_ms <= $5)";
    DELETE_FENCE_OF_USER = "DELETE FROM session_fence WHERE realm_id = $1 AND user_id = $2 AND client_id = $3 \
                     AND offline = $4 AND at_ms = $5 AND NOT EXISTS (SELECT 1 FROM user_session \
                      WHERE realm_id = $1 AND offline = $4 AND user_id = $2 AND started_ms <= $5)";
}

/// A row whose time is over stays for this much longer: clocks differ, and a flush that prolongs it may be under way.
const GRACE: DurationMs = DurationMs(60_000);
/// A fence stays at least that long: a session that it ended may not have become a row yet.
const FENCE_STAYS: DurationMs = DurationMs(24 * 3_600_000);

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Sessions and ends of sessions.
    pub sessions: u64,
    /// Logout notices.
    pub deliveries: u64,
    /// Fences with nothing behind them.
    pub fences: u64,
}

/// Deletes rows whose time was over at `now`, with 60 s of grace, at most `limit` of each kind and bucket.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn reap(db: &Db, now: UnixMs, limit: i64) -> Result<Reaped, Error> {
    let before = now.minus(GRACE);
    let mut reaped = Reaped::default();
    for bucket in 0..BUCKETS {
        for row in &db.rows(DUE, args![bucket, before.0, limit]).await? {
            let (sid, offline) = (row.text(DUE, 0)?, row.bool(DUE, 1)?);
            reaped.sessions += db.exec_alone(DELETE, args![&sid, offline, row.int(DUE, 2)?]).await?;
            db.exec_alone(DELETE_CLIENTS, args![&sid, offline]).await?;
        }
    }
    for row in &db.rows(DUE_DELIVERIES, args![before.0, limit]).await? {
        let (id, expires) = (row.text(DUE_DELIVERIES, 0)?, row.int(DUE_DELIVERIES, 1)?);
        reaped.deliveries += db.exec_alone(DELETE_DELIVERY, args![id, expires]).await?;
    }
    reaped.fences = reap_fences(db, now.minus(FENCE_STAYS), limit).await?;
    Ok(reaped)
}

/// Deletes fences set before `before` that no row stands behind.
async fn reap_fences(db: &Db, before: UnixMs, limit: i64) -> Result<u64, Error> {
    let mut deleted = 0;
    let mut after = (String::new(), String::new(), String::new(), false);
    loop {
        let (realm, user, client, offline) = &after;
        let found = db.rows(LIST_FENCES, args![realm, user, client, *offline, before.0, limit]).await?;
        let Some(last) = found.last() else { return Ok(deleted) };
        let next = fence_key(last)?;
        for row in &found {
            let (realm, user, client, offline) = fence_key(row)?;
            let sql: Sql = if user.is_empty() { DELETE_FENCE } else { DELETE_FENCE_OF_USER };
            let at = row.int(LIST_FENCES, 4)?;
            deleted += db.exec_alone(sql, args![realm, user, client, offline, at]).await?;
        }
        after = next;
    }
}

fn fence_key(row: &Row) -> Result<(String, String, String, bool), Error> {
    let text = |column| row.text(LIST_FENCES, column);
    Ok((text(0)?, text(1)?, text(2)?, row.bool(LIST_FENCES, 3)?))
}
