//! An SMTP server that keeps what it is sent (RFC 5321, as far as a client needs it).
//!
//! It listens on a port of its own, believes any password and remembers which was given, and hands messages out
//! decoded: tests read what a person would read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The receivers of the envelope.
    pub to: Vec<String>,
    /// What the client signed in with, decoded; empty when it did not.
    pub login: String,
    /// The message, headers and all, line ends as `\n`.
    pub raw: String,
}

/// A running server; it ends when the value is dropped.
#[derive(Debug)]
pub struct Mailbox {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    task: JoinHandle<()>,
}

impl Mail {
    /// The value of a header, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
        let prefix = format!("{}:", name.to_lowercase());
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&prefix))?;
        Some(line[prefix.len()..].trim().to_owned())
    }

    /// The body of a media type, decoded.
    ///
    /// # Errors
    /// There is none, or it is not text.
    pub fn body(&self, media_type: &str) -> Result<String> {
        let at = self.raw.find(&format!("Content-Type: {media_type}")).context("no such body")?;
        let part = &self.raw[at..];
        let (head, rest) = part.split_once("\n\n").context("the part has no body")?;
        let body = rest.split("\n--").next().unwrap_or_default();
        let bytes = match head.to_lowercase() {
            head if head.contains("base64") => {
                STANDARD.decode(body.split_whitespace().collect::<String>())?
            }
            head if head.contains("quoted-printable") => unquote(body),
            _ => body.as_bytes().to_vec(),
        };
        Ok(String::from_utf8(bytes)?)
    }

    /// The first link of the text.
    ///
    /// # Errors
    /// There is none.
    pub fn link(&self) -> Result<String> {
        let text = self.body("text/plain")?;
        let link = text.split_whitespace().find(|word| word.starts_with("http"));
        link.map(str::to_owned).with_context(|| format!("no link in {text}"))
    }
}

impl Mailbox {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    // A client that hangs up has said what it had to say.
                    let _ = converse(stream, &kept).await;
                });
            }
        });
        Ok(Self { port, mails, task })
    }

    /// The realm's `smtpServer` for this server.
    pub fn settings(&self) -> Value {
        json!({
            "host": "127.0.0.1", "port": self.port.to_string(),
            "from": "door@keyraft.example", "fromDisplayName": "The door",
        })
    }

    /// Every message so far.
    pub fn all(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The `number`th message (from 0), as soon as it is there.
    ///
    /// # Errors
    /// It does not come.
    pub async fn get(&self, number: usize) -> Result<Mail> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some(mail) = self.all().into_iter().nth(number) {
                return Ok(mail);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("there are {} messages and no {number}th", self.all().len())
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(stream: TcpStream, kept: &Mutex<Vec<Mail>>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut mail = Mail::default();
    write.write_all(b"220 mailbox\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let answer = match line.split_whitespace().next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => "250-mailbox\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "AUTH" => {
                let given = line.rsplit(' ').next().unwrap_or_default();
                let login = String::from_utf8_lossy(&STANDARD.decode(given)?).replace('\0', " ");
                login.trim().clone_into(&mut mail.login);
                "235 fine"
            }
            "MAIL" => {
                mail.from = address(&line);
                "250 fine"
            }
            "RCPT" => {
                mail.to.push(address(&line));
                "250 fine"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.raw.push('\n');
                }
                let login = mail.login.clone();
                let next = Mail { login, ..Mail::default() };
                let whole = std::mem::replace(&mut mail, next);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(whole);
                "250 kept"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 fine",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn address(line: &str) -> String {
    let rest = line.split_once('<').map_or("", |(_, rest)| rest);
    rest.split('>').next().unwrap_or_default().to_owned()
}

/// RFC 2045 section 6.7.
fn unquote(text: &str) -> Vec<u8> {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'=').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    bytes
}
