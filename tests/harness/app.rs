//! An application with a web server of its own that signs people in with the `openidconnect` crate.
//!
//! It listens on 127.0.0.1 while the server is called `localhost`: for a browser they are different sites, so
//! what only works within one site fails here. `/` says who is signed in; `/sign-in`, `/callback`, `/refresh`,
//! `/sign-out` and `/backchannel-logout` do what their names say. Errors are shown as text, never hidden.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use axum::extract::{Query, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use http::Method;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
    CoreTokenResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, StandardErrorResponse, TokenResponse as _,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

use crate::realm::Realm;

/// What the realm's discovery document says, with what the crate does not know by itself.
pub type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The crate's client when everything that discovery gives is set.
pub type Library = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Members of the discovery document beyond OpenID Connect Discovery.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct More {
    /// Where people sign out (RP-Initiated Logout 1.0 §2.1).
    pub end_session_endpoint: Url,
    /// Where tokens are looked at (RFC 8414 §2).
    pub introspection_endpoint: Url,
    /// Where tokens are given back (RFC 8414 §2).
    pub revocation_endpoint: Url,
    /// Where devices begin (RFC 8628 §4), if they may.
    pub device_authorization_endpoint: Option<Url>,
}

impl AdditionalProviderMetadata for More {}

/// A relying party: the crate, set up by discovery.
#[derive(Debug)]
pub struct Rp {
    /// What discovery said.
    pub metadata: Metadata,
    /// The crate's client.
    pub library: Library,
    http: reqwest::Client,
}

impl Rp {
    /// Reads the realm's discovery document and sets up a client.
    ///
    /// # Errors
    /// Discovery fails or says something else than the crate expects.
    pub async fn discover(
        realm: &Realm<'_>,
        client_id: &str,
        secret: Option<&str>,
        redirect: &str,
    ) -> Result<Self> {
        let http = realm.keyraft().http().clone();
        let metadata =
            Metadata::discover_async(IssuerUrl::new(realm.issuer())?, &|r| fetch(http.clone(), r)).await?;
        let secret = secret.map(|secret| ClientSecret::new(secret.to_owned()));
        let library =
            CoreClient::from_provider_metadata(metadata.clone(), ClientId::new(client_id.to_owned()), secret)
                .set_redirect_uri(RedirectUrl::new(redirect.to_owned())?);
        Ok(Self { metadata, library, http })
    }

    /// An authorization request with PKCE, state and nonce.
    pub fn begin(&self) -> (Url, Begun) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = self
            .library
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        (url, Begun { state: state.secret().clone(), nonce, verifier })
    }

    /// The same, with `prompt`.
    pub fn begin_with(&self, prompt: &str) -> (Url, Begun) {
        let (mut url, begun) = self.begin();
        url.query_pairs_mut().append_pair("prompt", prompt);
        (url, begun)
    }

    /// Takes the browser's way back: redeems the code and verifies the ID token.
    ///
    /// # Errors
    /// The state is another one, the code is refused, the ID token is not as it should be.
    pub async fn finish(&self, callback: &Url, begun: Begun) -> Result<Tokens> {
        let query: HashMap<_, _> = callback.query_pairs().into_owned().collect();
        anyhow::ensure!(query.get("state") == Some(&begun.state), "another state: {callback}");
        if let Some(error) = query.get("error") {
            return Err(anyhow!("{error}"));
        }
        // RFC 9207: an answer of another issuer is not taken.
        if let Some(issuer) = query.get("iss") {
            anyhow::ensure!(*issuer == self.metadata.issuer().as_str(), "another issuer: {issuer}");
        }
        let code = AuthorizationCode::new(query.get("code").context("no code")?.clone());
        let request = self.library.exchange_code(code)?.set_pkce_verifier(begun.verifier);
        let response = request.request_async(&|r| fetch(self.http.clone(), r)).await.map_err(in_words)?;
        Tokens::new(self, response, Some(&begun.nonce))
    }

    /// Swaps a refresh token for new tokens.
    ///
    /// # Errors
    /// The server refuses; the error's text begins with the OAuth code.
    pub async fn refresh(&self, token: &str) -> Result<Tokens> {
        let token = RefreshToken::new(token.to_owned());
        let request = self.library.exchange_refresh_token(&token)?;
        let response = request.request_async(&|r| fetch(self.http.clone(), r)).await.map_err(in_words)?;
        Tokens::new(self, response, None)
    }

    /// Sends one of the crate's requests.
    ///
    /// # Errors
    /// No answer.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
        fetch(self.http.clone(), request).await
    }

    /// Where the browser goes to sign out.
    pub fn sign_out(&self, id_token: &str, back_to: &str) -> Url {
        let mut url = self.metadata.additional_metadata().end_session_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token)
            .append_pair("post_logout_redirect_uri", back_to);
        url
    }
}

/// What a client keeps between asking and being answered.
#[derive(Debug)]
pub struct Begun {
    state: String,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// What a client has after a login, verified.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The whole answer.
    pub response: CoreTokenResponse,
    /// The ID token as it came.
    pub id_token: String,
    /// `preferred_username` in the ID token.
    pub name: String,
    /// `sub` in the ID token.
    pub subject: String,
}

impl Tokens {
    fn new(rp: &Rp, response: CoreTokenResponse, nonce: Option<&Nonce>) -> Result<Self> {
        let id_token = response.id_token().context("no ID token")?;
        let verifier = rp.library.id_token_verifier();
        let claims = match nonce {
            Some(nonce) => id_token.claims(&verifier, nonce)?,
            // OpenID Connect Core §12.2: the ID token of a refresh need not carry the nonce.
            None => id_token.claims(&verifier, |_: Option<&Nonce>| Ok(()))?,
        };
        let name = claims.preferred_username().map(|name| name.as_str().to_owned()).unwrap_or_default();
        let subject = claims.subject().as_str().to_owned();
        let id_token = id_token.to_string();
        Ok(Self { response, id_token, name, subject })
    }

    /// The access token.
    pub fn access(&self) -> &str {
        self.response.access_token().secret()
    }

    /// The refresh token.
    ///
    /// # Errors
    /// None was given.
    pub fn refresh(&self) -> Result<&str> {
        Ok(self.response.refresh_token().context("no refresh token")?.secret())
    }
}

/// The server cannot be asked.
#[derive(Debug)]
pub struct Unreachable(String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

/// Carries one of the crate's requests over the project's HTTP client.
///
/// # Errors
/// No answer.
pub async fn fetch(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, Unreachable> {
    let say = |error: &dyn std::fmt::Display| Unreachable(error.to_string());
    let (parts, body) = request.into_parts();
    let url = parts.uri.to_string();
    let answer = http
        .request(parts.method, url)
        .headers(parts.headers)
        .body(body)
        .send()
        .await
        .map_err(|e| say(&e))?;
    let mut response = HttpResponse::new(Vec::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await.map_err(|e| say(&e))?.to_vec();
    Ok(response)
}

/// An OAuth error by its code and description; anything else as it is.
fn in_words(
    error: RequestTokenError<Unreachable, StandardErrorResponse<CoreErrorResponseType>>,
) -> anyhow::Error {
    match error {
        RequestTokenError::ServerResponse(refusal) => anyhow!("{refusal}"),
        RequestTokenError::Parse(why, body) => anyhow!("{why}: {}", String::from_utf8_lossy(&body)),
        other => other.into(),
    }
}

/// An application with its own web server, known to a realm as a confidential client.
#[derive(Debug)]
pub struct App {
    /// Its address, without a final slash.
    pub url: String,
    /// The secret it shares with the server.
    pub secret: String,
    /// The id that the admin REST API knows it by.
    pub id: String,
    shop: Arc<Shop>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shop {
    name: String,
    url: String,
    rp: Rp,
    waiting: Mutex<HashMap<String, Begun>>,
    signed_in: Mutex<HashMap<String, Tokens>>,
    told: Mutex<Vec<String>>,
}

impl App {
    /// Makes the client `name` in a realm, with further members of its representation, and starts its web server.
    ///
    /// # Errors
    /// The server refuses the client, or discovery fails.
    pub async fn start(realm: &Realm<'_>, name: &str, more: Value) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let secret = format!("{name} keeps this to itself");
        let mut client = json!({
            "secret": secret, "redirectUris": [format!("{url}/callback")], "webOrigins": ["+"], "baseUrl": url,
            "attributes": { "post.logout.redirect.uris": format!("{url}/") },
        });
        crate::keyraft::merge(&mut client, more);
        let id = realm.client(name, client).await?;
        let rp = Rp::discover(realm, name, Some(&secret), &format!("{url}/callback")).await?;
        let shop = Arc::new(Shop {
            name: name.to_owned(),
            url: url.clone(),
            rp,
            waiting: Mutex::default(),
            signed_in: Mutex::default(),
            told: Mutex::default(),
        });
        let routes = Router::new()
            .route("/", get(home))
            .route("/sign-in", get(sign_in))
            .route("/callback", get(callback))
            .route("/refresh", get(refresh))
            .route("/sign-out", get(sign_out))
            .route("/backchannel-logout", post(backchannel_logout))
            .with_state(Arc::clone(&shop));
        let server = tokio::spawn(async move {
            // Ends with the test.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, secret, id, shop, server })
    }

    /// The address that begins a login.
    pub fn sign_in(&self) -> String {
        format!("{}/sign-in", self.url)
    }

    /// Has the server tell this application when somebody signs out (Back-Channel Logout 1.0).
    ///
    /// # Errors
    /// The server refuses.
    pub async fn wants_to_be_told(&self, realm: &Realm<'_>) -> Result<()> {
        let mut client = realm.keyraft().read(&realm.path(&format!("/clients/{}", self.id))).await?;
        client["attributes"]["backchannel.logout.url"] = json!(format!("{}/backchannel-logout", self.url));
        client["attributes"]["backchannel.logout.session.required"] = json!("true");
        realm
            .keyraft()
            .admin(Method::PUT, &realm.path(&format!("/clients/{}", self.id)), Some(client))
            .await?;
        Ok(())
    }

    /// Logout tokens that the server has sent.
    pub fn told(&self) -> Vec<String> {
        locked(&self.shop.told).clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn page(name: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=en><title>{name}</title><link rel=icon href=data:,><h1>{name}</h1>{body}"
    ))
}

impl Shop {
    /// The browser's ticket of this application: cookies know no ports, so its name is in the cookie's.
    fn ticket(&self, headers: &HeaderMap) -> Option<String> {
        let cookies = headers.get(COOKIE)?.to_str().ok()?;
        let of_ours = |pair: &str| pair.strip_prefix(&self.name)?.strip_prefix('=').map(str::to_owned);
        cookies.split("; ").find_map(of_ours)
    }

    fn tokens(&self, headers: &HeaderMap) -> Option<Tokens> {
        locked(&self.signed_in).get(&self.ticket(headers)?).cloned()
    }

    fn refused(&self, error: &anyhow::Error) -> Response {
        page(&self.name, &format!("<p id=error>{error:#}</p>")).into_response()
    }
}

async fn home(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Html<String> {
    match shop.tokens(&headers) {
        Some(tokens) => {
            page(&shop.name, &format!("<p id=person>{}</p><a id=out href=/sign-out>Out</a>", tokens.name))
        }
        None => page(&shop.name, "<a id=in href=/sign-in>In</a>"),
    }
}

async fn sign_in(State(shop): State<Arc<Shop>>, Query(query): Query<HashMap<String, String>>) -> Redirect {
    let (mut url, begun) = shop.rp.begin();
    url.query_pairs_mut().extend_pairs(query);
    locked(&shop.waiting).insert(begun.state.clone(), begun);
    Redirect::to(url.as_str())
}

async fn callback(State(shop): State<Arc<Shop>>, Query(query): Query<HashMap<String, String>>) -> Response {
    // A login that was over before it came here: begin again, as Keycloak's own adapters do.
    if query.get("error").is_some_and(|error| error == "temporarily_unavailable") {
        return Redirect::to("/sign-in").into_response();
    }
    let state = query.get("state").cloned().unwrap_or_default();
    let Some(begun) = locked(&shop.waiting).remove(&state) else {
        return shop.refused(&anyhow!("this state is not ours: {state}"));
    };
    let answer = Url::parse_with_params(&format!("{}/callback", shop.url), query);
    let tokens = match answer {
        Ok(url) => shop.rp.finish(&url, begun).await,
        Err(error) => Err(error.into()),
    };
    match tokens {
        Ok(tokens) => {
            let ticket = Uuid::new_v4().simple().to_string();
            locked(&shop.signed_in).insert(ticket.clone(), tokens);
            let cookie = format!("{}={ticket}; Path=/; HttpOnly; SameSite=Lax", shop.name);
            ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        Err(error) => shop.refused(&error),
    }
}

async fn refresh(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Response {
    let Some(tokens) = shop.tokens(&headers) else { return shop.refused(&anyhow!("nobody is signed in")) };
    let fresh = match tokens.refresh() {
        Ok(token) => shop.rp.refresh(token).await,
        Err(error) => Err(error),
    };
    match (fresh, shop.ticket(&headers)) {
        (Ok(fresh), Some(ticket)) => {
            let body = format!("<p id=refreshed>{}</p>", fresh.name);
            locked(&shop.signed_in).insert(ticket, fresh);
            page(&shop.name, &body).into_response()
        }
        (Err(error), _) => shop.refused(&error),
        (Ok(_), None) => shop.refused(&anyhow!("nobody is signed in")),
    }
}

async fn sign_out(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Response {
    let tokens = shop.ticket(&headers).and_then(|ticket| locked(&shop.signed_in).remove(&ticket));
    match tokens {
        Some(tokens) => Redirect::to(shop.rp.sign_out(&tokens.id_token, &format!("{}/", shop.url)).as_str())
            .into_response(),
        None => shop.refused(&anyhow!("nobody is signed in")),
    }
}

async fn backchannel_logout(
    State(shop): State<Arc<Shop>>,
    Form(form): Form<HashMap<String, String>>,
) -> StatusCode {
    locked(&shop.told).extend(form.get("logout_token").cloned());
    StatusCode::OK
}
