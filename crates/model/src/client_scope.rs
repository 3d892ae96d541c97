//! A client scope: a named bundle of protocol mappers and roles that clients share.

use serde::{Deserialize, Serialize};

use crate::{Attributes, ProtocolMapper, Rest, RoleId, ScopeId};

/// A client scope, as Keycloak's `ClientScopeRepresentation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Keycloak's ClientScopeRepresentation members by name")]
pub struct ClientScope {
    pub id: ScopeId,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    pub attributes: Attributes,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocol_mappers: Vec<ProtocolMapper>,
    /// Roles that a token may carry only with this scope (scope mappings); not a member on the wire.
    #[serde(rename = "_scopeMappings", skip_serializing_if = "Vec::is_empty")]
    pub scope_mappings: Vec<RoleId>,
    /// What this release does not read but must give back.
    #[serde(flatten)]
    pub rest: Rest,
}

impl ClientScope {
    /// The attribute of that name, when it is set and not empty.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Whether its name stands in the `scope` of tokens (`include.in.token.scope`; default yes).
    pub fn is_in_token_scope(&self) -> bool {
        self.attribute("include.in.token.scope").is_none_or(|text| text == "true")
    }

    /// Whether the person is asked about it (`display.on.consent.screen`; default yes).
    pub fn is_on_consent_screen(&self) -> bool {
        self.attribute("display.on.consent.screen").is_none_or(|text| text == "true")
    }
}
