//! The tree of groups.

use keyraft_model::{Group, GroupId};
use serde_json::Value;

use super::{
    names::Names,
    roles::take_held,
    shape::{entity, give_id, lists_in, members, take_list, text, wrong},
};
use crate::{Error, image::Representation};

/// Deeper trees are refused: readers of the tree stop there.
const MAX_DEPTH: usize = 60;

/// Members that follow from the tree.
const DERIVED: [&str; 5] = ["path", "parentId", "subGroupCount", "access", "subGroups"];

/// Takes the groups out of a representation, parents before their children.
pub(super) fn build(given: &mut Representation, names: &mut Names) -> Result<Vec<Group>, Error> {
    let mut groups = Vec::new();
    let mut open: Vec<_> = numbered(take_list(given, "groups", "$")?, "$.groups", None, 0);
    open.reverse();
    while let Some((value, path, parent, depth)) = open.pop() {
        if depth > MAX_DEPTH {
            return Err(wrong(&path, "groups are nested too deep"));
        }
        let mut given = members(value, &path)?;
        let children = take_list(&mut given, "subGroups", &path)?;
        let roles = take_held(&mut given, names, &path)?;
        let name = text(&given, "name", &path)?.to_owned();
        give_id(&mut given);
        lists_in(&mut given, "attributes");
        given.retain(|name, _| !DERIVED.contains(&name.as_str()));
        let mut group: Group = entity(given, &path)?;
        group.roles = roles;
        let place = match &parent {
            Some((id, place)) => {
                group.parent = Some(GroupId::clone(id));
                format!("{place}/{name}")
            }
            None => format!("/{name}"),
        };
        if names.groups.insert(place.clone(), group.id.clone()).is_some() {
            return Err(wrong(&path, &format!("the group {place:?} stands here twice")));
        }
        let below = (group.id.clone(), place);
        open.extend(
            numbered(children, &format!("{path}.subGroups"), Some(&below), depth + 1).into_iter().rev(),
        );
        groups.push(group);
    }
    Ok(groups)
}

/// A group that waits to be read: the group above with its path, and how deep it is.
type Open = (Value, String, Option<(GroupId, String)>, usize);

fn numbered(items: Vec<Value>, path: &str, parent: Option<&(GroupId, String)>, depth: usize) -> Vec<Open> {
    let open = |(place, item)| (item, format!("{path}[{place}]"), parent.cloned(), depth);
    items.into_iter().enumerate().map(open).collect()
}
