//! Events: what happened to a user, in Keycloak's words.

use serde::{Deserialize, Serialize};

use crate::{Attributes, RealmId, UnixMs};

/// Something that happened at a door of a realm, as Keycloak's `EventRepresentation`.
///
/// `kind` is Keycloak's event type (`LOGIN`, `CODE_TO_TOKEN_ERROR`); `error` its short error word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Keycloak's EventRepresentation members by name")]
pub struct Event {
    pub time: UnixMs,
    #[serde(rename = "type")]
    pub kind: String,
    pub realm_id: RealmId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub details: Attributes,
}
