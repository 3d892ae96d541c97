//! The groups of a realm as one index: paths, ancestors, children.

use std::collections::HashMap;

use keyraft_model::{Group, GroupId};

/// All groups of one realm.
#[derive(Debug, Default)]
pub struct Groups {
    by_id: HashMap<GroupId, Group>,
}

/// Deeper trees than this are cut off: a damaged row must not make a reader run for ever.
const MAX_DEPTH: usize = 64;

impl Groups {
    /// Indexes the groups of a realm.
    pub fn new(groups: Vec<Group>) -> Self {
        Self { by_id: groups.into_iter().map(|group| (group.id.clone(), group)).collect() }
    }

    /// The group of that id.
    pub fn find(&self, id: &GroupId) -> Option<&Group> {
        self.by_id.get(id)
    }

    /// Every group, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.by_id.values()
    }

    /// The children of a group, or the top-level groups (`None`), by name.
    pub fn children(&self, parent: Option<&GroupId>) -> Vec<&Group> {
        let mut found: Vec<_> = self.by_id.values().filter(|group| group.parent.as_ref() == parent).collect();
        found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        found
    }

    /// The group and all that it stands in, itself first.
    pub fn with_ancestors(&self, id: &GroupId) -> Vec<&Group> {
        let mut line = Vec::new();
        let mut next = self.find(id);
        while let Some(group) = next
            && line.len() < MAX_DEPTH
        {
            line.push(group);
            next = group.parent.as_ref().and_then(|parent| self.find(parent));
        }
        line
    }

    /// The group's path, such as `/staff/night`. A `/` in a name stays as it is, as Keycloak has it by default.
    pub fn path(&self, id: &GroupId) -> String {
        let mut path = String::new();
        for group in self.with_ancestors(id).iter().rev() {
            path.push('/');
            path.push_str(&group.name);
        }
        path
    }

    /// The group at a path, with or without its leading `/`.
    pub fn find_by_path(&self, path: &str) -> Option<&Group> {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        self.by_id.values().find(|group| self.path(&group.id) == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_group() {
        let top = Group { id: "1".into(), name: "staff".into(), ..Group::default() };
        let child =
            Group { id: "2".into(), name: "a/b".into(), parent: Some("1".into()), ..Group::default() };
        let groups = Groups::new(vec![top, child]);

        assert_eq!(groups.path(&"2".into()), "/staff/a/b");
        assert_eq!(groups.find_by_path("staff/a/b").map(|group| group.id.as_str()), Some("2"));
        assert_eq!(groups.with_ancestors(&"2".into()).len(), 2);
    }
}
