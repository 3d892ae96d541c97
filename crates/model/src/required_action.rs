//! A required action: something a user must do before a login is finished.

use serde::{Deserialize, Serialize};

use crate::Attributes;

/// A required action of a realm, as Keycloak's `RequiredActionProviderRepresentation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "the fields are Keycloak's RequiredActionProviderRepresentation members by name"
)]
pub struct RequiredAction {
    pub alias: String,
    pub name: String,
    pub provider_id: String,
    pub enabled: bool,
    pub default_action: bool,
    pub priority: i64,
    pub config: Attributes,
}
