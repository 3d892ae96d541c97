//! What older servers' exports say in other words, said as today.

use keyraft_model::Rest;
use serde_json::{Value, json};

use crate::image::Representation;

/// Renews a representation, before it is completed.
pub(super) fn renew(given: &mut Representation) {
    old_clients(given);
    if !given.contains_key("keycloakVersion") {
        if let Some(lifespan) = given.get("accessCodeLifespanUserAction").cloned() {
            given.entry("actionTokenGeneratedByUserLifespan").or_insert(lifespan);
        }
        each(given, "clients", |client| {
            // Before there was such a list, a client was sent anywhere that it may be sent after login.
            let attributes = client.entry("attributes").or_insert_with(|| json!({}));
            if let Value::Object(attributes) = attributes {
                attributes.entry("post.logout.redirect.uris").or_insert(json!("+"));
            }
        });
    }
    applications(given);
    templates(given);
    optional_executions(given);
}

/// Applications and OAuth clients are clients; the latter ask for consent.
fn old_clients(given: &mut Representation) {
    for (old, asks) in [("applications", false), ("oauthClients", true)] {
        let Some(Value::Array(mut more)) = given.remove(old) else { continue };
        for client in more.iter_mut().filter_map(Value::as_object_mut) {
            rename(client, "name", "clientId");
            if asks {
                client.entry("consentRequired").or_insert(json!(true));
            }
        }
        if let Value::Array(clients) = given.entry("clients").or_insert_with(|| json!([])) {
            clients.extend(more);
        }
    }
}

/// Applications became clients, and so did the roles of applications.
fn applications(given: &mut Representation) {
    let Some(Value::Object(roles)) = given.get_mut("roles") else { return };
    rename(roles, "application", "client");
    let of_clients = roles.get_mut("client").and_then(Value::as_object_mut).into_iter();
    let mut lists: Vec<&mut Value> = of_clients.flat_map(|of_clients| of_clients.values_mut()).collect();
    let all = lists.iter_mut().filter_map(|list| list.as_array_mut()).flatten();
    for role in all.filter_map(|role| role.get_mut("composites")).filter_map(Value::as_object_mut) {
        rename(role, "application", "client");
    }
    for role in roles.get_mut("realm").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Object(composites)) = role.get_mut("composites") {
            rename(composites, "application", "client");
        }
    }
}

fn rename(members: &mut Rest, old: &str, new: &str) {
    if let Some(value) = members.remove(old) {
        members.entry(new).or_insert(value);
    }
}

/// Client templates became client scopes; blanks in their names became `_`.
fn templates(given: &mut Representation) {
    let Some(Value::Array(templates)) = given.remove("clientTemplates") else { return };
    each(given, "clients", |client| {
        if let Some(Value::String(name)) = client.remove("clientTemplate") {
            client.insert("_template".into(), json!(name.replace(' ', "_")));
        }
    });
    let scopes = templates.into_iter().filter_map(|template| match template {
        Value::Object(template) => {
            let keep = ["id", "name", "description", "protocol", "protocolMappers", "attributes"];
            let mut scope: Rest =
                template.into_iter().filter(|(name, _)| keep.contains(&name.as_str())).collect();
            if let Some(Value::String(name)) = scope.get_mut("name") {
                *name = name.replace(' ', "_");
            }
            Some(Value::Object(scope))
        }
        _ => None,
    });
    given.insert("_templates".into(), scopes.collect());
    let rename = |mapping: &mut Rest| {
        if let Some(Value::String(name)) = mapping.remove("clientTemplate") {
            mapping.insert("clientScope".into(), json!(name.replace(' ', "_")));
        }
    };
    each(given, "scopeMappings", rename);
    for name in ["applicationScopeMappings", "clientScopeMappings"] {
        if let Some(Value::Object(of_clients)) = given.get_mut(name) {
            for mappings in of_clients.values_mut().filter_map(Value::as_array_mut) {
                mappings.iter_mut().filter_map(Value::as_object_mut).for_each(rename);
            }
        }
    }
}

/// Puts the scopes that were templates beside the realm's own, once those are there.
pub(super) fn place_templates(given: &mut Representation) {
    let Some(Value::Array(templates)) = given.remove("_templates") else { return };
    if let Some(Value::Array(scopes)) = given.get_mut("clientScopes") {
        scopes.extend(templates);
    }
}

/// An `OPTIONAL` execution became a conditional sub-flow: asked of those who have it.
fn optional_executions(given: &mut Representation) {
    let mut made = Vec::new();
    each(given, "authenticationFlows", |flow| {
        let alias = flow.get("alias").and_then(Value::as_str).unwrap_or_default().to_owned();
        let executions = flow.get_mut("authenticationExecutions").and_then(Value::as_array_mut);
        for execution in executions.into_iter().flatten() {
            if execution["requirement"] != "OPTIONAL" {
                continue;
            }
            let authenticator = execution["authenticator"].as_str().unwrap_or_default().to_owned();
            let below = format!("{alias} - {authenticator} - Conditional");
            made.push(sub_flow(&below, &authenticator, execution.get("authenticatorConfig")));
            *execution = json!({
                "flowAlias": below,
                "requirement": "CONDITIONAL",
                "priority": execution["priority"],
                "userSetupAllowed": false
            });
        }
    });
    if let Some(Value::Array(flows)) = given.get_mut("authenticationFlows") {
        flows.extend(made);
    }
}

fn sub_flow(alias: &str, authenticator: &str, config: Option<&Value>) -> Value {
    json!({
        "alias": alias,
        "description": format!("Flow to determine if the {authenticator} authenticator should be used or not."),
        "providerId": "basic-flow",
        "topLevel": false,
        "builtIn": true,
        "authenticationExecutions": [
            {"authenticator": "conditional-user-configured", "requirement": "REQUIRED", "priority": 10},
            {"authenticator": authenticator, "authenticatorConfig": config, "requirement": "REQUIRED", "priority": 20}
        ]
    })
}

fn each(given: &mut Representation, list: &str, mut change: impl FnMut(&mut Rest)) {
    let items = given.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut change);
}
