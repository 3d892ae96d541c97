//! A listening socket and the connections it takes.
//!
//! Strangers reach this before anything else, so everything is bounded: connections (further ones wait in the
//! kernel's queue), the time of a TLS handshake and of a request's head, the head's size, how slowly a body may
//! come, streams per HTTP/2 connection. A connection that fails or panics ends alone, and one that ends before
//! its request was read to the end lingers, so that the refusal arrives. On stop, idle connections close at
//! once and busy ones finish.

mod drain;
mod exchange;
mod linger;

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, Request, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
};
use keyraft_web::layers::Encrypted;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use self::{
    drain::Drained,
    exchange::{Exchange, Paced},
    linger::Lingering,
};
use crate::shutdown::Stop;

/// A TLS handshake that takes longer is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A request's head must be complete by then. It also ends idle connections, so it is longer than the minute
/// for which load balancers keep theirs: else they would send a request into a connection that just closed.
const HEAD: Duration = Duration::from_secs(75);
/// A request's head of more bytes is refused.
const MAX_HEAD: usize = 64 * 1_024;
/// Requests at once in one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Pause after the kernel refused a connection for want of files: trying at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds; with `tls` it speaks https.
    ///
    /// # Errors
    /// The address is taken, or not of this machine.
    pub(crate) async fn bind(host: IpAddr, port: u16, tls: Option<TlsAcceptor>) -> anyhow::Result<Self> {
        let address = SocketAddr::new(host, port);
        let socket =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        Ok(Self { socket, tls })
    }

    /// Where it listens; tells the port when any free one was asked for.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes connections until `stop`, then lets those that are busy finish within `patience`.
    pub(crate) async fn serve(self, router: Router, max_connections: u32, stop: Stop, patience: Duration) {
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(max_connections as usize));
        loop {
            let slot = tokio::select! {
                () = stop.wanted() => break,
                slot = Arc::clone(&slots).acquire_owned() => slot.expect("nobody closes it"),
            };
            let (stream, peer) = tokio::select! {
                () = stop.wanted() => break,
                accepted = self.socket.accept() => match accepted {
                    Ok(connection) => connection,
                    Err(error) => {
                        tracing::debug!("cannot accept a connection: {error}");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let connection = Connection { peer, router: router.clone(), watcher: graceful.watcher() };
            let tls = self.tls.clone();
            tokio::spawn(async move {
                connection.take(stream, tls).await;
                drop(slot);
            });
        }
        drop(self.socket);
        if tokio::time::timeout(patience, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests that took longer than {patience:?} were cut off");
        }
    }
}

/// One connection on its way.
struct Connection {
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
}

impl Connection {
    async fn take(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Answers are small and written whole: waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let exchange = Exchange::default();
        let stream = Lingering::new(stream, exchange.clone());
        let Some(tls) = tls else { return self.speak(stream, exchange, false).await };
        match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, exchange, true).await,
            Ok(Err(error)) => tracing::debug!(peer = %self.peer, "no TLS handshake: {error}"),
            Err(_) => tracing::debug!(peer = %self.peer, "the TLS handshake took too long"),
        }
    }

    async fn speak(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        exchange: Exchange,
        encrypted: bool,
    ) {
        let Self { peer, router, watcher } = self;
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let is_too_large = head_size(&request) > MAX_HEAD;
            let (exchange, version) = (exchange.clone(), request.version());
            let mut request = request.map(|body| match version {
                Version::HTTP_2 => Body::new(Paced::new(Drained::new(body), exchange.clone())),
                _ => Body::new(Paced::new(body, exchange.clone())),
            });
            request.extensions_mut().insert(ConnectInfo(peer));
            if encrypted {
                request.extensions_mut().insert(Encrypted);
            }
            let router = router.clone();
            async move {
                let answered: Result<_, Infallible> =
                    if is_too_large { Ok(head_too_large()) } else { router.oneshot(request).await };
                answered.map(|mut response| {
                    // The connection is closed behind an answer that came before its request was read. Unless it is
                    // told, a client may have put its next request on it by then.
                    if version <= Version::HTTP_11 && !exchange.is_settled() {
                        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                    response
                })
            }
        });
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
            .keep_alive_interval(HEAD)
            .keep_alive_timeout(HANDSHAKE);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, "the connection ended early: {error}");
        }
    }
}

/// The bytes of a request's head as HTTP/1.1 writes it. The parser's own limit is one of memory: a connection
/// that has a larger buffer from an earlier request lets larger heads pass.
fn head_size<B>(request: &Request<B>) -> usize {
    let (method, uri) = (request.method().as_str(), request.uri());
    let host = uri.authority().map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let line = method.len() + " ".len() + host + path + " HTTP/1.1\r\n".len();
    let field = |(name, value): (&header::HeaderName, &HeaderValue)| {
        name.as_str().len() + ": ".len() + value.len() + "\r\n".len()
    };
    line + request.headers().iter().map(field).sum::<usize>() + "\r\n".len()
}

/// Word for word what the parser answers.
fn head_too_large() -> Response {
    (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, [(header::CONNECTION, "close")]).into_response()
}
