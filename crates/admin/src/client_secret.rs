//! What a client proves itself with, and its service account.

use keyraft_core::{realms::MASKED, user_profile::UserProfile};
use serde_json::json;

use crate::{context::Context, error::Error, reply::Reply, representation};

/// `GET …/client-secret`. A secret that opens more authority than the caller has is masked.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let view = cx.client().await?;
    let client = &view.client;
    if client.public_client {
        return Ok(Reply::Json(json!({"type": "secret"})));
    }
    let covers = cx.core.covers_client(&cx.realm, client, &cx.authority).await?;
    Ok(Reply::Json(match &client.secret {
        None => json!({"type": "secret"}),
        Some(_) if !covers => json!({"type": "secret", "value": MASKED}),
        Some(secret) => json!({"type": "secret", "value": secret}),
    }))
}

/// `POST …/client-secret`: a new one.
pub(crate) async fn regenerate(cx: Context) -> Result<Reply, Error> {
    let view = cx.client().await?;
    let secret = cx.core.renew_client_secret(&cx.realm, &view, &cx.authority).await?;
    Ok(Reply::Json(json!({"type": "secret", "value": secret})))
}

/// `GET …/client-secret/rotated`: this release keeps no old secrets.
pub(crate) async fn rotated(cx: Context) -> Result<Reply, Error> {
    cx.client().await?;
    Err(Error::not_found("Client does not have a rotated secret"))
}

/// `DELETE …/client-secret/rotated`.
pub(crate) async fn drop_rotated(cx: Context) -> Result<Reply, Error> {
    cx.client().await?;
    Ok(Reply::Nothing)
}

/// `GET …/service-account-user`.
pub(crate) async fn service_account(cx: Context) -> Result<Reply, Error> {
    let view = cx.client().await?;
    let client = &view.client;
    let account = cx.core.service_account(&cx.realm, &client.id).await?;
    let Some(account) = account.filter(|_| client.service_accounts_enabled) else {
        let sentence = format!("Service account not enabled for the client '{}'", client.client_id);
        return Err(Error::plain(sentence));
    };
    let profile = UserProfile::of(&cx.realm.components);
    Ok(Reply::Json(representation::user(&account.user, &profile, Some(false)).into()))
}
