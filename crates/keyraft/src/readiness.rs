//! How this node is: starting, serving or stopping, and what its probes say.
//!
//! The management port opens before anything else is ready, so that a slow migration looks like starting, not
//! like a dead node. A database that is away leaves the node ready: people who are signed in stay so, and
//! taking every node out of rotation would sign everybody out.

use std::sync::{Arc, OnceLock};

use keyraft_cluster::Operators;
use tokio::sync::watch;

/// What a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Migrating, reading, joining.
    Starting,
    /// Answering requests.
    Serving,
    /// Told to stop: finishing what it has, wanting no more.
    Stopping,
}

/// What the rooms below say about themselves. Asked at every probe, so answers come from memory.
pub(crate) trait Probe: Send + Sync + 'static {
    /// Whether the database answered lately.
    fn database(&self) -> bool;

    /// Why sessions cannot be read and written here: no leader is known, this node is behind, or its word does not
    /// count. `None`: they can.
    fn unready(&self) -> Option<String>;

    /// Whether the background loops tick. Never asks for a quorum or the database: a restart mends neither.
    fn alive(&self) -> bool;
}

/// The state that the probes read. Clones share it.
#[derive(Clone)]
pub(crate) struct Readiness {
    phase: watch::Sender<Phase>,
    probe: Arc<OnceLock<Box<dyn Probe>>>,
    operators: Option<Operators>,
}

impl Readiness {
    /// A node that is starting; with the way to it when others share its sessions.
    pub(crate) fn starting(operators: Option<Operators>) -> Self {
        Self { phase: watch::Sender::new(Phase::Starting), probe: Arc::default(), operators }
    }

    /// The rooms are open: requests may come.
    pub(crate) fn serving(&self, probe: Box<dyn Probe>) {
        // A second probe would come from a second assembly, which there is not: the first one stays.
        let _ = self.probe.set(probe);
        self.phase.send_replace(Phase::Serving);
    }

    /// No more requests, please.
    pub(crate) fn stopping(&self) {
        self.phase.send_replace(Phase::Stopping);
    }

    /// Returns when this node is told to stop.
    pub(crate) async fn stopped(&self) {
        // The sender lives in `self`, so waiting ends with the word alone.
        let _ = self.phase.subscribe().wait_for(|phase| *phase == Phase::Stopping).await;
    }

    /// What this node is doing.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Whether others share this node's sessions.
    pub(crate) fn is_clustered(&self) -> bool {
        self.operators.is_some()
    }

    /// What a node of a cluster waits for before it has its place.
    pub(crate) fn waits_for(&self) -> Option<String> {
        self.operators.as_ref().and_then(Operators::unready)
    }

    /// What the rooms say; nothing before they are open.
    pub(crate) fn probe(&self) -> Option<&dyn Probe> {
        self.probe.get().map(AsRef::as_ref)
    }
}
