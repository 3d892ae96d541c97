//! Answers peers: Raft's own messages, snapshots, forwarded commands, read indexes; and passes on what belongs
//! to the membership and to copies of documents.

use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use futures::{FutureExt, future, future::BoxFuture};
use tokio::sync::Mutex;

use crate::{
    engine::{
        convert,
        incoming::{Incoming, Step},
        proposer::{Proposer, Who},
        types::{LogId, Snapshot},
    },
    net::{
        Serve,
        wire::{AppendResult, Appended, Ballot, Chunk, Hello, Received, Refusal, Request, Response, Word},
    },
};

/// Who this node is, and whom it lets in.
pub(crate) trait Gate: fmt::Debug + Send + Sync + 'static {
    /// What this node says of itself.
    fn hello(&self) -> Hello;

    /// Whether a peer that said this of itself may talk to this node.
    ///
    /// # Errors
    /// Why it may not.
    fn admit(&self, peer: &Hello) -> Result<(), Refusal>;

    /// Where a member was found that does not answer where it was last known to be.
    fn place(&self, id: u64) -> Option<String>;

    /// Answers a question of the membership.
    fn members(&self, from: Hello, question: Vec<u8>) -> BoxFuture<'static, Vec<u8>>;
}

/// Answers questions about copies of documents.
pub(crate) trait Copies: fmt::Debug + Send + Sync + 'static {
    /// Answers one.
    fn answer(&self, question: Vec<u8>) -> BoxFuture<'static, Vec<u8>>;
}

/// The answering side of a node. It listens before there is a Raft, and refuses until then.
#[derive(Debug)]
pub(crate) struct Server {
    gate: Arc<dyn Gate>,
    node: OnceLock<Weak<Proposer>>,
    incoming: Arc<Mutex<Incoming>>,
    copies: OnceLock<Arc<dyn Copies>>,
}

impl Server {
    /// A server that has nothing to serve yet.
    pub(crate) fn new(gate: Arc<dyn Gate>, incoming: Incoming) -> Self {
        let incoming = Arc::new(Mutex::new(incoming));
        Self { gate, node: OnceLock::new(), incoming, copies: OnceLock::new() }
    }

    /// Serves that node from here on.
    pub(crate) fn serve(&self, node: &Arc<Proposer>) {
        // It is set once, by whoever made both.
        drop(self.node.set(Arc::downgrade(node)));
    }

    /// Answers questions about documents from those copies.
    pub(crate) fn set_copies(&self, copies: Arc<dyn Copies>) {
        drop(self.copies.set(copies));
    }

    fn answer(&self, node: Arc<Proposer>, from: &Hello, request: Request) -> BoxFuture<'static, Response> {
        match request {
            Request::Append(request) => match convert::append_request(&request) {
                Ok(rpc) => append(node, rpc, request.word).boxed(),
                Err(error) => {
                    tracing::error!(%error, "the leader's entries cannot be read by this version");
                    refuse(Refusal::Unknown)
                }
            },
            Request::Vote(ballot) => vote(node, ballot).boxed(),
            Request::PreVote(ballot) => pre_vote(node, ballot).boxed(),
            Request::Transfer(transfer) => async move {
                match node.raft.handle_transfer_leader(transfer.into()).await {
                    Ok(result) => Response::Transfer(result.into()),
                    Err(_) => Response::Refused(Refusal::Stopped),
                }
            }
            .boxed(),
            Request::Snapshot(chunk) => snapshot(node, Arc::clone(&self.incoming), chunk).boxed(),
            Request::Propose(entries) => match from.id {
                Some(id) => async move { Response::Proposed(node.propose_for(id, entries).await) }.boxed(),
                None => refuse(Refusal::Stranger("a node without an id proposes nothing".to_owned())),
            },
            Request::ReadIndex => async move {
                let index = match &node.peers {
                    Some(peers) if node.lead.borrow().who == Who::Here => peers.rounds.join().await,
                    _ => None,
                };
                index.map_or(Response::Refused(Refusal::NotLeader), Response::ReadIndex)
            }
            .boxed(),
            Request::Members(_) | Request::Entities(_) => refuse(Refusal::Unknown),
        }
    }
}

impl Serve for Server {
    fn hello(&self) -> Hello {
        self.gate.hello()
    }

    fn admit(&self, peer: &Hello) -> Result<(), Refusal> {
        self.gate.admit(peer)
    }

    fn place(&self, id: u64) -> Option<String> {
        self.gate.place(id)
    }

    fn serve(&self, from: &Hello, request: Request) -> BoxFuture<'static, Response> {
        match request {
            Request::Members(question) => {
                self.gate.members(from.clone(), question).map(Response::Members).boxed()
            }
            Request::Entities(question) => match self.copies.get() {
                Some(copies) => copies.answer(question).map(Response::Entities).boxed(),
                None => refuse(Refusal::Unknown),
            },
            request => match self.node.get().and_then(Weak::upgrade) {
                Some(node) => self.answer(node, from, request),
                None => refuse(Refusal::Stopped),
            },
        }
    }
}

fn refuse(refusal: Refusal) -> BoxFuture<'static, Response> {
    future::ready(Response::Refused(refusal)).boxed()
}

async fn append(
    node: Arc<Proposer>,
    rpc: openraft::raft::AppendEntriesRequest<super::types::Types>,
    word: Option<Word>,
) -> Response {
    let committed = entries(rpc.leader_commit.as_ref());
    let Ok(response) = node.raft.append_entries(rpc).await else {
        return Response::Refused(Refusal::Stopped);
    };
    let result = convert::append_result(&response);
    if let Some(word) = word
        && !matches!(result, AppendResult::HigherVote(_))
    {
        node.word.heard(word, committed);
    }
    let boot_us = u64::try_from(node.word.now()).unwrap_or(0);
    Response::Append(Appended { result, boot_us })
}

async fn vote(node: Arc<Proposer>, ballot: Ballot) -> Response {
    match node.raft.vote(ballot.into()).await {
        Ok(response) => Response::Vote((&response).into()),
        Err(_) => Response::Refused(Refusal::Stopped),
    }
}

async fn pre_vote(node: Arc<Proposer>, ballot: Ballot) -> Response {
    match node.raft.pre_vote(ballot.into()).await {
        Ok(response) => Response::Vote((&response).into()),
        Err(_) => Response::Refused(Refusal::Stopped),
    }
}

async fn snapshot(node: Arc<Proposer>, incoming: Arc<Mutex<Incoming>>, chunk: Chunk) -> Response {
    // Held until the whole is installed: a second transfer would write into the same file.
    let mut incoming = incoming.lock().await;
    let vote = chunk.vote;
    let file = match incoming.take(chunk).await {
        Ok(Step::Answer(received)) => return Response::Snapshot(received),
        Ok(Step::Whole(file)) => file,
        Err(error) => {
            tracing::error!(%error, "a piece of a snapshot was not kept");
            return Response::Snapshot(Received::Restart);
        }
    };
    let meta = match super::applier::blocking(move || Ok((file.head()?.meta()?, file))).await {
        Ok((meta, file)) => Snapshot { meta, snapshot: file },
        Err(error) => {
            tracing::error!(%error, "a snapshot was not understood");
            return Response::Snapshot(Received::Restart);
        }
    };
    match node.raft.install_full_snapshot(vote.into(), meta).await {
        Ok(response) => Response::Snapshot(Received::Whole((&response.vote).into())),
        Err(_) => Response::Refused(Refusal::Stopped),
    }
}

/// The number of entries up to an id.
pub(crate) fn entries(last: Option<&LogId>) -> u64 {
    last.map_or(0, |id| id.index + 1)
}
