//! Leases: who alone may do a thing for a while. A fencing number rises with each new holder.

use crate::{Db, Error, clock, source::args, sql::statements};

statements! {
    TAKE = "INSERT INTO lease (name, holder, fence, until_ms) VALUES ($1, $2, 1, $3) \
            ON CONFLICT (name) DO UPDATE SET \
              fence = CASE WHEN lease.holder = excluded.holder THEN lease.fence ELSE lease.fence + 1 END, \
              holder = excluded.holder, until_ms = excluded.until_ms \
             WHERE lease.holder = excluded.holder OR lease.until_ms < $4 RETURNING fence";
    GIVE_BACK = "UPDATE lease SET until_ms = 0 WHERE name = $1 AND holder = $2";
}

/// Takes or prolongs a lease for `span_ms`; returns its fencing number, or nothing while another holds it.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn take(db: &Db, name: &str, holder: &str, span_ms: i64) -> Result<Option<i64>, Error> {
    let now = clock::now_ms();
    let rows = db.rows_alone(TAKE, args![name, holder, now.saturating_add(span_ms), now]).await?;
    rows.first().map(|row| row.int(TAKE, 0)).transpose()
}

/// Gives a lease back early.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn give_back(db: &Db, name: &str, holder: &str) -> Result<(), Error> {
    db.exec_alone(GIVE_BACK, args![name, holder]).await.map(|_| ())
}
