//! Groups: a tree of them, what their members hold, and who joins a realm's new users to which.

use keyraft_model::{Group, GroupId, Rest};
use keyraft_store::{groups, realms};

use crate::{
    Core, Error, RealmView,
    authority::Authority,
    overlay::{fits, invalid, multi_attributes, text},
    roles::taken,
};

/// Longest name of a group.
const MAX_NAME: usize = 255;

/// How deep a tree of groups may grow.
const MAX_DEPTH: usize = 30;

impl Core {
    /// Creates a group under `parent`, or at the top, from Keycloak's `GroupRepresentation`.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a sibling has the name, [`Error::Invalid`].
    pub async fn create_group(
        &self,
        realm: &RealmView,
        parent: Option<&GroupId>,
        given: &Rest,
    ) -> Result<Group, Error> {
        let name = name_of(given)?;
        if realm.groups.children(parent).iter().any(|sibling| sibling.name == name) {
            return Err(conflict(parent, name));
        }
        if parent.is_some_and(|parent| realm.groups.with_ancestors(parent).len() >= MAX_DEPTH) {
            return Err(invalid("parentId", "Groups are nested too deeply"));
        }
        let group = Group {
            id: GroupId::random(),
            name: name.to_owned(),
            description: text(given, "description").map(str::to_owned),
            parent: parent.cloned(),
            attributes: multi_attributes(given, "attributes").unwrap_or_default(),
            ..Group::default()
        };
        let (of, stored) = (&realm.realm.id, &group);
        let inserted = self.store.write(async |tx| groups::insert(&tx, of, stored).await).await;
        inserted.map_err(|error| taken(error, what(parent), name))?;
        Ok(group)
    }

    /// Replaces name, description and attributes of a group; attributes and description that do not come are kept.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a sibling has the name, [`Error::Invalid`].
    pub async fn update_group(&self, realm: &RealmView, group: &Group, given: &Rest) -> Result<(), Error> {
        let name = name_of(given)?;
        let siblings = realm.groups.children(group.parent.as_ref());
        if siblings.iter().any(|sibling| sibling.name == name && sibling.id != group.id) {
            return Err(Error::Conflict { what: "sibling group", name: name.to_owned() });
        }
        self.change_group(realm, &group.id, name, |group| {
            name.clone_into(&mut group.name);
            if let Some(attributes) = multi_attributes(given, "attributes") {
                group.attributes = attributes;
            }
            group.description = text(given, "description").map(str::to_owned);
        })
        .await
    }

    /// Moves a group under `parent`, or to the top. Its members then hold what their new ancestors give them.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a sibling has the name, [`Error::Invalid`] for a circle, [`Error::Denied`] when an
    /// ancestor gives authority that the caller does not have.
    pub async fn move_group(
        &self,
        realm: &RealmView,
        group: &Group,
        parent: Option<&GroupId>,
        by: &Authority,
    ) -> Result<(), Error> {
        let line = parent.map(|parent| realm.groups.with_ancestors(parent)).unwrap_or_default();
        if line.iter().any(|ancestor| ancestor.id == group.id) {
            return Err(invalid("parentId", "A group cannot stand in itself"));
        }
        if line.len() >= MAX_DEPTH {
            return Err(invalid("parentId", "Groups are nested too deeply"));
        }
        if !by.covers(realm, line.iter().flat_map(|ancestor| &ancestor.roles)) {
            return Err(Error::Denied("the group carries more authority than its giver has"));
        }
        if realm
            .groups
            .children(parent)
            .iter()
            .any(|sibling| sibling.name == group.name && sibling.id != group.id)
        {
            return Err(conflict(parent, &group.name));
        }
        self.change_group(realm, &group.id, &group.name, |group| group.parent = parent.cloned()).await
    }

    async fn change_group(
        &self,
        realm: &RealmView,
        id: &GroupId,
        name: &str,
        change: impl Fn(&mut Group) + Send + Sync,
    ) -> Result<(), Error> {
        let (of, change) = (&realm.realm.id, &change);
        let written = self
            .store
            .write(async |tx| {
                let mut found = groups::find(&tx, of, id).await?.ok_or(Error::NotFound("group"))?;
                change(&mut found.value);
                groups::update(&tx, of, &found.value, found.ver).await?;
                Ok::<_, Error>(())
            })
            .await;
        written.map_err(|error| taken(error, "sibling group", name))
    }

    /// Deletes a group with all that stands in it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_group(&self, realm: &RealmView, id: &GroupId) -> Result<(), Error> {
        let of = &realm.realm.id;
        let was_there = self.store.write(async |tx| groups::delete(&tx, of, id).await).await?;
        if was_there { Ok(()) } else { Err(Error::NotFound("group")) }
    }

    /// Has new users join a group, or no longer.
    ///
    /// # Errors
    /// [`Error::Denied`] when the group gives authority that the caller does not have.
    pub async fn set_default_group(
        &self,
        realm: &RealmView,
        group: &GroupId,
        is_default: bool,
        by: &Authority,
    ) -> Result<(), Error> {
        if is_default && !may_join(realm, group, by) {
            return Err(Error::Denied("the group carries more authority than its giver has"));
        }
        let id = &realm.realm.id;
        self.store
            .write(async |tx| {
                let mut found = realms::find(&tx, id).await?.ok_or(Error::NotFound("realm"))?;
                found.value.default_groups.retain(|other| other != group);
                if is_default {
                    found.value.default_groups.push(group.clone());
                }
                realms::update(&tx, &found.value, found.ver).await?;
                Ok::<_, Error>(())
            })
            .await
    }
}

/// Whether the caller may bring someone into a group: he has all the authority that it and its ancestors give.
pub fn may_join(realm: &RealmView, group: &GroupId, by: &Authority) -> bool {
    by.covers(realm, realm.groups.with_ancestors(group).into_iter().flat_map(|group| &group.roles))
}

fn name_of(given: &Rest) -> Result<&str, Error> {
    let name = text(given, "name").filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| invalid("name", "Group name is missing"))?;
    fits("name", name, MAX_NAME)?;
    Ok(name)
}

fn what(parent: Option<&GroupId>) -> &'static str {
    if parent.is_some() { "sibling group" } else { "top group" }
}

fn conflict(parent: Option<&GroupId>, name: &str) -> Error {
    Error::Conflict { what: what(parent), name: name.to_owned() }
}
