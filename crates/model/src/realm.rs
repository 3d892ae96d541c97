//! A realm: its own users, clients, keys and policies, apart from every other realm.

use serde::{Deserialize, Serialize};

use crate::{Attributes, ClientUuid, DurationMs, GroupId, RealmId, Rest, RoleId, Secrets};

/// A realm's settings, as the members of Keycloak's `RealmRepresentation` that concern the realm itself.
///
/// Lifespans and idle times are whole seconds on the wire; 0 means "not set: the wider limit holds".
/// Clients, roles, groups, flows and the like are rows of their own and never stand in here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    clippy::struct_excessive_bools,
    reason = "the fields are Keycloak's RealmRepresentation members by name"
)]
pub struct Realm {
    pub id: RealmId,
    pub realm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name_html: Option<String>,
    pub not_before: i64,
    pub default_signature_algorithm: String,
    pub revoke_refresh_token: bool,
    pub refresh_token_max_reuse: i64,
    pub access_token_lifespan: i64,
    pub access_token_lifespan_for_implicit_flow: i64,
    pub sso_session_idle_timeout: i64,
    pub sso_session_max_lifespan: i64,
    pub sso_session_idle_timeout_remember_me: i64,
    pub sso_session_max_lifespan_remember_me: i64,
    pub offline_session_idle_timeout: i64,
    pub offline_session_max_lifespan_enabled: bool,
    pub offline_session_max_lifespan: i64,
    pub client_session_idle_timeout: i64,
    pub client_session_max_lifespan: i64,
    pub client_offline_session_idle_timeout: i64,
    pub client_offline_session_max_lifespan: i64,
    pub access_code_lifespan: i64,
    pub access_code_lifespan_user_action: i64,
    pub access_code_lifespan_login: i64,
    pub action_token_generated_by_admin_lifespan: i64,
    pub action_token_generated_by_user_lifespan: i64,
    #[serde(rename = "oauth2DeviceCodeLifespan")]
    pub oauth2_device_code_lifespan: i64,
    #[serde(rename = "oauth2DevicePollingInterval")]
    pub oauth2_device_polling_interval: i64,
    pub enabled: bool,
    pub ssl_required: String,
    pub registration_allowed: bool,
    pub registration_email_as_username: bool,
    pub remember_me: bool,
    pub verify_email: bool,
    pub login_with_email_allowed: bool,
    pub duplicate_emails_allowed: bool,
    pub reset_password_allowed: bool,
    pub edit_username_allowed: bool,
    pub brute_force_protected: bool,
    pub permanent_lockout: bool,
    pub max_temporary_lockouts: i64,
    pub brute_force_strategy: String,
    pub max_failure_wait_seconds: i64,
    pub minimum_quick_login_wait_seconds: i64,
    pub wait_increment_seconds: i64,
    pub quick_login_check_milli_seconds: i64,
    pub max_delta_time_seconds: i64,
    pub failure_factor: i64,
    pub max_secondary_auth_failures: i64,
    /// Keycloak's policy line, such as `length(8) and digits(1)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<String>,
    pub otp_policy_type: String,
    pub otp_policy_algorithm: String,
    pub otp_policy_initial_counter: i64,
    pub otp_policy_digits: i64,
    pub otp_policy_look_ahead_window: i64,
    pub otp_policy_period: i64,
    pub otp_policy_code_reusable: bool,
    pub browser_security_headers: Attributes,
    pub smtp_server: Attributes,
    pub events_enabled: bool,
    pub events_listeners: Vec<String>,
    pub internationalization_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_locales: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_locale: Option<String>,
    /// Aliases of the flows that the realm binds to its doors.
    pub browser_flow: String,
    pub registration_flow: String,
    pub direct_grant_flow: String,
    pub reset_credentials_flow: String,
    pub client_authentication_flow: String,
    pub docker_authentication_flow: String,
    pub first_broker_login_flow: String,
    pub attributes: Attributes,
    /// The role that every user holds; not a member on the wire, where `defaultRole` shows it whole.
    #[serde(rename = "_defaultRole")]
    pub default_role: RoleId,
    /// The groups that every new user joins.
    #[serde(rename = "_defaultGroups", skip_serializing_if = "Vec::is_empty")]
    pub default_groups: Vec<GroupId>,
    /// In the realm `master`, the client whose roles are authority over this realm (`<realm>-realm`).
    #[serde(rename = "_masterAdminClient", skip_serializing_if = "ClientUuid::is_empty")]
    pub master_admin_client: ClientUuid,
    /// What this release does not read but must give back.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Realm {
    /// The attribute of that name, when it is set and not empty.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The realm's own base URL (`frontendUrl`), which replaces the server's in everything that it makes.
    pub fn frontend_url(&self) -> Option<&str> {
        self.attribute("frontendUrl")
    }

    /// How long a user session may be idle.
    pub fn session_idle(&self, remembered: bool) -> DurationMs {
        DurationMs::from_secs(either(
            remembered,
            self.sso_session_idle_timeout_remember_me,
            self.sso_session_idle_timeout,
        ))
    }

    /// How long a user session may live, however much it is used.
    pub fn session_max(&self, remembered: bool) -> DurationMs {
        DurationMs::from_secs(either(
            remembered,
            self.sso_session_max_lifespan_remember_me,
            self.sso_session_max_lifespan,
        ))
    }

    /// What people call the realm: its display name, else its name.
    pub fn title(&self) -> &str {
        self.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(&self.realm)
    }
}

fn either(remembered: bool, special: i64, normal: i64) -> i64 {
    if remembered && special > 0 { special } else { normal }
}

/// Members of a broker's `config` that are secrets.
const BROKER_SECRETS: [&str; 2] = ["clientSecret", "signingKey"];

impl Secrets for Realm {
    fn visit_secrets(&mut self, visit: &mut dyn FnMut(&str, &mut String)) {
        if let Some(password) = self.smtp_server.get_mut("password") {
            visit("smtpServer.password", password);
        }
        // Identity providers are kept for exports: what is a secret there is one here.
        let brokers = self.rest.get_mut("identityProviders").and_then(serde_json::Value::as_array_mut);
        for broker in brokers.into_iter().flatten() {
            for name in BROKER_SECRETS {
                if let Some(serde_json::Value::String(secret)) =
                    broker.pointer_mut(&format!("/config/{name}"))
                {
                    visit(&format!("identityProviders.{name}"), secret);
                }
            }
        }
    }
}
