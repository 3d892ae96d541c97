//! The transport of real nodes: TLS over TCP.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{net::TcpListener, task::AbortHandle, time::Instant};

use super::{
    CallError, Lane, Serve, Target, Transport,
    connection::{Connection, Patience},
    handshake::Dialler,
    links::Link,
    listener::{self, Reception},
    tls::Identity,
    wire::Hello,
};
use crate::{Member, Timing};

/// How much longer than connecting a stranger's handshake may take: he has no reason to be slower than us.
const HANDSHAKES: u32 = 4;

/// Kept connections by the peer's id; with each, where it goes.
type Links = BTreeMap<(u64, Lane), (Target, Arc<Link>)>;

/// Connections to all members, and the listener.
#[derive(Debug)]
pub(crate) struct Tcp {
    dialler: Dialler,
    patience: Patience,
    links: Mutex<Links>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Tcp {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Tcp {
    /// Listens, and dials whom [`Transport::keep`] names.
    pub(crate) fn start(
        listener: TcpListener,
        identity: Arc<Identity>,
        serve: Arc<dyn Serve>,
        timing: &Timing,
    ) -> Self {
        let patience = Patience::new(timing.lost);
        let dialler =
            Dialler { identity: Arc::clone(&identity), serve: Arc::clone(&serve), limit: timing.connect };
        let limit = timing.connect * HANDSHAKES;
        let reception = Reception { identity: Arc::clone(&identity), serve, patience, limit };
        let tasks = vec![
            tokio::spawn(listener::listen(listener, reception)).abort_handle(),
            tokio::spawn(renew(identity)).abort_handle(),
        ];
        Self { dialler, patience, links: Mutex::default(), tasks }
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for one question, to a peer that is not kept.
    async fn ask_once(
        dialler: Dialler,
        patience: Patience,
        to: Target,
        request: Vec<u8>,
        until: Instant,
    ) -> Result<Vec<u8>, CallError> {
        let (stream, hello) = dialler.connect(&to).await?;
        let connection = Arc::new(Connection::new(stream, hello, patience));
        connection.call(request, until.saturating_duration_since(Instant::now())).await
    }
}

impl Transport for Tcp {
    fn call(
        &self,
        to: &Target,
        lane: Lane,
        request: Vec<u8>,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Vec<u8>, CallError>> {
        let until = Instant::now() + deadline;
        // By id alone: a member may be kept at another address than the one it was recorded with.
        let link = to.id.and_then(|id| self.links().get(&(id, lane)).map(|(_, link)| Arc::clone(link)));
        let Some(link) = link else {
            return Self::ask_once(self.dialler.clone(), self.patience, to.clone(), request, until).boxed();
        };
        if let Some(connection) = link.up() {
            return connection.call(request, deadline).boxed();
        }
        let connected = link.wait(until);
        async move {
            let connection = connected.await?;
            connection.call(request, until.saturating_duration_since(Instant::now())).await
        }
        .boxed()
    }

    fn silence(&self, to: &Target) -> Option<Duration> {
        let link = self.links().get(&(to.id?, Lane::Bulk)).map(|(_, link)| Arc::clone(link));
        link?.silence()
    }

    fn dial(&self, addr: String) -> BoxFuture<'static, Result<Hello, CallError>> {
        let dialler = self.dialler.clone();
        async move { dialler.probe(&addr).await }.boxed()
    }

    fn keep(&self, peers: &BTreeMap<u64, Member>) {
        let mut links = self.links();
        links.retain(|(id, _), (target, _)| {
            peers.get(id).is_some_and(|member| *target == Target::member(*id, member))
        });
        for (id, member) in peers {
            for lane in [Lane::Raft, Lane::Bulk] {
                links.entry((*id, lane)).or_insert_with(|| {
                    let target = Target::member(*id, member);
                    let link = Link::new(self.dialler.clone(), target.clone(), self.patience);
                    (target, Arc::new(link))
                });
            }
        }
    }

    fn close(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        self.links().clear();
    }
}

/// Renews certificates; what is open stays open, what is opened next uses them.
async fn renew(identity: Arc<Identity>) {
    loop {
        tokio::time::sleep(identity.renewal()).await;
        let renewing = Arc::clone(&identity);
        match tokio::task::spawn_blocking(move || renewing.renew()).await {
            Ok(Ok(())) => tracing::debug!("the cluster's certificates were renewed"),
            Ok(Err(error)) => tracing::error!(%error, "the cluster's certificates were not renewed"),
            Err(error) => tracing::error!(%error, "renewing certificates panicked"),
        }
    }
}
