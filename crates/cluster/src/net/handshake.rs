//! The first words on a connection: TLS, then who is who, then whether the two may talk.

use std::{io, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::{
    CallError, Serve, Target,
    frames::{self, Frame, Kind},
    identity::NodeUri,
    tls::{self, Identity},
    wire::{self, Greeting, Hello, PROTOCOL, PROTOCOL_MIN, Refusal, Welcome},
};

/// Connects to a peer; the stream is ready for questions when this returns.
pub(crate) async fn connect(
    identity: &Identity,
    serve: &dyn Serve,
    to: &Target,
    limit: Duration,
) -> Result<(TlsStream<TcpStream>, Hello), CallError> {
    let (stream, hello, refusal) = timeout(limit, greet(identity, serve, to, limit))
        .await
        .map_err(|_| CallError::Unreachable(format!("{}: no connection in time", to.addr)))?
        .map_err(|error| CallError::Unreachable(format!("{}: {error}", to.addr)))?;
    if to.name.as_ref().is_some_and(|name| *name != hello.name) {
        return Err(CallError::WrongPeer(hello.name));
    }
    if to.id.is_some() && hello.id != to.id {
        return Err(CallError::WrongPeer(format!("{} under another id", hello.name)));
    }
    if let Some(refusal) = refusal {
        return Err(CallError::Refused(refusal));
    }
    check(&hello, &serve.hello()).and_then(|()| serve.admit(&hello)).map_err(CallError::Refused)?;
    Ok((stream, hello))
}

/// Learns who listens somewhere, whether or not it would talk to this node.
pub(crate) async fn probe(
    identity: &Identity,
    serve: &dyn Serve,
    addr: &str,
    limit: Duration,
) -> Result<Hello, CallError> {
    let to = Target::at(addr);
    match timeout(limit, greet(identity, serve, &to, limit)).await {
        Ok(Ok((_, hello, _))) => Ok(hello),
        Ok(Err(error)) => Err(CallError::Unreachable(format!("{addr}: {error}"))),
        Err(_) => Err(CallError::Unreachable(format!("{addr}: no connection in time"))),
    }
}

async fn greet(
    identity: &Identity,
    serve: &dyn Serve,
    to: &Target,
    patience: Duration,
) -> io::Result<(TlsStream<TcpStream>, Hello, Option<Refusal>)> {
    let stream = TcpStream::connect(&to.addr).await?;
    stream.set_nodelay(true)?;
    // Never compared with a certificate, and never sent: names come from the URI.
    let name = ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
    let stream = TlsConnector::from(identity.configs().client).connect(name, stream).await?;
    let certified = certified(stream.get_ref().1.peer_certificates());
    let mut stream = TlsStream::from(stream);
    let greeting = Greeting { hello: serve.hello(), to: (to.name.clone(), to.id) };
    say(&mut stream, &greeting).await?;
    let (hello, refusal) = match hear(&mut stream, patience).await? {
        Welcome::Welcome(hello) => (hello, None),
        Welcome::Refused(hello, refusal) => (hello, Some(refusal)),
    };
    match certified {
        Some(node) if node.name == hello.name => Ok((stream, hello, refusal)),
        _ => Err(io::Error::other("the peer's certificate is another's")),
    }
}

/// Takes a connection in; `None` where the peer was told that it may not talk.
pub(crate) async fn accept(
    identity: &Identity,
    serve: &dyn Serve,
    stream: TcpStream,
    patience: Duration,
) -> io::Result<Option<(TlsStream<TcpStream>, Hello)>> {
    stream.set_nodelay(true)?;
    let stream = TlsAcceptor::from(identity.configs().server).accept(stream).await?;
    let certified = certified(stream.get_ref().1.peer_certificates());
    let mut stream = TlsStream::from(stream);
    let Greeting { hello, to } = hear(&mut stream, patience).await?;
    let own = serve.hello();
    let refusal = refusal_of(&hello, &own, certified.as_ref(), &to).or_else(|| serve.admit(&hello).err());
    match refusal {
        None => {
            say(&mut stream, &Welcome::Welcome(own)).await?;
            Ok(Some((stream, hello)))
        }
        Some(refusal) => {
            tracing::info!(peer = %hello.name, %refusal, "a node was refused");
            say(&mut stream, &Welcome::Refused(own, refusal)).await?;
            stream.shutdown().await?;
            Ok(None)
        }
    }
}

fn refusal_of(
    hello: &Hello,
    own: &Hello,
    certified: Option<&NodeUri>,
    (name, id): &(Option<String>, Option<u64>),
) -> Option<Refusal> {
    if certified.is_none_or(|node| node.name != hello.name) {
        return Some(Refusal::Stranger("the certificate is another's".to_owned()));
    }
    if name.as_ref().is_some_and(|name| *name != own.name) || (id.is_some() && *id != own.id) {
        return Some(Refusal::Stranger(format!("this is {}", own.name)));
    }
    check(hello, own).err()
}

/// What does not depend on the state of either side.
fn check(hello: &Hello, own: &Hello) -> Result<(), Refusal> {
    if hello.cluster != own.cluster {
        return Err(Refusal::Stranger(format!("this is cluster {}", own.cluster)));
    }
    if hello.protocol.1 < PROTOCOL_MIN || hello.protocol.0 > PROTOCOL {
        return Err(Refusal::Stranger(format!(
            "protocols {PROTOCOL_MIN} to {PROTOCOL} are spoken here, not {} to {}",
            hello.protocol.0, hello.protocol.1
        )));
    }
    Ok(())
}

fn certified(chain: Option<&[rustls::pki_types::CertificateDer<'_>]>) -> Option<NodeUri> {
    tls::node_of(chain?.first()?)
}

async fn say<S: AsyncWrite + Unpin>(to: &mut S, words: &impl serde::Serialize) -> io::Result<()> {
    let frame = Frame { kind: Kind::Hello, number: 0, payload: wire::encode(words)? };
    frames::write(to, &frame, frames::MAX_HELLO).await?;
    to.flush().await
}

async fn hear<S, T>(from: &mut S, patience: Duration) -> io::Result<T>
where
    S: AsyncRead + Unpin,
    T: serde::de::DeserializeOwned,
{
    let frame = frames::read(from, frames::MAX_HELLO, patience).await?;
    if frame.kind != Kind::Hello {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no greeting"));
    }
    wire::decode(&frame.payload)
}

/// Shared by whoever makes connections.
#[derive(Clone, Debug)]
pub(crate) struct Dialler {
    pub(crate) identity: Arc<Identity>,
    pub(crate) serve: Arc<dyn Serve>,
    pub(crate) limit: Duration,
}

impl Dialler {
    /// See [`connect`].
    ///
    /// A peer that does not answer, or is another by now, is tried where it was found since.
    pub(crate) async fn connect(&self, to: &Target) -> Result<(TlsStream<TcpStream>, Hello), CallError> {
        let first = connect(&self.identity, &*self.serve, to, self.limit).await;
        let moved = || to.id.and_then(|id| self.serve.place(id)).filter(|addr| *addr != to.addr);
        match (&first, moved) {
            (Err(CallError::Unreachable(_) | CallError::WrongPeer(_)), moved) => match moved() {
                Some(addr) => {
                    let elsewhere = Target { addr, ..to.clone() };
                    connect(&self.identity, &*self.serve, &elsewhere, self.limit).await
                }
                None => first,
            },
            _ => first,
        }
    }

    /// See [`probe`].
    pub(crate) async fn probe(&self, addr: &str) -> Result<Hello, CallError> {
        probe(&self.identity, &*self.serve, addr, self.limit).await
    }
}
