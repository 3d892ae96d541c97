//! Reads that see everything answered before them, by the leader's read index; who reads at the same time
//! shares one round.
//!
//! The leader asks a majority whether it still leads (no clock is trusted for that), a follower asks the
//! leader. A round that has begun is of no use to whoever comes later: he waits for the next.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use openraft::ReadPolicy;
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
    time::timeout,
};

use crate::{
    engine::proposer::{Proposer, Who},
    net::{
        Lane,
        wire::{Request, Response},
    },
};

/// How long a round may take.
const ROUND: Duration = Duration::from_secs(1);

/// Where readers wait for a round.
#[derive(Debug)]
pub(crate) struct Rounds {
    waiting: mpsc::UnboundedSender<oneshot::Sender<Option<u64>>>,
    asks: Arc<OnceLock<Weak<Proposer>>>,
    task: AbortHandle,
}

impl Drop for Rounds {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rounds {
    /// Begins; [`Rounds::serve`] says for whom.
    pub(crate) fn start() -> Self {
        let (waiting, queue) = mpsc::unbounded_channel();
        let asks = Arc::<OnceLock<_>>::default();
        let task = tokio::spawn(run(queue, Arc::clone(&asks))).abort_handle();
        Self { waiting, asks, task }
    }

    /// Asks on that one's behalf.
    pub(crate) fn serve(&self, proposer: &Arc<Proposer>) {
        // It is set once, by whoever made both.
        drop(self.asks.set(Arc::downgrade(proposer)));
    }

    /// The number of entries that must be applied; `None`: it is not known now.
    pub(crate) async fn join(&self) -> Option<u64> {
        let (answer, answered) = oneshot::channel();
        self.waiting.send(answer).ok()?;
        answered.await.ok().flatten()
    }
}

async fn run(
    mut queue: mpsc::UnboundedReceiver<oneshot::Sender<Option<u64>>>,
    asks: Arc<OnceLock<Weak<Proposer>>>,
) {
    while let Some(first) = queue.recv().await {
        let mut readers = vec![first];
        while let Ok(reader) = queue.try_recv() {
            readers.push(reader);
        }
        let index = match asks.get().and_then(Weak::upgrade) {
            Some(proposer) => timeout(ROUND, ask(&proposer)).await.ok().flatten(),
            None => None,
        };
        for reader in readers {
            // A reader may have given up.
            _ = reader.send(index);
        }
    }
}

async fn ask(proposer: &Proposer) -> Option<u64> {
    let who = proposer.lead.borrow().who.clone();
    match who {
        Who::Here => {
            let linearizer = proposer.raft.get_read_linearizer(ReadPolicy::ReadIndex).await.ok()?;
            Some(linearizer.read_log_id().log_id().index + 1)
        }
        Who::At(leader) => {
            let net = &proposer.peers.as_ref()?.net;
            match net.call(&leader, Lane::Raft, &Request::ReadIndex, ROUND).await {
                Ok(Response::ReadIndex(index)) => Some(index),
                _ => None,
            }
        }
        Who::Nobody | Who::Stopped => None,
    }
}
