//! The server under test, and its administrator.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::Method;
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::child::{Child, free_port};
use crate::realm::Realm;

/// Name and password of the first administrator.
const ADMINISTRATOR: &str = "admin";
/// An administrator's token lives a minute; it is replaced before that.
const TOKEN_AGE: Duration = Duration::from_secs(30);

/// A running server: the real binary with a database of its own, or the one that `KEYRAFT_TEST_URL` names.
#[derive(Debug)]
pub struct Keyraft {
    base: String,
    http: Client,
    token: Mutex<Option<(String, Instant)>>,
    child: Option<Child>,
}

impl Keyraft {
    /// Starts `binary` (`env!("CARGO_BIN_EXE_keyraft")`) on free ports and waits until it answers.
    ///
    /// # Errors
    /// It does not start; the error carries its log.
    pub async fn start(binary: &str) -> Result<Self> {
        let http = client()?;
        if let Ok(url) = std::env::var("KEYRAFT_TEST_URL") {
            let base = url.trim_end_matches('/').to_owned();
            return Ok(Self { base, http, token: Mutex::new(None), child: None });
        }
        // A free port may be taken before the server binds it.
        for _ in 0..2 {
            if let Ok(server) = Self::spawn(binary, &http).await {
                return Ok(server);
            }
        }
        Self::spawn(binary, &http).await
    }

    async fn spawn(binary: &str, http: &Client) -> Result<Self> {
        let (port, management) = (free_port()?, free_port()?);
        let folder = Child::folder("keyraft")?;
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars() {
            if name.starts_with("KC_") || name.starts_with("KEYRAFT_") {
                command.env_remove(name);
            }
        }
        command
            .arg("start-dev")
            .env("KEYRAFT_DATA_DIR", folder.join("data"))
            .env("KC_HTTP_HOST", "127.0.0.1")
            .env("KC_HTTP_PORT", port.to_string())
            .env("KC_HTTP_MANAGEMENT_PORT", management.to_string())
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMINISTRATOR)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMINISTRATOR)
            .current_dir(&folder);
        let mut child = Child::start("keyraft", folder, &mut command)?;
        let base = format!("http://localhost:{port}");
        let door = format!("{base}/realms/master");
        child
            .wait_until(async || http.get(&door).send().await.is_ok_and(|a| a.status().is_success()))
            .await?;
        Ok(Self { base, http: http.clone(), token: Mutex::new(None), child: Some(child) })
    }

    /// Whether this is Keyraft's own binary, whose pages have Keyraft's words, and not a server that was given.
    pub fn is_own(&self) -> bool {
        self.child.is_some() || std::env::var_os("KEYRAFT_TEST_OWN").is_some()
    }

    /// Where the server is, without a final slash.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// An HTTP client without cookies that follows no redirects.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// The end of the server's log; empty for a server that was given.
    pub fn log(&self) -> String {
        self.child.as_ref().map(Child::log).unwrap_or_default()
    }

    /// Makes an empty realm whose name begins with `name`.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn realm(&self, name: &str, settings: Value) -> Result<Realm<'_>> {
        let name = match self.child {
            Some(_) => name.to_owned(),
            None => format!("{name}-{}", &Uuid::new_v4().simple().to_string()[..8]),
        };
        let mut realm = json!({ "realm": name, "enabled": true, "sslRequired": "none" });
        merge(&mut realm, settings);
        self.admin(Method::POST, "/admin/realms", Some(realm)).await?;
        Ok(Realm::new(self, name))
    }

    /// Whether realms should be removed after a test.
    pub(crate) fn is_shared(&self) -> bool {
        self.child.is_none()
    }

    /// Sends a request to the admin REST API as its administrator.
    ///
    /// # Errors
    /// No answer, or one that is not a success.
    pub async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response> {
        let token = self.token().await?;
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        if !answer.status().is_success() {
            let status = answer.status();
            bail!("{method} {path}: {status} {}\n{}", answer.text().await?, self.log());
        }
        Ok(answer)
    }

    /// Reads one resource of the admin REST API.
    ///
    /// # Errors
    /// No answer, no success, or not JSON.
    pub async fn read(&self, path: &str) -> Result<Value> {
        Ok(self.admin(Method::GET, path, None).await?.json().await?)
    }

    async fn token(&self) -> Result<String> {
        let mut kept = self.token.lock().await;
        if let Some((token, since)) = kept.as_ref()
            && since.elapsed() < TOKEN_AGE
        {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", ADMINISTRATOR),
            ("password", ADMINISTRATOR),
        ];
        let endpoint = format!("{}/realms/master/protocol/openid-connect/token", self.base);
        let answer: Value = self.http.post(endpoint).form(&form).send().await?.json().await?;
        let token =
            answer["access_token"].as_str().with_context(|| format!("no token: {answer}\n{}", self.log()))?;
        *kept = Some((token.to_owned(), Instant::now()));
        Ok(token.to_owned())
    }
}

/// Adds the members of `more` to `object`, over those that are there.
pub(crate) fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

fn client() -> Result<Client> {
    let builder = Client::builder().redirect(redirect::Policy::none()).timeout(Duration::from_secs(30));
    Ok(builder.no_proxy().build()?)
}
