//! Sessions that a client has a part in.

use std::sync::Arc;

use keyraft_cluster::{
    backing::Whose,
    session::{Kind, UserSession},
};
use serde_json::{Value, json};

use crate::{context::Context, error::Error, query::DEFAULT_MAX, reply::Reply, representation};

/// `GET …/session-count`.
pub(crate) async fn count(cx: Context) -> Result<Reply, Error> {
    counted(cx, Kind::Online).await
}

/// `GET …/offline-session-count`.
pub(crate) async fn offline_count(cx: Context) -> Result<Reply, Error> {
    counted(cx, Kind::Offline).await
}

async fn counted(cx: Context, kind: Kind) -> Result<Reply, Error> {
    let client = cx.client().await?;
    let count = cx.core.sessions.count_of_client(&cx.realm.realm.id, &client.client.id, kind).await?;
    Ok(Reply::Json(json!({"count": count})))
}

/// `GET …/user-sessions`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    listed(cx, Kind::Online).await
}

/// `GET …/offline-sessions`.
pub(crate) async fn offline(cx: Context) -> Result<Reply, Error> {
    listed(cx, Kind::Offline).await
}

async fn listed(cx: Context, kind: Kind) -> Result<Reply, Error> {
    let page = cx.query.page(Some(DEFAULT_MAX))?;
    let client = cx.client().await?;
    let part = (page.first, page.max.unwrap_or(usize::MAX));
    let whose = Whose::Client(cx.realm.realm.id.clone(), client.client.id.clone());
    let sessions = cx.core.sessions.page(&whose, kind, part).await?;
    shown(&cx, &sessions).await
}

async fn shown(cx: &Context, sessions: &[Arc<UserSession>]) -> Result<Reply, Error> {
    let ids: Vec<_> = sessions.iter().flat_map(|session| session.clients.keys().cloned()).collect();
    let names = cx.core.client_ids(&cx.realm, ids).await?;
    let mut shown = Vec::with_capacity(sessions.len());
    for session in sessions {
        // A session whose user is gone is ending.
        let Some(user) = cx.core.user(&cx.realm, &session.user).await? else { continue };
        shown.push(representation::session(session, &user.user.username, &names));
    }
    Ok(Reply::Json(shown.into()))
}

/// `GET client-session-stats`: clients that have sessions; numbers are texts, as in Keycloak.
pub(crate) async fn stats(cx: Context) -> Result<Reply, Error> {
    let stats = cx.core.sessions.client_session_stats(&cx.realm.realm.id).await?;
    let names =
        cx.core.client_ids(&cx.realm, stats.iter().map(|(id, _, _)| id.clone()).collect::<Vec<_>>()).await?;
    let shown = stats.iter().filter_map(|(id, active, offline)| {
        let client_id = names.get(id)?;
        Some(json!({
            "offline": offline.to_string(),
            "clientId": client_id,
            "active": active.to_string(),
            "id": id.as_str(),
        }))
    });
    Ok(Reply::Json(shown.collect::<Value>()))
}
