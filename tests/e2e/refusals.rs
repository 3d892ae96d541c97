//! A refusal arrives, however early it was made and whatever the client still had to say.
//!
//! These clients speak for themselves: libraries hide when they read, when they write and what they reuse.

use std::future::poll_fn;

use anyhow::{Context as _, Result, ensure};
use keyraft_harness::Keyraft;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::keyraft;

const KIB: usize = 1024;
/// The chance of a race is small: each refusal is asked for so often.
const TRIES: usize = 5;

/// A connection of HTTP/1.1.
struct Line {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Line {
    async fn open(keyraft: &Keyraft) -> Result<Self> {
        let host = keyraft.url().rsplit('/').next().context("no host")?.to_owned();
        Ok(Self { stream: BufReader::new(connect(keyraft).await?), host })
    }

    /// Sends a request to its last byte before it reads anything, as simple clients do, and returns the status.
    async fn ask(&mut self, head: &str, body: &[u8]) -> Result<u16> {
        let head = format!("{head}\r\nhost: {}\r\ncontent-length: {}\r\n\r\n", self.host, body.len());
        self.stream.write_all(head.as_bytes()).await.context("sending the head")?;
        self.stream.write_all(body).await.context("sending the body")?;
        self.status().await
    }

    /// Reads one answer and returns its status.
    async fn status(&mut self) -> Result<u16> {
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line).await? > 0, "no answer, but the end");
            match line.trim_end().split_once(": ") {
                None if line.trim_end().is_empty() => break,
                None => status = line.split(' ').nth(1).map(str::to_owned),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse()?;
                }
                Some(_) => {}
            }
        }
        self.stream.read_exact(&mut vec![0; length]).await?;
        Ok(status.context("no status")?.parse()?)
    }
}

async fn connect(keyraft: &Keyraft) -> Result<TcpStream> {
    let port = keyraft.url().rsplit(':').next().context("no port")?;
    Ok(TcpStream::connect(("127.0.0.1", port.parse()?)).await?)
}

/// Requests that are refused before their body was read: the head, the size of the body, the status.
async fn refused(keyraft: &Keyraft) -> Result<Vec<(String, usize, u16)>> {
    let realm = keyraft.realm("refusals", json!({})).await?;
    let (users, bearer) = (realm.path("/users"), format!("authorization: Bearer {}", keyraft.token().await?));
    let json = "content-type: application/json";
    let form = "content-type: application/x-www-form-urlencoded";
    let token = "/realms/refusals/protocol/openid-connect/token";
    Ok(vec![
        (format!("POST {users} HTTP/1.1\r\n{json}\r\n{bearer}"), 3 * KIB * KIB, 413),
        (format!("POST {users} HTTP/1.1\r\n{json}"), 3 * KIB * KIB, 401),
        (format!("POST {token} HTTP/1.1\r\n{form}"), KIB * KIB, 413),
        (format!("POST {token} HTTP/1.1\r\n{form}\r\nx: {}", "x".repeat(300 * KIB)), 8 * KIB * KIB, 431),
        (format!("POST /nobody/lives/here HTTP/1.1\r\n{form}"), 3 * KIB * KIB, 404),
        (format!("PUT /realms/master HTTP/1.1\r\n{form}"), 3 * KIB * KIB, 405),
        (format!("POST /realms/../x HTTP/1.1\r\n{form}"), 3 * KIB * KIB, 400),
    ])
}

#[tokio::test]
async fn a_client_that_reads_only_when_all_is_sent_hears_why_it_was_refused() -> Result<()> {
    let keyraft = keyraft().await?;

    for (head, size, status) in refused(&keyraft).await? {
        for _ in 0..TRIES {
            let first = head.lines().next().unwrap_or_default();
            let answer = Line::open(&keyraft).await?.ask(&head, &vec![b' '; size]).await;
            assert_eq!(answer.with_context(|| first.to_owned())?, status, "{first}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_stream_that_was_answered_early_is_heard_out_and_not_reset() -> Result<()> {
    let keyraft = keyraft().await?;
    let (client, connection) = h2::client::handshake(connect(&keyraft).await?).await?;
    let connection = tokio::spawn(connection);
    let request = http::Request::post(format!("{}/nobody/lives/here", keyraft.url())).body(())?;

    let (answer, mut body) = client.ready().await?.send_request(request, false)?;
    assert_eq!(answer.await?.status(), 404);
    let mut left = 3 * KIB * KIB;
    while left > 0 {
        body.reserve_capacity(left.min(16 * KIB));
        let granted = poll_fn(|cx| body.poll_capacity(cx)).await.context("the stream was reset")??;
        body.send_data(vec![b' '; granted.min(left)].into(), false)?;
        left -= granted.min(left);
    }
    body.send_data(Vec::new().into(), true)?;

    connection.abort();
    Ok(())
}

#[tokio::test]
async fn an_answer_that_came_early_says_that_its_connection_ends() -> Result<()> {
    let keyraft = keyraft().await?;
    let url = format!("{}/nobody/lives/here", keyraft.url());

    let early = keyraft.http().post(&url).body(vec![b' '; 3 * KIB * KIB]).send().await?;
    let late = keyraft.http().get(&url).send().await?;

    assert_eq!((early.status().as_u16(), late.status().as_u16()), (404, 404));
    assert_eq!(early.headers()["connection"], "close");
    assert!(late.headers().get("connection").is_none());
    Ok(())
}

#[tokio::test]
async fn a_head_has_the_same_limit_on_a_connection_that_served_before() -> Result<()> {
    let keyraft = keyraft().await?;
    let small = "GET /realms/master HTTP/1.1";
    let of = |size: usize| format!("{small}\r\ncookie: {}", "x".repeat(size));

    for served in [1, 3, 10] {
        for size in [65, 100, 300] {
            let mut line = Line::open(&keyraft).await?;
            for _ in 0..served {
                assert_eq!(line.ask(small, b"").await?, 200);
                assert_eq!(line.ask(&of(60 * KIB), b"").await?, 200);
            }
            assert_eq!(line.ask(&of(size * KIB), b"").await?, 431, "{size} KiB after {served}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn who_asks_whether_to_go_on_hears_no_before_he_sends() -> Result<()> {
    let keyraft = keyraft().await?;
    let mut line = Line::open(&keyraft).await?;

    let head = "POST /admin/realms HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 3000000\r\n\r\n";
    line.stream.write_all(head.as_bytes()).await?;

    assert_eq!(line.status().await?, 401);
    Ok(())
}
