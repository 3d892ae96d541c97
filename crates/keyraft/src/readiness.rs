//! How this node is: starting, serving or stopping, and what its probes say.
//!
//! The management port opens before anything else is ready, so that a slow migration looks like starting, not
//! like a dead node. A database that is away leaves the node ready: people who are signed in stay so, and
//! taking every node out of rotation would sign everybody out.

use std::sync::{Arc, OnceLock};

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

    /// Whether sessions can be read and written: a leader is known and this node has caught up. A single node
    /// says so of itself.
    fn sessions(&self) -> bool;

    /// Whether the background loops tick. Never asks for a quorum or the database: a restart mends neither.
    fn alive(&self) -> bool;
}

/// The state that the probes read. Clones share it.
#[derive(Clone)]
pub(crate) struct Readiness {
    phase: watch::Sender<Phase>,
    probe: Arc<OnceLock<Box<dyn Probe>>>,
    clustered: bool,
}

impl Readiness {
    /// A node that is starting; `clustered` when others share its sessions.
    pub(crate) fn starting(clustered: bool) -> Self {
        Self { phase: watch::Sender::new(Phase::Starting), probe: Arc::default(), clustered }
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

    /// What this node is doing.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Whether others share this node's sessions.
    pub(crate) fn is_clustered(&self) -> bool {
        self.clustered
    }

    /// What the rooms say; nothing before they are open.
    pub(crate) fn probe(&self) -> Option<&dyn Probe> {
        self.probe.get().map(AsRef::as_ref)
    }
}
