//! An application that speaks plain HTTP, so that tests can say what libraries never would.

use anyhow::{Context as _, Result};
use http::Method;
use keyraft_harness::{Agent, Person, Realm};
use serde_json::{Value, json};
use url::Url;

/// A confidential client of a realm. Nothing listens at its redirect URI.
pub(crate) struct Shop<'a> {
    pub(crate) realm: &'a Realm<'a>,
    pub(crate) client_id: String,
    pub(crate) uuid: String,
}

/// Where its codes go.
pub(crate) const REDIRECT: &str = "http://127.0.0.1:9/callback";
/// Its secret.
pub(crate) const SECRET: &str = "shop-likes-to-keep-a-secret";

/// What an endpoint answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Reply {
    /// Status and `error` (RFC 6749 §5.2).
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error"].as_str().unwrap_or_default())
    }

    /// A member that must be text.
    pub(crate) fn text(&self, name: &str) -> Result<&str> {
        self.body[name].as_str().with_context(|| format!("no {name} in {} {}", self.status, self.body))
    }
}

impl<'a> Shop<'a> {
    /// Registers the client.
    pub(crate) async fn open(realm: &'a Realm<'a>, client_id: &str) -> Result<Self> {
        Self::open_with(realm, client_id, json!({})).await
    }

    /// Registers the client with further members of its representation.
    pub(crate) async fn open_with(realm: &'a Realm<'a>, client_id: &str, more: Value) -> Result<Self> {
        let mut client = json!({
            "secret": SECRET, "redirectUris": [REDIRECT], "directAccessGrantsEnabled": true,
            "serviceAccountsEnabled": true,
            // A client may otherwise look only at tokens that name it in `aud`, and its own do not.
            "attributes": { "allow.token.introspection.without.audience.check": "true" },
        });
        if let (Value::Object(client), Value::Object(more)) = (&mut client, more) {
            client.extend(more);
        }
        let uuid = realm.client(client_id, client).await?;
        Ok(Self { realm, client_id: client_id.to_owned(), uuid })
    }

    /// An authorization request (RFC 6749 §4.1.1) with further parameters.
    pub(crate) fn authorize(&self, more: &[(&str, &str)]) -> Result<String> {
        let mut parameters = vec![("client_id", self.client_id.as_str()), ("response_type", "code")];
        parameters.extend([("redirect_uri", REDIRECT), ("scope", "openid"), ("state", "xyz")]);
        parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        parameters.extend(more);
        Ok(Url::parse_with_params(&self.realm.endpoint("auth"), parameters)?.into())
    }

    /// Signs `person` in and takes the code.
    pub(crate) async fn code(&self, agent: &mut Agent, person: &Person) -> Result<String> {
        let back = agent.sign_in(&self.authorize(&[])?, person).await?;
        parameter(&back, "code")
    }

    /// Signs `person` in with a new browser and redeems the code.
    pub(crate) async fn sign_in(&self, person: &Person) -> Result<Reply> {
        let code = self.code(&mut Agent::new(self.realm.keyraft()), person).await?;
        self.redeem(&code).await
    }

    /// Redeems a code.
    pub(crate) async fn redeem(&self, code: &str) -> Result<Reply> {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)];
        self.token(&form).await
    }

    /// Uses a refresh token.
    pub(crate) async fn refresh(&self, token: &str) -> Result<Reply> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Asks the token endpoint, as this client.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Result<Reply> {
        self.post("token", form).await
    }

    /// Asks an endpoint, as this client.
    pub(crate) async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> Result<Reply> {
        let http = self.realm.keyraft().http();
        let request = http.request(Method::POST, self.realm.endpoint(endpoint)).form(form);
        reply(request.basic_auth(&self.client_id, Some(SECRET))).await
    }

    /// Whether somebody unknown hears that he is unknown, for which the server has to look.
    pub(crate) async fn is_served(&self) -> Result<bool> {
        let form = [("grant_type", "password"), ("username", "nobody"), ("password", "guess")];
        Ok(self.token(&form).await?.refusal() == (400, "invalid_grant"))
    }

    /// Whether the server says of a token that it is good (RFC 7662 §2.2).
    pub(crate) async fn is_active(&self, token: &str) -> Result<bool> {
        let reply = self.post("token/introspect", &[("token", token)]).await?;
        reply.body["active"].as_bool().with_context(|| format!("no answer: {} {}", reply.status, reply.body))
    }

    /// Asks who a token is about.
    pub(crate) async fn userinfo(&self, access: &str) -> Result<Reply> {
        let http = self.realm.keyraft().http();
        reply(http.get(self.realm.endpoint("userinfo")).bearer_auth(access)).await
    }
}

/// Sends a request; an answer that is no JSON is `null`.
pub(crate) async fn reply(request: reqwest::RequestBuilder) -> Result<Reply> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let body = answer.text().await?;
    Ok(Reply { status, body: serde_json::from_str(&body).unwrap_or_default() })
}

/// A parameter of an address.
pub(crate) fn parameter(url: &Url, name: &str) -> Result<String> {
    let found = url.query_pairs().find(|(other, _)| other == name);
    found.map(|(_, value)| value.into_owned()).with_context(|| format!("no {name} in {url}"))
}
