//! What is measured: one operation, over and over, by several workers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Response, StatusCode, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    process,
    setup::{CALLBACK, CLIENT, PERSON, Target},
};

/// An operation that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    ClientCredentials,
    Refresh,
    Introspection,
    Userinfo,
    LoginPage,
    BrowserLogin,
    Jwks,
}

/// What came out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    done: u64,
    pub(crate) failed: u64,
    cpu_secs: f64,
    wall_secs: f64,
}

impl Measured {
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.done as f64 / self.cpu_secs.max(0.01)
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.done as f64 / self.wall_secs
    }
}

impl Scenario {
    pub(crate) const ALL: [Self; 7] = [
        Self::ClientCredentials,
        Self::Refresh,
        Self::Introspection,
        Self::Userinfo,
        Self::LoginPage,
        Self::BrowserLogin,
        Self::Jwks,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Refresh => "refresh",
            Self::Introspection => "introspection",
            Self::Userinfo => "userinfo",
            Self::LoginPage => "login page",
            Self::BrowserLogin => "browser login",
            Self::Jwks => "JWKS",
        }
    }

    /// Runs it for `span`, after at most five seconds of warming up.
    pub(crate) async fn run(
        self,
        target: &Target,
        pid: u32,
        connections: usize,
        span: Duration,
    ) -> anyhow::Result<Measured> {
        self.rounds(target, connections, span.min(Duration::from_secs(5))).await?;
        let (cpu, began) = (process::cpu_seconds(pid)?, Instant::now());
        let (done, failed) = self.rounds(target, connections, span).await?;
        let cpu_secs = process::cpu_seconds(pid)? - cpu;
        Ok(Measured { done, failed, cpu_secs, wall_secs: began.elapsed().as_secs_f64() })
    }

    async fn rounds(self, target: &Target, connections: usize, span: Duration) -> anyhow::Result<(u64, u64)> {
        let (done, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let deadline = Instant::now() + span;
        let mut workers = Vec::new();
        for _ in 0..connections {
            let mut worker = Worker::new(self, target.clone()).await?;
            let (done, failed) = (Arc::clone(&done), Arc::clone(&failed));
            workers.push(tokio::spawn(async move {
                while Instant::now() < deadline {
                    let counter = if worker.once().await.is_ok() { &done } else { &failed };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        for worker in workers {
            worker.await?;
        }
        Ok((done.load(Ordering::Relaxed), failed.load(Ordering::Relaxed)))
    }
}

struct Worker {
    scenario: Scenario,
    target: Target,
    access_token: String,
    refresh_token: String,
}

impl Worker {
    async fn new(scenario: Scenario, target: Target) -> anyhow::Result<Self> {
        let mut worker = Self { scenario, target, access_token: String::new(), refresh_token: String::new() };
        if matches!(scenario, Scenario::Refresh | Scenario::Introspection | Scenario::Userinfo) {
            worker.sign_in().await?;
        }
        Ok(worker)
    }

    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let tokens = if self.target.has_password_grant {
            let form = [
                ("grant_type", "password"),
                ("scope", "openid"),
                ("username", PERSON.0),
                ("password", PERSON.1),
            ];
            self.token(&form).await?
        } else {
            browser_login(&self.target).await?
        };
        self.access_token = text(&tokens, "access_token")?;
        self.refresh_token = text(&tokens, "refresh_token").unwrap_or_default();
        Ok(())
    }

    async fn once(&mut self) -> anyhow::Result<()> {
        match self.scenario {
            Scenario::ClientCredentials => {
                self.token(&[("grant_type", "client_credentials")]).await.map(|_| ())
            }
            Scenario::Refresh => {
                let form = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.as_str())];
                let tokens = self.token(&form).await?;
                self.refresh_token = text(&tokens, "refresh_token")?;
                Ok(())
            }
            Scenario::Introspection => {
                let url = self.target.introspection.as_ref().context("no introspection endpoint")?;
                let form = [("token", self.access_token.as_str())];
                let request = self.target.http.post(url).basic_auth(CLIENT.0, Some(CLIENT.1)).form(&form);
                let answer: Value = ok(request.send().await?)?.json().await?;
                ensure!(answer["active"] == true, "inactive");
                Ok(())
            }
            Scenario::Userinfo => {
                let url = self.target.userinfo.as_ref().context("no userinfo endpoint")?;
                let answer = self.target.http.get(url).bearer_auth(&self.access_token).send().await?;
                ok(answer)?.bytes().await?;
                Ok(())
            }
            Scenario::LoginPage => {
                let page = login_page(&self.target, "code-challenge-of-43-characters-or-more-000").await?.1;
                ensure!(page.contains("<form"), "no form");
                Ok(())
            }
            Scenario::BrowserLogin => browser_login(&self.target).await.map(|_| ()),
            Scenario::Jwks => {
                ok(self.target.http.get(&self.target.jwks).send().await?)?.bytes().await?;
                Ok(())
            }
        }
    }

    async fn token(&self, form: &[(&str, &str)]) -> anyhow::Result<Value> {
        let request =
            self.target.http.post(&self.target.token).basic_auth(CLIENT.0, Some(CLIENT.1)).form(form);
        Ok(ok(request.send().await?)?.json().await?)
    }
}

/// Cookies and page of a fresh browser at the login page.
async fn login_page(target: &Target, challenge: &str) -> anyhow::Result<(Vec<String>, String)> {
    let query = [
        ("client_id", CLIENT.0),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "st"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    let mut url = url::Url::parse(&target.authorization)?;
    url.query_pairs_mut().extend_pairs(query);
    let mut cookies = Vec::new();
    for _ in 0..4 {
        let answer = target.http.get(url.clone()).header(header::COOKIE, cookies.join("; ")).send().await?;
        take_cookies(&answer, &mut cookies);
        if answer.status().is_redirection() {
            url = url.join(location(&answer)?)?;
            continue;
        }
        return Ok((cookies, ok(answer)?.text().await?));
    }
    anyhow::bail!("redirected for ever")
}

/// Page, password, code, tokens, as a browser and an application do it.
async fn browser_login(target: &Target) -> anyhow::Result<Value> {
    let verifier = "a-code-verifier-of-at-least-43-characters-0123456789";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let (mut cookies, page) = login_page(target, &challenge).await?;
    let action = form_action(&page).context("no form")?;
    let mut url = url::Url::parse(&target.authorization)?.join(&action)?;
    let form = [("username", PERSON.0), ("login", PERSON.0), ("password", PERSON.1), ("credentialId", "")];
    let mut answer =
        target.http.post(url.clone()).header(header::COOKIE, cookies.join("; ")).form(&form).send().await?;
    for _ in 0..6 {
        ensure!(answer.status().is_redirection(), "signing in answered {}", answer.status());
        take_cookies(&answer, &mut cookies);
        url = url.join(location(&answer)?)?;
        if let Some((_, code)) = url.query_pairs().find(|(name, _)| name == "code") {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", &code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", verifier),
            ];
            let request = target.http.post(&target.token).basic_auth(CLIENT.0, Some(CLIENT.1)).form(&form);
            return Ok(ok(request.send().await?)?.json().await?);
        }
        answer = target.http.get(url.clone()).header(header::COOKIE, cookies.join("; ")).send().await?;
    }
    anyhow::bail!("no code came back")
}

/// Starts sessions by the password grant and says how many there are and how much memory they took.
pub(crate) async fn sessions(
    target: &Target,
    pid: u32,
    count: u64,
    connections: usize,
) -> anyhow::Result<(u64, f64)> {
    let before = process::resident_mib(pid)?;
    let left = Arc::new(AtomicU64::new(count));
    let mut workers = Vec::new();
    for _ in 0..connections {
        let mut worker = Worker::new(Scenario::Jwks, target.clone()).await?;
        let left = Arc::clone(&left);
        workers.push(tokio::spawn(async move {
            let mut started = 0;
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
            {
                started += u64::from(worker.sign_in().await.is_ok());
            }
            started
        }));
    }
    let mut started = 0;
    for worker in workers {
        started += worker.await?;
    }
    Ok((started, process::resident_mib(pid)? - before))
}

fn ok(answer: Response) -> anyhow::Result<Response> {
    ensure!(answer.status() == StatusCode::OK, "status {}", answer.status());
    Ok(answer)
}

fn text(tokens: &Value, name: &str) -> anyhow::Result<String> {
    Ok(tokens[name].as_str().with_context(|| format!("no {name}"))?.to_owned())
}

fn location(answer: &Response) -> anyhow::Result<&str> {
    Ok(answer.headers().get(header::LOCATION).context("no location")?.to_str()?)
}

fn take_cookies(answer: &Response, cookies: &mut Vec<String>) {
    for line in answer.headers().get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
        let pair = line.split(';').next().unwrap_or_default().trim();
        let name = pair.split('=').next().unwrap_or_default();
        cookies.retain(|cookie| cookie.split('=').next() != Some(name));
        if !pair.ends_with('=') {
            cookies.push(pair.to_owned());
        }
    }
}

/// The address of the first form of a page.
fn form_action(page: &str) -> Option<String> {
    let form = &page[page.find("<form")?..];
    let start = form.find("action=\"")? + "action=\"".len();
    let rest = &form[start..];
    Some(rest[..rest.find('"')?].replace("&amp;", "&"))
}
