//! The wall clock, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds; 0 before 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "leases, retries and versions of rows are the store's own; no rule of the house depends on them"
)]
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
