//! A client: an application that asks for tokens.

use serde::{Deserialize, Serialize};

use crate::{Attributes, ClientUuid, Rest, ScopeId, Secrets};

/// An application, as Keycloak's `ClientRepresentation`.
///
/// Two members differ from the wire: `default_client_scopes` and `optional_client_scopes` hold the *ids* of
/// client scopes here, so that renaming a scope touches no client; representations carry names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    clippy::struct_excessive_bools,
    reason = "the fields are Keycloak's ClientRepresentation members by name"
)]
pub struct Client {
    pub id: ClientUuid,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    pub surrogate_auth_required: bool,
    pub enabled: bool,
    pub always_display_in_console: bool,
    pub client_authenticator_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_access_token: Option<String>,
    pub redirect_uris: Vec<String>,
    pub web_origins: Vec<String>,
    pub not_before: i64,
    pub bearer_only: bool,
    pub consent_required: bool,
    pub standard_flow_enabled: bool,
    pub implicit_flow_enabled: bool,
    pub direct_access_grants_enabled: bool,
    pub service_accounts_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_services_enabled: Option<bool>,
    pub public_client: bool,
    pub frontchannel_logout: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    pub attributes: Attributes,
    /// Flow ids by binding (`browser`, `direct_grant`) that replace the realm's.
    pub authentication_flow_binding_overrides: Attributes,
    pub full_scope_allowed: bool,
    pub node_re_registration_timeout: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protocol_mappers: Vec<ProtocolMapper>,
    pub default_client_scopes: Vec<ScopeId>,
    pub optional_client_scopes: Vec<ScopeId>,
    /// What this release does not read but must give back.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Client {
    /// The attribute of that name, when it is set and not empty.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Whether the attribute of that name says `true`.
    pub fn is_attribute(&self, name: &str) -> bool {
        self.attribute(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// The attribute of that name as a whole number.
    pub fn attribute_number(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.trim().parse().ok()
    }

    /// Whether it speaks OpenID Connect; a client without a `protocol` does.
    pub fn is_openid_connect(&self) -> bool {
        self.protocol.as_deref().is_none_or(|protocol| protocol == "openid-connect")
    }

    /// Whether it proves who it is: neither public nor bearer-only.
    pub fn is_confidential(&self) -> bool {
        !self.public_client && !self.bearer_only
    }

    /// What people call it: its name, else its `client_id`.
    pub fn title(&self) -> &str {
        self.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&self.client_id)
    }
}

impl Secrets for Client {
    fn visit_secrets(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        if let Some(secret) = &mut self.secret {
            visit("secret", secret);
        }
        if let Some(token) = &mut self.registration_access_token {
            visit("registrationAccessToken", token);
        }
        for name in ["client.secret.rotated", "saml.signing.private.key", "saml.encryption.private.key"] {
            if let Some(secret) = self.attributes.get_mut(name) {
                visit(name, secret);
            }
        }
    }
}

/// Puts a claim into tokens, as Keycloak's `ProtocolMapperRepresentation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Keycloak's ProtocolMapperRepresentation members by name")]
pub struct ProtocolMapper {
    pub id: String,
    pub name: String,
    pub protocol: String,
    pub protocol_mapper: String,
    pub consent_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_text: Option<String>,
    pub config: Attributes,
}

impl ProtocolMapper {
    /// The configuration value of that name, when it is set and not empty.
    pub fn config(&self, name: &str) -> Option<&str> {
        self.config.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// Whether the configuration value of that name says `true`.
    pub fn is_config(&self, name: &str) -> bool {
        self.config(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }
}
