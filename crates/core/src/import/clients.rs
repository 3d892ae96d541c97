//! Clients.

use keyraft_model::{Client, ClientUuid, Rest, ScopeId, UnixMs};
use serde_json::{Value, json};
use url::Url;

use super::{
    names::Names,
    scopes::{Mappings, give_mapper_ids, take_named},
    shape::{entity, give_id, members, text, texts_in, wrong},
};
use crate::{
    Error,
    image::{ClientImage, Representation},
};

/// Members of a client's representation that follow from others, or that nobody stores.
const DERIVED: [&str; 3] = ["access", "origin", "defaultRoles"];

/// Characters of a secret that is made, as in Keycloak.
const SECRET_CHARS: usize = 86;

/// Gives every client an id and learns their names, before anything that names a client is read.
pub(super) fn learn(given: &mut Representation, names: &mut Names) -> Result<(), Error> {
    let Some(clients) = given.get_mut("clients") else { return Ok(()) };
    let Value::Array(clients) = clients else { return Err(wrong("$.clients", "is not an array")) };
    for (place, client) in clients.iter_mut().enumerate() {
        let path = format!("$.clients[{place}]");
        let Value::Object(client) = client else { return Err(wrong(&path, "is not an object")) };
        give_id(client);
        let client_id = text(client, "clientId", &path)?.to_owned();
        let id = ClientUuid::from(text(client, "id", &path)?);
        if names.clients.insert(client_id.clone(), id).is_some() {
            return Err(wrong(&path, &format!("the client {client_id:?} stands here twice")));
        }
    }
    Ok(())
}

/// What a client gets that says nothing about scopes.
pub(super) struct RealmScopes<'a> {
    pub(super) defaults: &'a [ScopeId],
    pub(super) optionals: &'a [ScopeId],
    /// Whether a scope is for that protocol.
    pub(super) is_for: &'a dyn Fn(&ScopeId, &str) -> bool,
}

/// Takes the clients out of a representation.
pub(super) fn build(
    given: &mut Representation,
    names: &mut Names,
    realm: &RealmScopes<'_>,
    mappings: &mut Mappings,
    now: UnixMs,
) -> Result<Vec<ClientImage>, Error> {
    let clients = match given.remove("clients") {
        Some(Value::Array(clients)) => clients,
        _ => Vec::new(),
    };
    let mut images = Vec::with_capacity(clients.len());
    for (place, value) in clients.into_iter().enumerate() {
        let path = format!("$.clients[{place}]");
        let client = client(members(value, &path)?, &path, names, realm, now)?;
        let scope_mappings = mappings.of_clients.remove(&client.id).unwrap_or_default();
        images.push(ClientImage { client, scope_mappings });
    }
    Ok(images)
}

fn client(
    mut given: Rest,
    path: &str,
    names: &mut Names,
    realm: &RealmScopes<'_>,
    now: UnixMs,
) -> Result<Client, Error> {
    given.retain(|name, _| !DERIVED.contains(&name.as_str()));
    for map in ["attributes", "authenticationFlowBindingOverrides"] {
        texts_in(&mut given, map);
    }
    give_mapper_ids(&mut given);
    let template = given.remove("_template").and_then(|name| name.as_str().map(str::to_owned));
    fill(&mut given);
    name_flows(&mut given, path, names);
    let given_scopes = given.get("defaultClientScopes").is_some_and(Value::is_array)
        || given.get("optionalClientScopes").is_some_and(Value::is_array);
    let defaults = take_named(&mut given, "defaultClientScopes", path, names)?;
    let optionals = take_named(&mut given, "optionalClientScopes", path, names)?;
    let mut client: Client = entity(given, path)?;
    // Clients that stand for a realm in `master` speak no protocol, and are exported so.
    let is_realm = client.bearer_only && client.is_attribute("realm_client");
    if client.protocol.is_none() && !is_realm {
        client.protocol = Some("openid-connect".into());
    }
    let protocol = client.protocol.as_deref().unwrap_or("openid-connect");
    let of = |list: &[ScopeId]| list.iter().filter(|id| (realm.is_for)(id, protocol)).cloned().collect();
    (client.default_client_scopes, client.optional_client_scopes) =
        if given_scopes { (defaults, optionals) } else { (of(realm.defaults), of(realm.optionals)) };
    if let Some(id) = template.as_ref().and_then(|name| names.scopes.get(name)) {
        client.default_client_scopes.push(id.clone());
    }
    if client.secret.is_none() && client.is_confidential() {
        client.secret = Some(keyraft_crypto::random::alphanumeric(SECRET_CHARS));
        client.attributes.insert("client.secret.creation.time".into(), now.secs().to_string());
    }
    Ok(client)
}

/// What Keycloak gives a client that does not say.
fn fill(given: &mut Rest) {
    let consents = given.get("consentRequired").and_then(Value::as_bool).unwrap_or(false);
    for (name, value) in [
        ("enabled", json!(true)),
        ("standardFlowEnabled", json!(true)),
        ("clientAuthenticatorType", json!("client-secret")),
        ("fullScopeAllowed", json!(!consents)),
        ("nodeReRegistrationTimeout", json!(-1)),
        ("redirectUris", json!([])),
        ("attributes", json!({})),
    ] {
        let member = given.entry(name).or_insert(Value::Null);
        if member.is_null() {
            *member = value;
        }
    }
    if given.get("webOrigins").is_none_or(Value::is_null) {
        let origins = origins(given.get("redirectUris"));
        given.insert("webOrigins".into(), json!(origins));
    }
    if given.get("authorizationSettings").is_some_and(Value::is_object) {
        for name in ["authorizationServicesEnabled", "serviceAccountsEnabled"] {
            given.insert(name.into(), json!(true));
        }
    }
    if let Some(Value::Object(attributes)) = given.get_mut("attributes") {
        attributes.entry("realm_client").or_insert(json!("false"));
    }
}

/// The origins of redirect URIs, which a client that names no web origins is given.
fn origins(redirect_uris: Option<&Value>) -> Vec<String> {
    let mut origins = Vec::new();
    for uri in redirect_uris.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if let Ok(url) = Url::parse(uri)
            && matches!(url.scheme(), "http" | "https")
        {
            let origin = url.origin().ascii_serialization();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
    }
    origins
}

/// Overridden flows are named by id or, in exports of Keycloak, by alias; here they are ids.
fn name_flows(given: &mut Rest, path: &str, names: &mut Names) {
    let Some(Value::Object(overrides)) = given.get_mut("authenticationFlowBindingOverrides") else { return };
    overrides.retain(|door, flow| {
        let text = flow.as_str().unwrap_or_default().to_owned();
        if let Some(id) = names.flows.get(&text) {
            *flow = json!(id.as_str());
            return true;
        }
        let is_id = names.flows.values().any(|id| id.as_str() == text);
        if !is_id && !text.is_empty() {
            let place = format!("{path}.authenticationFlowBindingOverrides.{door}");
            // Kept: a door whose flow is not there lets nobody in, which is what was asked for.
            names
                .findings
                .unbuilt
                .push(format!("{place}: there is no flow {text:?}; this door lets nobody in"));
        }
        !text.is_empty()
    });
}
