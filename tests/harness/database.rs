//! A database of a server's own on the PostgreSQL that `KEYRAFT_TEST_PG_URL` names, by `psql`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use url::Url;
use uuid::Uuid;

use crate::fault_proxy::{FaultProxy, Upstream};
use crate::tools::find_program;

/// A database that goes away with the value.
#[derive(Debug)]
pub struct Database {
    server: Url,
    name: String,
}

impl Database {
    /// Makes one when `KEYRAFT_TEST_DB` is `pg`; `None` otherwise.
    pub(crate) fn of_this_test() -> Result<Option<Self>> {
        if std::env::var("KEYRAFT_TEST_DB").is_ok_and(|kind| kind != "pg") {
            bail!("KEYRAFT_TEST_DB may be `pg` or absent");
        }
        if std::env::var_os("KEYRAFT_TEST_DB").is_none() {
            return Ok(None);
        }
        Self::on_postgres()?.context("KEYRAFT_TEST_PG_URL is not set").map(Some)
    }

    /// Makes one on PostgreSQL whatever the other tests use; `None` where no server is named.
    ///
    /// # Errors
    /// The server refuses.
    pub fn on_postgres() -> Result<Option<Self>> {
        let Ok(server) = std::env::var("KEYRAFT_TEST_PG_URL") else { return Ok(None) };
        let server = Url::parse(&server)?;
        let name = format!("e2e_{}", Uuid::new_v4().simple());
        psql(&server, &format!("CREATE DATABASE {name}"))?;
        Ok(Some(Self { server, name }))
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        let mut url = self.server.clone();
        url.set_path(&self.name);
        url.into()
    }

    /// The rows that a query finds, their columns separated by `|`.
    ///
    /// # Errors
    /// The server refuses.
    pub fn rows(&self, query: &str) -> Result<Vec<String>> {
        let said = psql(&Url::parse(&self.url())?, query)?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Where the server is.
    pub fn upstream(&self) -> Upstream {
        let host = self.server.host_str().unwrap_or("127.0.0.1");
        Upstream::Tcp(host.to_owned(), self.server.port().unwrap_or(5432))
    }

    /// Its address behind a proxy.
    pub fn url_through(&self, proxy: &FaultProxy) -> String {
        let user = Some(self.server.username()).filter(|user| !user.is_empty()).unwrap_or("postgres");
        let password = self.server.password().map(|password| format!(":{password}")).unwrap_or_default();
        let (port, name) = (proxy.port(), &self.name);
        format!("postgres://{user}{password}@127.0.0.1:{port}/{name}?sslmode=disable")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The whole server goes away after the tests: what stays behind costs little.
        let _ = psql(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn psql(server: &Url, statement: &str) -> Result<String> {
    let said = Command::new(program()?)
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--command", statement])
        .arg(server.as_str())
        .output()?;
    if !said.status.success() {
        bail!("{statement}: {}", String::from_utf8_lossy(&said.stderr));
    }
    Ok(String::from_utf8(said.stdout)?)
}

fn program() -> Result<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions =
        debian.map(|version| version.path().join("bin/psql")).filter(|path| Path::is_file(path));
    find_program("psql").or_else(|| versions.next()).context("psql is missing (on Debian: postgresql-client)")
}
