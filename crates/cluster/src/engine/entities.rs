//! What members ask each other beside Raft: whether the other has applied an entry, and for copies of documents.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{FutureExt, future, future::BoxFuture};
use openraft::async_runtime::WatchReceiver;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    engine::{Engine, serve::Copies},
    net::{
        Lane, Target,
        wire::{self, Request, Response},
    },
};

/// How long a peer may look for a copy.
const LOOK: Duration = Duration::from_millis(500);
/// How long a peer waits at most for an entry on behalf of whoever asks.
const WAIT: Duration = Duration::from_secs(2);

/// A question. Only ever grows at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Question {
    /// Answer when so many entries are applied there.
    Applied(u64),
    /// The copy kept under these bytes.
    Copy(Vec<u8>),
}

/// An answer. Only ever grows at its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Answer {
    /// Whether they are.
    Applied(bool),
    /// The copy, where there is one.
    Copy(Option<Vec<u8>>),
}

/// Where this node's copies are; whoever keeps them seals them.
pub trait CopySource: Send + Sync + fmt::Debug + 'static {
    /// The copy kept under these bytes.
    fn copy(&self, key: Vec<u8>) -> BoxFuture<'static, Option<Vec<u8>>>;
}

/// The answering side.
#[derive(Debug)]
pub(crate) struct Entities {
    applied: watch::Receiver<u64>,
    source: OnceLock<Arc<dyn CopySource>>,
}

impl Entities {
    pub(crate) fn new(applied: watch::Receiver<u64>) -> Self {
        Self { applied, source: OnceLock::new() }
    }

    /// Serves copies from there. Only the first source counts.
    pub(crate) fn serve(&self, source: Arc<dyn CopySource>) {
        drop(self.source.set(source));
    }

    fn reply(&self, question: Question) -> BoxFuture<'static, Answer> {
        match question {
            Question::Applied(count) => {
                let mut applied = self.applied.clone();
                async move {
                    let is_applied = timeout(WAIT, applied.wait_for(|applied| *applied >= count)).await;
                    Answer::Applied(matches!(is_applied, Ok(Ok(_))))
                }
                .boxed()
            }
            Question::Copy(key) => match self.source.get() {
                Some(source) => source.copy(key).map(Answer::Copy).boxed(),
                None => future::ready(Answer::Copy(None)).boxed(),
            },
        }
    }
}

impl Copies for Entities {
    fn answer(&self, question: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        // What is not understood is answered with nothing.
        let Ok(question) = wire::decode(&question) else { return future::ready(Vec::new()).boxed() };
        self.reply(question).map(|answer| wire::encode(&answer).unwrap_or_default()).boxed()
    }
}

impl Engine {
    /// Waits until all members have applied what is applied here. One that does not say so is waited for until it has
    /// been silent for `silent`, from now or from when its connection was lost: it may serve until then.
    pub(crate) async fn applied_everywhere(&self, silent: Duration) {
        let Some(peers) = &self.proposer.peers else { return };
        let (count, began) = (*self.proposer.applied.borrow(), Instant::now());
        let mut targets = self.others();
        targets.retain(|target| peers.net.silence(target).is_none_or(|silence| silence < silent));
        let answers = self.ask(&targets, &Question::Applied(count), silent).await;
        let confirmed = answers.iter().filter(|answer| matches!(answer, Answer::Applied(true))).count();
        if confirmed < targets.len() {
            sleep_until(began + silent).await;
        }
    }

    /// The copies that other members hold under these bytes.
    pub(crate) async fn ask_copies(&self, key: Vec<u8>) -> Vec<Vec<u8>> {
        let answers = self.ask(&self.others(), &Question::Copy(key), LOOK).await;
        let copy = |answer| match answer {
            Answer::Copy(copy) => copy,
            Answer::Applied(_) => None,
        };
        answers.into_iter().filter_map(copy).collect()
    }

    /// Serves this node's copies to other members.
    pub(crate) fn serve_copies(&self, source: Arc<dyn CopySource>) {
        if let Some(entities) = &self.entities {
            entities.serve(source);
        }
    }

    fn others(&self) -> Vec<Target> {
        let metrics = self.proposer.raft.metrics();
        let metrics = metrics.borrow_watched();
        let nodes = metrics.membership_config.membership().nodes();
        let others = nodes.filter(|(id, _)| **id != self.proposer.id);
        others.map(|(id, member)| Target::member(*id, member)).collect()
    }

    /// Asks members at once; those that are silent are left out.
    async fn ask(&self, targets: &[Target], question: &Question, deadline: Duration) -> Vec<Answer> {
        let Some(peers) = &self.proposer.peers else { return Vec::new() };
        let Ok(question) = wire::encode(question) else { return Vec::new() };
        let request = Request::Entities(question);
        let calls = targets.iter().map(|target| peers.net.call(target, Lane::Bulk, &request, deadline));
        let answers = future::join_all(calls).await;
        answers
            .into_iter()
            .filter_map(|answer| match answer {
                Ok(Response::Entities(bytes)) => wire::decode(&bytes).ok(),
                _ => None,
            })
            .collect()
    }
}
