//! Start and stop of the binary itself.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use keyraft_harness::{Child, free_port};

const KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";

/// The binary without any setting from outside.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyraft"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("KC_") || text.starts_with("KEYRAFT_") || text.starts_with("KEYCLOAK_") {
            command.env_remove(name);
        }
    }
    command
}

/// A folder that goes away.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Child::folder("starting")?))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with a log of its own, and where it is.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) base: String,
    management: String,
}

impl Server {
    pub(crate) async fn start(folder: &Folder, settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_with(folder, &[], settings).await
    }

    pub(crate) async fn start_with(
        folder: &Folder,
        flags: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let (port, management) = (free_port()?, free_port()?);
        let mut command = binary();
        command
            .arg("start-dev")
            .args(flags)
            .env("KEYRAFT_DATA_DIR", folder.0.join("data"))
            .env("KEYRAFT_HTTP_HOST", "127.0.0.1")
            .env("KEYRAFT_HTTP_PORT", port.to_string())
            .env("KEYRAFT_HTTP_MANAGEMENT_PORT", management.to_string())
            .envs(settings.iter().copied());
        let base = format!("http://localhost:{port}");
        let management = format!("http://localhost:{management}");
        let mut child = Child::start("keyraft", Child::folder("starting-log")?, &mut command)?;
        let ready = format!("{management}/health/ready");
        child.wait_until(async || status(&ready).await.is_ok_and(|status| status == 200)).await?;
        Ok(Self { child, base, management })
    }
}

async fn status(url: &str) -> Result<u16> {
    Ok(client()?.get(url).send().await?.status().as_u16())
}

pub(crate) fn client() -> Result<reqwest::Client> {
    #[expect(clippy::disallowed_methods, reason = "the guard is for the server")]
    let builder = reqwest::Client::builder();
    Ok(builder.no_proxy().redirect(reqwest::redirect::Policy::none()).build()?)
}

/// The password of [`rescue`].
pub(crate) const RESCUE: &str = "a-very-long-walk-at-9";

/// Makes the administrator `rescue` in a data folder whose server does not run; `more` is set in the environment.
pub(crate) fn rescue(folder: &Folder, more: &[(&str, &str)]) -> Result<(Option<i32>, String)> {
    let mut command = binary();
    command.args([
        "bootstrap-admin",
        "user",
        "--username",
        "rescue",
        "--password:env",
        "RESCUE",
        "--no-prompt",
    ]);
    command.env("KEYRAFT_DATA_DIR", folder.path().join("data")).env("RESCUE", RESCUE);
    ended(command.envs(more.iter().copied()))
}

/// Waits for a command that should end by itself.
pub(crate) fn ended(command: &mut Command) -> Result<(Option<i32>, String)> {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output()?;
    Ok((status.code(), String::from_utf8_lossy(&stdout).into_owned() + &*String::from_utf8_lossy(&stderr)))
}

#[test]
fn start_without_settings_is_refused_with_every_reason_and_remedy() -> Result<()> {
    let folder = Folder::new()?;

    let (code, said) = ended(binary().arg("start").current_dir(&folder.0))?;

    assert_eq!(code, Some(2));
    for part in ["hostname.url", "KEYRAFT_HOSTNAME", "master_key", "openssl rand", "https.certificate_file"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(!folder.0.join("data").exists(), "nothing is made before the settings are good");
    Ok(())
}

#[test]
fn a_misspelled_setting_names_the_nearest_one() -> Result<()> {
    let (code, said) = ended(binary().args(["config", "check", "--dev"]).env("KEYRAFT_HTP_PORT", "1"))?;

    assert_eq!(code, Some(2));
    assert!(said.contains("Did you mean KEYRAFT_HTTP_PORT?"), "{said}");
    Ok(())
}

#[test]
fn the_configuration_is_shown_without_its_secrets() -> Result<()> {
    let (code, said) = ended(binary().args(["config", "show"]).env("KEYRAFT_MASTER_KEY", KEY))?;

    assert_eq!(code, Some(0));
    assert!(
        said.contains("master_key") && said.contains("KEYRAFT_MASTER_KEY") && !said.contains(KEY),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn the_first_start_prints_a_password_that_works_and_the_second_prints_none() -> Result<()> {
    let folder = Folder::new()?;
    let first = Server::start(&folder, &[]).await?;
    let log = first.child.log();
    let password = log.split("with the password ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let password = password.with_context(|| format!("no password: {log}"))?.to_owned();
    let form = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", "admin"),
        ("password", &*password),
    ];
    let token = format!("{}/realms/master/protocol/openid-connect/token", first.base);

    let answer = client()?.post(token).form(&form).send().await?;
    ensure!(answer.status() == 200, "{} {}", answer.status(), answer.text().await?);
    drop(first);
    let second = Server::start(&folder, &[]).await?;

    assert!(!second.child.log().contains(&password), "{}", second.child.log());
    Ok(())
}

#[tokio::test]
async fn health_and_metrics_are_on_their_own_port_alone() -> Result<()> {
    let folder = Folder::new()?;
    let server = Server::start(&folder, &[]).await?;

    for path in ["/health", "/health/live", "/health/ready", "/health/started", "/metrics"] {
        assert_eq!(status(&format!("{}{path}", server.management)).await?, 200, "{path}");
        assert_eq!(status(&format!("{}{path}", server.base)).await?, 404, "{path}");
    }
    assert_eq!(status(&format!("{}/realms/master", server.management)).await?, 404);
    Ok(())
}

#[tokio::test]
async fn everything_moves_below_the_relative_path() -> Result<()> {
    let folder = Folder::new()?;
    let server = Server::start(&folder, &[("KC_HTTP_RELATIVE_PATH", "/auth")]).await?;

    let document = format!("{}/auth/realms/master/.well-known/openid-configuration", server.base);
    let said: serde_json::Value = client()?.get(document).send().await?.json().await?;

    assert_eq!(said["issuer"], format!("{}/auth/realms/master", server.base));
    assert_eq!(status(&format!("{}/realms/master", server.base)).await?, 404);
    Ok(())
}

#[tokio::test]
async fn a_production_start_with_safe_settings_serves_under_its_own_name_alone() -> Result<()> {
    let folder = Folder::new()?;
    let (port, management) = (free_port()?, free_port()?);
    let mut command = binary();
    command
        .arg("start")
        .args(["--hostname=https://sso.example.com", "--http-enabled=true", "--http-host=127.0.0.1"])
        .args(["--proxy-headers=xforwarded", "--proxy-trusted-addresses=10.0.0.0/8"])
        .arg(format!("--http-port={port}"))
        .arg(format!("--http-management-port={management}"))
        .env("KEYRAFT_MASTER_KEY", KEY)
        .env("KEYRAFT_DATA_DIR", folder.0.join("data"));
    let mut child = Child::start("keyraft", Child::folder("starting-log")?, &mut command)?;
    let ready = format!("http://localhost:{management}/health/ready");
    child.wait_until(async || status(&ready).await.is_ok_and(|status| status == 200)).await?;

    let document = format!("http://localhost:{port}/realms/master/.well-known/openid-configuration");
    let request =
        client()?.get(document).header("host", "evil.example").header("x-forwarded-host", "evil.example");
    let said = request.send().await?.text().await?;

    assert!(
        said.contains("https://sso.example.com/realms/master") && !said.contains("evil.example"),
        "{said}"
    );
    Ok(())
}

/// Sends a signal to a process that the test has started.
fn signal(process: &std::process::Child, name: &str) -> Result<()> {
    let sent = Command::new("kill").args(["-s", name, &process.id().to_string()]).status()?;
    ensure!(sent.success(), "kill -s {name}: {sent}");
    Ok(())
}

/// Asks until the answer is the wanted one; fails after ten seconds.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    for _ in 0..1_000 {
        if is_so().await? {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    anyhow::bail!("still not so: {what}")
}

#[tokio::test]
async fn a_node_that_is_told_to_stop_finishes_what_it_has_begun() -> Result<()> {
    let folder = Folder::new()?;
    let (port, management) = (free_port()?, free_port()?);
    let mut command = binary();
    command
        .arg("start-dev")
        .args([format!("--http-port={port}"), format!("--http-management-port={management}")])
        .args(["--http-host=127.0.0.1", "--shutdown-delay=1s"])
        .env("KEYRAFT_DATA_DIR", folder.path().join("data"));
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let management = format!("http://127.0.0.1:{management}");
    until("ready", async || Ok(status(&format!("{management}/health/ready")).await.is_ok_and(|s| s == 200)))
        .await?;

    // A request of which the server has the head and half the body.
    let mut slow = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let head = "POST /realms/master/protocol/openid-connect/token HTTP/1.1\r\nHost: localhost\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 22\r\n\r\ngrant_type";
    tokio::io::AsyncWriteExt::write_all(&mut slow, head.as_bytes()).await?;
    until("the request has begun", async || {
        let metrics = client()?.get(format!("{management}/metrics")).send().await?.text().await?;
        Ok(metrics.lines().any(|line| line == "http_server_active_requests 1"))
    })
    .await?;

    signal(&process, "TERM")?;
    until("not ready", async || Ok(status(&format!("{management}/health/ready")).await? == 503)).await?;
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"=nothing+at+").await?;
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut slow, &mut answer).await?;

    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("error"), "{answer}");
    let ended = tokio::task::spawn_blocking(move || process.wait()).await??;
    assert_eq!(ended.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn https_is_served_with_the_given_certificate() -> Result<()> {
    let folder = Folder::new()?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    std::fs::write(&certificate, made.cert.pem())?;
    std::fs::write(&key, made.signing_key.serialize_pem())?;
    let port = free_port()?;
    let settings = [
        ("KC_HTTPS_PORT", port.to_string()),
        ("KC_HTTPS_CERTIFICATE_FILE", certificate.display().to_string()),
        ("KC_HTTPS_CERTIFICATE_KEY_FILE", key.display().to_string()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let _server = Server::start(&folder, &settings).await?;

    #[expect(clippy::disallowed_methods, reason = "the guard is for the server")]
    let builder = reqwest::Client::builder();
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes())?;
    let client = builder.no_proxy().tls_certs_only([root]).build()?;
    let said = client.get(format!("https://localhost:{port}/realms/master")).send().await?.text().await?;

    assert!(said.contains(&format!("https://localhost:{port}/realms/master/")), "{said}");
    Ok(())
}

#[test]
fn a_key_of_another_certificate_stops_the_start() -> Result<()> {
    let folder = Folder::new()?;
    let (one, other) = (
        rcgen::generate_simple_self_signed(["localhost".to_owned()])?,
        rcgen::generate_simple_self_signed(["localhost".to_owned()])?,
    );
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    std::fs::write(&certificate, one.cert.pem())?;
    std::fs::write(&key, other.signing_key.serialize_pem())?;

    let mut command = binary();
    command.args(["start-dev", "--http-port=0", "--http-management-port=0"]).current_dir(folder.path());
    let files = [("KC_HTTPS_CERTIFICATE_FILE", certificate), ("KC_HTTPS_CERTIFICATE_KEY_FILE", key)];
    let (code, said) = ended(command.envs(files))?;

    assert_eq!(code, Some(1));
    assert!(said.contains("is the key of another certificate"), "{said}");
    Ok(())
}
