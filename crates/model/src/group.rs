//! A group: users who share roles and attributes.

use serde::{Deserialize, Serialize};

use crate::{GroupId, MultiAttributes, Rest, RoleId};

/// A group; its path follows from its parents' names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Group {
    /// Its row.
    pub id: GroupId,
    /// Unique among its siblings.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The group that it stands in; a top-level group without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<GroupId>,
    /// Free attributes, which mappers may put into its members' tokens.
    pub attributes: MultiAttributes,
    /// Roles that every member holds, realm and client roles alike.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleId>,
    /// What this release does not read but must give back.
    #[serde(flatten)]
    pub rest: Rest,
}
