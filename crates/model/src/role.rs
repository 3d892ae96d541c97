//! A role: a name for something its holder may do, of a realm or of one client.

use serde::{Deserialize, Serialize};

use crate::{ClientUuid, MultiAttributes, RoleId};

/// A role. `client` is set for a client's role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Role {
    /// Its row.
    pub id: RoleId,
    /// Unique in the realm, or in its client.
    pub name: String,
    /// For people; `${…}` is a message key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The client that it belongs to; a realm role without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientUuid>,
    /// Free attributes.
    pub attributes: MultiAttributes,
    /// Roles that its holder holds as well, directly named ones only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub composites: Vec<RoleId>,
}
