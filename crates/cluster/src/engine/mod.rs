//! From a command to a durable, applied entry; from files back to a state.
//!
//! The one place with openraft. A write is numbered where it is asked, brought to the leader (`proposer`,
//! `forward`), stamped with the leader's time, proposed, synced on a majority, applied and answered. `network`
//! and `serve` are the two ends of what nodes say to each other, `word` says how sure a node may be of what it
//! knows, `reads` makes it sure. Opening reads identity, snapshot and log, and, where this node is the only
//! voter, has it elect itself at once. Nothing is acknowledged before it is on disk.

mod applier;
mod convert;
pub(crate) mod entities;
mod files;
mod fixed;
mod forward;
pub(crate) mod frame;
mod housekeeping;
pub(crate) mod identity;
mod incoming;
mod inflight;
pub(crate) mod layout;
mod leadership;
mod log_store;
mod network;
pub(crate) mod offline;
mod outgoing;
pub(crate) mod proposer;
mod reads;
pub(crate) mod serve;
mod snapshot;
pub(crate) mod types;
mod wal;
mod word;

#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use openraft::{Config, ServerState, SnapshotPolicy, async_runtime::WatchReceiver, error::RaftError};
use tokio::{net::TcpListener, sync::watch, task::AbortHandle};

use crate::{
    Error, Group, Metrics, NetworkSettings, Settings, Timing,
    command::{Command, Outcome},
    engine::{
        applier::{Applier, blocking},
        entities::Entities,
        files::Opened,
        fixed::FixedGate,
        forward::Forwarder,
        identity::{Identity, Seat},
        incoming::Incoming,
        inflight::Inflight,
        log_store::LogStore,
        network::{Nobody, Routes},
        proposer::{Lead, Peers, Proposer, Who},
        reads::Rounds,
        serve::{Copies, Gate, Server},
        types::{Member, Raft, Types},
        word::Word,
    },
    machine::{Body, usage::Map},
    members::{Door, Members},
    net::{self, Formation, Net, Tcp},
    shared::Shared,
    time::boot_us,
};

/// How long a sole voter may take to lead and to catch up with its own log at the start.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Bytes of log that are worth a snapshot before stopping, so that the next start has less to replay.
const SAVE_AT_STOP: u64 = 1 << 20;
/// How long that may take.
const SAVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long handing the leadership over may take.
const HAND_OVER: Duration = Duration::from_secs(2);

/// The engine of one node.
#[derive(Debug)]
pub(crate) struct Engine {
    proposer: Arc<Proposer>,
    log: LogStore,
    tasks: Vec<AbortHandle>,
    members: Option<Arc<Members>>,
    entities: Option<Arc<Entities>>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        if let Some(peers) = &self.proposer.peers {
            peers.net.close();
        }
    }
}

impl Engine {
    /// Opens a data folder. A node that is alone serves when this returns; one of several serves as soon as a
    /// majority has a leader.
    pub(crate) async fn open(settings: Settings) -> Result<(Self, Arc<Shared>), Error> {
        let opened = files::open(settings.dir.clone()).await?;
        match settings.group.clone() {
            Group::Alone => Self::open_alone(settings, opened).await,
            Group::Network(network) => Self::open_network(settings, opened, &network).await,
        }
    }

    async fn open_alone(settings: Settings, opened: Opened) -> Result<(Self, Arc<Shared>), Error> {
        let Opened { identity, snapshots, log, meta, state, skips } = opened;
        let shared = Arc::new(Shared::new(state, skips));
        let applier = Applier::new(Arc::clone(&shared), snapshots.clone(), log.growth(), meta);
        let applied = applier.progress();
        let seat = identity.seat.clone().unwrap_or_else(Seat::alone);
        let config = config(&settings.timing, 0)?;
        let raft = Raft::new(seat.id, config, Nobody, log.clone(), applier).await.map_err(failed)?;
        lead(&raft, seat.id).await?;
        keep_seat(&settings, &identity, &seat).await?;
        shared.begin_leadership(true);
        let proposer = Arc::new(Proposer {
            raft,
            shared: Arc::clone(&shared),
            inflight: Inflight::default(),
            id: seat.id,
            boot: identity.boot,
            word: Arc::new(Word::new(seat.id, boot_us)),
            lead: watch::channel(Lead::default()).1,
            applied,
            peers: None,
        });
        if shared.read().bound != settings.max_state_bytes {
            proposer.propose(Body::Bound(settings.max_state_bytes)).await?;
        }
        let tasks = housekeeping::start(&proposer, &log, snapshots, &settings);
        Ok((Self { proposer, log, tasks, members: None, entities: None }, shared))
    }

    async fn open_network(
        settings: Settings,
        opened: Opened,
        network: &NetworkSettings,
    ) -> Result<(Self, Arc<Shared>), Error> {
        let Opened { identity, snapshots, log, meta, state, skips } = opened;
        let boot = identity.boot;
        let was_formed = identity.is_formed;
        let members = match &network.formation {
            Formation::Fixed { .. } => None,
            Formation::Founded(founding) => {
                let dir = settings.dir.clone();
                Some(Members::new(dir, network, founding.clone(), settings.timing, identity.clone()))
            }
        };
        let gate: Arc<dyn Gate> = match &members {
            Some(members) => Arc::new(Door(Arc::clone(members))),
            None => Arc::new(FixedGate::new(network, &identity)),
        };
        let server = Arc::new(Server::new(gate, Incoming::new(&snapshots)));
        let net = listen(network, &settings.timing, &server).await?;
        let seat = match (&network.formation, &members) {
            (Formation::Fixed { id, members }, _) => {
                let founders = members.clone();
                let seat = Seat { cluster: network.cluster.clone(), epoch: 1, id: *id, founders };
                keep_seat(&settings, &identity, &seat).await?;
                seat
            }
            (_, Some(members)) => members.seat(&net).await?,
            (Formation::Founded(_), None) => return Err(Error::Stopped),
        };
        let founders = seat.founders.clone();
        let shared = Arc::new(Shared::new(state, skips));
        let applier = Applier::new(Arc::clone(&shared), snapshots.clone(), log.growth(), meta);
        let parts = Parts {
            seat,
            boot,
            net: net.clone(),
            timing: settings.timing,
            kept_entries: settings.kept_entries,
            clock: boot_us,
        };
        let (proposer, follow) = assemble(parts, log.clone(), applier, Arc::clone(&shared)).await?;
        server.serve(&proposer);
        let entities = Arc::new(Entities::new(proposer.applied.clone()));
        server.set_copies(Arc::clone(&entities) as Arc<dyn Copies>);
        if !founders.is_empty() && (members.is_none() || !was_formed) {
            form(&proposer.raft, &founders).await?;
        }
        let mut tasks = housekeeping::start(&proposer, &log, snapshots, &settings);
        tasks.push(follow);
        if let Some(members) = &members {
            tasks.extend(members.start(&net, &proposer));
        }
        Ok((Self { proposer, log, tasks, members, entities: Some(entities) }, shared))
    }

    /// The membership, where this node's group keeps it itself.
    pub(crate) fn members(&self) -> Option<&Arc<Members>> {
        self.members.as_ref()
    }

    /// What proposes.
    pub(crate) fn proposer(&self) -> &Arc<Proposer> {
        &self.proposer
    }

    /// Writes a command.
    pub(crate) async fn write(&self, command: Command) -> Result<Outcome, Error> {
        // Boxed: every step of every protocol holds this future, and would be as large and as deep as openraft's.
        Box::pin(self.proposer.propose(Body::Command(Box::new(command)))).await
    }

    /// Waits until the state is known to hold every answered write.
    pub(crate) async fn read(&self) -> Result<(), Error> {
        self.proposer.read().await
    }

    /// Whether what this node says without asking is current.
    pub(crate) fn is_informed(&self) -> bool {
        self.proposer.is_informed()
    }

    /// How the engine is.
    pub(crate) fn metrics(&self) -> Metrics {
        let metrics = self.proposer.raft.metrics();
        let metrics = metrics.borrow_watched().clone();
        let index = |id: &Option<types::LogId>| id.as_ref().map_or(0, |id| id.index);
        let state = self.proposer.shared.read();
        Metrics {
            is_leader: metrics.state == ServerState::Leader,
            last_log: metrics.last_log_index.unwrap_or(0),
            applied: index(&metrics.last_applied),
            snapshot: index(&metrics.snapshot),
            entries: Map::ALL.iter().map(|(map, _)| state.tally(*map).entries).sum(),
            bytes: state.bytes(),
        }
    }

    /// Hands the leadership to the voter that has most of the log, and waits until it leads. Nothing to do
    /// where this node does not lead, or nobody else could.
    pub(crate) async fn step_down(&self) {
        let Some(best) = self.best_successor() else { return };
        let mut lead = self.proposer.lead.clone();
        let handed_over = async {
            self.proposer.raft.trigger().transfer_leader(best).await.map_err(|_| Error::Stopped)?;
            let is_elsewhere = |lead: &Lead| matches!(lead.who, Who::At(_) | Who::Stopped);
            lead.wait_for(is_elsewhere).await.map_err(|_| Error::Stopped)?;
            Ok::<_, Error>(())
        };
        if !matches!(tokio::time::timeout(HAND_OVER, handed_over).await, Ok(Ok(()))) {
            tracing::warn!("the leadership was not handed over; the others will notice");
        }
    }

    fn best_successor(&self) -> Option<u64> {
        self.proposer.peers.as_ref()?;
        let metrics = self.proposer.raft.metrics();
        let metrics = metrics.borrow_watched();
        let replication = metrics.replication.as_ref()?;
        let voters = metrics.membership_config.membership().voter_ids();
        let others = voters.filter(|id| *id != self.proposer.id);
        let matched = |id: &u64| replication.get(id).and_then(|matched| matched.as_ref().map(|id| id.index));
        others.max_by_key(matched).filter(|_| metrics.state == ServerState::Leader)
    }

    /// Stops, syncs, and gives the folder free.
    pub(crate) async fn shutdown(&self) -> Result<(), Error> {
        self.step_down().await;
        self.tasks.iter().for_each(AbortHandle::abort);
        if self.log.unsaved() > SAVE_AT_STOP {
            let save = housekeeping::make_snapshot(&self.proposer);
            // Only the next start is slower without it.
            if !matches!(tokio::time::timeout(SAVE_TIMEOUT, save).await, Ok(Ok(()))) {
                tracing::warn!("no snapshot was made before stopping");
            }
        }
        // A task that failed to join has stopped as well; what matters is the log below.
        if let Err(error) = self.proposer.raft.shutdown().await {
            tracing::warn!(%error, "raft did not stop in order");
        }
        if let Some(peers) = &self.proposer.peers {
            peers.net.close();
        }
        let log = self.log.clone();
        blocking(move || log.close()).await.map_err(Error::Storage)
    }
}

/// Listens, so that peers find somebody before there is a Raft.
async fn listen(network: &NetworkSettings, timing: &Timing, server: &Arc<Server>) -> Result<Net, Error> {
    let settings = network.clone();
    let identity = tokio::task::spawn_blocking(move || net::Identity::new(&settings)).await;
    let identity = identity.map_err(failed)?.map_err(|what| Error::Network(io::Error::other(what)))?;
    let listener = TcpListener::bind(network.listen).await.map_err(Error::Network)?;
    let server = Arc::clone(server);
    Ok(Net::new(Arc::new(Tcp::start(listener, Arc::new(identity), server, timing))))
}

/// What a node of a group is made of, beside log and state.
pub(crate) struct Parts {
    pub(crate) seat: Seat,
    pub(crate) boot: u64,
    pub(crate) net: Net,
    pub(crate) timing: Timing,
    /// Entries kept behind a snapshot.
    pub(crate) kept_entries: u64,
    /// Boot time in microseconds.
    pub(crate) clock: fn() -> i64,
}

/// Puts a node of a group together; the handle ends the task that follows its leader.
pub(crate) async fn assemble<L>(
    parts: Parts,
    log: L,
    applier: Applier,
    shared: Arc<Shared>,
) -> Result<(Arc<Proposer>, AbortHandle), Error>
where
    L: openraft::storage::RaftLogStorage<Types>,
{
    let Parts { seat, boot, net, timing, kept_entries, clock } = parts;
    let word = Arc::new(Word::new(seat.id, clock));
    let applied = applier.progress();
    let routes = Routes { net: net.clone(), word: Arc::clone(&word), timing, kept: Arc::default() };
    let config = config(&timing, kept_entries)?;
    let raft = Raft::new(seat.id, config, routes, log, applier).await.map_err(failed)?;
    let (publish, lead) = watch::channel(Lead::default());
    let forwarder = Forwarder::start(net.clone(), lead.clone(), timing.lost);
    let follow = leadership::follow(&raft, Arc::clone(&shared), Arc::clone(&word), net.clone(), publish);
    let follow = tokio::spawn(follow).abort_handle();
    let peers = Some(Peers { net, forwarder, rounds: Rounds::start() });
    let inflight = Inflight::default();
    let (id, boot) = (seat.id, boot);
    let proposer = Arc::new(Proposer { raft, shared, inflight, id, boot, word, lead, applied, peers });
    if let Some(peers) = &proposer.peers {
        peers.rounds.serve(&proposer);
    }
    Ok((proposer, follow))
}

/// Forms a group of exactly these, unless this node's log says that it is formed.
pub(crate) async fn form(raft: &Raft, members: &BTreeMap<u64, Member>) -> Result<(), Error> {
    if raft.is_initialized().await.map_err(|_| Error::Stopped)? {
        return Ok(());
    }
    raft.initialize(members.clone()).await.or_else(|error| match error {
        RaftError::Fatal(_) => Err(Error::Stopped),
        // A peer was faster, and its log has arrived here.
        RaftError::APIError(openraft::error::InitializeError::NotAllowed(_)) => Ok(()),
        RaftError::APIError(error) => Err(failed(error)),
    })
}

/// Saves that this disk takes part in the group.
async fn keep_seat(settings: &Settings, identity: &Identity, seat: &Seat) -> Result<(), Error> {
    if identity.is_formed && identity.seat.as_ref() == Some(seat) {
        return Ok(());
    }
    let formed = Identity { is_formed: true, seat: Some(seat.clone()), ..identity.clone() };
    let dir = settings.dir.clone();
    blocking(move || formed.save(&dir)).await.map_err(Error::Storage)
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Storage(io::Error::other(error))
}

/// Has the sole voter lead, and waits until it has applied its own log.
async fn lead(raft: &Raft, id: u64) -> Result<(), Error> {
    let stopped = |_| Error::Stopped;
    if raft.is_initialized().await.map_err(stopped)? {
        if raft.voter_ids().eq([id]) {
            raft.trigger().elect(false).await.map_err(stopped)?;
        }
    } else {
        let members = BTreeMap::from([(id, Member::default())]);
        raft.initialize(members).await.map_err(|error| match error {
            RaftError::Fatal(_) => Error::Stopped,
            RaftError::APIError(error) => Error::Storage(std::io::Error::other(error)),
        })?;
    }
    let serves = |metrics: &openraft::RaftMetrics<Types>| {
        let applied = metrics.last_applied.as_ref().map(|id| id.index);
        metrics.state == ServerState::Leader && applied == metrics.last_log_index
    };
    raft.wait(Some(START_TIMEOUT)).metrics(serves, "leads and has applied its log").await.map_err(
        |error| {
            tracing::error!(%error, "the group does not serve");
            Error::NoQuorum
        },
    )?;
    Ok(())
}

fn config(timing: &Timing, kept_entries: u64) -> Result<Arc<Config>, Error> {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let (heartbeat, election_max) = (millis(timing.heartbeat), millis(timing.election_max));
    let config = Config {
        cluster_name: "keyraft".to_owned(),
        heartbeat_interval: heartbeat,
        election_timeout_min: millis(timing.election_min),
        election_timeout_max: election_max,
        install_snapshot_timeout: millis(timing.lost),
        // By bytes, see `housekeeping`: the size of entries varies a hundredfold.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: kept_entries,
        purge_batch_size: 1,
        // A leader back from a restart may have lost what it had not synced: only an election may tell.
        enable_leader_restore: Some(false),
        enable_pre_vote: Some(true),
        // A leader that hears nobody must fall silent, or those who hear it never elect another.
        quorum_loss_probe_interval: Some(2 * election_max),
        // A peer that is back must not wait: sessions wait for it.
        backoff: format!("{heartbeat}ms {heartbeat}ms {}ms ..{election_max}ms", 2 * heartbeat),
        ..Config::default()
    };
    config.validate().map(Arc::new).map_err(failed)
}
