//! Clients, and the roles that their tokens may carry.

use keyraft_model::{Rest, RoleId, Secrets as _};
use serde_json::{Value, json};

use super::{Labels, Secrets, object};
use crate::{
    Error,
    image::{ClientImage, RealmImage},
    realms::MASKED,
};

pub(super) fn clients(image: &RealmImage, labels: &Labels<'_>, secrets: Secrets) -> Result<Value, Error> {
    image
        .clients
        .iter()
        .map(|entry| client(entry, labels, secrets))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

fn client(entry: &ClientImage, labels: &Labels<'_>, secrets: Secrets) -> Result<Value, Error> {
    let mut client = entry.client.clone();
    if secrets == Secrets::Masked {
        client.visit_secrets(&mut |_, text| MASKED.clone_into(text));
    }
    let mut members = object(&client)?;
    for (name, list) in [
        ("defaultClientScopes", &client.default_client_scopes),
        ("optionalClientScopes", &client.optional_client_scopes),
    ] {
        let names: Vec<_> = list.iter().filter_map(|id| labels.scope(id)).collect();
        members.insert(name.into(), json!(names));
    }
    Ok(Value::Object(members))
}

/// `scopeMappings` and `clientScopeMappings`.
pub(super) fn scope_mappings(image: &RealmImage, labels: &Labels<'_>) -> Rest {
    let (mut of_realm, mut of_clients) = (Vec::new(), Rest::new());
    let mut add = |holder: &str, name: &str, roles: &[RoleId]| {
        let (realm, client) = super::parts::held(roles, labels);
        if !realm.is_empty() {
            of_realm.push(json!({holder: name, "roles": realm}));
        }
        for (of, roles) in client {
            if let Value::Array(list) = of_clients.entry(of).or_insert_with(|| json!([])) {
                list.push(json!({holder: name, "roles": roles}));
            }
        }
    };
    for entry in &image.clients {
        add("client", &entry.client.client_id, &entry.scope_mappings);
    }
    for scope in &image.parts.client_scopes {
        add("clientScope", &scope.name, &scope.scope_mappings);
    }
    let mut members = Rest::new();
    members.insert("scopeMappings".into(), Value::Array(of_realm));
    members.insert("clientScopeMappings".into(), Value::Object(of_clients));
    members
}
