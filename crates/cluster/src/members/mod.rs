//! Who is in the group: how it comes about, who joins, who leaves, and who must not.
//!
//! A node without a seat looks for others (`discovery`), reads the database's row (`registry`) and decides
//! (`bootstrap`) whether it forms a group, joins one or waits. With a seat it tells its peers how it is (`watch`),
//! and, while it leads, changes the membership one step at a time (`plan`, `lead`). Peers are judged at each
//! handshake: another cluster, a lower epoch and a disk that was rolled back are refused; a higher epoch fences
//! this node for good. Deciding is pure; only `seat`, `watch` and `lead` do anything.

mod bootstrap;
mod clock;
mod judge;
mod known;
mod lead;
mod operate;
mod plan;
mod question;
mod registry;
mod seat;
mod serve;
mod settings;
mod status;
mod watch;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use openraft::{ServerState, async_runtime::WatchReceiver};
use tokio::{sync::watch as channel, task::AbortHandle};

use self::known::Known;
pub(crate) use self::{
    judge::Door,
    registry::{founder_id, hex},
};
pub use self::{
    plan::Patience,
    registry::{ClusterRow, Founder, Registry, RegistryError},
    settings::Founding,
    status::{Node, Role, Status},
};
use crate::{
    Error, Member, Timing,
    discovery::Finder,
    engine::{
        identity::{Identity, Seat},
        proposer::Proposer,
        types::{Raft, Types},
    },
    net::{
        Net, NetworkSettings,
        wire::{Hello, PROTOCOL, PROTOCOL_MIN},
    },
    time,
};

/// The highest version of the replicated state that this build supports; raised by one when commands are added
/// that an earlier build would not know.
pub(crate) const CLUSTER_VERSION: u32 = 1;

/// The membership as this node knows and keeps it.
#[derive(Debug)]
pub(crate) struct Members {
    dir: PathBuf,
    cluster: String,
    me: Member,
    founding: Founding,
    timing: Timing,
    /// Drawn at this start.
    start: u32,
    identity: Mutex<Identity>,
    finder: Finder,
    known: Mutex<Known>,
    /// Why this node serves nothing; never taken back.
    fence: channel::Sender<Option<String>>,
    /// What keeps this node from being ready, while it has no seat.
    waiting: Mutex<Option<String>>,
    /// Whether the clock is off, and how far.
    clock_off: Mutex<Option<i64>>,
    /// What was committed when this node first heard from a leader.
    target: OnceLock<u64>,
    reform: AtomicBool,
    /// Whether this node was told to leave, so that it does not ask to come back.
    leaving: AtomicBool,
    net: OnceLock<Net>,
    raft: OnceLock<Raft>,
    proposer: OnceLock<Weak<Proposer>>,
}

/// Locks; what is inside is whole even after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Members {
    /// Of a node whose disk has that identity.
    pub(crate) fn new(
        dir: PathBuf,
        settings: &NetworkSettings,
        founding: Founding,
        timing: Timing,
        identity: Identity,
    ) -> Arc<Self> {
        let operators = founding.operators.clone();
        let members = Arc::new(Self {
            dir,
            cluster: settings.cluster.clone(),
            me: Member::new(settings.name.clone(), settings.advertise.clone()),
            finder: Finder::new(founding.discovery.clone()),
            founding,
            timing,
            start: rand::random(),
            identity: Mutex::new(identity),
            known: Mutex::default(),
            fence: channel::Sender::new(None),
            waiting: Mutex::new(Some("starting".to_owned())),
            clock_off: Mutex::default(),
            target: OnceLock::new(),
            reform: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            net: OnceLock::new(),
            raft: OnceLock::new(),
            proposer: OnceLock::new(),
        });
        operators.lead_to(&members);
        members
    }

    /// What this node says of itself at each handshake.
    pub(crate) fn hello(&self) -> Hello {
        let identity = lock(&self.identity);
        let seat = identity.seat.as_ref();
        Hello {
            protocol: (PROTOCOL_MIN, PROTOCOL),
            cluster: self.cluster.clone(),
            epoch: seat.map_or(0, |seat| seat.epoch),
            id: seat.map(|seat| seat.id),
            incarnation: identity.incarnation,
            name: self.me.name.clone(),
            addr: self.me.addr.clone(),
            boot: known::boot(identity.boot, self.start),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            clock: time::wall_us() / 1_000,
        }
    }

    /// Where a member was found that does not answer where the membership says it is.
    pub(crate) fn address(&self, id: u64) -> Option<String> {
        lock(&self.known).places.get(&id).cloned()
    }

    /// Begins to keep the membership, over a running Raft; the handles end it.
    pub(crate) fn start(self: &Arc<Self>, net: &Net, proposer: &Arc<Proposer>) -> Vec<AbortHandle> {
        drop(self.net.set(net.clone()));
        drop(self.raft.set(proposer.raft.clone()));
        drop(self.proposer.set(Arc::downgrade(proposer)));
        *lock(&self.waiting) = None;
        vec![
            tokio::spawn(watch::pulses(Arc::clone(self))).abort_handle(),
            tokio::spawn(watch::places(Arc::clone(self))).abort_handle(),
            tokio::spawn(watch::epoch(Arc::clone(self))).abort_handle(),
            tokio::spawn(watch::own_place(Arc::clone(self))).abort_handle(),
            tokio::spawn(watch::formed(Arc::clone(self))).abort_handle(),
            tokio::spawn(watch::stop(Arc::clone(self))).abort_handle(),
            tokio::spawn(lead::lead(Arc::clone(self))).abort_handle(),
        ]
    }

    /// Whether this disk took part in its group before.
    pub(crate) fn was_formed(&self) -> bool {
        lock(&self.identity).is_formed
    }

    fn seat_now(&self) -> Option<Seat> {
        lock(&self.identity).seat.clone()
    }

    fn id(&self) -> Option<u64> {
        lock(&self.identity).seat.as_ref().map(|seat| seat.id)
    }

    fn epoch(&self) -> u64 {
        lock(&self.identity).seat.as_ref().map_or(0, |seat| seat.epoch)
    }

    fn raft_metrics(&self) -> Option<openraft::RaftMetrics<Types>> {
        self.raft.get().map(|raft| raft.metrics().borrow_watched().clone())
    }

    fn is_leader(&self) -> bool {
        self.raft_metrics().is_some_and(|metrics| metrics.state == ServerState::Leader)
    }

    /// Whether a leader that a majority follows was heard lately, and what it said is applied.
    fn is_informed(&self) -> bool {
        self.proposer.get().and_then(Weak::upgrade).is_some_and(|proposer| proposer.is_informed())
    }

    /// Stops this node for good: its word must not count any more.
    fn fence(&self, why: String) {
        self.fence.send_if_modified(|fence| {
            if fence.is_none() {
                tracing::error!("this node is fenced and serves nothing: {why}");
                *fence = Some(why);
                return true;
            }
            false
        });
    }

    /// Why this node is fenced, if it is.
    pub(crate) fn fenced(&self) -> Option<String> {
        self.fence.borrow().clone()
    }

    /// Why this node is not ready; `None`: it is. Asked at every probe, so the answer comes from memory.
    ///
    /// Ready means: it has a seat, knows a leader, has applied what was committed when it first heard from
    /// one, is not fenced, and its clock can be trusted.
    pub(crate) fn unready(&self) -> Option<String> {
        if let Some(why) = self.fenced() {
            return Some(why);
        }
        if let Some(why) = lock(&self.waiting).clone() {
            return Some(why);
        }
        if self.leaving.load(Ordering::Relaxed) {
            return Some("this node has left the cluster".to_owned());
        }
        let Some(metrics) = self.raft_metrics() else { return Some("starting".to_owned()) };
        if metrics.running_state.is_err() {
            return Some("the session log has stopped".to_owned());
        }
        if !self.is_informed() {
            return Some("no leader is known, or it has been silent for too long".to_owned());
        }
        let committed = metrics.cluster_committed.as_ref().map(|id| id.index);
        let Some(committed) = committed else { return Some("the leader has not spoken yet".to_owned()) };
        let target = *self.target.get_or_init(|| committed);
        let applied = metrics.last_applied.as_ref().map_or(0, |id| id.index);
        if applied < target {
            return Some(format!("catching up: {applied} of {target} entries are applied"));
        }
        let off = (*lock(&self.clock_off))?;
        Some(format!("the clock is {off} ms off the other nodes' clocks"))
    }

    /// Fails where this node is fenced.
    fn check_fence(&self) -> Result<(), Error> {
        match self.fenced() {
            Some(why) => Err(Error::Fenced(why)),
            None => Ok(()),
        }
    }
}
