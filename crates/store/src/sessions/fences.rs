//! Fences: what ended many sessions at once, for rows that memory no longer holds.

use keyraft_model::{RealmId, UnixMs, UserId};

use super::{FenceRow, version};
use crate::{Error, Source, Tx, source::args, sql::statements};

statements! {
    PUT = "INSERT INTO session_fence (realm_id, user_id, client_id, offline, at_ms, epoch, idx) \
           VALUES ($1, $2, $3, $4, $5, $6, $7) \
           ON CONFLICT (realm_id, user_id, client_id, offline) \
           DO UPDATE SET at_ms = excluded.at_ms, epoch = excluded.epoch, idx = excluded.idx \
           WHERE session_fence.epoch < excluded.epoch \
            OR (session_fence.epoch = excluded.epoch AND session_fence.idx < excluded.idx)";
    FIND_OVER = "SELECT user_id, client_id, offline, at_ms, epoch, idx FROM session_fence \
                 WHERE realm_id = $1 AND (user_id = '' OR user_id = $2) ORDER BY user_id, client_id, offline";
}

pub(super) async fn put(tx: &Tx, fence: &FenceRow) -> Result<(), Error> {
    let user = fence.user.as_ref().map_or("", UserId::as_str);
    let client = fence.client.as_ref().map_or("", keyraft_model::ClientUuid::as_str);
    let (at, version) = (fence.at.0, fence.version);
    let realm = fence.realm.as_str();
    tx.exec(PUT, args![realm, user, client, fence.offline, at, version.epoch, version.index]).await?;
    Ok(())
}

/// Fences that a user's sessions may stand behind: of his realm, of clients, and his own.
///
/// Read them after the rows that they are applied to: a fence that ended a row before it was read is found then.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn fences_over(on: &impl Source, realm: &RealmId, user: &UserId) -> Result<Vec<FenceRow>, Error> {
    let rows = on.rows(FIND_OVER, args![realm.as_str(), user.as_str()]).await?;
    let some = |text: String| (!text.is_empty()).then_some(text);
    rows.iter()
        .map(|row| {
            Ok(FenceRow {
                realm: realm.clone(),
                user: some(row.text(FIND_OVER, 0)?).map(UserId::from),
                client: some(row.text(FIND_OVER, 1)?).map(Into::into),
                offline: row.bool(FIND_OVER, 2)?,
                at: UnixMs(row.int(FIND_OVER, 3)?),
                version: version(FIND_OVER, row, 4)?,
            })
        })
        .collect()
}
