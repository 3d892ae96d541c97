//! The server of the recorded clients: it takes back-channel logout calls.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Back-channel calls, in the order of their arrival.
#[derive(Clone)]
pub(crate) struct Listener {
    calls: Arc<Mutex<Vec<(String, String, String)>>>,
    /// Where it listens.
    pub(crate) port: u16,
}

/// The port that the recorded clients name.
pub(crate) const PORT: u16 = 18081;

impl Listener {
    /// Listens on the port that the recorded clients name, or on another if that is taken. Its thread ends
    /// with the process.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", PORT)).or_else(|_| TcpListener::bind("127.0.0.1:0"));
        let listener = listener.context("no port for the clients' server")?;
        let calls = Self { calls: Arc::default(), port: listener.local_addr()?.port() };
        let kept = calls.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = kept.receive(stream);
            }
        });
        Ok(calls)
    }

    fn receive(&self, mut stream: std::net::TcpStream) -> Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let mut raw = Vec::new();
        let mut buffer = [0; 4096];
        let (head, body) = loop {
            let n = stream.read(&mut buffer)?;
            raw.extend_from_slice(&buffer[..n]);
            let text = String::from_utf8_lossy(&raw).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length =
                    head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok());
                if n == 0 || body.len() >= length.unwrap_or(0_usize) {
                    break (head, body.to_owned());
                }
            } else if n == 0 {
                return Ok(());
            }
        };
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let kind =
            head.lines().find_map(|l| l.strip_prefix("content-type:")).unwrap_or_default().trim().to_owned();
        if let Ok(mut calls) = self.calls.lock() {
            calls.push((path, kind, body));
        }
        Ok(())
    }

    /// Forgets what came so far.
    pub(crate) fn clear(&self) {
        if let Ok(mut calls) = self.calls.lock() {
            calls.clear();
        }
    }

    /// The first call at `path` that nobody took yet; waits for it a little.
    pub(crate) fn take(&self, path: &str, wait: Duration) -> Option<(String, String)> {
        let started = Instant::now();
        loop {
            if let Ok(mut calls) = self.calls.lock()
                && let Some(at) = calls.iter().position(|(p, ..)| p == path)
            {
                let (_, kind, body) = calls.remove(at);
                return Some((kind, body));
            }
            if started.elapsed() > wait {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
