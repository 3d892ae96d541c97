//! The real binary, started for one run on free ports with a data folder of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::http::{Origin, Request};

/// A server that ends with this value.
pub(crate) struct Server {
    child: Child,
    data: PathBuf,
    pub(crate) base: String,
    pub(crate) management: String,
}

impl Server {
    /// Starts `binary` and waits until it answers.
    pub(crate) fn start(binary: &str) -> Result<Self> {
        let (port, management) = (free_port()?, free_port()?);
        let data = std::env::temp_dir().join(format!("keyraft-parity-{}", std::process::id()));
        std::fs::create_dir_all(&data)?;
        let log = File::create(data.join("log"))?;
        let mut command = Command::new(binary);
        // Settings of whoever runs the tests are not those of the server under test.
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("KEYRAFT_")) {
            command.env_remove(name);
        }
        let child = command
            .args(["start-dev", "--http-host", "127.0.0.1", "--http-port", &port.to_string()])
            .args(["--http-management-port", &management.to_string(), "--data-dir"])
            .arg(&data)
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {binary}"))?;
        let server = Self {
            child,
            data,
            base: format!("http://localhost:{port}"),
            management: format!("http://localhost:{management}"),
        };
        server.wait()
    }

    fn wait(mut self) -> Result<Self> {
        let origin = Origin::new(&self.base)?;
        let ask = Request { method: "GET".into(), path: "/realms/master".into(), ..Request::default() };
        let started = Instant::now();
        while started.elapsed() < Duration::from_mins(1) {
            if origin.send(&ask, None).is_ok_and(|a| a.status == 200) {
                return Ok(self);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}): {}", self.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("no answer after a minute: {}", self.log())
    }

    /// The end of what the server wrote.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read_to_string(self.data.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
