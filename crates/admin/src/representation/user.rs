//! Users and their credentials.

use keyraft_core::{
    authority::{Authority, Right},
    user_profile::{Editor, UserProfile},
};
use keyraft_model::{Credential, User};
use serde_json::{Value, json};

use super::{Members, put, put_some};

/// A user as Keycloak's `UserRepresentation`, without `access`. `totp`: whether he has a one-time code; `None`
/// for the brief form.
pub(crate) fn user(user: &User, profile: &UserProfile, totp: Option<bool>) -> Members {
    let mut shown = Members::new();
    let visible = |name: &str| profile.may_view(name, Editor::Admin);
    put(&mut shown, "id", user.id.as_str());
    put(&mut shown, "username", user.username.as_str());
    put_some(&mut shown, "firstName", user.first_name.clone().filter(|_| visible("firstName")));
    put_some(&mut shown, "lastName", user.last_name.clone().filter(|_| visible("lastName")));
    put_some(&mut shown, "email", user.email.clone().filter(|_| visible("email")));
    put(&mut shown, "emailVerified", user.email_verified);
    if totp.is_some() {
        let attributes = profile.visible(user, Editor::Admin);
        put_some(&mut shown, "attributes", (!attributes.is_empty()).then(|| json!(attributes)));
    }
    put(&mut shown, "enabled", user.enabled);
    put(&mut shown, "createdTimestamp", user.created_timestamp);
    if let Some(totp) = totp {
        put(&mut shown, "totp", totp);
        put_some(&mut shown, "federationLink", user.federation_link.clone());
        put(&mut shown, "disableableCredentialTypes", json!([]));
        put(&mut shown, "requiredActions", json!(user.required_actions));
        put(&mut shown, "notBefore", user.not_before);
    }
    shown
}

/// What the caller may do with a user.
pub(crate) fn access(by: &Authority) -> Value {
    let manage = by.has(Right::ManageUsers);
    json!({
        "manageGroupMembership": manage,
        "resetPassword": manage,
        "view": by.has(Right::ViewUsers),
        "mapRoles": manage,
        "impersonate": by.has(Right::Impersonate),
        "manage": manage,
    })
}

/// A credential as Keycloak's `CredentialRepresentation`: how to check it, never what it is.
pub(crate) fn credential(credential: &Credential) -> Members {
    let mut shown = Members::new();
    put(&mut shown, "id", credential.id.as_str());
    put(&mut shown, "type", credential.kind.as_str());
    put_some(&mut shown, "userLabel", credential.user_label.clone());
    put(&mut shown, "createdDate", credential.created_date);
    put_some(
        &mut shown,
        "credentialData",
        Some(credential.credential_data.clone()).filter(|data| !data.is_empty()),
    );
    shown
}
