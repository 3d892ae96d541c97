//! What is the realm's own: settings, roles, groups, scopes, flows, actions, components.

use keyraft_model::{Component, Group, Rest, Role, RoleId, Secrets as _, component::KEY_PROVIDER};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Labels, Secrets, object};
use crate::{Error, image::RealmImage, realms::MASKED};

/// Configuration of generated keys that goes with the key.
const OF_KEYS: [&str; 3] = ["certificate", "kid", "keyUse"];

/// Deeper trees than this are cut off: a damaged row must not make a reader run for ever.
const MAX_DEPTH: usize = 64;

pub(super) fn settings(image: &RealmImage, secrets: Secrets) -> Result<Rest, Error> {
    let mut realm = image.parts.realm.clone();
    if secrets == Secrets::Masked {
        realm.visit_secrets(&mut |_, text| MASKED.clone_into(text));
    }
    object(&realm)
}

pub(super) fn values<T: Serialize>(entities: &[T]) -> Result<Value, Error> {
    entities
        .iter()
        .map(|entity| object(entity).map(Value::Object))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// The default role, without what it includes.
pub(super) fn default_role(image: &RealmImage) -> Value {
    let role = image.parts.roles.iter().find(|role| role.id == image.parts.realm.default_role);
    role.map_or(Value::Null, |role| {
        let mut members = brief(image, role);
        members.shift_remove("attributes");
        members.shift_remove("composites");
        Value::Object(members)
    })
}

pub(super) fn roles(image: &RealmImage, labels: &Labels<'_>, with_clients: bool) -> Value {
    let role = |role: &Role| {
        let mut members = brief(image, role);
        if !role.composites.is_empty() {
            let (realm, client) = held(&role.composites, labels);
            let mut composites = Rest::new();
            if !realm.is_empty() {
                composites.insert("realm".into(), json!(realm));
            }
            if !client.is_empty() {
                composites.insert("client".into(), Value::Object(client));
            }
            members.insert("composites".into(), Value::Object(composites));
        }
        Value::Object(members)
    };
    let of_realm: Vec<_> = image.parts.roles.iter().filter(|role| role.client.is_none()).map(role).collect();
    let mut of_clients = Rest::new();
    for entry in &image.clients {
        let own = image.parts.roles.iter().filter(|role| role.client.as_ref() == Some(&entry.client.id));
        of_clients.insert(entry.client.client_id.clone(), own.map(role).collect());
    }
    if with_clients { json!({"realm": of_realm, "client": of_clients}) } else { json!({"realm": of_realm}) }
}

fn brief(image: &RealmImage, role: &Role) -> Rest {
    let container = role.client.as_ref().map_or(image.parts.realm.id.as_str(), |client| client.as_str());
    let mut members = Rest::new();
    members.insert("id".into(), json!(role.id));
    members.insert("name".into(), json!(role.name));
    if let Some(description) = &role.description {
        members.insert("description".into(), json!(description));
    }
    members.insert("composite".into(), json!(!role.composites.is_empty()));
    members.insert("clientRole".into(), json!(role.client.is_some()));
    members.insert("containerId".into(), json!(container));
    members.insert("attributes".into(), json!(role.attributes));
    members
}

/// Names of realm roles, and of client roles by client.
pub(super) fn held<'a>(ids: &[RoleId], labels: &Labels<'a>) -> (Vec<&'a str>, Rest) {
    let (mut realm, mut client) = (Vec::new(), Rest::new());
    for id in ids {
        match labels.role(id) {
            Some((None, name)) => realm.push(name),
            Some((Some(of), name)) => {
                if let Value::Array(names) = client.entry(of).or_insert_with(|| json!([])) {
                    names.push(json!(name));
                }
            }
            None => {}
        }
    }
    (realm, client)
}

pub(super) fn groups(image: &RealmImage, labels: &Labels<'_>) -> Value {
    children(image, labels, None, 0)
}

fn children(image: &RealmImage, labels: &Labels<'_>, parent: Option<&Group>, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return json!([]);
    }
    let id = parent.map(|parent| &parent.id);
    let own = image.parts.groups.iter().filter(|group| group.parent.as_ref() == id);
    own.map(|group| {
        let (realm, client) = held(&group.roles, labels);
        let mut members = group.rest.clone();
        members.insert("id".into(), json!(group.id));
        members.insert("name".into(), json!(group.name));
        if let Some(description) = &group.description {
            members.insert("description".into(), json!(description));
        }
        members.insert("path".into(), json!(labels.group(&group.id)));
        if let Some(parent) = &group.parent {
            members.insert("parentId".into(), json!(parent));
        }
        members.insert("subGroups".into(), children(image, labels, Some(group), depth + 1));
        members.insert("attributes".into(), json!(group.attributes));
        members.insert("realmRoles".into(), json!(realm));
        members.insert("clientRoles".into(), Value::Object(client));
        Value::Object(members)
    })
    .collect()
}

pub(super) fn client_scopes(image: &RealmImage, labels: &Labels<'_>) -> Result<Rest, Error> {
    let mut members = Rest::new();
    members.insert("clientScopes".into(), values(&image.parts.client_scopes)?);
    for (name, list) in [
        ("defaultDefaultClientScopes", &image.parts.default_scopes),
        ("defaultOptionalClientScopes", &image.parts.optional_scopes),
    ] {
        let names: Vec<_> = list.iter().filter_map(|id| labels.scope(id)).collect();
        members.insert(name.into(), json!(names));
    }
    Ok(members)
}

pub(super) fn flows(image: &RealmImage, labels: &Labels<'_>) -> Result<Rest, Error> {
    let mut flows = Vec::new();
    for flow in &image.parts.flows {
        let mut members = object(flow)?;
        members.shift_remove("executions");
        let executions: Vec<_> =
            flow.executions.iter().map(|execution| self::execution(execution, labels)).collect();
        members.insert("authenticationExecutions".into(), Value::Array(executions));
        flows.push(Value::Object(members));
    }
    let mut members = Rest::new();
    members.insert("authenticationFlows".into(), Value::Array(flows));
    members.insert("authenticatorConfig".into(), values(&image.parts.configs)?);
    Ok(members)
}

fn execution(execution: &keyraft_model::Execution, labels: &Labels<'_>) -> Value {
    let mut members = Rest::new();
    if let Some(alias) = execution.config.as_ref().and_then(|id| labels.config(id.as_str())) {
        members.insert("authenticatorConfig".into(), json!(alias));
    }
    if let Some(authenticator) = &execution.authenticator {
        members.insert("authenticator".into(), json!(authenticator));
    }
    let is_flow = execution.flow.is_some();
    members.insert("authenticatorFlow".into(), json!(is_flow));
    members.insert("requirement".into(), json!(execution.requirement));
    members.insert("priority".into(), json!(execution.priority));
    // Keycloak's files say it twice, once with a typing error that old servers read.
    members.insert("autheticatorFlow".into(), json!(is_flow));
    if let Some(alias) = execution.flow.as_ref().and_then(|id| labels.flow(id.as_str())) {
        members.insert("flowAlias".into(), json!(alias));
    }
    members.insert("userSetupAllowed".into(), json!(execution.user_setup_allowed));
    Value::Object(members)
}

pub(super) fn components(image: &RealmImage, secrets: Secrets) -> Result<Value, Error> {
    below(image, image.parts.realm.id.as_str(), secrets, 0).map(Value::Object)
}

fn below(image: &RealmImage, parent: &str, secrets: Secrets, depth: usize) -> Result<Rest, Error> {
    let mut kinds = Rest::new();
    if depth > MAX_DEPTH {
        return Ok(kinds);
    }
    for component in image.parts.components.iter().filter(|component| component.parent_id == parent) {
        let mut members = object(&shown(component, secrets))?;
        members.shift_remove("providerType");
        members.shift_remove("parentId");
        let under = below(image, component.id.as_str(), secrets, depth + 1)?;
        members.insert("subComponents".into(), Value::Object(under));
        if let Value::Array(list) = kinds.entry(&component.provider_type).or_insert_with(|| json!([])) {
            list.push(Value::Object(members));
        }
    }
    Ok(kinds)
}

fn shown(component: &Component, secrets: Secrets) -> Component {
    let mut component = component.clone();
    if secrets == Secrets::Masked {
        let is_key = component.provider_type == KEY_PROVIDER;
        component.config.retain(|name, _| {
            !(is_key && (Component::is_secret_member(name) || OF_KEYS.contains(&name.as_str())))
        });
        component.visit_secrets(&mut |_, text| MASKED.clone_into(text));
    }
    component
}
