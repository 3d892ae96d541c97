//! From a command to a durable, applied entry; from files back to a state.
//!
//! The one place with openraft. A write is stamped with the leader's time, numbered, proposed, synced, applied
//! and answered. Opening reads identity, snapshot and log, and, where this node is the only voter, has it
//! elect itself at once. Nothing is acknowledged before it is on disk.

mod applier;
mod files;
pub(crate) mod frame;
mod housekeeping;
pub(crate) mod identity;
mod inflight;
pub(crate) mod layout;
mod log_store;
mod network;
mod snapshot;
pub(crate) mod types;
mod wal;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openraft::{
    Config, ReadPolicy, ServerState, SnapshotPolicy, async_runtime::WatchReceiver, error::RaftError,
};
use tokio::task::AbortHandle;

use crate::{
    Error, Metrics, Settings,
    command::{Command, Outcome},
    engine::{
        applier::{Applier, blocking},
        files::Opened,
        identity::{Identity, Seat},
        inflight::Inflight,
        log_store::LogStore,
        network::Nobody,
        types::{Member, Proposal, Raft, Types},
    },
    machine::{Body, Entry, usage::Map},
    shared::Shared,
};

/// How long a write may take before it is given up as unknown.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a sole voter may take to lead and to catch up with its own log at the start.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes of log that are worth a snapshot before stopping, so that the next start has less to replay.
const SAVE_AT_STOP: u64 = 1 << 20;
/// How long that may take.
const SAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// What proposes: everything that writing needs, shared with the housekeeping.
#[derive(Debug)]
pub(crate) struct Proposer {
    raft: Raft,
    shared: Arc<Shared>,
    inflight: Inflight,
    id: u64,
    boot: u64,
}

impl Proposer {
    /// Proposes a body and waits until it has been applied.
    async fn propose(&self, body: Body) -> Result<Outcome, Error> {
        let ticket = self.inflight.begin()?;
        let entry = Entry {
            time: self.shared.time.now(),
            origin: self.id,
            boot: self.boot,
            sequence: ticket.sequence,
            oldest: ticket.oldest,
            body,
        };
        let written = self.raft.client_write(Proposal(Arc::new(entry)));
        match tokio::time::timeout(WRITE_TIMEOUT, written).await {
            Ok(Ok(response)) => Ok(Arc::unwrap_or_clone(response.data.0)),
            Ok(Err(RaftError::Fatal(_))) => Err(Error::Stopped),
            Ok(Err(RaftError::APIError(_))) => Err(Error::NoQuorum),
            Err(_) => Err(Error::Timeout),
        }
    }

    /// Whether this node's own word is the leader's: it leads, and nobody else could.
    fn is_sole_leader(&self) -> Result<bool, Error> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        if metrics.running_state.is_err() {
            return Err(Error::Stopped);
        }
        let is_sole = metrics.membership_config.membership().voter_ids().eq([self.id]);
        Ok(is_sole && metrics.state == ServerState::Leader)
    }
}

/// The engine of one node.
#[derive(Debug)]
pub(crate) struct Engine {
    proposer: Arc<Proposer>,
    log: LogStore,
    tasks: Vec<AbortHandle>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Engine {
    /// Opens a data folder and waits until this node serves.
    pub(crate) async fn open(settings: Settings) -> Result<(Self, Arc<Shared>), Error> {
        let Opened { identity, snapshots, log, meta, state } = files::open(settings.dir.clone()).await?;
        let shared = Arc::new(Shared::new(state));
        let applier = Applier::new(Arc::clone(&shared), snapshots.clone(), log.clone(), meta);
        let seat = identity.seat.clone().unwrap_or_else(Seat::alone);
        let raft = Raft::new(seat.id, config()?, Nobody, log.clone(), applier).await;
        let raft = raft.map_err(|error| Error::Storage(std::io::Error::other(error)))?;
        lead(&raft, seat.id).await?;
        if !identity.is_formed {
            let formed = Identity { is_formed: true, seat: Some(seat.clone()), ..identity.clone() };
            let dir = settings.dir.clone();
            blocking(move || formed.save(&dir)).await.map_err(Error::Storage)?;
        }
        shared.begin_leadership();
        let (id, boot) = (seat.id, identity.boot);
        let inflight = Inflight::default();
        let proposer = Arc::new(Proposer { raft, shared: Arc::clone(&shared), inflight, id, boot });
        if shared.read().bound != settings.max_state_bytes {
            proposer.propose(Body::Bound(settings.max_state_bytes)).await?;
        }
        let tasks = housekeeping::start(&proposer, &log, snapshots, &settings);
        Ok((Self { proposer, log, tasks }, shared))
    }

    /// Writes a command.
    pub(crate) async fn write(&self, command: Command) -> Result<Outcome, Error> {
        self.proposer.propose(Body::Command(Box::new(command))).await
    }

    /// Waits until the state is known to hold every answered write. A sole leader knows: it applied each
    /// before it answered.
    pub(crate) async fn read(&self) -> Result<(), Error> {
        if self.proposer.is_sole_leader()? {
            return Ok(());
        }
        let read = self.proposer.raft.ensure_linearizable(ReadPolicy::ReadIndex);
        read.await.map(drop).map_err(|error| match error {
            RaftError::APIError(_) => Error::NoQuorum,
            RaftError::Fatal(_) => Error::Stopped,
        })
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
            entries: Map::ALL.iter().map(|(map, _)| state.usage.of(*map).entries).sum(),
            bytes: state.usage.bytes(),
        }
    }

    /// Stops, syncs, and gives the folder free.
    pub(crate) async fn shutdown(&self) -> Result<(), Error> {
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
        let log = self.log.clone();
        blocking(move || log.close()).await.map_err(Error::Storage)
    }
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

fn config() -> Result<Arc<Config>, Error> {
    let config = Config {
        cluster_name: "keyraft".to_owned(),
        heartbeat_interval: 100,
        election_timeout_min: 300,
        election_timeout_max: 600,
        // By bytes, see `housekeeping`: the size of entries varies a hundredfold.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: 0,
        purge_batch_size: 1,
        // A leader back from a restart may have lost what it had not synced: only an election may tell.
        enable_leader_restore: Some(false),
        enable_pre_vote: Some(true),
        ..Config::default()
    };
    config.validate().map(Arc::new).map_err(|error| Error::Storage(std::io::Error::other(error)))
}
