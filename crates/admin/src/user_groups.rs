//! `users/{id}/groups`.

use keyraft_model::{Group, GroupId};
use serde_json::{Value, json};

use crate::{
    context::Context,
    error::Error,
    groups::client_ids,
    query::DEFAULT_MAX,
    reply::Reply,
    representation::{self, GroupShape},
};

/// `GET …/groups`.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let page = cx.query.page(Some(DEFAULT_MAX))?;
    let groups = page.of(groups(&cx, &record.groups));
    let names = client_ids(&cx, &groups).await?;
    let full = (cx.query.flag("briefRepresentation") == Some(false)).then_some(&names);
    let shape = GroupShape { full, counted: false, access: None };
    let shown = groups.iter().map(|group| representation::group(&cx.realm, group, shape, vec![]));
    Ok(Reply::Json(shown.collect::<Value>()))
}

/// `GET …/groups/count`.
pub(crate) async fn count(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    Ok(Reply::Json(json!({"count": groups(&cx, &record.groups).len()})))
}

/// The groups of a user that the query's `search` finds, by name.
fn groups<'a>(cx: &'a Context, ids: &[GroupId]) -> Vec<&'a Group> {
    let search = cx.query.filled("search").map(str::to_lowercase);
    let found = ids.iter().filter_map(|id| cx.realm.groups.find(id));
    let mut found: Vec<_> = found
        .filter(|group| search.as_ref().is_none_or(|text| group.name.to_lowercase().contains(text)))
        .collect();
    found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    found
}

/// `PUT …/groups/{id}`.
pub(crate) async fn join(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let group = cx.group_named("groupId", "Group not found")?;
    cx.core.join_group(&cx.realm, &record.user.id, &group.id, &cx.authority).await?;
    Ok(Reply::Nothing)
}

/// `DELETE …/groups/{id}`; leaving a group that he is not in changes nothing.
pub(crate) async fn leave(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let group = cx.group_named("groupId", "Group not found")?;
    cx.core.leave_group(&cx.realm, &record.user.id, &group.id, &cx.authority).await?;
    Ok(Reply::Nothing)
}
