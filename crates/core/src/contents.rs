//! What a realm holds when nobody has said otherwise: Keycloak's clients, roles, scopes, flows, actions, policies.
//!
//! The contents are data beside this file, in the form of a representation (names, no ids; `{{realm}}` stands for
//! the realm's name). [`complete`] lays a given representation over them as Keycloak does: a family that is given is
//! taken as it is, a family that is not given comes whole, and built-in clients are always there. What is made of
//! it is a [`RealmImage`](crate::image::RealmImage), by [`import`](crate::import), for fresh and imported realms
//! alike.

use std::sync::LazyLock;

use keyraft_model::component::{KEY_PROVIDER, USER_PROFILE_PROVIDER};
use serde_json::{Value, json};

use crate::image::Representation;

pub(crate) mod keys;
mod master;

pub(crate) use master::admin_client;

/// The realm whose administrators govern all others.
pub const MASTER: &str = "master";

const REGISTRATION_POLICY: &str = "org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy";

macro_rules! data {
    ($name:ident, $file:literal) => {
        data!($name, $file, Value);
    };
    ($name:ident, $file:literal, $type:ty) => {
        static $name: LazyLock<$type> = LazyLock::new(|| {
            serde_json::from_str(include_str!(concat!("contents/", $file)))
                .expect("the file is part of the program")
        });
    };
}

data!(SETTINGS, "settings.json", Representation);
data!(CLIENTS, "clients.json");
data!(CLIENT_ROLES, "client_roles.json");
data!(CLIENT_SCOPES, "client_scopes.json");
data!(FLOWS, "flows.json");
data!(CONFIGS, "configs.json");
data!(REQUIRED_ACTIONS, "required_actions.json");
data!(REGISTRATION_POLICIES, "registration_policies.json");
data!(MASTER_USER_PROFILE, "master_user_profile.json");

/// A realm's settings when nobody has said otherwise, as members of its representation.
pub fn default_settings() -> &'static Representation {
    &SETTINGS
}

/// The representation of the realm `master` on a first start.
pub fn master() -> Representation {
    master::representation()
}

/// Adds to a representation what Keycloak gives a realm that does not bring it.
pub fn complete(given: &mut Representation) {
    let name = given.get("realm").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_master = name == MASTER;
    // Scopes first: the settings bring the realm's lists, which belong to the default scopes alone.
    complete_scopes(given);
    complete_settings(given);
    complete_roles(given, &name);
    complete_clients(given, &name, is_master);
    complete_protection(given);
    complete_flows(given, flows(is_master));
    if is_missing(given, "requiredActions") {
        given.insert("requiredActions".into(), REQUIRED_ACTIONS.clone());
    }
    complete_components(given, is_master);
}

/// Adds the built-in flows that are missing, with the flows below them: the realm's doors are bound to them by name.
fn complete_flows(given: &mut Representation, builtin: Value) {
    let Value::Array(builtin) = builtin else { return };
    let is_other = |name: &str| given.get(name).is_some_and(|value| !value.is_array() && !value.is_null());
    if ["authenticationFlows", "authenticatorConfig"].into_iter().any(is_other) {
        return; // What is no list is refused where it is read.
    }
    let own = list(given, "authenticationFlows");
    let is_there = |flows: &[Value], alias: &Value| flows.iter().any(|flow| flow["alias"] == *alias);
    let top = builtin.iter().filter(|flow| flow["topLevel"] == true && !is_there(own, &flow["alias"]));
    let mut wanted: Vec<Value> = top.map(|flow| flow["alias"].clone()).collect();
    let mut used = Vec::new();
    while let Some(alias) = wanted.pop() {
        let found = builtin.iter().find(|flow| flow["alias"] == alias);
        if let Some(flow) = found.filter(|_| !is_there(own, &alias)) {
            for execution in flow["authenticationExecutions"].as_array().into_iter().flatten() {
                wanted.extend(execution.get("flowAlias").cloned());
                used.extend(execution.get("authenticatorConfig").cloned());
            }
            own.push(flow.clone());
        }
    }
    let configs = list(given, "authenticatorConfig");
    for config in CONFIGS.as_array().into_iter().flatten() {
        if used.contains(&config["alias"]) && !is_there(configs, &config["alias"]) {
            configs.push(config.clone());
        }
    }
}

fn complete_settings(given: &mut Representation) {
    for (name, value) in default_settings() {
        match given.get_mut(name) {
            Some(Value::Object(own)) if name == "attributes" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    own.entry(name).or_insert_with(|| value.clone());
                }
            }
            // Keycloak keeps its own headers where a representation names only some.
            Some(Value::Object(own)) if name == "browserSecurityHeaders" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    own.entry(name).or_insert_with(|| value.clone());
                }
            }
            Some(_) => {}
            None => {
                given.insert(name.clone(), value.clone());
            }
        }
    }
    // Keycloak keeps these as attributes too, in every realm but `master`.
    if given.get("realm").and_then(Value::as_str) != Some(MASTER) {
        for name in ["oauth2DeviceCodeLifespan", "oauth2DevicePollingInterval"] {
            let value = given.get(name).map(|value| json!(value.to_string()));
            if let Some(value) = value {
                object(given, "attributes").entry(name).or_insert(value);
            }
        }
    }
    // A realm that nobody switches on is off.
    given.entry("enabled").or_insert(json!(false));
}

fn complete_scopes(given: &mut Representation) {
    if !is_missing(given, "clientScopes") {
        for list in ["defaultDefaultClientScopes", "defaultOptionalClientScopes"] {
            given.entry(list).or_insert_with(|| json!([]));
        }
        return;
    }
    given.insert("clientScopes".into(), CLIENT_SCOPES.clone());
    let mappings = list(given, "scopeMappings");
    if !mappings.iter().any(|entry| entry["clientScope"] == "offline_access") {
        mappings.push(json!({"clientScope": "offline_access", "roles": ["offline_access"]}));
    }
}

fn complete_roles(given: &mut Representation, name: &str) {
    let default = format!("default-roles-{}", name.to_lowercase());
    let given_default = given.get("defaultRole").and_then(|role| role["name"].as_str()).map(str::to_owned);
    let has_default = given_default.is_some();
    let default = given_default.unwrap_or(default);
    given.entry("defaultRole").or_insert_with(|| json!({"name": default}));
    let roles = realm_roles(given);
    let mut add = |name: &str, description: &str| {
        if !roles.iter().any(|role| role["name"] == name) {
            roles.push(json!({"name": name, "description": description, "attributes": {}}));
        }
    };
    add("offline_access", "${role_offline-access}");
    add("uma_authorization", "${role_uma_authorization}");
    add(&default, "${role_default-roles}");
    if has_default {
        return;
    }
    let legacy = legacy_default_roles(given);
    for name in &legacy {
        // Such a list also made the roles that it named.
        if !realm_roles(given).iter().any(|role| role["name"] == *name) {
            realm_roles(given).push(json!({"name": name, "attributes": {}}));
        }
    }
    let role = realm_roles(given).iter_mut().find(|role| role["name"] == default);
    if let Some(Value::Object(role)) = role {
        role.entry("composites").or_insert_with(|| {
            let mut realm = vec![json!("offline_access"), json!("uma_authorization")];
            realm.extend(legacy);
            json!({"realm": realm, "client": {"account": ["view-profile", "manage-account"]}})
        });
    }
}

/// `defaultRoles`, as exports before Keycloak 13 named them.
fn legacy_default_roles(given: &mut Representation) -> Vec<Value> {
    match given.remove("defaultRoles") {
        Some(Value::Array(names)) => names,
        _ => Vec::new(),
    }
}

fn complete_clients(given: &mut Representation, realm: &str, is_master: bool) {
    let mut added = Vec::new();
    for client in CLIENTS.as_array().into_iter().flatten() {
        let id = client["clientId"].as_str().unwrap_or_default();
        let is_there = list(given, "clients").iter().any(|own| own["clientId"] == id);
        if !(is_there || is_master && id == "realm-management") {
            added.push((id.to_owned(), named(client, realm)));
        }
    }
    for (id, client) in added {
        if let Some(roles) = CLIENT_ROLES.get(&id) {
            client_roles(given).entry(id.clone()).or_insert_with(|| roles.clone());
        }
        if id == "account-console" {
            let mappings = object(given, "clientScopeMappings").entry("account").or_insert_with(|| json!([]));
            if let Value::Array(mappings) = mappings {
                mappings
                    .push(json!({"client": "account-console", "roles": ["manage-account", "view-groups"]}));
            }
        }
        list(given, "clients").push(client);
    }
}

/// The role of a client that guards resources, with which it registers them.
pub(crate) const PROTECTION: &str = "uma_protection";

/// Clients that guard resources have a role for that, made together with the account that holds it.
fn complete_protection(given: &mut Representation) {
    let users = given.get("users").and_then(Value::as_array).into_iter().flatten();
    let accounts: Vec<String> =
        users.filter_map(|user| user.get("serviceAccountClientId")?.as_str().map(str::to_owned)).collect();
    let guards = |client: &&Value| {
        let has_account = accounts.iter().any(|account| client["clientId"] == *account);
        client.get("authorizationSettings").is_some_and(Value::is_object) && !has_account
    };
    let clients: Vec<String> = list(given, "clients")
        .iter()
        .filter(guards)
        .filter_map(|client| client["clientId"].as_str().map(str::to_owned))
        .collect();
    for client in clients {
        let roles = list(client_roles(given), &client);
        if !roles.iter().any(|role| role["name"] == PROTECTION) {
            roles.push(json!({"name": PROTECTION, "attributes": {}}));
        }
    }
}

fn complete_components(given: &mut Representation, is_master: bool) {
    let components = object(given, "components");
    components.entry(REGISTRATION_POLICY).or_insert_with(|| REGISTRATION_POLICIES.clone());
    if is_master && !components.contains_key(USER_PROFILE_PROVIDER) {
        let profile = MASTER_USER_PROFILE.to_string();
        components.insert(
            USER_PROFILE_PROVIDER.into(),
            json!([{"providerId": "declarative-user-profile", "config": {"kc.user.profile.config": [profile]}}]),
        );
    }
}

/// Whether a representation brings no keys, so that they must be made.
pub(crate) fn lacks_keys(given: &Representation) -> bool {
    let keys = given.get("components").and_then(|components| components.get(KEY_PROVIDER));
    keys.and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// Flows of the realm `master` know no organizations.
fn flows(is_master: bool) -> Value {
    let mut flows = FLOWS.clone();
    if is_master && let Value::Array(flows) = &mut flows {
        let is_organization = |name: &Value| name.as_str().is_some_and(|name| name.contains("Organization"));
        flows.retain(|flow| !is_organization(&flow["alias"]));
        for flow in flows {
            if let Some(executions) = flow["authenticationExecutions"].as_array_mut() {
                executions.retain(|execution| !is_organization(&execution["flowAlias"]));
            }
        }
    }
    flows
}

/// A copy of `value` with the realm's name in its texts.
fn named(value: &Value, realm: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("{{realm}}", realm)),
        Value::Array(items) => Value::Array(items.iter().map(|item| named(item, realm)).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), named(value, realm))).collect())
        }
        other => other.clone(),
    }
}

fn is_missing(given: &Representation, name: &str) -> bool {
    given.get(name).and_then(Value::as_array).is_none_or(Vec::is_empty)
}

/// The array of that name, made where there is none. Something else in its place is replaced: the reader of the
/// representation has refused it by then.
fn list<'a>(given: &'a mut Representation, name: &str) -> &'a mut Vec<Value> {
    let value = given.entry(name).or_insert_with(|| json!([]));
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("an array was put there")
}

/// The object of that name, made where there is none.
fn object<'a>(given: &'a mut Representation, name: &str) -> &'a mut Representation {
    let value = given.entry(name).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("an object was put there")
}

fn realm_roles(given: &mut Representation) -> &mut Vec<Value> {
    list(object(given, "roles"), "realm")
}

fn client_roles(given: &mut Representation) -> &mut Representation {
    object(object(given, "roles"), "client")
}
