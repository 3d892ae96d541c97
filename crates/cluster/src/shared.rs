//! The state as readers and the log share it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    machine::{State, usage::Map},
    time::LeaderTime,
};

/// The applied state and the leader's time.
#[derive(Debug)]
pub(crate) struct Shared {
    state: RwLock<State>,
    pub(crate) time: LeaderTime,
}

impl Shared {
    /// Over a state that was recovered.
    pub(crate) fn new(state: State) -> Self {
        let time = LeaderTime::new(state.clock);
        Self { state: RwLock::new(state), time }
    }

    /// Begins a leadership: its time starts at the wall clock, or at the state's where that is ahead.
    pub(crate) fn begin_leadership(&self) {
        self.time.restart(self.read().clock);
    }

    /// The state, to read. Deciding never panics through the lock, so a poisoned one holds a whole state.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, to apply to.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes entries and bytes of every map.
    pub(crate) fn publish_usage(&self) {
        let state = self.read();
        for (map, name) in Map::ALL {
            let tally = state.usage.of(map);
            metrics::gauge!("keyraft_cluster_entries", "map" => name).set(as_f64(tally.entries));
            metrics::gauge!("keyraft_cluster_bytes", "map" => name).set(as_f64(tally.bytes));
        }
    }
}

/// For gauges, which are floating-point: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point")]
pub(crate) fn as_f64(number: u64) -> f64 {
    number as f64
}
