//! From a command to its answer: numbered here, proposed where the leader is, asked again until it is known.
//!
//! A node that does not lead hands its entries to the leader, many at a time. Whatever happens on the way (a
//! leader that dies, a connection that breaks, a batch that is late), the same command is asked again under the
//! same number, and the state answers it once. Only the deadline, or silence from all leaders, ends that.

use std::{sync::Arc, time::Duration};

use futures::TryStreamExt;
use openraft::{ServerState, async_runtime::WatchReceiver, error::RaftError};
use tokio::{sync::watch, time::timeout};

use crate::{
    Error,
    command::Outcome,
    engine::{
        forward::Forwarder,
        frame,
        inflight::Inflight,
        reads::Rounds,
        types::{Proposal, Raft},
        word::Word,
    },
    machine::{Body, Entry},
    net::{Net, Target, wire::Proposed},
    shared::Shared,
};

/// How long a write may take before it is given up as unknown.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before a command is asked again where nothing else says when.
const AGAIN: Duration = Duration::from_millis(20);

/// Who leads, as the rest of the engine goes by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lead {
    /// The term.
    pub(crate) term: u64,
    /// Its leader.
    pub(crate) who: Who,
}

/// Where the leader is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Who {
    /// None is known.
    #[default]
    Nobody,
    /// It is this node, and its time has begun.
    Here,
    /// It is a peer.
    At(Target),
    /// The engine has stopped.
    Stopped,
}

/// What makes a group of several.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) net: Net,
    pub(crate) forwarder: Forwarder,
    pub(crate) rounds: Rounds,
}

/// What proposes: everything that writing needs, shared with the housekeeping.
#[derive(Debug)]
pub(crate) struct Proposer {
    pub(crate) raft: Raft,
    pub(crate) shared: Arc<Shared>,
    pub(crate) inflight: Inflight,
    pub(crate) id: u64,
    pub(crate) boot: u64,
    pub(crate) word: Arc<Word>,
    /// Who leads.
    pub(crate) lead: watch::Receiver<Lead>,
    /// Entries applied to the state.
    pub(crate) applied: watch::Receiver<u64>,
    /// `None` where this node is alone.
    pub(crate) peers: Option<Peers>,
}

/// What became of one attempt.
#[expect(clippy::large_enum_variant, reason = "one at a time, and nearly always the large one")]
enum Attempt {
    Answered(Outcome),
    Again,
    Stopped,
}

impl Proposer {
    /// Proposes a body and waits until it has been applied.
    pub(crate) async fn propose(&self, body: Body) -> Result<Outcome, Error> {
        let ticket = self.inflight.begin()?;
        let entry = Entry {
            time: self.shared.time.now(),
            origin: self.id,
            boot: self.boot,
            sequence: ticket.sequence,
            oldest: ticket.oldest,
            body,
        };
        let answered = async {
            match &self.peers {
                Some(peers) => self.ask_until_known(peers, entry).await,
                None => match self.write_here(entry).await {
                    Attempt::Answered(outcome) => Ok(outcome),
                    Attempt::Again => Err(Error::NoQuorum),
                    Attempt::Stopped => Err(Error::Stopped),
                },
            }
        };
        timeout(WRITE_TIMEOUT, answered).await.unwrap_or(Err(Error::Timeout))
    }

    async fn ask_until_known(&self, peers: &Peers, entry: Entry) -> Result<Outcome, Error> {
        let mut lead = self.lead.clone();
        loop {
            let now = lead.borrow_and_update().clone();
            let attempt = async {
                match now.who {
                    Who::Here => self.write_here(entry.clone()).await,
                    Who::At(_) => forward(peers, &entry).await,
                    Who::Nobody => std::future::pending().await,
                    Who::Stopped => Attempt::Stopped,
                }
            };
            tokio::select! {
                biased;
                attempt = attempt => match attempt {
                    Attempt::Answered(outcome) => return Ok(outcome),
                    Attempt::Stopped => return Err(Error::Stopped),
                    Attempt::Again => {
                        if self.word.silence() >= super::word::SILENCE {
                            return Err(Error::NoQuorum);
                        }
                        // Another leader, if there is one, is asked at once.
                        pause(&mut lead).await?;
                    }
                },
                changed = lead.changed() => changed.map_err(|_| Error::Stopped)?,
                () = self.word.lost() => return Err(Error::NoQuorum),
            }
        }
    }

    async fn write_here(&self, mut entry: Entry) -> Attempt {
        entry.time = self.shared.time.now();
        match self.raft.client_write(Proposal(Arc::new(entry))).await {
            Ok(response) => Attempt::Answered(Arc::unwrap_or_clone(response.data.0)),
            Err(RaftError::Fatal(_)) => Attempt::Stopped,
            Err(RaftError::APIError(_)) => Attempt::Again,
        }
    }

    /// Proposes what another node asks to have proposed, in one go; answers are encoded, in its order.
    pub(crate) async fn propose_for(&self, origin: u64, entries: Vec<Vec<u8>>) -> Vec<Proposed> {
        let count = entries.len();
        let mut answers = vec![Proposed::Again; count];
        let (mut places, mut proposals) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (place, bytes) in entries.iter().enumerate() {
            match frame::decode::<Entry>(bytes) {
                // Nobody asks under another's name: his numbers would be used up.
                Ok(mut entry) if entry.origin == origin => {
                    entry.time = self.shared.time.now();
                    places.push(place);
                    proposals.push(Proposal(Arc::new(entry)));
                }
                _ => answers[place] = Proposed::Unreadable,
            }
        }
        if self.lead.borrow().who != Who::Here {
            return answers;
        }
        let Ok(mut results) = self.raft.client_write_many(proposals).await else { return answers };
        for place in places {
            match results.try_next().await {
                Ok(Some(Ok(written))) => {
                    answers[place] =
                        frame::encode(&*written.response.0).map_or(Proposed::Again, Proposed::Applied);
                }
                Ok(Some(Err(_))) => {}
                Ok(None) | Err(_) => break,
            }
        }
        answers
    }

    /// Waits until the state holds every write that was answered before this was called.
    pub(crate) async fn read(&self) -> Result<(), Error> {
        if self.is_sole_leader()? {
            return Ok(());
        }
        let Some(peers) = &self.peers else { return Err(Error::NoQuorum) };
        Box::pin(self.read_among(peers)).await
    }

    async fn read_among(&self, peers: &Peers) -> Result<(), Error> {
        let mut lead = self.lead.clone();
        let current = async {
            loop {
                if lead.borrow_and_update().who == Who::Stopped {
                    return Err(Error::Stopped);
                }
                if let Some(index) = peers.rounds.join().await {
                    let mut applied = self.applied.clone();
                    applied.wait_for(|applied| *applied >= index).await.map_err(|_| Error::Stopped)?;
                    return Ok(());
                }
                pause(&mut lead).await?;
            }
        };
        tokio::select! {
            current = current => current,
            () = self.word.lost() => Err(Error::NoQuorum),
        }
    }

    /// Whether this node's own word is the leader's: it leads, and nobody else could.
    pub(crate) fn is_sole_leader(&self) -> Result<bool, Error> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        if metrics.running_state.is_err() {
            return Err(Error::Stopped);
        }
        let is_sole = metrics.membership_config.membership().voter_ids().eq([self.id]);
        Ok(is_sole && metrics.state == ServerState::Leader)
    }

    /// Whether this node leads and may propose on its own account.
    pub(crate) fn leads(&self) -> bool {
        match self.peers {
            Some(_) => self.lead.borrow().who == Who::Here,
            None => self.is_sole_leader().unwrap_or(false),
        }
    }

    /// Whether what this node says is current: it has the leader's word, no older than 1.5 s of boot time, and
    /// has applied what was committed by then.
    pub(crate) fn is_informed(&self) -> bool {
        if self.is_sole_leader().unwrap_or(false) {
            return true;
        }
        let is_fresh = self.word.age().is_some_and(|age| age < super::word::SILENCE);
        let needed = if self.leads() { self.first_of_term() } else { Some(self.word.committed()) };
        is_fresh && needed.is_some_and(|needed| *self.applied.borrow() >= needed)
    }

    /// How much a leader must have applied to know what its predecessors answered: its own first entry.
    fn first_of_term(&self) -> Option<u64> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let applied = metrics.last_applied.as_ref()?;
        (applied.leader_id.term == metrics.current_term).then_some(applied.index)
    }
}

/// Waits a moment, or for another leader.
async fn pause(lead: &mut watch::Receiver<Lead>) -> Result<(), Error> {
    match timeout(AGAIN, lead.changed()).await {
        // Whoever said who leads has gone, and the engine with it.
        Ok(Err(_)) => Err(Error::Stopped),
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

async fn forward(peers: &Peers, entry: &Entry) -> Attempt {
    let Ok(bytes) = frame::encode(entry) else { return Attempt::Again };
    match peers.forwarder.ask(bytes).await {
        Some(Proposed::Applied(bytes)) => match frame::decode(&bytes) {
            Ok(outcome) => Attempt::Answered(outcome),
            Err(error) => {
                tracing::error!(%error, "the leader's answer cannot be read by this version");
                Attempt::Again
            }
        },
        Some(Proposed::Unreadable) => {
            tracing::error!("the leader's version cannot read a command of this version");
            Attempt::Again
        }
        Some(Proposed::Again) | None => Attempt::Again,
    }
}
