//! `users/{id}/sessions`, consents and signing a user out.

use std::sync::Arc;

use keyraft_cluster::{
    command::FenceScope,
    session::{Kind, UserSession},
};
use keyraft_core::{ClientView, UserRecord};
use keyraft_oidc::backchannel;
use serde_json::{Value, json};

use crate::{context::Context, error::Error, reply::Reply, representation};

/// `GET …/sessions`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let (realm, user) = (&cx.realm.realm.id, &record.user.id);
    let view = cx.core.sessions.view_of_user(realm, user, Kind::Online).await?;
    let sessions = view.sessions_of_user(realm, user, Kind::Online);
    shown(&cx, &record, &sessions).await
}

/// `GET …/offline-sessions/{clientUuid}`.
pub(crate) async fn offline(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let client = cx.client_named("clientUuid", "Client not found").await?;
    let (realm, user) = (&cx.realm.realm.id, &record.user.id);
    let view = cx.core.sessions.view_of_user(realm, user, Kind::Offline).await?;
    let mut sessions = view.sessions_of_user(realm, user, Kind::Offline);
    sessions.retain(|session| session.clients.contains_key(&client.client.id));
    shown(&cx, &record, &sessions).await
}

async fn shown(cx: &Context, record: &UserRecord, sessions: &[Arc<UserSession>]) -> Result<Reply, Error> {
    let ids: Vec<_> = sessions.iter().flat_map(|session| session.clients.keys().cloned()).collect();
    let names = cx.core.client_ids(&cx.realm, ids).await?;
    let shown =
        sessions.iter().map(|session| representation::session(session, &record.user.username, &names));
    Ok(Reply::Json(shown.collect::<Value>()))
}

/// `POST …/logout`: every session but offline ones, as in Keycloak; access tokens that are out count for nothing
/// from now on.
pub(crate) async fn logout(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let now = cx.core.sessions.view().await?.now();
    cx.core.change_user(&cx.realm, &record.user.id, |user| user.not_before = now.secs()).await?;
    let ended = cx.core.sessions.end_of_user(&cx.realm.realm.id, &record.user.id).await?;
    backchannel::notify(&cx.core, &cx.realm, &cx.origin.issuer(&cx.realm.realm), &ended).await?;
    Ok(Reply::Nothing)
}

/// `GET …/consents`: what he allowed, and clients that hold offline tokens of his.
pub(crate) async fn consents(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let realm = &cx.realm.realm.id;
    let given = cx.core.list_consents(realm, &record.user.id).await?;
    let view = cx.core.sessions.view_of_user(realm, &record.user.id, Kind::Offline).await?;
    let offline = view.sessions_of_user(realm, &record.user.id, Kind::Offline);
    let mut with_tokens: Vec<_> =
        offline.iter().flat_map(|session| session.clients.keys().cloned()).collect();
    with_tokens.sort();
    with_tokens.dedup();
    let mut shown = Vec::new();
    for consent in &given {
        let Some(client) = cx.core.client_by_id(&cx.realm, &consent.client).await? else { continue };
        let holds_token = with_tokens.contains(&consent.client);
        with_tokens.retain(|other| *other != consent.client);
        let scopes: Vec<&str> =
            cx.realm.scopes_of(&consent.scopes).map(|scope| scope.name.as_str()).collect();
        shown.push(json!({
            "lastUpdatedDate": consent.updated.0,
            "clientId": client.client.client_id,
            "createdDate": consent.created.0,
            "grantedClientScopes": scopes,
            "additionalGrants": additional(&client, holds_token),
        }));
    }
    for id in with_tokens {
        let Some(client) = cx.core.client_by_id(&cx.realm, &id).await? else { continue };
        shown.push(json!({
            "clientId": client.client.client_id,
            "grantedClientScopes": [],
            "additionalGrants": additional(&client, true),
        }));
    }
    Ok(Reply::Json(shown.into()))
}

fn additional(client: &ClientView, holds_token: bool) -> Value {
    if holds_token {
        json!([{"client": client.client.id.as_str(), "key": "Offline Token"}])
    } else {
        json!([])
    }
}

/// `DELETE …/consents/{client}`: takes the consent back, and with it the client's tokens.
pub(crate) async fn revoke_consent(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let client = cx.core.client(&cx.realm, cx.parameter("client")).await?;
    let client = client.ok_or_else(|| Error::not_found("Client not found"))?;
    let (realm, user, id) = (&cx.realm.realm.id, &record.user.id, &client.client.id);
    let view = cx.core.sessions.view_of_user(realm, user, Kind::Offline).await?;
    let offline = view.sessions_of_user(realm, user, Kind::Offline);
    let holds_token = offline.iter().any(|session| session.clients.contains_key(id));
    if !cx.core.revoke_consent(realm, user, id).await? && !holds_token {
        return Err(Error::not_found("Consent nor offline token not found"));
    }
    let scope = FenceScope::ClientAtUser(realm.clone(), user.clone(), id.clone());
    cx.core.sessions.end_before(scope, &[Kind::Online, Kind::Offline]).await?;
    Ok(Reply::Nothing)
}
