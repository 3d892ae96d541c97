//! Runs the benchmark against the binary as it is shipped, on a server of its own.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::command::{self, cargo, root};

/// Builds and starts the server, and runs `crates/bench` with `options` on it. Further peers are among the options.
pub(crate) fn run(options: &[String]) -> Result<()> {
    command::run(&mut cargo(["build", "--profile", "dist", "--package", "keyraft"]))?;
    command::run(&mut cargo(["build", "--release", "--package", "bench"]))?;
    let server = Server::start()?;
    let peer = format!("keyraft=http://127.0.0.1:{},{}", server.port, server.process.id());
    let mut arguments = vec!["run", "--quiet", "--release", "--package", "bench", "--", "--peer", &peer];
    arguments.extend(options.iter().map(String::as_str));
    command::run(&mut cargo(arguments))
}

/// The shipped binary in development mode; it ends with this value.
struct Server {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Server {
    fn start() -> Result<Self> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
        let folder = std::env::temp_dir().join(format!("keyraft-bench-{}", std::process::id()));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(target.join("dist/keyraft"))
            .args(["start-dev", "--http-host=127.0.0.1", "--health-enabled=false", "--metrics-enabled=false"])
            .arg(format!("--http-port={port}"))
            .arg(format!("--data-dir={}", folder.display()))
            .args([
                "--bootstrap-admin-username=admin",
                "--bootstrap-admin-password=admin",
                "--log-level=warn",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self { process, folder, port };
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            if server.answers() {
                return Ok(server);
            }
            if let Some(status) = server.process.try_wait()? {
                bail!("the server ended: {status}");
            }
            sleep(Duration::from_millis(20));
        }
        bail!("the server does not answer after 30 s")
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream
                .write_all(b"GET /realms/master HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
