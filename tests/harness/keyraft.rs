//! The server under test, and its administrator.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::Method;
use reqwest::{Client, Response, redirect};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::child::{Child, free_port};
use crate::database::Database;
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
    process: Option<Lock<Process>>,
    public: Option<String>,
    administrator: String,
    password: String,
    /// Whether others use it too.
    is_shared: bool,
}

/// The server's process, how it was started, and its database where that is not a file.
#[derive(Debug)]
struct Process {
    child: Child,
    command: Command,
    _database: Option<Database>,
}

impl Keyraft {
    /// Starts `binary` (`env!("CARGO_BIN_EXE_keyraft")`) for development on free ports and waits until it answers.
    ///
    /// Its database is a file, or one of its own on the server that `KEYRAFT_TEST_PG_URL` names when
    /// `KEYRAFT_TEST_DB` is `pg`.
    ///
    /// # Errors
    /// It does not start; the error carries its log.
    pub async fn start(binary: &str) -> Result<Self> {
        match std::env::var("KEYRAFT_TEST_URL") {
            Ok(url) => Self::at(&url, ADMINISTRATOR, ADMINISTRATOR),
            Err(_) => Self::start_with(binary, &["start-dev"], &[]).await,
        }
    }

    /// A server that runs already, and its administrator.
    ///
    /// # Errors
    /// There is no HTTP client.
    pub fn at(url: &str, administrator: &str, password: &str) -> Result<Self> {
        Ok(Self {
            base: url.trim_end_matches('/').to_owned(),
            http: client()?,
            token: Mutex::new(None),
            process: None,
            public: None,
            administrator: administrator.to_owned(),
            password: password.to_owned(),
            is_shared: true,
        })
    }

    /// A server of this test's that listens at `url`, is called something else in public, and is kept by others.
    ///
    /// # Errors
    /// There is no HTTP client.
    pub(crate) fn of_this_test(url: &str, public: &str, (name, password): (&str, &str)) -> Result<Self> {
        Ok(Self { public: Some(public.to_owned()), is_shared: false, ..Self::at(url, name, password)? })
    }

    /// Starts `binary` with arguments and settings of the test's own, whatever `KEYRAFT_TEST_URL` says.
    ///
    /// A `KC_HOSTNAME` among the settings that is a URL is what the server is called in public: addresses
    /// below it are understood as the server's own.
    ///
    /// # Errors
    /// It does not start; the error carries its log.
    pub async fn start_with(binary: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Self> {
        // A free port may be taken before the server binds it.
        for _ in 0..2 {
            if let Ok(server) = Self::spawn(binary, arguments, settings).await {
                return Ok(server);
            }
        }
        Self::spawn(binary, arguments, settings).await
    }

    async fn spawn(binary: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Result<Self> {
        let http = client()?;
        let (port, management) = (free_port()?, free_port()?);
        let folder = Child::folder("keyraft")?;
        let database = Database::of_this_test()?;
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars() {
            if name.starts_with("KC_") || name.starts_with("KEYRAFT_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("KEYRAFT_DATA_DIR", folder.join("data"))
            .env("KC_HTTP_HOST", "127.0.0.1")
            .env("KC_HTTP_PORT", port.to_string())
            .env("KC_HTTP_MANAGEMENT_PORT", management.to_string())
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMINISTRATOR)
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", ADMINISTRATOR)
            .current_dir(&folder);
        if let Some(database) = &database {
            command.env("KEYRAFT_DB_URL", database.url());
        }
        command.envs(settings.iter().copied());
        let child = Child::start("keyraft", folder, &mut command)?;
        let set = |wanted: &str| settings.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let path = set("KC_HTTP_RELATIVE_PATH").unwrap_or_default().trim_end_matches('/');
        let public = set("KC_HOSTNAME").filter(|name| name.contains("://"));
        let server = Self {
            base: format!("http://localhost:{port}{path}"),
            http,
            token: Mutex::new(None),
            process: Some(Lock::new(Process { child, command, _database: database })),
            administrator: ADMINISTRATOR.to_owned(),
            password: set("KC_BOOTSTRAP_ADMIN_PASSWORD").unwrap_or(ADMINISTRATOR).to_owned(),
            public: public.map(|url| format!("{}{path}", url.trim_end_matches('/'))),
            is_shared: false,
        };
        server.wait().await?;
        Ok(server)
    }

    /// Ends the process without warning, as a power cut would, and starts it again on what it left.
    ///
    /// # Errors
    /// It does not start again, or it is not this test's server.
    pub async fn crash(&self) -> Result<()> {
        {
            let process = &mut *self.process().context("this server is not the test's own")?;
            process.child.crash(&mut process.command)?;
        }
        self.wait().await
    }

    async fn wait(&self) -> Result<()> {
        let door = format!("{}/realms/master", self.base);
        let started = Instant::now();
        while started.elapsed() < Duration::from_mins(1) {
            if self.http.get(&door).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(mut process) = self.process() {
                process.child.still_runs()?;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        bail!("keyraft is not ready after a minute:\n{}", self.log())
    }

    fn process(&self) -> Option<MutexGuard<'_, Process>> {
        Some(self.process.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The process id and the folder with the server's data; `None` for a server that was given.
    pub fn inside(&self) -> Option<(u32, PathBuf)> {
        let process = self.process()?;
        Some((process.child.id(), process.child.path().join("data")))
    }

    /// What the server is called in public, where that is not where it listens; without a final slash.
    pub fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    /// Whether this is Keyraft's own binary, whose pages have Keyraft's words, and not a server that was given.
    pub fn is_own(&self) -> bool {
        self.process.is_some() || std::env::var_os("KEYRAFT_TEST_OWN").is_some()
    }

    /// Where the server is, without a final slash.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// An HTTP client without cookies that follows no redirects.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// The whole log of the server; empty for a server that was given.
    pub fn whole_log(&self) -> String {
        self.process().map(|process| process.child.whole_log()).unwrap_or_default()
    }

    /// The end of the server's log; empty for a server that was given.
    pub fn log(&self) -> String {
        self.process().map(|process| process.child.log()).unwrap_or_default()
    }

    /// Makes an empty realm whose name begins with `name`.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn realm(&self, name: &str, settings: Value) -> Result<Realm<'_>> {
        let name = match self.process {
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
        self.is_shared
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

    /// A token of the administrator's.
    ///
    /// # Errors
    /// The server refuses him.
    pub async fn token(&self) -> Result<String> {
        let mut kept = self.token.lock().await;
        if let Some((token, since)) = kept.as_ref()
            && since.elapsed() < TOKEN_AGE
        {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", &*self.administrator),
            ("password", &*self.password),
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
