//! A user: a person, or a client's service account.

use serde::{Deserialize, Serialize};

use crate::{ClientUuid, MultiAttributes, Rest, UserId};

/// A user, as the members of Keycloak's `UserRepresentation` that are his own.
///
/// Credentials, roles, groups and consents are rows of their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Keycloak's UserRepresentation members by name")]
pub struct User {
    pub id: UserId,
    /// Lower-cased when it is stored.
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Lower-cased when it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub email_verified: bool,
    #[serde(skip_serializing_if = "MultiAttributes::is_empty")]
    pub attributes: MultiAttributes,
    pub enabled: bool,
    /// Unix milliseconds.
    pub created_timestamp: i64,
    pub required_actions: Vec<String>,
    /// Unix seconds: tokens issued before are refused.
    pub not_before: i64,
    /// Set for a service account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_client: Option<ClientUuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federation_link: Option<String>,
    /// What this release does not read but must give back.
    #[serde(flatten)]
    pub rest: Rest,
}

impl User {
    /// First and last name with a blank between, whichever are set.
    pub fn full_name(&self) -> Option<String> {
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        let joined =
            names.into_iter().flatten().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
        (!joined.is_empty()).then_some(joined)
    }

    /// The first value of the attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.first().map(String::as_str)
    }
}
