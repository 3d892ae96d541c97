//! Entries on their way to the leader: whatever waits goes together, and several batches are under way.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::AbortHandle,
};

use crate::{
    engine::proposer::{Lead, Who},
    net::{
        Lane, Net,
        wire::{Proposed, Request, Response},
    },
};

/// Entries of one batch.
const BATCH: usize = 512;
/// Bytes of one batch, unless one entry alone is larger.
const BATCH_BYTES: usize = 512 << 10;
/// Batches under way; what comes meanwhile makes the next ones larger.
const UNDER_WAY: usize = 16;

/// Where entries are handed over. What waits is bounded by the commands in flight.
#[derive(Debug)]
pub(crate) struct Forwarder {
    waiting: mpsc::UnboundedSender<Item>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Item {
    entry: Vec<u8>,
    answer: oneshot::Sender<Proposed>,
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Forwarder {
    /// Forwards to whoever leads.
    pub(crate) fn start(net: Net, lead: watch::Receiver<Lead>, patience: std::time::Duration) -> Self {
        let (waiting, queue) = mpsc::unbounded_channel();
        let task = tokio::spawn(run(queue, net, lead, patience)).abort_handle();
        Self { waiting, task }
    }

    /// Hands an encoded entry over and waits for its answer; `None`: nothing is known of it.
    pub(crate) async fn ask(&self, entry: Vec<u8>) -> Option<Proposed> {
        let (answer, answered) = oneshot::channel();
        self.waiting.send(Item { entry, answer }).ok()?;
        answered.await.ok()
    }
}

async fn run(
    mut queue: mpsc::UnboundedReceiver<Item>,
    net: Net,
    lead: watch::Receiver<Lead>,
    patience: std::time::Duration,
) {
    let under_way = Arc::new(Semaphore::new(UNDER_WAY));
    let mut held_over = None;
    loop {
        let Some(first) = (match held_over.take() {
            Some(item) => Some(item),
            None => queue.recv().await,
        }) else {
            return;
        };
        let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else { return };
        let (batch, left) = gather(first, &mut queue);
        held_over = left;
        let Who::At(leader) = lead.borrow().who.clone() else { continue };
        let (entries, answers): (Vec<_>, _) = batch.into_iter().map(|item| (item.entry, item.answer)).unzip();
        metrics::counter!("keyraft_cluster_forwarded_total").increment(entries.len() as u64);
        let call = net.call(&leader, Lane::Raft, &Request::Propose(entries), patience);
        tokio::spawn(hand_out(call, answers, permit));
    }
}

/// Everything that waits, up to a batch's size, and the item that did not fit.
fn gather(first: Item, queue: &mut mpsc::UnboundedReceiver<Item>) -> (Vec<Item>, Option<Item>) {
    let mut bytes = first.entry.len();
    let mut batch = vec![first];
    while batch.len() < BATCH {
        let Ok(item) = queue.try_recv() else { break };
        if item.answer.is_closed() {
            continue;
        }
        bytes += item.entry.len();
        if bytes > BATCH_BYTES {
            return (batch, Some(item));
        }
        batch.push(item);
    }
    (batch, None)
}

async fn hand_out(
    call: impl Future<Output = Result<Response, crate::net::CallError>>,
    answers: Vec<oneshot::Sender<Proposed>>,
    permit: OwnedSemaphorePermit,
) {
    match call.await {
        Ok(Response::Proposed(proposed)) if proposed.len() == answers.len() => {
            for (answer, proposed) in answers.into_iter().zip(proposed) {
                // Whoever asked may have asked elsewhere since.
                drop(answer.send(proposed));
            }
        }
        Ok(_) => tracing::warn!("the leader answered something else"),
        // The answers' ends go, and whoever waits asks again.
        Err(error) => tracing::debug!(%error, "a batch was not answered"),
    }
    drop(permit);
}
