//! Ending sessions, and what went with it in clients of old.

use keyraft_cluster::{command::FenceScope, session::Kind};
use keyraft_oidc::backchannel;
use serde_json::json;

use crate::{context::Context, error::Error, reply::Reply};

/// `DELETE sessions/{session}`.
pub(crate) async fn end(cx: Context) -> Result<Reply, Error> {
    let sid = cx.parameter("session");
    let kind = if cx.query.flag("isOffline") == Some(true) { Kind::Offline } else { Kind::Online };
    // A session of another realm is none of this one's.
    if cx.core.sessions.find(&cx.realm, sid, kind).await?.is_none() {
        return Err(Error::not_found("Sesssion not found"));
    }
    let issuer = cx.origin.issuer(&cx.realm.realm);
    backchannel::end(&cx.core, (&cx.realm, &issuer), (sid, kind), None).await?;
    Ok(Reply::Nothing)
}

/// `POST logout-all`: every session of the realm, offline ones too, as in Keycloak; tokens that are out count for
/// nothing from now on.
pub(crate) async fn logout_all(cx: Context) -> Result<Reply, Error> {
    let now = cx.core.sessions.view().await?.now();
    let not_before = json!({ "notBefore": now.secs() }).as_object().cloned().unwrap_or_default();
    cx.core.update_realm(&cx.realm, &not_before).await?;
    cx.core
        .sessions
        .end_before(FenceScope::Realm(cx.realm.realm.id.clone()), &[Kind::Online, Kind::Offline])
        .await?;
    Ok(Reply::Json(json!({})))
}

/// `POST push-revocation`: no client here has an admin URL that is called.
pub(crate) async fn push_revocation(_: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(json!({})))
}

/// `POST clients/{id}/push-revocation`.
pub(crate) async fn push_client_revocation(cx: Context) -> Result<Reply, Error> {
    cx.client().await?;
    Ok(Reply::Json(json!({})))
}

/// `GET clients/{id}/test-nodes-available`.
pub(crate) async fn test_nodes(cx: Context) -> Result<Reply, Error> {
    cx.client().await?;
    Ok(Reply::Json(json!({})))
}
