//! A client that sends exactly what it is told.
//!
//! Paths go out as they are written (`//realms`, `..`, `;x=1`), headers may repeat, nothing is
//! followed, decoded or added behind the caller's back. One connection per request: the answer
//! ends where the server closes it or where its length says.
//! Cookies live in jars as in a browser, except that `Secure` is not asked for over plain HTTP.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// What is sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, unchanged, or an absolute URL of another port of the same server.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in the order sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Every value of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    /// A header's values joined as the recording joins them.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values = self.all(name);
        (!values.is_empty()).then(|| values.join(" || "))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Scheme, host and port of a server, e.g. `http://localhost:8080`.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) base: String,
    pub(crate) host: String,
}

impl Origin {
    pub(crate) fn new(base: &str) -> Result<Self> {
        let base = base.trim_end_matches('/');
        let host = base.strip_prefix("http://").context("only plain http is spoken here")?;
        Ok(Self { base: base.to_owned(), host: host.to_owned() })
    }

    /// Sends one request, cookies of `jar` included, and stores the cookies that come back.
    pub(crate) fn send(&self, request: &Request, jar: Option<&mut Jar>) -> Result<Answer> {
        let (host, path) = self.split(&request.path)?;
        let mut head = format!("{} {path} HTTP/1.1\r\nHost: {host}\r\n", request.method);
        // No `User-Agent`: what names the browser would differ from the recording.
        head.push_str("Accept-Encoding: identity\r\nConnection: close\r\n");
        if !request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("accept")) {
            head.push_str("Accept: */*\r\n");
        }
        for (name, value) in &request.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if let Some(cookies) = jar.as_ref().and_then(|jar| jar.header(&path)) {
            let _ = write!(head, "Cookie: {cookies}\r\n");
        }
        if !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
            let _ = write!(head, "Content-Length: {}\r\n", request.body.len());
        }
        head.push_str("\r\n");
        let answer = exchange(&host, head.as_bytes(), &request.body, request.method == "HEAD")
            .with_context(|| format!("{} {}", request.method, request.path))?;
        if let Some(jar) = jar {
            for line in answer.all("set-cookie") {
                jar.store(line, &path);
            }
        }
        Ok(answer)
    }

    fn split(&self, target: &str) -> Result<(String, String)> {
        if let Some(rest) = target.strip_prefix(&self.base)
            && (rest.is_empty() || rest.starts_with(['/', '?']))
        {
            return Ok((self.host.clone(), rest.to_owned()));
        }
        if let Some(rest) = target.strip_prefix("http://") {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let name = |h: &str| h.split(':').next().unwrap_or_default().to_owned();
            if name(host) != name(&self.host) {
                bail!("leads away from the server: {target}");
            }
            return Ok((host.to_owned(), format!("/{path}")));
        }
        Ok((self.host.clone(), target.to_owned()))
    }
}

fn exchange(host: &str, head: &[u8], body: &[u8], headless: bool) -> Result<Answer> {
    let address = host.replace("localhost", "127.0.0.1");
    let mut stream = TcpStream::connect(&address).with_context(|| format!("connecting {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(head)?;
    // A server may answer and close before it has read a body that it refuses.
    let refused = stream.write_all(body).is_err();
    let mut raw = Vec::new();
    let mut buffer = [0_u8; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => raw.extend_from_slice(&buffer[..n]),
            Err(_) if refused || !raw.is_empty() => break,
            Err(e) => return Err(e.into()),
        }
        if complete(&raw, headless) {
            break;
        }
    }
    parse(&raw, headless)
}

fn complete(raw: &[u8], headless: bool) -> bool {
    let Some(end) = find(raw, b"\r\n\r\n") else { return false };
    if headless {
        return true;
    }
    let head = String::from_utf8_lossy(&raw[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| raw.len() >= end + 4 + length)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

fn parse(raw: &[u8], headless: bool) -> Result<Answer> {
    let end = find(raw, b"\r\n\r\n").context("no head in the answer")?;
    let head = String::from_utf8_lossy(&raw[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).context("no status line")?.parse()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let mut body = raw[end + 4..].to_vec();
    let chunked = headers.iter().any(|(n, v)| n == "transfer-encoding" && v.contains("chunked"));
    if headless {
        body.clear();
    } else if chunked {
        body = unchunk(&body)?;
    }
    Ok(Answer { status, headers, body })
}

fn unchunk(mut rest: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n").context("chunk without a size")?;
        let size = String::from_utf8_lossy(&rest[..line]);
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)?;
        rest = &rest[line + 2..];
        if size == 0 || rest.len() < size {
            return Ok(body);
        }
        body.extend_from_slice(&rest[..size]);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
}

/// One browser's cookies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jar(Vec<Stored>);

#[derive(Debug, Clone)]
struct Stored {
    name: String,
    value: String,
    path: String,
}

impl Jar {
    fn header(&self, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap_or(path);
        let pairs: Vec<String> = self
            .0
            .iter()
            .filter(|c| path == c.path || path.starts_with(&c.path) || format!("{path}/") == c.path)
            .map(|c| format!("{}={}", c.name, c.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn store(&mut self, line: &str, _path: &str) {
        let cookie = Cookie::parse(line);
        let path = cookie.attribute("path").unwrap_or("/").to_owned();
        self.0.retain(|c| !(c.name == cookie.name && c.path == path));
        if cookie.attribute("max-age") != Some("0") {
            self.0.push(Stored { name: cookie.name, value: cookie.value, path });
        }
    }

    /// The value of a cookie, whatever its path.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|c| c.name == name).map(|c| c.value.as_str())
    }
}

/// A `Set-Cookie` line in its parts; attribute names in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Cookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Cookie {
    pub(crate) fn parse(line: &str) -> Self {
        let mut parts = line.split(';');
        let (name, value) = parts.next().and_then(|p| p.split_once('=')).unwrap_or((line, ""));
        let attributes = parts
            .map(|p| p.split_once('=').unwrap_or((p, "")))
            .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
            .collect();
        Self { name: name.trim().to_owned(), value: value.trim().to_owned(), attributes }
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// `application/x-www-form-urlencoded`, space as `+`.
pub(crate) fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let encoded: Vec<String> =
        pairs.into_iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
    encoded.join("&")
}

/// Percent-encoding of everything but unreserved characters; a space becomes `+`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// The reverse of [`encode`]; broken escapes stay as they are.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(byte) = hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            out.push(byte);
            at += 3;
        } else {
            out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Query and fragment parameters of a URL, decoded, in order.
pub(crate) fn parameters(url: &str) -> Vec<(String, String)> {
    url.split(['?', '#'])
        .skip(1)
        .flat_map(|part| part.split('&'))
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').unwrap_or((p, "")))
        .map(|(n, v)| (decode(n), decode(v)))
        .collect()
}
