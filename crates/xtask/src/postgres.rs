//! A PostgreSQL of this run's own: in a folder below the target folder, on a free port, gone afterwards.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::command::{self, say};

/// The server; it ends with this value.
pub(crate) struct Postgres {
    server: Child,
    folder: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a database folder and starts a server on it. Its superuser is `postgres`, without a password.
    pub(crate) fn start(binaries: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("keyraft-postgres-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let user = user();
        if let Some(user) = user {
            command::run(Command::new("chown").arg(user).arg(&folder))?;
        }
        let data = folder.join("data");
        let mut initdb = unprivileged(user, &binaries.join("initdb"));
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        command::output(initdb.arg(&data).current_dir(&folder))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = File::create(folder.join("log"))?;
        let mut postgres = unprivileged(user, &binaries.join("postgres"));
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        // Tests lose nothing worth an fsync; connections are many, because each test has a database of its own.
        postgres.args(["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=400"]);
        let server = postgres
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start postgres")?;
        let started = Self { server, folder, port };
        started.wait()
    }

    /// Where it listens, as the superuser.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    fn wait(mut self) -> Result<Self> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if log.contains("ready to accept connections") {
                say(&format!("PostgreSQL for the store's tests: {}", self.url()));
                return Ok(self);
            }
            if self.server.try_wait()?.is_some() {
                bail!("postgres ended: {log}");
            }
            sleep(Duration::from_millis(50));
        }
        bail!("postgres did not start within 30 s")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is its fast shutdown; killed at once it would leave its shared memory behind.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// PostgreSQL refuses to run as root; then it runs as the user of its Debian package, or as nobody.
fn user() -> Option<&'static str> {
    let id = command::output(Command::new("id").arg("-u")).ok()?;
    if id.trim() != "0" {
        return None;
    }
    let known = command::output(Command::new("id").args(["-u", "postgres"])).is_ok();
    Some(if known { "postgres" } else { "nobody" })
}

fn unprivileged(user: Option<&str>, program: &Path) -> Command {
    match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--clear-groups", "--"]).arg(program);
            command
        }
    }
}
