//! The endpoints over a real store and a real cluster of one, in a folder of their own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use keyraft_cluster::Cluster;
use keyraft_core::outbound::Outbound;
use keyraft_core::{Core, seal};
use keyraft_crypto::keys::KeyMaterial;
use keyraft_crypto::password::{HashParameters, Hasher};
use keyraft_crypto::seal::MasterKeys;
use keyraft_crypto::{Secret, encoding, random};
use keyraft_login::Login;
use keyraft_model::component::KEY_PROVIDER;
use keyraft_model::{Client, Component, Credential, Execution, Flow, Realm, RealmId, Requirement, User};
use keyraft_store::{
    Db, RolesOf, Tx, client_scopes, clients, components, credentials, flows, realms, role_lists, roles, users,
};
use keyraft_web::{Hostname, RealmSource};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{Oidc, OpenIdConnect, fixture};

/// A server with two realms, `a` and `b`, that have the same keys, users and clients, as a copied realm has.
pub(crate) struct House {
    router: Router,
    /// For tests that change settings under the running server.
    pub(crate) core: Core,
    folder: PathBuf,
}

#[derive(Clone)]
struct Realms(Core);

impl RealmSource for Realms {
    async fn realm(&self, name: &str) -> Option<Arc<Realm>> {
        self.0.realm(name).await.ok().flatten().map(|view| Arc::clone(&view.realm))
    }

    fn is_informed(&self) -> bool {
        true
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A member that is text; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    /// Status, `error` and `error_description`.
    pub(crate) fn error(&self) -> (u16, String, String) {
        (self.status.as_u16(), self.get("error"), self.get("error_description"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("keyraft-oidc-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let master = MasterKeys::parse([encoding::base64(&random::bytes::<32>()).as_str()]).unwrap();
        let settings = keyraft_store::Settings::new(format!("sqlite:{}", folder.join("db").display()));
        let (store, keys) = seal::open_store(&settings, &master, "test").await.unwrap();
        let cluster = Cluster::open(keyraft_cluster::Settings::new(folder.join("cluster"))).await.unwrap();
        let hasher = Hasher::with_threads(1).unwrap();
        let core = Core::new(store, cluster, hasher, keys, Outbound::new(true).unwrap());
        seed(&core).await;
        let login = Login::new(core.clone(), Arc::new(OpenIdConnect));
        let router =
            crate::router(Oidc::new(core.clone(), login.clone())).merge(keyraft_login::router(login));
        let hostname = Hostname { follow_host: true, ..Hostname::default() };
        let router = keyraft_web::layers(router, Arc::new(hostname), Realms(core.clone()));
        Self { router, core, folder }
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Body>) -> Answer {
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let request =
            request.header(header::HOST, "id.test").extension(ConnectInfo(peer)).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, realm: &str, endpoint: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(realm, endpoint, fields, None).await
    }

    pub(crate) async fn post_from(
        &self,
        realm: &str,
        endpoint: &str,
        fields: &[(&str, &str)],
        origin: Option<&str>,
    ) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::post(format!("/realms/{realm}/protocol/openid-connect/{endpoint}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(origin) = origin {
            request = request.header(header::ORIGIN, origin);
        }
        self.send(request, body).await
    }

    /// Tokens of alice at `app` by her password.
    pub(crate) async fn tokens(&self, realm: &str, scope: &str) -> Answer {
        let fields =
            [("grant_type", "password"), ("username", "alice"), ("password", "pw"), ("scope", scope)];
        let answer = self.token(realm, &fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer
    }

    /// A token request of `app`.
    pub(crate) async fn token(&self, realm: &str, fields: &[(&str, &str)]) -> Answer {
        let client = [("client_id", "app"), ("client_secret", "s")];
        self.post(realm, "token", &[fields, &client].concat()).await
    }

    pub(crate) async fn userinfo(&self, realm: &str, token: &str) -> Answer {
        let request = Request::get(format!("/realms/{realm}/protocol/openid-connect/userinfo"));
        self.send(request.header(header::AUTHORIZATION, format!("Bearer {token}")), Body::empty()).await
    }

    /// Whether a token is active, asked by `api` with this hint.
    pub(crate) async fn is_active(&self, realm: &str, token: &str, hint: Option<&str>) -> bool {
        let mut fields = vec![("client_id", "api"), ("client_secret", "s"), ("token", token)];
        fields.extend(hint.map(|hint| ("token_type_hint", hint)));
        self.post(realm, "token/introspect", &fields).await.json()["active"] == true
    }

    /// Changes a realm under the running server.
    pub(crate) async fn change_realm(&self, realm: &str, change: impl Fn(&mut Realm) + Send + Sync) {
        let id = RealmId::from(realm);
        let change = &change;
        self.core
            .store
            .write(|tx| {
                let id = id.clone();
                async move {
                    let mut found = realms::find(&tx, &id).await?.unwrap();
                    change(&mut found.value);
                    realms::update(&tx, &found.value, found.ver).await
                }
            })
            .await
            .map_err(|error: keyraft_store::Error| error)
            .unwrap();
    }

    /// Changes a client under the running server.
    pub(crate) async fn change_client(
        &self,
        realm: &str,
        client: &str,
        change: impl Fn(&mut Client) + Send + Sync,
    ) {
        let (id, client) = (RealmId::from(realm), client.to_owned());
        let change = &change;
        self.core
            .store
            .write(|tx| {
                let (id, client) = (id.clone(), client.clone());
                async move {
                    let mut found = clients::find_by_client_id(&tx, &id, &client).await?.unwrap();
                    change(&mut found.value);
                    clients::update(&tx, &id, &found.value, found.ver).await
                }
            })
            .await
            .map_err(|error: keyraft_store::Error| error)
            .unwrap();
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

async fn seed(core: &Core) {
    let keys = [KeyMaterial::generate_ed25519().unwrap(), KeyMaterial::generate_secret(64)];
    let hash = core.hasher.hash("test", HashParameters::from_policy(None, None).unwrap(), Secret::new("pw"));
    let hash = hash.await.unwrap();
    let password = Credential {
        id: "password".into(),
        kind: "password".into(),
        secret_data: hash.secret_data().clone(),
        credential_data: hash.credential_data(),
        ..Credential::default()
    };
    for name in ["a", "b"] {
        let keys: Vec<_> = keys.iter().enumerate().map(|(at, key)| component(at, name, key)).collect();
        let (store, password) = (&core.store, password.clone());
        insert(store, name, keys, password).await;
    }
}

fn component(at: usize, realm: &str, material: &KeyMaterial) -> Component {
    let provider = ["eddsa-generated", "hmac-generated"][at];
    let mut component = Component {
        id: format!("{provider}-{realm}").as_str().into(),
        name: Some(provider.into()),
        provider_id: provider.into(),
        provider_type: KEY_PROVIDER.into(),
        parent_id: realm.into(),
        ..Component::default()
    };
    let config: HashMap<_, _> = material.to_component().unwrap().into_iter().collect();
    for (name, value) in config {
        component.config.insert(name.into(), vec![value.to_string()]);
    }
    component.config.insert("algorithm".into(), vec![["EdDSA", "HS512"][at].into()]);
    component
}

async fn insert(store: &Db, name: &str, keys: Vec<Component>, password: Credential) {
    let id = RealmId::from(name);
    store
        .write(|tx| {
            let (id, keys, password) = (id.clone(), keys.clone(), password.clone());
            async move {
                realms::insert(&tx, &realm(&id)).await?;
                flows::insert(&tx, &id, &direct_grant()).await?;
                for role in fixture::roles() {
                    roles::insert(&tx, &id, &role).await?;
                    role_lists::add(&tx, &id, RolesOf::Role(&role.id), &role.composites).await?;
                }
                for scope in fixture::scopes() {
                    client_scopes::insert(&tx, &id, &scope).await?;
                    role_lists::add(&tx, &id, RolesOf::Scope(&scope.id), &scope.scope_mappings).await?;
                }
                for key in &keys {
                    components::insert(&tx, &id, key).await?;
                }
                for client in all_clients() {
                    clients::insert(&tx, &id, &client).await?;
                }
                insert_user(&tx, &id, &fixture::alice().user, Some(&password)).await?;
                let service = User {
                    id: "service-id".into(),
                    username: "service-account-app".into(),
                    enabled: true,
                    service_account_client: Some("app".into()),
                    ..User::default()
                };
                insert_user(&tx, &id, &service, None).await
            }
        })
        .await
        .map_err(|error: keyraft_store::Error| error)
        .unwrap();
}

async fn insert_user(
    tx: &Tx,
    realm: &RealmId,
    user: &User,
    password: Option<&Credential>,
) -> Result<(), keyraft_store::Error> {
    users::insert(tx, realm, user, true).await?;
    role_lists::add(tx, realm, RolesOf::User(&user.id), &["default-roles-tok".into()]).await?;
    if let Some(password) = password {
        let password = Credential { id: format!("{}-{}", password.id, user.id).into(), ..password.clone() };
        credentials::insert(tx, realm, &user.id, &password).await?;
    }
    Ok(())
}

fn realm(id: &RealmId) -> Realm {
    Realm {
        id: id.clone(),
        realm: id.to_string(),
        enabled: true,
        default_signature_algorithm: "EdDSA".into(),
        access_token_lifespan: 300,
        access_code_lifespan: 60,
        access_code_lifespan_login: 1800,
        sso_session_idle_timeout: 1800,
        sso_session_max_lifespan: 36_000,
        offline_session_idle_timeout: 2_592_000,
        ssl_required: "external".into(),
        login_with_email_allowed: true,
        direct_grant_flow: "direct grant".into(),
        browser_flow: "direct grant".into(),
        ..Realm::default()
    }
}

fn direct_grant() -> Flow {
    let step = |authenticator: &str| Execution {
        id: authenticator.into(),
        authenticator: Some(authenticator.into()),
        requirement: Requirement::Required,
        ..Execution::default()
    };
    Flow {
        id: "direct-grant".into(),
        alias: "direct grant".into(),
        provider_id: "basic-flow".into(),
        top_level: true,
        executions: vec![step("direct-grant-validate-username"), step("direct-grant-validate-password")],
        ..Flow::default()
    }
}

fn all_clients() -> Vec<Client> {
    let app = Client {
        secret: Some("s".into()),
        client_authenticator_type: "client-secret".into(),
        direct_access_grants_enabled: true,
        service_accounts_enabled: true,
        standard_flow_enabled: true,
        ..fixture::client(vec![]).client.clone()
    };
    let named = |id: &str| Client { id: id.into(), client_id: id.into(), ..app.clone() };
    let mut api = named("api");
    api.attributes.insert("allow.token.introspection.without.audience.check".into(), "true".into());
    let public = Client { public_client: true, secret: None, ..named("public") };
    let bearer = Client { bearer_only: true, ..named("bearer") };
    vec![app.clone(), api, named("other"), named("account"), named("rolesapp"), public, bearer]
}
