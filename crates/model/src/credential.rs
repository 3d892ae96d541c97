//! A credential: the stored secret or key that an authenticator checks.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{CredentialId, Secrets};

/// A stored credential, as Keycloak's `CredentialRepresentation`.
///
/// `secret_data` and `credential_data` are JSON texts of Keycloak's shapes, kept to the letter.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Credential {
    /// Its row.
    pub id: CredentialId,
    /// `password`, `otp`, `webauthn`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// What the person calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_label: Option<String>,
    /// Unix milliseconds.
    pub created_date: i64,
    /// What must stay secret: hash and salt, seed, key.
    pub secret_data: String,
    /// How to check it: algorithm, cost, counters.
    pub credential_data: String,
    /// Lower comes first when a kind has several.
    pub priority: i64,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Secrets for Credential {
    fn visit_secrets(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        visit("secretData", &mut self.secret_data);
    }
}
