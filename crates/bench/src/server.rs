//! Keyraft itself, started by the benchmark on a folder of its own, with what starting takes.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{http::Http, peer::Peer, setup};

/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with an embedded store; it ends with this value.
pub(crate) struct Server {
    process: Child,
    folder: PathBuf,
    port: u16,
}

/// From the start of the process to the first access token of the administrator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartUp {
    /// In an empty folder: the database is made, keys are made.
    pub(crate) first: Duration,
    /// On what is there.
    pub(crate) again: Duration,
}

impl Server {
    /// Starts the binary in an empty folder, stops it, and starts it again.
    pub(crate) async fn start(binary: &Path, admin: (&str, &str)) -> Result<(Self, StartUp)> {
        let folder = std::env::temp_dir().join(format!("keyraft-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let launch = || launch(binary, &folder, port, admin);
        let began = Instant::now();
        let mut server = Self { process: launch()?, folder: folder.clone(), port };
        server.first_token(admin).await?;
        let first = began.elapsed();
        server.stop().await?;
        let began = Instant::now();
        server.process = launch()?;
        server.first_token(admin).await?;
        Ok((server, StartUp { first, again: began.elapsed() }))
    }

    /// As something to measure.
    pub(crate) fn peer(&self) -> Peer {
        let url = format!("http://127.0.0.1:{}", self.port);
        Peer { name: "Keyraft".to_owned(), url, pid: self.process.id() }
    }

    async fn first_token(&mut self, admin: (&str, &str)) -> Result<()> {
        let (began, base) = (Instant::now(), format!("http://127.0.0.1:{}", self.port));
        while let Err(error) = setup::admin_token(&mut Http::default(), &base, admin).await {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended: {status}; see {}", self.folder.join("log").display());
            }
            if began.elapsed() > PATIENCE {
                return Err(error.context("the server does not answer"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        // The standard library knows SIGKILL alone, after which nothing is written any more.
        Command::new("kill").arg(self.process.id().to_string()).status().context("cannot run kill")?;
        let began = Instant::now();
        while self.process.try_wait()?.is_none() {
            if began.elapsed() > PATIENCE {
                bail!("the server does not stop");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the benchmark may wait for files")]
fn launch(binary: &Path, folder: &Path, port: u16, admin: (&str, &str)) -> Result<Child> {
    Command::new(binary)
        .args(["start-dev", "--http-host=127.0.0.1", "--health-enabled=false", "--metrics-enabled=false"])
        .arg(format!("--http-port={port}"))
        .arg(format!("--data-dir={}", folder.display()))
        .arg(format!("--bootstrap-admin-username={}", admin.0))
        .arg(format!("--bootstrap-admin-password={}", admin.1))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log"))?)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
