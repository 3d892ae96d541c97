//! `attack-detection/brute-force/users`.

use keyraft_core::attempts;
use keyraft_model::UserId;
use serde_json::json;

use crate::{context::Context, error::Error, reply::Reply};

/// `GET …/{userId}`: the failures of a user; of one who is not there, none.
pub(crate) async fn status(cx: Context) -> Result<Reply, Error> {
    let user = UserId::from(cx.parameter("userId"));
    let view = cx.core.sessions.view().await?;
    let failures = view.failures(&cx.realm.realm.id, &user).unwrap_or_default();
    let for_ever = failures.not_before.0 == i64::MAX;
    let not_before = if for_ever { i64::MAX } else { failures.not_before.secs() };
    let address = if failures.last_ip_address.is_empty() { "n/a" } else { failures.last_ip_address.as_str() };
    Ok(Reply::Json(json!({
        "failedLoginNotBefore": not_before,
        "numFailures": failures.failures,
        "numTemporaryLockouts": failures.temporary_lockouts,
        "disabled": for_ever || view.now() < failures.not_before,
        "numSecondaryAuthFailures": failures.secondary_failures,
        "lastIPFailure": address,
        "lastFailure": failures.last_failure.0,
    })))
}

/// `DELETE …/{userId}`.
pub(crate) async fn clear(cx: Context) -> Result<Reply, Error> {
    let user = UserId::from(cx.parameter("userId"));
    attempts::clear(&cx.core.sessions, &cx.realm.realm.id, Some(&user)).await?;
    Ok(Reply::Nothing)
}

/// `DELETE …`: of every user.
pub(crate) async fn clear_all(cx: Context) -> Result<Reply, Error> {
    attempts::clear(&cx.core.sessions, &cx.realm.realm.id, None).await?;
    Ok(Reply::Nothing)
}
