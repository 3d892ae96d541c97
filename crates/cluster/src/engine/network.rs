//! openraft's way to its peers: entries and votes over the Raft lane, snapshots over the bulk lane.
//!
//! Entries are sent without waiting for the answers to those before them, in pieces that never hold a vote up
//! for long; answers come back in order. A peer that cannot be reached is an error at once, and openraft backs
//! off. A group of one has [`Nobody`] to talk to.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{Stream, StreamExt, future, stream};
use openraft::{
    RaftNetworkFactory, RaftNetworkV2,
    base::{BoxFuture, BoxStream},
    error::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable},
    network::RPCOption,
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
        TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
    },
};

use crate::{
    Timing,
    engine::{
        convert,
        layout::{Entry, LogId},
        outgoing,
        snapshot::SnapshotFile,
        types::{Member, Snapshot, Types, Vote},
        word::Word,
    },
    net::{
        CallError, Lane, Net, Target,
        wire::{Append, AppendResult, Request, Response},
    },
};

/// Requests with entries that may be on their way to one peer.
const WINDOW: usize = 32;
/// Bytes of entries in one request, unless one entry alone is larger.
const PIECE: usize = 512 << 10;

/// Makes routes to peers.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    pub(crate) net: Net,
    pub(crate) word: Arc<Word>,
    pub(crate) timing: Timing,
    pub(crate) kept: Arc<Kept>,
}

/// How much each peer said that it has on disk, by term.
///
/// openraft stops a leader whose follower denies an entry that it had acknowledged. That is right about a disk
/// that was rolled back and wrong about requests that overtook each other on the way, and in neither case may
/// one peer's trouble take the leader down: such a denial is an answer that was lost, and an alarm.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<BTreeMap<u64, (u64, u64)>>);

impl Kept {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (u64, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A peer has entries on disk up to there.
    fn note(&self, peer: u64, term: u64, upto: Option<LogId>) {
        if let Some(upto) = upto {
            let mut kept = self.lock();
            let known = kept.entry(peer).or_insert((term, upto.index));
            *known = (*known).max((term, upto.index));
        }
    }

    /// Whether a peer that said so in this term now denies having that entry.
    fn is_denied(&self, peer: u64, term: u64, entry: Option<LogId>) -> bool {
        let kept = self.lock().get(&peer).copied();
        matches!((kept, entry), (Some((of, upto)), Some(entry)) if of == term && entry.index <= upto)
    }
}

impl RaftNetworkFactory<Types> for Routes {
    type Network = Route;

    async fn new_client(&mut self, id: u64, member: &Member) -> Route {
        Route { routes: self.clone(), id, target: Target::member(id, member) }
    }
}

/// The way to one peer.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    routes: Routes,
    id: u64,
    target: Target,
}

impl Route {
    fn call(
        &self,
        lane: Lane,
        request: &Request,
        deadline: Duration,
    ) -> impl Future<Output = Result<Response, CallError>> + Send + 'static + use<> {
        self.routes.net.call(&self.target, lane, request, deadline)
    }

    /// Sends entries; they are on their way, in order, when this returns.
    fn send(
        &self,
        rpc: &AppendEntriesRequest<Types>,
    ) -> impl Future<Output = Result<AppendEntriesResponse<Types>, RPCError<Types>>> + Send + 'static + use<>
    {
        let (word, kept) = (Arc::clone(&self.routes.word), Arc::clone(&self.routes.kept));
        let (id, term) = (self.id, rpc.vote.leader_id.term);
        let sent_at = word.now();
        let pieces = convert::append(rpc, word.for_peer(term, id)).map(pieces);
        let calls = pieces.map(|pieces| {
            let call = |piece: Append| {
                let previous = piece.previous;
                let last = piece.entries.last().map(|entry| entry.id).or(previous);
                (previous, last, self.call(Lane::Raft, &Request::Append(piece), self.routes.timing.lost))
            };
            pieces.into_iter().map(call).collect::<Vec<_>>()
        });
        async move {
            let mut done = None;
            for (previous, last, call) in
                calls.map_err(|error| RPCError::Network(NetworkError::new(&error)))?
            {
                match call.await {
                    Ok(Response::Append(appended)) => {
                        let result = appended.result;
                        if !matches!(result, AppendResult::HigherVote(_)) {
                            word.answered(term, id, sent_at, appended.boot_us);
                        }
                        match result {
                            AppendResult::Success => {
                                kept.note(id, term, last);
                                done = last;
                                continue;
                            }
                            AppendResult::Partial(upto) => kept.note(id, term, upto),
                            AppendResult::Conflict if kept.is_denied(id, term, previous) => {
                                metrics::counter!("keyraft_cluster_denied_entries_total").increment(1);
                                tracing::warn!(peer = id, "a peer denies an entry that it had");
                                return Err(rpc_error(CallError::Lost));
                            }
                            AppendResult::Conflict | AppendResult::HigherVote(_) => {}
                        }
                        return Ok(convert::append_response(result));
                    }
                    // What went before has arrived.
                    _ if done.is_some() => {
                        return Ok(AppendEntriesResponse::PartialSuccess(done.map(Into::into)));
                    }
                    Ok(_) => return Err(rpc_error(CallError::Garbled)),
                    Err(error) => return Err(rpc_error(error)),
                }
            }
            Ok(AppendEntriesResponse::Success)
        }
    }

    /// The same, with the answer as a stream wants it. What follows another request in its stream begins with
    /// what that one ends with: a peer that does not have it was reached by the second before the first.
    fn send_streamed(
        &self,
        rpc: &AppendEntriesRequest<Types>,
        is_first: bool,
    ) -> impl Future<Output = (Result<StreamAppendResult<Types>, RPCError<Types>>, bool)> + Send + 'static + use<>
    {
        let previous = rpc.prev_log_id;
        let last = rpc.entries.last().map(|entry| entry.log_id).or(previous);
        let answer = self.send(rpc);
        async move {
            match answer.await {
                // Nor does a conflict at nothing make sense; openraft would survive neither.
                Ok(AppendEntriesResponse::Conflict) if !is_first || previous.is_none() => {
                    (Err(rpc_error(CallError::Lost)), true)
                }
                Ok(response) => {
                    let is_partial = matches!(&response,
                        AppendEntriesResponse::PartialSuccess(upto) if *upto != last);
                    let result = response.into_stream_result(previous, last);
                    let is_last = is_partial || result.is_err();
                    (Ok(result), is_last)
                }
                Err(error) => (Err(error), true),
            }
        }
    }

    async fn ballot(
        &self,
        request: Request,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        match self.call(Lane::Raft, &request, option.hard_ttl()).await {
            Ok(Response::Vote(voted)) => Ok(voted.into()),
            Ok(_) => Err(rpc_error(CallError::Garbled)),
            Err(error) => Err(rpc_error(error)),
        }
    }
}

impl RaftNetworkV2<Types> for Route {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        self.send(&rpc).await
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _: RPCOption,
    ) -> BoxFuture<
        's,
        Result<BoxStream<'s, Result<StreamAppendResult<Types>, RPCError<Types>>>, RPCError<Types>>,
    >
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + Send + Unpin + 'static,
    {
        let route = self.clone();
        let mut is_first = true;
        let send = move |rpc| route.send_streamed(&rpc, std::mem::take(&mut is_first));
        let answers = input.map(send).buffered(WINDOW);
        let until_failure = stream::unfold(Some(Box::pin(answers)), |answers| async move {
            let mut answers = answers?;
            let (answer, is_last) = answers.next().await?;
            Some((answer, (!is_last).then_some(answers)))
        });
        let answers: BoxStream<'s, _> = Box::pin(until_failure);
        Box::pin(future::ready(Ok(answers)))
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.ballot(Request::Vote((&rpc).into()), option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.ballot(Request::PreVote((&rpc).into()), option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let (net, target) = (self.routes.net.clone(), self.target.clone());
        let sending = outgoing::send(net, target, vote, snapshot.snapshot, self.routes.timing.lost);
        tokio::select! {
            sent = sending => sent.map(SnapshotResponse::new).map_err(|error| match rpc_error(error) {
                RPCError::Unreachable(error) => StreamingError::Unreachable(error),
                error => StreamingError::Network(NetworkError::new(&error)),
            }),
            closed = cancel => Err(StreamingError::Closed(closed)),
        }
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        match self.call(Lane::Raft, &Request::Transfer((&rpc).into()), option.hard_ttl()).await {
            Ok(Response::Transfer(transferred)) => Ok(transferred.into()),
            Ok(_) => Err(rpc_error(CallError::Garbled)),
            Err(error) => Err(rpc_error(error)),
        }
    }
}

/// Splits what would hold the lane up for too long.
fn pieces(mut append: Append) -> Vec<Append> {
    let mut pieces = Vec::new();
    let mut size = 0;
    let mut piece: Vec<Entry> = Vec::new();
    for entry in std::mem::take(&mut append.entries) {
        if size + entry.body.size() > PIECE && !piece.is_empty() {
            let last = piece.last().map(|entry| entry.id);
            pieces.push(Append { entries: std::mem::take(&mut piece), ..append.clone() });
            append.previous = last;
            size = 0;
        }
        size += entry.body.size();
        piece.push(entry);
    }
    pieces.push(Append { entries: piece, ..append });
    pieces
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn rpc_error(error: CallError) -> RPCError<Types> {
    match error {
        CallError::Lost | CallError::Garbled | CallError::TooLarge => {
            RPCError::Network(NetworkError::new(&error))
        }
        CallError::Unreachable(_) | CallError::WrongPeer(_) | CallError::Refused(_) => {
            RPCError::Unreachable(Unreachable::new(&error))
        }
    }
}

/// The network of a group of one: there is nobody to talk to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nobody;

fn unreachable() -> Unreachable<Types> {
    Unreachable::new(&io::Error::new(io::ErrorKind::NotConnected, "this group has one member"))
}

impl RaftNetworkFactory<Types> for Nobody {
    type Network = Self;

    async fn new_client(&mut self, _: u64, _: &Member) -> Self {
        *self
    }
}

impl RaftNetworkV2<Types> for Nobody {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        _: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        Err(unreachable().into())
    }

    async fn vote(
        &mut self,
        _: VoteRequest<Types>,
        _: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Err(unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _: Vote,
        _: Snapshot,
        _: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        Err(unreachable().into())
    }
}
