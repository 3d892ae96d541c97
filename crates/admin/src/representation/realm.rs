//! Realms.

use keyraft_core::{
    RealmView,
    authority::{Authority, Right},
    realms::MASKED,
};
use keyraft_model::Realm;
use serde_json::{Value, json};

use super::{Members, plain, put, put_some, role};

/// A realm as Keycloak's `RealmRepresentation`.
pub(crate) fn realm(view: &RealmView) -> Value {
    let realm = &*view.realm;
    let mut shown = plain(realm);
    // What an import brought and this release does not read stays out of sight while there is nothing in it.
    let is_empty = |value: &Value| match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let is_hidden = |name: &str, value: &Value| HIDDEN.contains(&name) && is_empty(value);
    shown.retain(|name, value| !(name.starts_with('_') || is_hidden(name, value)));
    if realm.smtp_server.contains_key("password") {
        let mut server = realm.smtp_server.clone();
        server.insert("password".to_owned(), MASKED.to_owned());
        put(&mut shown, "smtpServer", json!(server));
    }
    if let Some(default) = view.roles.find(&realm.default_role) {
        put(&mut shown, "defaultRole", role(view, default, true));
    }
    in_order(shown).into()
}

/// Members that are not there while they are empty.
const HIDDEN: [&str; 3] = ["localizationTexts", "identityProviders", "identityProviderMappers"];

/// What `briefRepresentation` shows of a realm.
pub(crate) fn realm_brief(realm: &Realm) -> Value {
    let mut shown = Members::new();
    put(&mut shown, "id", realm.id.as_str());
    put(&mut shown, "realm", realm.realm.as_str());
    put_some(&mut shown, "displayName", realm.display_name.clone());
    put_some(&mut shown, "displayNameHtml", realm.display_name_html.clone());
    put(&mut shown, "enabled", realm.enabled);
    shown.into()
}

/// What an administrator sees of his realm who may not view its settings.
pub(crate) fn realm_outline(realm: &Realm, by: &Authority) -> Value {
    let mut shown = Members::new();
    put(&mut shown, "realm", realm.realm.as_str());
    put_some(&mut shown, "displayName", realm.display_name.clone());
    if by.has(Right::ViewUsers) {
        put(&mut shown, "registrationEmailAsUsername", realm.registration_email_as_username);
    }
    put(&mut shown, "bruteForceProtected", realm.brute_force_protected);
    put(&mut shown, "supportedLocales", json!(realm.supported_locales.clone().unwrap_or_default()));
    put_some(&mut shown, "defaultLocale", realm.default_locale.clone());
    let organizations = realm.rest.get("organizationsEnabled").and_then(Value::as_bool).unwrap_or(false);
    put(&mut shown, "organizationsEnabled", organizations);
    shown.into()
}

/// The places of members that `rest` keeps, each before the member that follows it in Keycloak's order.
const BEFORE: [(&str, &str); 4] = [
    ("defaultRole", "otpPolicyType"),
    ("requiredCredentials", "otpPolicyType"),
    ("passwordPolicy", "otpPolicyType"),
    ("otpSupportedApplications", "browserSecurityHeaders"),
];

/// Brings a few members to where Keycloak has them; the others of `rest` stay behind.
fn in_order(mut shown: Members) -> Members {
    let mut moved: Vec<(&str, String, Value)> = Vec::new();
    for (name, before) in BEFORE {
        moved.extend(shown.shift_remove(name).map(|value| (before, name.to_owned(), value)));
    }
    let passkeys: Vec<String> =
        shown.keys().filter(|name| name.starts_with("webAuthnPolicy")).cloned().collect();
    for name in passkeys {
        moved.extend(shown.shift_remove(&name).map(|value| ("browserSecurityHeaders", name, value)));
    }
    let mut ordered = Members::new();
    for (name, value) in shown {
        for (_, name, value) in moved.extract_if(.., |(before, _, _)| *before == name) {
            ordered.insert(name, value);
        }
        ordered.insert(name, value);
    }
    ordered.extend(moved.into_iter().map(|(_, name, value)| (name, value)));
    ordered
}
