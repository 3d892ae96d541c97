//! Getting a provider ready: its endpoints, the clients, one person.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::Method;
use serde_json::{Value, json};
use url::Url;

use crate::{
    http::{Ask, Http},
    peer::Peer,
};

/// What scenarios need of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) introspection: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    pub(crate) jwks: Url,
    pub(crate) discovery: Url,
    /// Whether it takes the password grant.
    pub(crate) has_password_grant: bool,
}

/// A client that every provider knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    /// What signs its access and ID tokens.
    pub(crate) alg: &'static str,
}

/// The secret of each of them.
const SECRET: &str = "bench-secret";
/// Whose access tokens are good at introspection and userinfo, and who sends browsers.
pub(crate) const BENCH: Client = Client { id: "bench", alg: "RS256" };
pub(crate) const RS256: Client = Client { id: "bench-rs256", alg: "RS256" };
pub(crate) const ES256: Client = Client { id: "bench-es256", alg: "ES256" };
pub(crate) const EDDSA: Client = Client { id: "bench-eddsa", alg: "EdDSA" };
const CLIENTS: [Client; 4] = [BENCH, RS256, ES256, EDDSA];

/// The person whom every provider knows.
pub(crate) const PERSON: (&str, &str) = ("bench", "bench-password");
/// Where codes are sent.
pub(crate) const CALLBACK: &str = "http://127.0.0.1:9/cb";

impl Client {
    /// `Authorization` that proves the client (RFC 6749 section 2.3.1).
    pub(crate) fn basic(self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{SECRET}", self.id)))
    }
}

/// Reads the discovery document; a server that has none at its address has realms, and one is made there.
pub(crate) async fn target(peer: &Peer, admin: (&str, &str)) -> Result<Target> {
    if Http::default().get(&discovery(&peer.url)?, Ask::plain()).await?.status.is_success() {
        return discover(&peer.url).await;
    }
    let realm = json!({
        "realm": "bench", "enabled": true, "ssoSessionIdleTimeout": 36000, "accessTokenLifespan": 3600,
    });
    let mut desk = Desk::open(&peer.url, admin).await?;
    desk.make_realm("bench", realm).await?;
    desk.post("realms/bench/users", person(PERSON.0)).await?;
    discover(&format!("{}/realms/bench", peer.url)).await
}

/// A realm for sessions by the ten thousand: many people, whose passwords are hashed as cheaply as a policy allows.
pub(crate) async fn crowd(peer: &Peer, admin: (&str, &str), people: u64) -> Result<Target> {
    let realm = json!({
        "realm": "bench-crowd", "enabled": true, "ssoSessionIdleTimeout": 36000, "accessTokenLifespan": 3600,
        "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
    });
    let mut desk = Desk::open(&peer.url, admin).await?;
    desk.make_realm("bench-crowd", realm).await?;
    for number in 0..people {
        // Its token lives for a minute, which a busy machine may need for a few hundred people.
        if number % 50 == 0 {
            desk = Desk::open(&peer.url, admin).await?;
        }
        desk.post("realms/bench-crowd/users", person(&crowd_name(number))).await?;
    }
    discover(&format!("{}/realms/bench-crowd", peer.url)).await
}

/// Who is in the crowd.
pub(crate) fn crowd_name(number: u64) -> String {
    format!("person-{number}")
}

fn discovery(issuer: &str) -> Result<Url> {
    Url::parse(&format!("{issuer}/.well-known/openid-configuration"))
        .with_context(|| format!("{issuer} is no URL"))
}

async fn discover(issuer: &str) -> Result<Target> {
    let discovery = discovery(issuer)?;
    let document = Http::default().get(&discovery, Ask::plain()).await?.ok()?.json()?;
    let endpoint = |name: &str| {
        document
            .get(name)
            .and_then(Value::as_str)
            .map(|text| Url::parse(text).context("discovery"))
            .transpose()
    };
    let grants = document["grant_types_supported"].as_array().cloned().unwrap_or_default();
    Ok(Target {
        authorization: endpoint("authorization_endpoint")?.context("no authorization endpoint")?,
        token: endpoint("token_endpoint")?.context("no token endpoint")?,
        introspection: endpoint("introspection_endpoint")?,
        userinfo: endpoint("userinfo_endpoint")?,
        jwks: endpoint("jwks_uri")?.context("no jwks_uri")?,
        has_password_grant: grants.iter().any(|grant| grant == "password"),
        discovery,
    })
}

/// An administrator at Keycloak's admin API.
struct Desk {
    http: Http,
    base: String,
    token: String,
}

impl Desk {
    async fn open(base: &str, (username, password): (&str, &str)) -> Result<Self> {
        let mut http = Http::default();
        let token = admin_token(&mut http, base, (username, password)).await?;
        Ok(Self { http, base: base.to_owned(), token: format!("Bearer {token}") })
    }

    /// A fresh realm of that name with the clients in it.
    async fn make_realm(&mut self, name: &str, realm: Value) -> Result<()> {
        let old = self.send(Method::DELETE, &format!("realms/{name}"), None).await?;
        ensure!(old.is_success() || old == 404, "cannot delete the old realm {name}: {old}");
        self.post("realms", realm).await?;
        for client in CLIENTS {
            self.post(&format!("realms/{name}/clients"), client_document(client)).await?;
        }
        Ok(())
    }

    async fn post(&mut self, path: &str, document: Value) -> Result<()> {
        self.send(Method::POST, path, Some(document)).await.map(|_| ())
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        document: Option<Value>,
    ) -> Result<hyper::StatusCode> {
        let url = Url::parse(&format!("{}/admin/{path}", self.base))?;
        let ask = document.as_ref().map_or_else(Ask::plain, Ask::json).authorized(&self.token);
        let answer = self.http.send(method, &url, ask).await?;
        if document.is_some() {
            return Ok(answer.ok().with_context(|| path.to_owned())?.status);
        }
        Ok(answer.status)
    }
}

/// An administrator's access token: the first thing that a fresh server is asked for.
pub(crate) async fn admin_token(http: &mut Http, base: &str, admin: (&str, &str)) -> Result<String> {
    let url = Url::parse(&format!("{base}/realms/master/protocol/openid-connect/token"))?;
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", admin.0),
        ("password", admin.1),
    ];
    let answer = http.post(&url, Ask::form(&form)).await?.ok().context("the administrator cannot sign in")?;
    Ok(answer.json()?["access_token"].as_str().context("no access token")?.to_owned())
}

fn client_document(client: Client) -> Value {
    json!({
        "clientId": client.id, "secret": SECRET, "redirectUris": [CALLBACK],
        "directAccessGrantsEnabled": true, "serviceAccountsEnabled": true,
        "attributes": {
            "access.token.signed.response.alg": client.alg,
            "id.token.signed.response.alg": client.alg,
            "allow.token.introspection.without.audience.check": "true",
        },
    })
}

fn person(name: &str) -> Value {
    json!({
        "username": name, "enabled": true, "email": format!("{name}@example.com"), "emailVerified": true,
        "firstName": "Ben", "lastName": "Bench",
        "credentials": [{ "type": "password", "value": PERSON.1 }],
    })
}
