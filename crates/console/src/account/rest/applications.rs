//! Which applications the person uses, and what they may see.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;
use keyraft_cluster::command::FenceScope;
use keyraft_cluster::session::Kind;
use keyraft_core::{ClientView, Error};
use keyraft_model::{Client, ClientUuid, Consent, ScopeId};
use serde_json::{Map, Value, json};

use super::{Call, MANAGES_CONSENT, READS_APPLICATIONS, READS_CONSENT, Refusal, Reply};

/// `GET /applications`: those that he is signed in to, holds offline tokens of, or allowed something.
pub(super) async fn list(call: &Call) -> Result<Reply, Refusal> {
    call.require(READS_APPLICATIONS)?;
    let (realm, user) = (&call.bearer.realm.realm.id, &call.bearer.user.user.id);
    let view = call.core.sessions.view().await?;
    let of_kind = |kind| -> BTreeSet<ClientUuid> {
        let sessions = view.sessions_of_user(realm, user, kind);
        sessions.iter().flat_map(|session| session.clients.keys().cloned()).collect()
    };
    let (online, offline) = (of_kind(Kind::Online), of_kind(Kind::Offline));
    let given = call.core.list_consents(realm, user).await?;
    let consented = given.iter().map(|consent| consent.client.clone());
    let all: BTreeSet<ClientUuid> = consented.chain(online.iter().chain(&offline).cloned()).collect();
    let wanted = call.ask.query.filled("name").map(str::to_lowercase);
    let mut shown = Vec::new();
    for id in all {
        let Some(client) = call.core.client_by_id(&call.bearer.realm, &id).await? else { continue };
        let client = &client.client;
        let name = client.name.as_deref().unwrap_or(&client.client_id).to_lowercase();
        if client.bearer_only || wanted.as_ref().is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        let consent = given.iter().find(|consent| consent.client == id);
        shown.push(one(call, client, online.contains(&id), offline.contains(&id), consent));
    }
    Ok(Reply::Json(shown.into()))
}

fn one(call: &Call, client: &Client, in_use: bool, offline: bool, consent: Option<&Consent>) -> Value {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut shown = Map::new();
    shown.insert("clientId".into(), client.client_id.clone().into());
    let optional = |shown: &mut Map<String, Value>, name: &str, value: Option<String>| {
        shown.extend(value.map(|value| (name.to_owned(), Value::from(value))));
    };
    optional(&mut shown, "clientName", text(&client.name).map(|name| call.t.resolve(&name).into_owned()));
    optional(
        &mut shown,
        "description",
        text(&client.description).map(|text| call.t.resolve(&text).into_owned()),
    );
    shown.insert("userConsentRequired".into(), client.consent_required.into());
    shown.insert("inUse".into(), in_use.into());
    shown.insert("offlineAccess".into(), offline.into());
    optional(&mut shown, "rootUrl", text(&client.root_url));
    optional(&mut shown, "baseUrl", text(&client.base_url));
    optional(&mut shown, "effectiveUrl", effective_url(call, client));
    if let Some(consent) = consent {
        shown.insert("consent".into(), described(call, consent));
    }
    for name in ["logoUri", "policyUri", "tosUri"] {
        optional(&mut shown, name, client.attribute(name).map(str::to_owned));
    }
    shown.into()
}

/// Where the application lives: its base URL, which may begin where its root ends.
fn effective_url(call: &Call, client: &Client) -> Option<String> {
    let base = client.base_url.as_deref().filter(|url| !url.is_empty())?;
    if !base.starts_with('/') {
        return Some(base.to_owned());
    }
    let server = call.ask.origin.realm_base(&call.bearer.realm.realm);
    let root = client.root_url.as_deref().filter(|root| !root.is_empty()).unwrap_or(server);
    let root = root.replace("${authBaseUrl}", server).replace("${authAdminUrl}", server);
    Some(format!("{}{base}", root.trim_end_matches('/')))
}

fn described(call: &Call, consent: &Consent) -> Value {
    let scopes = call.bearer.realm.scopes_of(&consent.scopes).map(|scope| {
        let text = scope.attribute("consent.screen.text").unwrap_or(&scope.name);
        let words = call.t.resolve(text);
        json!({ "id": scope.id.as_str(), "name": text, "displayText": words, "displayTest": words })
    });
    json!({
        "grantedScopes": scopes.collect::<Vec<_>>(),
        "createdDate": consent.created.0,
        "lastUpdatedDate": consent.updated.0,
    })
}

/// `GET /applications/{clientId}/consent`.
pub(super) async fn consent(call: &Call, client_id: &str) -> Result<Reply, Refusal> {
    call.require(READS_CONSENT)?;
    let client = named(call, client_id).await?;
    let (realm, user) = (&call.bearer.realm.realm.id, &call.bearer.user.user.id);
    Ok(match call.core.consent(realm, user, &client.client.id).await? {
        Some(consent) => Reply::UncachedJson(described(call, &consent)),
        None => Reply::UncachedNothing,
    })
}

/// `PUT` and `POST /applications/{clientId}/consent`: what is allowed from now on, and nothing else.
pub(super) async fn grant(call: &Call, client_id: &str) -> Result<Reply, Refusal> {
    call.require(MANAGES_CONSENT)?;
    let client = named(call, client_id).await?;
    let broken = || {
        let body = json!({ "error": "invalid_request", "error_description": "Cannot parse the JSON" });
        Refusal::Body(StatusCode::BAD_REQUEST, body)
    };
    let given: Value = serde_json::from_slice(&call.ask.body).map_err(|_| broken())?;
    let listed = given.get("grantedScopes").and_then(Value::as_array).ok_or_else(broken)?;
    let mut scopes = Vec::new();
    for scope in listed {
        let id = ScopeId::from(scope.get("id").and_then(Value::as_str).unwrap_or_default());
        let settings = &client.client;
        let is_its_own =
            settings.default_client_scopes.contains(&id) || settings.optional_client_scopes.contains(&id);
        if !is_its_own || !call.bearer.realm.scopes.contains_key(&id) {
            let sentence = format!("Scope id {id} does not exist for client {client_id}.");
            return Err(Refusal::Body(StatusCode::BAD_REQUEST, json!({ "errorMessage": sentence })));
        }
        scopes.push(id);
    }
    let (realm, user) = (&call.bearer.realm.realm.id, &call.bearer.user.user.id);
    let now = call.core.sessions.view().await?.now();
    let before = call.core.consent(realm, user, &client.client.id).await?;
    if before.is_some_and(|before| before.scopes.iter().any(|scope| !scopes.contains(scope))) {
        call.core.revoke_consent(realm, user, &client.client.id).await?;
    }
    call.core.give_consent(realm, user, &client.client.id, &scopes, now).await?;
    let consent = call.core.consent(realm, user, &client.client.id).await?;
    let consent = consent.ok_or_else(|| Error::Internal("a consent that was given is gone".into()))?;
    Ok(Reply::UncachedJson(described(call, &consent)))
}

/// `DELETE /applications/{clientId}/consent`: takes it back, and with it the application's tokens.
pub(super) async fn revoke(call: &Call, client_id: &str) -> Result<Reply, Refusal> {
    call.require(MANAGES_CONSENT)?;
    let client = named(call, client_id).await?;
    let (realm, user) = (&call.bearer.realm.realm.id, &call.bearer.user.user.id);
    call.core.revoke_consent(realm, user, &client.client.id).await?;
    let scope = FenceScope::ClientAtUser(realm.clone(), user.clone(), client.client.id.clone());
    call.core.sessions.end_before(scope, &[Kind::Online, Kind::Offline]).await?;
    Ok(Reply::UncachedNothing)
}

async fn named(call: &Call, client_id: &str) -> Result<Arc<ClientView>, Refusal> {
    let found = call.core.client(&call.bearer.realm, client_id).await?;
    let sentence = || format!("No client with clientId: {client_id} found.");
    found.ok_or_else(|| Refusal::Body(StatusCode::NOT_FOUND, json!({ "errorMessage": sentence() })))
}
