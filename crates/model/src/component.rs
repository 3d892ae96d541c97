//! A component: a configured provider of a realm, such as a key, a policy or the user profile.

use serde::{Deserialize, Serialize};

use crate::{ComponentId, MultiAttributes, Secrets};

/// A component, as Keycloak's `ComponentRepresentation`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are Keycloak's ComponentRepresentation members by name")]
pub struct Component {
    pub id: ComponentId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub provider_id: String,
    pub provider_type: String,
    pub parent_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<String>,
    pub config: MultiAttributes,
}

/// `providerType` of key providers.
pub const KEY_PROVIDER: &str = "org.keycloak.keys.KeyProvider";

/// `providerType` of the declarative user profile.
pub const USER_PROFILE_PROVIDER: &str = "org.keycloak.userprofile.UserProfileProvider";

/// Configuration members that never leave the server unmasked.
const SECRET_MEMBERS: [&str; 8] = [
    "privateKey",
    "secret",
    "ecdsaPrivateKey",
    "ecdhPrivateKey",
    "eddsaPrivateKey",
    "keystorePassword",
    "keyPassword",
    "bindCredential",
];

impl Component {
    /// The first configuration value of that name.
    pub fn config(&self, name: &str) -> Option<&str> {
        self.config.get(name)?.first().map(String::as_str)
    }

    /// Whether the configuration member of that name is a secret.
    pub fn is_secret_member(name: &str) -> bool {
        SECRET_MEMBERS.contains(&name)
    }
}

impl Secrets for Component {
    fn visit_secrets(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        for (name, values) in &mut self.config {
            if Self::is_secret_member(name) {
                for value in values {
                    visit(name, value);
                }
            }
        }
    }
}
