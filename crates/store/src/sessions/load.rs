//! Reading rows: one session, those of a user, and pages of a realm's or a client's.

use keyraft_model::{ClientUuid, RealmId, UnixMs, UserId};

use super::{DeliveryRow, SessionRow, Version, flush, version};
use crate::{
    Error, Source, Sql,
    source::{Row, args},
    sql::statements,
};

statements! {
    FIND = "SELECT sid, offline, realm_id, user_id, ended, started_ms, expires_ms, doc, epoch, idx \
             FROM user_session WHERE sid = $1 AND offline = $2";
    LIST_OF_USER = "SELECT sid, offline, realm_id, user_id, ended, started_ms, expires_ms, doc, epoch, idx \
                     FROM user_session WHERE realm_id = $1 AND offline = $2 AND user_id = $3 AND sid > $4 \
                      AND ended = false AND expires_ms > $5 ORDER BY sid LIMIT $6";
    LIST_OF_REALM = "SELECT sid, offline, realm_id, user_id, ended, started_ms, expires_ms, doc, epoch, idx \
                      FROM user_session WHERE realm_id = $1 AND offline = $2 AND (user_id, sid) > ($3, $4) \
                       AND ended = false AND expires_ms > $5 ORDER BY user_id, sid LIMIT $6";
    LIST_OF_CLIENT = "SELECT s.sid, s.offline, s.realm_id, s.user_id, s.ended, s.started_ms, s.expires_ms, s.doc, \
                       s.epoch, s.idx FROM user_session_client c JOIN user_session s \
                        ON s.sid = c.sid AND s.offline = c.offline \
                       WHERE c.realm_id = $1 AND c.client_id = $2 AND c.offline = $3 AND c.sid > $4 \
                        AND s.ended = false AND s.expires_ms > $5 ORDER BY c.sid LIMIT $6";
    LIST_DELIVERIES = "SELECT id, settled, expires_ms, doc, epoch, idx FROM outbox \
                       WHERE id > $1 AND settled = false ORDER BY id LIMIT $2";
    VERSIONS = "SELECT sid, offline, epoch, idx FROM user_session \
                WHERE (sid, offline) > ($1, $2) AND ended = false AND expires_ms > $3 \
                ORDER BY sid, offline LIMIT $4";
}

/// Where a page begins and how long it may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// User and handle of the last row that was seen; empty before the first. A client's pages go by handle alone.
    pub after: (String, String),
    /// Rows at most.
    pub limit: i64,
}

/// The row of a session, ended ones included.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn find(on: &impl Source, sid: &str, offline: bool) -> Result<Option<SessionRow>, Error> {
    let row = on.row(FIND, args![sid, offline]).await?;
    row.map(|row| from_row(FIND, &row)).transpose()
}

/// Sessions of a user that had not ended or run out at `now`, by handle, behind `after`; at most `limit`.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_of_user(
    on: &impl Source,
    (realm, user): (&RealmId, &UserId),
    offline: bool,
    (now, after): (UnixMs, &str),
    limit: i64,
) -> Result<Vec<SessionRow>, Error> {
    let (realm, user) = (realm.as_str(), user.as_str());
    let rows = on.rows(LIST_OF_USER, args![realm, offline, user, after, now.0, limit]).await?;
    from_rows(LIST_OF_USER, &rows)
}

/// A page of the sessions of a realm that had not ended or run out at `now`, by user and handle.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_of_realm(
    on: &impl Source,
    realm: &RealmId,
    offline: bool,
    now: UnixMs,
    page: &Page,
) -> Result<Vec<SessionRow>, Error> {
    let (user, sid) = &page.after;
    let rows = on.rows(LIST_OF_REALM, args![realm.as_str(), offline, user, sid, now.0, page.limit]).await?;
    from_rows(LIST_OF_REALM, &rows)
}

/// A page of the sessions that a client may have a part in, by handle; their docs say whether it has.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_of_client(
    on: &impl Source,
    (realm, client): (&RealmId, &ClientUuid),
    offline: bool,
    now: UnixMs,
    page: &Page,
) -> Result<Vec<SessionRow>, Error> {
    let (realm, client) = (realm.as_str(), client.as_str());
    let rows =
        on.rows(LIST_OF_CLIENT, args![realm, client, offline, &page.after.1, now.0, page.limit]).await?;
    from_rows(LIST_OF_CLIENT, &rows)
}

/// Logout notices that are not settled, by id, behind `after`.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn list_deliveries(on: &impl Source, after: &str, limit: i64) -> Result<Vec<DeliveryRow>, Error> {
    let rows = on.rows(LIST_DELIVERIES, args![after, limit]).await?;
    let delivery = |row: &Row| {
        Ok(DeliveryRow {
            id: row.text(LIST_DELIVERIES, 0)?,
            expires: UnixMs(row.int(LIST_DELIVERIES, 2)?),
            doc: (!row.bool(LIST_DELIVERIES, 1)?).then_some(row.text(LIST_DELIVERIES, 3)?),
            version: version(LIST_DELIVERIES, row, 4)?,
        })
    };
    rows.iter().map(delivery).collect()
}

/// How far the log has been flushed; `None`: nothing ever was.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn position(on: &impl Source) -> Result<Option<Version>, Error> {
    flush::find_position(on).await
}

/// Handles, kinds and versions of sessions alive at `now`, in order, behind `after`: what a comparison with memory
/// goes over.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn versions(
    on: &impl Source,
    after: &(String, bool),
    now: UnixMs,
    limit: i64,
) -> Result<Vec<((String, bool), Version)>, Error> {
    let rows = on.rows(VERSIONS, args![&after.0, after.1, now.0, limit]).await?;
    rows.iter()
        .map(|row| Ok(((row.text(VERSIONS, 0)?, row.bool(VERSIONS, 1)?), version(VERSIONS, row, 2)?)))
        .collect()
}

fn from_rows(sql: Sql, rows: &[Row]) -> Result<Vec<SessionRow>, Error> {
    rows.iter().map(|row| from_row(sql, row)).collect()
}

fn from_row(sql: Sql, row: &Row) -> Result<SessionRow, Error> {
    let has_ended = row.bool(sql, 4)?;
    Ok(SessionRow {
        sid: row.text(sql, 0)?,
        offline: row.bool(sql, 1)?,
        realm: row.id(sql, 2)?,
        user: row.id(sql, 3)?,
        started: UnixMs(row.int(sql, 5)?),
        expires: UnixMs(row.int(sql, 6)?),
        doc: (!has_ended).then_some(row.text(sql, 7)?),
        clients: Vec::new(),
        version: version(sql, row, 8)?,
    })
}
