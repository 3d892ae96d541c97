//! How nodes talk: framed TCP under TLS 1.3, both sides named by certificates.
//!
//! A [`Net`] carries a [`wire::Request`] to a peer and brings its [`wire::Response`]. Each pair of nodes has
//! two connections, one for Raft and one for bulk, so that a snapshot never delays a heartbeat. Both are made
//! before they are needed. What arrives goes to one [`Serve`]. Nothing here knows what a request means, and
//! whoever cannot prove that it is of this cluster gets no further than the handshake.

mod answering;
mod authority;
mod call;
mod connection;
mod frames;
mod handshake;
mod identity;
mod links;
mod listener;
mod outbox;
mod settings;
mod tcp;
mod tls;
pub(crate) mod wire;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;

pub(crate) use self::call::{CallError, Lane, Target};
pub use self::settings::{CaSeed, Formation, NetworkSettings, Tls};
use self::wire::{Hello, Refusal, Request, Response};
pub(crate) use self::{tcp::Tcp, tls::Identity};
use crate::Member;

/// What carries bytes between nodes: TLS over TCP, or, in tests, a simulation.
pub(crate) trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends an encoded request and brings the encoded answer. It is sent, or queued behind what was sent
    /// before on that lane, by the time this returns; the future only waits.
    fn call(
        &self,
        to: &Target,
        lane: Lane,
        request: Vec<u8>,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Vec<u8>, CallError>>;

    /// For how long there has been no connection to a peer that is kept.
    fn silence(&self, to: &Target) -> Option<Duration>;

    /// Makes a connection only to learn who is there.
    fn dial(&self, addr: String) -> BoxFuture<'static, Result<Hello, CallError>>;

    /// Keeps connections to these peers, and to no others.
    fn keep(&self, peers: &BTreeMap<u64, Member>);

    /// Closes all connections and accepts no more.
    fn close(&self);
}

/// What answers peers. One per node, in `engine`.
pub(crate) trait Serve: fmt::Debug + Send + Sync + 'static {
    /// What this node says of itself at each handshake.
    fn hello(&self) -> Hello;

    /// Whether a peer that said this of itself may talk to this node. Asked on both sides of a connection.
    ///
    /// # Errors
    /// Why it may not.
    fn admit(&self, peer: &Hello) -> Result<(), Refusal>;

    /// Where a peer was found that does not answer where it was last known to be.
    fn place(&self, id: u64) -> Option<String>;

    /// Answers a request. Requests of one connection are begun in the order they were sent: what must keep
    /// that order is done before this returns or at the future's first poll.
    fn serve(&self, from: &Hello, request: Request) -> BoxFuture<'static, Response>;
}

/// The way to the other nodes; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Net(Arc<dyn Transport>);

impl Net {
    /// Over that transport.
    pub(crate) fn new(transport: Arc<dyn Transport>) -> Self {
        Self(transport)
    }

    /// Asks a peer. The request is on its way, in order, when this returns.
    ///
    /// # Errors
    /// When no answer came until the deadline, or the peer refused; see [`CallError`].
    pub(crate) fn call(
        &self,
        to: &Target,
        lane: Lane,
        request: &Request,
        deadline: Duration,
    ) -> impl Future<Output = Result<Response, CallError>> + Send + 'static + use<> {
        let sent = wire::encode(request).map(|bytes| self.0.call(to, lane, bytes, deadline));
        async move {
            let answer = sent.map_err(|_| CallError::TooLarge)?.await?;
            match wire::decode(&answer) {
                Ok(Response::Refused(refusal)) => Err(CallError::Refused(refusal)),
                Ok(response) => Ok(response),
                Err(_) => Err(CallError::Garbled),
            }
        }
    }

    /// For how long a peer could not be asked anything; `None` where it can.
    pub(crate) fn silence(&self, to: &Target) -> Option<Duration> {
        self.0.silence(to)
    }

    /// Learns who listens at an address; a handshake and no more.
    ///
    /// # Errors
    /// When nobody answers, or whoever does is of another cluster.
    pub(crate) async fn dial(&self, addr: &str) -> Result<Hello, CallError> {
        self.0.dial(addr.to_owned()).await
    }

    /// Keeps connections to these peers, and to no others.
    pub(crate) fn keep(&self, peers: &BTreeMap<u64, Member>) {
        self.0.keep(peers);
    }

    /// Closes all connections.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}
