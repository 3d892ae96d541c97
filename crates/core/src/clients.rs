//! Clients: what a new one is like, what a change keeps, and their service accounts.
//!
//! The roles of a service account are authority that the client's secret opens: who may not give them may
//! not change or renew what the client proves itself with.

mod rules;

use keyraft_crypto::random;
use keyraft_model::{Client, ClientUuid, Rest, RoleId, ScopeId, UnixMs};
use keyraft_store::{RolesOf, Tx, clients, role_lists, users};
use serde_json::Value;

use crate::{
    ClientView, Core, Error, RealmView,
    authority::{Authority, REALM_MANAGEMENT},
    mappers::mappers_of,
    overlay::{fits, flag, invalid, merge_attributes, overlay, text, texts},
    roles::taken,
};

/// Length of a generated client secret.
const SECRET_LENGTH: usize = 86;

/// The client scope that clients with a service account get.
const SERVICE_ACCOUNT_SCOPE: &str = "service_account";

/// When the secret was made, in Unix seconds.
const SECRET_TIME: &str = "client.secret.creation.time";

/// Clients that a realm cannot be without.
const BUILT_IN: [&str; 6] =
    ["account", "account-console", "admin-cli", "broker", REALM_MANAGEMENT, "security-admin-console"];

/// Members of a representation that a client is not laid over with: they are read on their own.
const APART: [&str; 16] = [
    "id",
    "attributes",
    "authenticationFlowBindingOverrides",
    "defaultClientScopes",
    "optionalClientScopes",
    "protocolMappers",
    "registrationAccessToken",
    "access",
    "defaultRoles",
    "directGrantsOnly",
    "authorizationSettings",
    "origin",
    "clientTemplate",
    "useTemplateConfig",
    "useTemplateScope",
    "useTemplateMappers",
];

impl Core {
    /// Creates a client from Keycloak's `ClientRepresentation`, with its service account if it has one.
    ///
    /// # Errors
    /// [`Error::Conflict`] (`client`, or `client row` for a taken id), [`Error::Invalid`], [`Error::Denied`] for a
    /// mapper that gives a role which the caller may not give.
    pub async fn create_client(
        &self,
        realm: &RealmView,
        given: &Rest,
        by: &Authority,
    ) -> Result<Client, Error> {
        let now = self.sessions.view().await?.now();
        let client = new_client(realm, given, now)?;
        rules::check(&client)?;
        for mapper in &client.protocol_mappers {
            self.may_map(realm, mapper, by).await?;
        }
        if self.client(realm, &client.client_id).await?.is_some() {
            return Err(Error::Conflict { what: "client", name: client.client_id });
        }
        let (of, client_ref) = (&realm.realm.id, &client);
        let default_role = &realm.realm.default_role;
        let written = self
            .store
            .write(async |tx| {
                clients::insert(&tx, of, client_ref).await?;
                if client_ref.service_accounts_enabled {
                    add_service_account(&tx, realm, client_ref, default_role, now).await?;
                }
                Ok::<_, keyraft_store::Error>(())
            })
            .await;
        written.map_err(|error| taken(error, "client row", &client.client_id))?;
        Ok(client)
    }

    /// Lays a representation over a client: attributes are merged, lists replace, client scopes are not touched.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the `client_id` is taken, [`Error::Invalid`], [`Error::Denied`] when its service
    /// account holds more authority than the caller.
    pub async fn update_client(
        &self,
        realm: &RealmView,
        view: &ClientView,
        given: &Rest,
        by: &Authority,
    ) -> Result<(), Error> {
        let current = &view.client;
        if self.is_management(realm, &current.id).await? {
            return Err(Error::Denied("authority over a realm is made of this client's roles"));
        }
        self.may_change(realm, current, by).await?;
        let changed = changed_client(realm, current, given)?;
        rules::check(&changed)?;
        if given.contains_key("protocolMappers") {
            for mapper in &changed.protocol_mappers {
                self.may_map(realm, mapper, by).await?;
            }
        }
        let now = self.sessions.view().await?.now();
        let (of, id) = (&realm.realm.id, &current.id);
        let default_role = &realm.realm.default_role;
        let written = self
            .store
            .write(async |tx| {
                let found = clients::find(&tx, of, id).await?.ok_or(Error::NotFound("client"))?;
                let changed = changed_client(realm, &found.value, given)?;
                clients::update(&tx, of, &changed, found.ver).await?;
                keep_service_account(&tx, realm, &changed, default_role, now).await?;
                Ok::<_, Error>(())
            })
            .await;
        written.map_err(|error| taken(error, "client id", &changed.client_id))
    }

    /// Reads, changes and writes a client in one transaction.
    pub(crate) async fn change_client(
        &self,
        realm: &RealmView,
        id: &ClientUuid,
        change: impl Fn(&mut Client) -> Result<(), Error> + Send + Sync,
    ) -> Result<(), Error> {
        let (of, change) = (&realm.realm.id, &change);
        self.store
            .write(async |tx| {
                let mut found = clients::find(&tx, of, id).await?.ok_or(Error::NotFound("client"))?;
                change(&mut found.value)?;
                clients::update(&tx, of, &found.value, found.ver).await?;
                Ok::<_, Error>(())
            })
            .await
    }

    /// Deletes a client with its roles, consents and service account; its sessions end.
    ///
    /// # Errors
    /// [`Error::Denied`] for a client that authority is made of, [`Error::Invalid`] for one that the realm needs.
    pub async fn delete_client(
        &self,
        realm: &RealmView,
        view: &ClientView,
        by: &Authority,
    ) -> Result<(), Error> {
        if self.is_management(realm, &view.client.id).await? {
            return Err(Error::Denied("authority over a realm is made of this client's roles"));
        }
        if BUILT_IN.contains(&view.client.client_id.as_str()) {
            return Err(invalid("clientId", "Could not delete client"));
        }
        self.may_change(realm, &view.client, by).await?;
        let (of, id) = (&realm.realm.id, &view.client.id);
        let was_there = self.store.write(async |tx| clients::delete(&tx, of, id).await).await?;
        if !was_there {
            return Err(Error::NotFound("client"));
        }
        self.sessions
            .end_before(
                keyraft_cluster::command::FenceScope::Client(of.clone(), id.clone()),
                &[keyraft_cluster::session::Kind::Online, keyraft_cluster::session::Kind::Offline],
            )
            .await
    }

    /// Gives a client a new secret and returns it.
    ///
    /// # Errors
    /// [`Error::Denied`] when its service account holds more authority than the caller.
    pub async fn renew_client_secret(
        &self,
        realm: &RealmView,
        view: &ClientView,
        by: &Authority,
    ) -> Result<String, Error> {
        self.may_change(realm, &view.client, by).await?;
        let (secret, now) = (random::alphanumeric(SECRET_LENGTH), self.sessions.view().await?.now());
        self.change_client(realm, &view.client.id, |client| {
            client.secret = Some(secret.clone());
            client.attributes.insert(SECRET_TIME.to_owned(), now.secs().to_string());
            Ok(())
        })
        .await?;
        Ok(secret)
    }

    /// Adds a client scope to a client. One that it has already, on either list, stays where it is, and one of
    /// another protocol is passed over, as in Keycloak.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn add_client_scope(
        &self,
        realm: &RealmView,
        client: &ClientUuid,
        scope: &ScopeId,
        is_default: bool,
    ) -> Result<(), Error> {
        let protocol = realm.scopes.get(scope).ok_or(Error::NotFound("client scope"))?.protocol.as_ref();
        self.change_client(realm, client, |client| {
            let lists = [&client.default_client_scopes, &client.optional_client_scopes];
            if protocol != client.protocol.as_ref() || lists.iter().any(|list| list.contains(scope)) {
                return Ok(());
            }
            let list = if is_default {
                &mut client.default_client_scopes
            } else {
                &mut client.optional_client_scopes
            };
            list.push(scope.clone());
            Ok(())
        })
        .await
    }

    /// Takes a client scope off a client, whichever list it is on.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_client_scope(
        &self,
        realm: &RealmView,
        client: &ClientUuid,
        scope: &ScopeId,
    ) -> Result<(), Error> {
        self.change_client(realm, client, |client| {
            client.default_client_scopes.retain(|other| other != scope);
            client.optional_client_scopes.retain(|other| other != scope);
            Ok(())
        })
        .await
    }

    /// Whether the caller has all the authority that a client's service account has: he may see and renew
    /// what the client proves itself with.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn covers_client(
        &self,
        realm: &RealmView,
        client: &Client,
        by: &Authority,
    ) -> Result<bool, Error> {
        let account = self.service_account(realm, &client.id).await?;
        Ok(account.is_none_or(|account| by.covers_user(realm, &account)))
    }

    async fn may_change(&self, realm: &RealmView, client: &Client, by: &Authority) -> Result<(), Error> {
        if self.covers_client(realm, client, by).await? {
            Ok(())
        } else {
            Err(Error::Denied("the client's service account has more authority than the caller"))
        }
    }
}

/// A client as a representation without members would make it.
fn fresh(client_id: &str, id: ClientUuid) -> Client {
    Client {
        id,
        client_id: client_id.to_owned(),
        enabled: true,
        client_authenticator_type: "client-secret".to_owned(),
        standard_flow_enabled: true,
        protocol: Some("openid-connect".to_owned()),
        full_scope_allowed: true,
        node_re_registration_timeout: -1,
        ..Client::default()
    }
}

fn new_client(realm: &RealmView, given: &Rest, now: UnixMs) -> Result<Client, Error> {
    let id = text(given, "id").filter(|id| !id.is_empty()).map_or_else(ClientUuid::random, ClientUuid::from);
    fits("id", id.as_str(), 36)?;
    let client_id = text(given, "clientId").unwrap_or(id.as_str()).to_owned();
    let mut client = fresh(&client_id, id);
    client.full_scope_allowed = !flag(given, "consentRequired").unwrap_or(false);
    client.frontchannel_logout = text(given, "protocol") == Some("saml");
    if flag(given, "directGrantsOnly") == Some(true) {
        (client.standard_flow_enabled, client.direct_access_grants_enabled) = (false, true);
    }
    let mut client: Client = overlay(&client, &normal(given), &APART)?;
    client.attributes.insert("realm_client".to_owned(), "false".to_owned());
    if let Some(attributes) = given.get("attributes").and_then(Value::as_object) {
        merge_attributes(&mut client.attributes, attributes);
    }
    if !client.public_client && client.secret.is_none() {
        client.secret = Some(random::alphanumeric(SECRET_LENGTH));
        client.attributes.insert(SECRET_TIME.to_owned(), now.secs().to_string());
    }
    if given.get("webOrigins").is_none_or(Value::is_null) {
        client.web_origins = unique(client.redirect_uris.iter().filter_map(|uri| origin(uri)));
    }
    set_doors(realm, &mut client, given)?;
    client.protocol_mappers = mappers_of(given)?.unwrap_or_default();
    set_scopes(realm, &mut client, given);
    Ok(client)
}

/// Doors of a client's own, by the ids of the flows behind them; an empty id closes one.
///
/// # Errors
/// [`Error::Invalid`] for a flow that is not there: nobody could come in.
fn set_doors(realm: &RealmView, client: &mut Client, given: &Rest) -> Result<(), Error> {
    let member = "authenticationFlowBindingOverrides";
    let doors = given.get(member).and_then(Value::as_object);
    for (door, flow) in doors.into_iter().flatten() {
        match flow.as_str().filter(|id| !id.is_empty()) {
            None => drop(client.authentication_flow_binding_overrides.shift_remove(door)),
            Some(id) if realm.flows.iter().any(|flow| flow.id.as_str() == id) => {
                client.authentication_flow_binding_overrides.insert(door.clone(), id.to_owned());
            }
            Some(id) => {
                return Err(invalid(
                    member,
                    format!("Unable to resolve auth flow binding override for: {door}: no flow {id}"),
                ));
            }
        }
    }
    Ok(())
}

/// The origin of a web address, as it is written; a new client without web origins has those of its redirect
/// URIs.
fn origin(uri: &str) -> Option<String> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| uri.starts_with(scheme))?;
    let end = uri[scheme.len()..].find(['/', '?', '#']).map_or(uri.len(), |at| scheme.len() + at);
    Some(uri[..end].to_owned()).filter(|origin| origin.len() > scheme.len())
}

/// The client scopes that come with a new client: those that it names, else the realm's of its protocol.
fn set_scopes(realm: &RealmView, client: &mut Client, given: &Rest) {
    let protocol = client.protocol.clone();
    let fits = |id: &ScopeId| realm.scopes.get(id).is_some_and(|scope| scope.protocol == protocol);
    let named = |list: &str| {
        let names = texts(given, list)?;
        let scopes = names.iter().filter_map(|name| realm.scope_by_name(name)).map(|scope| scope.id.clone());
        Some(scopes.collect::<Vec<_>>())
    };
    let (defaults, optionals) = match (named("defaultClientScopes"), named("optionalClientScopes")) {
        (None, None) => (realm.default_scopes.clone(), realm.optional_scopes.clone()),
        (defaults, optionals) => (defaults.unwrap_or_default(), optionals.unwrap_or_default()),
    };
    client.default_client_scopes = unique(defaults.into_iter().filter(fits));
    let defaults = &client.default_client_scopes;
    client.optional_client_scopes =
        unique(optionals.into_iter().filter(fits).filter(|id| !defaults.contains(id)));
    if client.service_accounts_enabled {
        add_service_scope(realm, client);
    }
}

fn unique<T: Eq + std::hash::Hash>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<indexmap::IndexSet<_>>().into_iter().collect()
}

fn add_service_scope(realm: &RealmView, client: &mut Client) {
    let scope = realm.scope_by_name(SERVICE_ACCOUNT_SCOPE).filter(|scope| scope.protocol == client.protocol);
    if let Some(scope) = scope.filter(|scope| !client.default_client_scopes.contains(&scope.id)) {
        client.default_client_scopes.push(scope.id.clone());
    }
}

/// A stored client under a representation.
fn changed_client(realm: &RealmView, current: &Client, given: &Rest) -> Result<Client, Error> {
    let mut client: Client = overlay(current, &normal(given), &APART)?;
    if let Some(attributes) = given.get("attributes").and_then(Value::as_object) {
        merge_attributes(&mut client.attributes, attributes);
    }
    set_doors(realm, &mut client, given)?;
    if let Some(mappers) = mappers_of(given)? {
        client.protocol_mappers = mappers;
    }
    if !client.public_client && client.secret.is_none() {
        client.secret = Some(random::alphanumeric(SECRET_LENGTH));
    }
    if client.service_accounts_enabled && !current.service_accounts_enabled {
        add_service_scope(realm, &mut client);
    }
    if !client.service_accounts_enabled && current.service_accounts_enabled {
        let scope = realm.scope_by_name(SERVICE_ACCOUNT_SCOPE).map(|scope| &scope.id);
        client.default_client_scopes.retain(|id| Some(id) != scope);
    }
    Ok(client)
}

/// A representation without what Keycloak passes over: empty and absent entries of lists.
fn normal(given: &Rest) -> Rest {
    let mut given = given.clone();
    for list in ["redirectUris", "webOrigins"] {
        if let Some(uris) = texts(&given, list) {
            let uris: indexmap::IndexSet<_> = uris.into_iter().filter(|uri| !uri.is_empty()).collect();
            given.insert(list.to_owned(), uris.into_iter().collect());
        }
    }
    given
}

async fn add_service_account(
    tx: &Tx,
    realm: &RealmView,
    client: &Client,
    default_role: &RoleId,
    now: UnixMs,
) -> Result<(), keyraft_store::Error> {
    let of = &realm.realm.id;
    let account = Core::service_account_of(&client.id, &client.client_id, now);
    users::insert(tx, of, &account, !realm.realm.duplicate_emails_allowed).await?;
    role_lists::add(tx, of, RolesOf::User(&account.id), std::slice::from_ref(default_role)).await
}

/// Brings the service account in line with a changed client: there or not, and of its name.
async fn keep_service_account(
    tx: &Tx,
    realm: &RealmView,
    client: &Client,
    default_role: &RoleId,
    now: UnixMs,
) -> Result<(), keyraft_store::Error> {
    let of = &realm.realm.id;
    match users::find_service_account(tx, of, &client.id).await? {
        None if client.service_accounts_enabled => {
            add_service_account(tx, realm, client, default_role, now).await
        }
        None => Ok(()),
        Some(account) if !client.service_accounts_enabled => {
            users::delete(tx, of, &account.value.id).await.map(|_| ())
        }
        Some(mut account) => {
            let named = Core::service_account_of(&client.id, &client.client_id, now).username;
            if account.value.username == named {
                return Ok(());
            }
            account.value.username = named;
            let unique_email = !realm.realm.duplicate_emails_allowed;
            users::update(tx, of, &account.value, account.ver, unique_email).await.map(|_| ())
        }
    }
}
