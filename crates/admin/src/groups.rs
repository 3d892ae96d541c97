//! `groups`: the tree, its members, and finding one by its path.

use std::collections::HashMap;

use http::StatusCode;
use keyraft_core::{Error as CoreError, authority::Right};
use keyraft_model::{ClientUuid, Group, GroupId};
use serde_json::{Value, json};

use crate::{
    context::Context,
    error::Error,
    json::{self, Object},
    query::DEFAULT_MAX,
    reply::Reply,
    representation::{self, GroupShape},
    users::{self, attributes},
};

/// `client_id`s of the clients whose roles these groups hold.
pub(crate) async fn client_ids(
    cx: &Context,
    groups: &[&Group],
) -> Result<HashMap<ClientUuid, String>, Error> {
    let roles = groups.iter().flat_map(|group| &group.roles).filter_map(|id| cx.realm.roles.find(id));
    let clients: Vec<_> = roles.filter_map(|role| role.client.clone()).collect();
    Ok(cx.core.client_ids(&cx.realm, clients).await?)
}

/// What the query wants to see of each group of a list.
struct Wanted {
    full: bool,
    counted: bool,
}

impl Wanted {
    fn of(cx: &Context, brief: bool) -> Self {
        Self {
            full: !cx.query.flag("briefRepresentation").unwrap_or(brief),
            counted: cx.query.flag("subGroupsCount").unwrap_or(true),
        }
    }
}

/// `GET groups`: top-level groups, or what a search finds with the way to it. Who may only query sees none.
pub(crate) async fn list(cx: Context) -> Result<Reply, Error> {
    let page = cx.query.page(None)?;
    if !cx.authority.has(Right::ViewGroups) {
        return Ok(Reply::Json(json!([])));
    }
    let wanted = Wanted::of(&cx, true);
    let found = searched(&cx);
    let hierarchy = cx.query.flag("populateHierarchy").unwrap_or(true);
    match found {
        None => shown(&cx, &page.of(cx.realm.groups.children(None)), &wanted, &|_| vec![]).await,
        Some(found) if !hierarchy => shown(&cx, &page.of(found), &wanted, &|_| vec![]).await,
        Some(found) => {
            let found = page.of(found);
            let mut on_the_way: Vec<&GroupId> = Vec::new();
            for group in &found {
                on_the_way.extend(cx.realm.groups.with_ancestors(&group.id).iter().map(|group| &group.id));
            }
            let top = cx.realm.groups.children(None).into_iter().filter(|top| on_the_way.contains(&&top.id));
            let inner = |group: &Group| {
                let children = cx.realm.groups.children(Some(&group.id)).into_iter();
                children.filter(|child| on_the_way.contains(&&child.id)).collect()
            };
            shown(&cx, &top.collect::<Vec<_>>(), &wanted, &inner).await
        }
    }
}

/// Groups that `search` or `q` finds, by name; `None` when the query searches for nothing.
fn searched(cx: &Context) -> Option<Vec<&Group>> {
    let (q, search) = (cx.query.filled("q"), cx.query.filled("search").map(str::trim));
    if q.is_none() && search.is_none() {
        return None;
    }
    let pairs = attributes(q.unwrap_or_default());
    let exact = cx.query.flag("exact").unwrap_or(false);
    let fits = |group: &&Group| {
        let by_name = search.is_none_or(|text| is_named(group, text, exact));
        by_name
            && pairs
                .iter()
                .all(|(name, value)| group.attributes.get(name).is_some_and(|held| held.contains(value)))
    };
    let mut found: Vec<_> = cx.realm.groups.iter().filter(fits).collect();
    found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Some(found)
}

async fn shown<'a>(
    cx: &'a Context,
    groups: &[&'a Group],
    wanted: &Wanted,
    inner: &(dyn Fn(&Group) -> Vec<&'a Group> + Send + Sync),
) -> Result<Reply, Error> {
    let names = if wanted.full { client_ids(cx, groups).await? } else { HashMap::new() };
    let shape = GroupShape {
        full: wanted.full.then_some(&names),
        counted: wanted.counted,
        access: Some(&cx.authority),
    };
    let owned = |group: &Group| inner(group).into_iter().cloned().collect::<Vec<_>>();
    Ok(Reply::Json(groups.iter().map(|group| tree(cx, group, shape, &owned)).collect::<Value>()))
}

/// A group with those in it that `inner` names.
fn tree(cx: &Context, group: &Group, shape: GroupShape<'_>, inner: &dyn Fn(&Group) -> Vec<Group>) -> Value {
    let below = inner(group).iter().map(|child| tree(cx, child, shape, inner)).collect();
    representation::group(&cx.realm, group, shape, below)
}

/// Whether a group's name is `text`, or holds it with case ignored.
fn is_named(group: &Group, text: &str, exact: bool) -> bool {
    if exact { group.name == text } else { group.name.to_lowercase().contains(&text.to_lowercase()) }
}

/// `GET groups/count`.
pub(crate) async fn count(cx: Context) -> Result<Reply, Error> {
    let count = match cx.query.filled("search") {
        Some(_) => searched(&cx).map_or(0, |found| found.len()),
        None if cx.query.flag("top") == Some(true) => cx.realm.groups.children(None).len(),
        None => cx.realm.groups.iter().count(),
    };
    Ok(Reply::Json(json!({"count": count})))
}

/// `POST groups`: a new top-level group; with an id an existing one becomes top-level.
pub(crate) async fn create(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("GroupRepresentation")?;
    if let Some(moved) = moved(&cx, &given, None).await? {
        return Ok(moved);
    }
    let group = cx.core.create_group(&cx.realm, None, &given).await?;
    Ok(cx.created(group.id.as_str()))
}

/// `POST groups/{group-id}/children`: a new group in this one, which is sent back; with an id an existing one
/// moves here.
pub(crate) async fn add_child(cx: Context) -> Result<Reply, Error> {
    let parent = cx.group_named("group-id", "Could not find group by id")?.id.clone();
    let given = cx.object("GroupRepresentation")?;
    if let Some(moved) = moved(&cx, &given, Some(&parent)).await? {
        return Ok(moved);
    }
    let group = cx.core.create_group(&cx.realm, Some(&parent), &given).await?;
    let realm = cx.core.realm(&cx.realm.realm.realm).await?.ok_or_else(Error::no_path)?;
    let shape = GroupShape { full: Some(&HashMap::new()), counted: false, access: Some(&cx.authority) };
    let shown = representation::group(&realm, &group, shape, vec![]);
    let address = format!(
        "{}/admin/realms/{}/groups",
        cx.origin.admin,
        keyraft_web::extract::segment(&cx.realm.realm.realm)
    );
    Ok(Reply::CreatedWith(format!("{address}/{}", group.id), shown))
}

async fn moved(cx: &Context, given: &Object, parent: Option<&GroupId>) -> Result<Option<Reply>, Error> {
    let Some(id) = json::text(given, "id").filter(|id| !id.is_empty()) else { return Ok(None) };
    let name = json::text(given, "name").filter(|name| !name.trim().is_empty());
    name.ok_or_else(|| Error::message("Group name is missing"))?;
    let group = cx
        .realm
        .groups
        .find(&GroupId::from(id))
        .ok_or_else(|| Error::not_found("Could not find child by id"))?;
    cx.core.move_group(&cx.realm, group, parent, &cx.authority).await?;
    Ok(Some(Reply::Nothing))
}

/// `GET groups/{group-id}`.
pub(crate) async fn read(cx: Context) -> Result<Reply, Error> {
    let group = cx.group_named("group-id", "Could not find group by id")?;
    let names = client_ids(&cx, &[group]).await?;
    let shape = GroupShape { full: Some(&names), counted: true, access: Some(&cx.authority) };
    Ok(Reply::Json(representation::group(&cx.realm, group, shape, vec![])))
}

/// `PUT groups/{group-id}`.
pub(crate) async fn update(cx: Context) -> Result<Reply, Error> {
    let group = cx.group_named("group-id", "Could not find group by id")?;
    let given = cx.object("GroupRepresentation")?;
    if json::text(&given, "id").is_some_and(|id| id != group.id.as_str()) {
        return Err(Error::message("Invalid group id"));
    }
    cx.core.update_group(&cx.realm, group, &given).await?;
    Ok(Reply::Nothing)
}

/// `DELETE groups/{group-id}`.
pub(crate) async fn delete(cx: Context) -> Result<Reply, Error> {
    let group = cx.group_named("group-id", "Could not find group by id")?;
    cx.core.delete_group(&cx.realm, &group.id).await?;
    Ok(Reply::Nothing)
}

/// `GET groups/{group-id}/children`: whole ones unless the query wants them brief.
pub(crate) async fn children(cx: Context) -> Result<Reply, Error> {
    let group = cx.group_named("group-id", "Could not find group by id")?;
    let page = cx.query.page(None)?;
    let search = cx.query.filled("search");
    let exact = cx.query.flag("exact").unwrap_or(false);
    let fits = |child: &&Group| search.is_none_or(|text| is_named(child, text, exact));
    let children = page.of(cx.realm.groups.children(Some(&group.id)).into_iter().filter(fits));
    shown(&cx, &children, &Wanted::of(&cx, false), &|_| vec![]).await
}

/// `GET groups/{group-id}/members`.
pub(crate) async fn members(cx: Context) -> Result<Reply, Error> {
    let group = cx.group_named("group-id", "Could not find group by id")?;
    let page = cx.query.page(Some(DEFAULT_MAX))?;
    let members = cx.core.list_members(&cx.realm, &group.id, page.offset(), page.limit()).await?;
    users::listed(&cx, &members, false).await
}

/// `GET group-by-path/{path}`. Who may not view groups does not learn which there are.
pub(crate) async fn by_path(cx: Context) -> Result<Reply, Error> {
    let group = cx.realm.groups.find_by_path(cx.parameter("path"));
    let group = group.filter(|_| cx.authority.has(Right::ViewGroups));
    let group = group.ok_or_else(|| Error::not_found("Group path does not exist"))?;
    let names = client_ids(&cx, &[group]).await?;
    let shape = GroupShape { full: Some(&names), counted: true, access: None };
    Ok(Reply::Json(representation::group(&cx.realm, group, shape, vec![])))
}

/// Keycloak's answer to what `core` says of a group that is gone meanwhile.
pub(crate) fn gone(error: CoreError) -> Error {
    match error {
        CoreError::NotFound(_) => Error::Plain(StatusCode::NOT_FOUND, "Group not found".to_owned()),
        other => other.into(),
    }
}
