//! `default-groups`: what every new user joins.

use serde_json::Value;

use crate::{
    context::Context,
    error::Error,
    groups::gone,
    reply::Reply,
    representation::{self, GroupShape},
};

/// `GET default-groups`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let groups = cx.realm.realm.default_groups.iter().filter_map(|id| cx.realm.groups.find(id));
    let shape = GroupShape { full: None, counted: false, access: None };
    Ok(Reply::Json(
        groups.map(|group| representation::group(&cx.realm, group, shape, vec![])).collect::<Value>(),
    ))
}

/// `PUT default-groups/{groupId}`.
pub(crate) async fn add(cx: Context) -> Result<Reply, Error> {
    set(cx, true).await
}

/// `DELETE default-groups/{groupId}`.
pub(crate) async fn remove(cx: Context) -> Result<Reply, Error> {
    set(cx, false).await
}

async fn set(cx: Context, is_default: bool) -> Result<Reply, Error> {
    let group = cx.group_named("groupId", "Group not found")?;
    cx.core.set_default_group(&cx.realm, &group.id, is_default, &cx.authority).await.map_err(gone)?;
    Ok(Reply::Nothing)
}
