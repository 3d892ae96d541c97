//! A thin HTTP client: one connection that is kept open, no redirects followed, no cookies kept by itself.
//!
//! It is thin because it shares the machine with the server: the less it costs, the busier the server, and a
//! server that often waits for work spends a larger part of its time on falling asleep and waking up.

use anyhow::{Context as _, Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// A connection to one provider, opened anew when the provider closes it.
#[derive(Debug, Default)]
pub(crate) struct Http {
    open: Option<(String, SendRequest<Full<Bytes>>)>,
}

/// What is sent.
#[derive(Debug, Default)]
pub(crate) struct Ask<'a> {
    /// `Authorization`.
    pub(crate) authorization: Option<&'a str>,
    /// `Cookie`.
    pub(crate) cookies: Option<String>,
    /// `Content-Type` and the body.
    pub(crate) body: Option<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl<'a> Ask<'a> {
    /// Nothing but an address.
    pub(crate) fn plain() -> Self {
        Self::default()
    }

    /// A form.
    pub(crate) fn form(fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { body: Some(("application/x-www-form-urlencoded", body)), ..Self::default() }
    }

    /// A JSON document.
    pub(crate) fn json(document: &serde_json::Value) -> Self {
        Self { body: Some(("application/json", document.to_string())), ..Self::default() }
    }

    pub(crate) fn authorized(self, authorization: &'a str) -> Self {
        Self { authorization: Some(authorization), ..self }
    }

    pub(crate) fn with_cookies(self, cookies: &[String]) -> Self {
        Self { cookies: (!cookies.is_empty()).then(|| cookies.join("; ")), ..self }
    }
}

impl Http {
    pub(crate) async fn get(&mut self, url: &Url, ask: Ask<'_>) -> Result<Answer> {
        self.send(Method::GET, url, ask).await
    }

    pub(crate) async fn post(&mut self, url: &Url, ask: Ask<'_>) -> Result<Answer> {
        self.send(Method::POST, url, ask).await
    }

    pub(crate) async fn send(&mut self, method: Method, url: &Url, ask: Ask<'_>) -> Result<Answer> {
        let authority = authority(url)?;
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &authority);
        if let Some(authorization) = ask.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(cookies) = ask.cookies {
            request = request.header(header::COOKIE, cookies);
        }
        let body = match ask.body {
            Some((kind, body)) => {
                request = request.header(header::CONTENT_TYPE, kind);
                Bytes::from(body)
            }
            None => Bytes::new(),
        };
        let answer = self.connection(authority).await?.send_request(request.body(Full::new(body))?).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    async fn connection(&mut self, authority: String) -> Result<&mut SendRequest<Full<Bytes>>> {
        let usable = match &mut self.open {
            Some((to, sender)) => *to == authority && sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(&authority)
                .await
                .with_context(|| format!("cannot connect to {authority}"))?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.open = Some((authority, sender));
        }
        self.open.as_mut().map(|(_, sender)| sender).context("just opened")
    }
}

fn authority(url: &Url) -> Result<String> {
    ensure!(url.scheme() == "http", "{url}: providers are measured over plain http, on this machine");
    let host = url.host_str().with_context(|| format!("{url} names no host"))?;
    let port = url.port_or_known_default().with_context(|| format!("{url} names no port"))?;
    Ok(format!("{host}:{port}"))
}

impl Answer {
    /// Itself, if it is a success.
    pub(crate) fn ok(self) -> Result<Self> {
        let told = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]);
        ensure!(self.status.is_success(), "status {}: {told}", self.status);
        Ok(self)
    }

    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    pub(crate) fn text(&self) -> Result<&str> {
        Ok(std::str::from_utf8(&self.body)?)
    }
}
