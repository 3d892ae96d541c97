//! Users with credentials, roles, groups and consents.

use keyraft_model::Credential;
use serde_json::{Value, json};

use super::{Labels, object, parts::held};
use crate::{Error, image::UserImage};

pub(super) fn user(image: &UserImage, labels: &Labels<'_>) -> Result<Value, Error> {
    let mut members = object(&image.user)?;
    let client = members.shift_remove("serviceAccountClient");
    if let Some(client) = client.as_ref().and_then(Value::as_str).and_then(|id| labels.client(id)) {
        members.insert("serviceAccountClientId".into(), json!(client));
    }
    let has_codes = image.credentials.iter().any(|credential| credential.kind == "otp");
    members.insert("totp".into(), json!(has_codes));
    let credentials = image.credentials.iter().map(credential).collect::<Result<Vec<_>, _>>()?;
    members.insert("credentials".into(), Value::Array(credentials));
    members.insert("disableableCredentialTypes".into(), json!([]));
    let (realm, client) = held(&image.roles, labels);
    if !realm.is_empty() {
        members.insert("realmRoles".into(), json!(realm));
    }
    if !client.is_empty() {
        members.insert("clientRoles".into(), Value::Object(client));
    }
    let consents: Vec<_> = image
        .consents
        .iter()
        .filter_map(|consent| {
            let scopes: Vec<_> = consent.scopes.iter().filter_map(|id| labels.scope(id)).collect();
            Some(json!({
                "clientId": labels.client(consent.client.as_str())?,
                "grantedClientScopes": scopes,
                "createdDate": consent.created,
                "lastUpdatedDate": consent.updated
            }))
        })
        .collect();
    if !consents.is_empty() {
        members.insert("clientConsents".into(), Value::Array(consents));
    }
    let groups: Vec<_> = image.groups.iter().filter_map(|id| labels.group(id)).collect();
    members.insert("groups".into(), json!(groups));
    Ok(Value::Object(members))
}

/// A credential; its place in the list is its priority.
fn credential(credential: &Credential) -> Result<Value, Error> {
    let mut members = object(credential)?;
    members.shift_remove("priority");
    Ok(Value::Object(members))
}
