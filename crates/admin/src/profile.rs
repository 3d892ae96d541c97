//! `users/profile`: which attributes users have.

use keyraft_core::user_profile::{Editor, UserProfile};
use serde_json::json;

use crate::{context::Context, error::Error, reply::Reply};

/// `GET users/profile`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(json!(UserProfile::of(&cx.realm.components))))
}

/// `PUT users/profile`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("UPConfig")?;
    let profile = cx.core.set_user_profile(&cx.realm, &given).await?;
    Ok(Reply::PlainJson(json!(profile)))
}

/// `GET users/profile/metadata`.
pub(crate) async fn metadata(cx: Context) -> Result<Reply, Error> {
    Ok(Reply::Json(UserProfile::of(&cx.realm.components).metadata(Editor::Admin, true)))
}

/// `GET users/{user-id}/unmanagedAttributes`.
pub(crate) async fn unmanaged(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    Ok(Reply::Json(json!(UserProfile::of(&cx.realm.components).unmanaged(&record.user, Editor::Admin))))
}
