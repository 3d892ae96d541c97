//! Takes connections in. A stranger costs a handshake that is bounded in number, time and bytes.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use super::{Serve, answering, connection::Patience, handshake, tls::Identity};

/// Handshakes at the same time; beyond that, who comes is turned away.
const MAX_HANDSHAKES: usize = 64;
/// Connections at the same time: far more than a group of five needs.
const MAX_CONNECTIONS: usize = 512;

/// What the listener serves with.
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    pub(crate) identity: Arc<Identity>,
    pub(crate) serve: Arc<dyn Serve>,
    pub(crate) patience: Patience,
    /// How long a handshake may take.
    pub(crate) limit: Duration,
}

/// Accepts until it is dropped; its connections end with it.
pub(crate) async fn listen(listener: TcpListener, reception: Reception) {
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    let permit = Arc::clone(&handshakes).try_acquire_owned();
                    let (Ok(permit), true) = (permit, connections.len() < MAX_CONNECTIONS) else {
                        metrics::counter!("keyraft_cluster_turned_away_total").increment(1);
                        continue;
                    };
                    let reception = reception.clone();
                    connections.spawn(async move {
                        if let Err(error) = receive(stream, reception, permit).await {
                            tracing::debug!(%from, %error, "a handshake failed");
                        }
                    });
                }
                Err(error) => {
                    // Too many open files, most likely: give others time to close some.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn receive(
    stream: TcpStream,
    reception: Reception,
    permit: tokio::sync::OwnedSemaphorePermit,
) -> std::io::Result<()> {
    let Reception { identity, serve, patience, limit } = reception;
    let accepted = handshake::accept(&identity, &*serve, stream, limit);
    let accepted = tokio::time::timeout(limit, accepted).await??;
    drop(permit);
    if let Some((stream, hello)) = accepted {
        answering::answer(stream, hello, serve, patience).await;
    }
    Ok(())
}
