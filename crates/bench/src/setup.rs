//! Getting a provider ready: its endpoints, one client, one user.

use anyhow::{Context as _, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::peer::Peer;

/// What scenarios need of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) http: Client,
    pub(crate) authorization: String,
    pub(crate) token: String,
    pub(crate) introspection: Option<String>,
    pub(crate) userinfo: Option<String>,
    pub(crate) jwks: String,
    /// Whether it takes the password grant.
    pub(crate) has_password_grant: bool,
}

/// The client that every provider knows.
pub(crate) const CLIENT: (&str, &str) = ("bench", "bench-secret");
/// The person whom every provider knows.
pub(crate) const PERSON: (&str, &str) = ("bench", "bench-password");
/// Where codes are sent.
pub(crate) const CALLBACK: &str = "http://127.0.0.1:9/cb";

/// Sets a server up where it has an admin API, and reads its discovery document.
pub(crate) async fn target(peer: &Peer, admin: &str, password: &str, alg: &str) -> anyhow::Result<Target> {
    let http = client()?;
    let issuer = if peer.is_server() {
        make_realm(&http, &peer.url, (admin, password), alg).await?;
        format!("{}/realms/bench", peer.url)
    } else {
        peer.url.clone()
    };
    let document: Value = http
        .get(format!("{issuer}/.well-known/openid-configuration"))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    let endpoint = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
    let grants = document["grant_types_supported"].as_array().cloned().unwrap_or_default();
    Ok(Target {
        http,
        authorization: endpoint("authorization_endpoint").context("no authorization endpoint")?,
        token: endpoint("token_endpoint").context("no token endpoint")?,
        introspection: endpoint("introspection_endpoint"),
        userinfo: endpoint("userinfo_endpoint"),
        jwks: endpoint("jwks_uri").context("no jwks_uri")?,
        has_password_grant: grants.iter().any(|grant| grant == "password"),
    })
}

#[expect(clippy::disallowed_methods, reason = "the load generator talks to the address it was given")]
pub(crate) fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?)
}

async fn make_realm(http: &Client, base: &str, admin: (&str, &str), alg: &str) -> anyhow::Result<()> {
    let token: Value = http
        .post(format!("{base}/realms/master/protocol/openid-connect/token"))
        .form(&[
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", admin.0),
            ("password", admin.1),
        ])
        .send()
        .await?
        .error_for_status()
        .context("the administrator cannot sign in")?
        .json()
        .await?;
    let token = token["access_token"].as_str().context("no access token")?.to_owned();
    let send = async |request: RequestBuilder, body: Value| -> anyhow::Result<()> {
        let answer = request.bearer_auth(&token).json(&body).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "{status}: {}", answer.text().await?);
        Ok(())
    };
    let old = http.delete(format!("{base}/admin/realms/bench")).bearer_auth(&token).send().await?;
    ensure!(
        old.status().is_success() || old.status() == 404,
        "cannot delete the old realm: {}",
        old.status()
    );
    let realm = json!({
        "realm": "bench", "enabled": true, "defaultSignatureAlgorithm": alg, "ssoSessionIdleTimeout": 36000,
        "accessTokenLifespan": 3600,
    });
    send(http.post(format!("{base}/admin/realms")), realm).await?;
    let client = json!({
        "clientId": CLIENT.0, "secret": CLIENT.1, "redirectUris": [CALLBACK], "directAccessGrantsEnabled": true,
        "serviceAccountsEnabled": true,
        "attributes": { "allow.token.introspection.without.audience.check": "true" },
    });
    send(http.post(format!("{base}/admin/realms/bench/clients")), client).await?;
    let person = json!({
        "username": PERSON.0, "enabled": true, "email": "bench@example.com", "emailVerified": true,
        "firstName": "Ben", "lastName": "Bench",
        "credentials": [{ "type": "password", "value": PERSON.1 }],
    });
    send(http.post(format!("{base}/admin/realms/bench/users")), person).await
}
