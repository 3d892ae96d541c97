//! `users/{id}/credentials` and setting passwords.

use http::StatusCode;
use keyraft_core::{passwords::PASSWORD_HISTORY, users::NewPassword};
use keyraft_crypto::Secret;
use keyraft_model::CredentialId;
use serde_json::{Value, json};

use crate::{context::Context, error::Error, json, reply::Reply, representation};

/// `GET …/credentials`: how each is checked, never what it is.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let held = cx.core.credentials(&cx.realm.realm.id, &record.user.id).await?;
    let shown = held.iter().filter(|credential| credential.kind != PASSWORD_HISTORY);
    Ok(Reply::Json(shown.map(|credential| Value::Object(representation::credential(credential))).collect()))
}

/// `DELETE …/credentials/{id}`.
pub(crate) async fn remove(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let id = CredentialId::from(cx.parameter("credentialId"));
    found(cx.core.delete_credential(&cx.realm, &record.user.id, &id).await)
}

/// `POST …/credentials/{id}/moveToFirst`.
pub(crate) async fn move_to_first(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let id = CredentialId::from(cx.parameter("credentialId"));
    found(cx.core.move_credential(&cx.realm, &record.user.id, &id, None).await)
}

/// `POST …/credentials/{id}/moveAfter/{other}`.
pub(crate) async fn move_after(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let id = CredentialId::from(cx.parameter("credentialId"));
    let behind = CredentialId::from(cx.parameter("newPreviousCredentialId"));
    found(cx.core.move_credential(&cx.realm, &record.user.id, &id, Some(&behind)).await)
}

/// `PUT …/credentials/{id}/userLabel`: the body is the label itself.
pub(crate) async fn label(cx: Context) -> Result<Reply, Error> {
    cx.takes("text/plain")?;
    let record = cx.user().await?;
    let id = CredentialId::from(cx.parameter("credentialId"));
    let label = std::str::from_utf8(&cx.body).map_err(|_| Error::plain("The label is not UTF-8"))?;
    if label.is_empty() {
        let sentence = "Credential label must not be empty".to_owned();
        return Err(Error::Described(StatusCode::BAD_REQUEST, "missingCredentialLabel", sentence));
    }
    found(cx.core.label_credential(&cx.realm, &record.user.id, &id, label).await)
}

fn found(done: Result<(), keyraft_core::Error>) -> Result<Reply, Error> {
    match done {
        Ok(()) => Ok(Reply::Nothing),
        Err(keyraft_core::Error::NotFound(_)) => Err(Error::not_found("Credential not found")),
        Err(error) => Err(error.into()),
    }
}

/// `PUT …/reset-password`. The `type` is not looked at, as in Keycloak: it is always the password.
pub(crate) async fn reset_password(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let missing = || Error::plain("No password provided");
    let given = cx.object("CredentialRepresentation").map_err(|error| error.of_nothing(missing))?;
    let password = json::text(&given, "value").ok_or_else(missing)?;
    if password.trim().is_empty() {
        return Err(Error::plain("Empty password not allowed"));
    }
    let temporary = given.get("temporary").and_then(Value::as_bool).unwrap_or(false);
    let new = NewPassword { password: Secret::new(password), temporary };
    cx.core.reset_password(&cx.realm, &record, new, &cx.authority, &cx.ip()).await?;
    Ok(Reply::Nothing)
}

/// `PUT …/disable-credential-types`: only directories disable kinds; here there is nothing to disable.
pub(crate) async fn disable_types(cx: Context) -> Result<Reply, Error> {
    cx.user().await?;
    cx.list("t")?;
    Ok(Reply::Nothing)
}

/// `PUT …/remove-totp`.
pub(crate) async fn remove_totp(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    cx.core.delete_credentials_of(&cx.realm, &record.user.id, &["otp".to_owned()]).await?;
    Ok(Reply::Nothing)
}

/// `GET …/configured-user-storage-credential-types`: no user lives in a directory.
pub(crate) async fn storage_types(cx: Context) -> Result<Reply, Error> {
    cx.user().await?;
    Ok(Reply::Json(json!([])))
}
