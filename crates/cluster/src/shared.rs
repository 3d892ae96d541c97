//! The state as readers and the log share it.

use std::{
    io,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    command::Outcome,
    machine::{Entry, State, skips::Skips, usage::Map},
    time::{Begin, LeaderTime},
};

/// The applied state and the leader's time.
#[derive(Debug)]
pub(crate) struct Shared {
    state: RwLock<State>,
    pub(crate) time: LeaderTime,
    skips: Skips,
    changes_seq: AtomicU64,
}

impl Shared {
    /// Over a state that was recovered, with entries that are to be passed over if this build cannot read them.
    pub(crate) fn new(state: State, skips: Skips) -> Self {
        let time = LeaderTime::new(state.clock);
        Self::at(time, state, skips)
    }

    /// As [`Shared::new`], at a time of the caller's.
    pub(crate) fn at(time: LeaderTime, state: State, skips: Skips) -> Self {
        let changes_seq = AtomicU64::new(state.changes.seq());
        Self { state: RwLock::new(state), time, skips, changes_seq }
    }

    /// Applies an entry.
    ///
    /// # Errors
    /// For one that this build cannot read and nobody said to skip: this node must stop, loudly.
    pub(crate) fn apply(&self, index: u64, entry: &Entry) -> io::Result<Arc<Outcome>> {
        let mut state = self.write();
        let outcome = match state.apply(index, entry) {
            Ok(outcome) => outcome,
            Err(unknown) if self.skips.has(&unknown) => {
                tracing::warn!(
                    entry = unknown.name,
                    "an entry that this version cannot read is passed over, as told"
                );
                state.skip(index, entry)
            }
            Err(unknown) => {
                tracing::error!(error = %unknown, "this node stops");
                metrics::counter!("keyraft_cluster_unknown_commands_total").increment(1);
                return Err(io::Error::other(unknown));
            }
        };
        self.changes_seq.store(state.changes.seq(), Ordering::Release);
        drop(state);
        self.time.observe(entry.time);
        Ok(outcome)
    }

    /// Puts a state that came as a snapshot in place.
    pub(crate) fn install(&self, new: State) {
        let seq = new.changes.seq();
        *self.write() = new;
        self.changes_seq.store(seq, Ordering::Release);
    }

    /// The number of the last `Changed` that was applied; see [`crate::View::changes_seq`]. Costs nothing.
    pub(crate) fn changes_seq(&self) -> u64 {
        self.changes_seq.load(Ordering::Acquire)
    }

    /// Begins a leadership. `is_first`: nobody led since this node was started, so time may jump to its wall
    /// clock; otherwise it goes on where the last leader's was. That this clock is its peers' is the members'
    /// concern: a node whose clock is not gives the leadership up.
    pub(crate) fn begin_leadership(&self, is_first: bool) {
        let begin = if is_first { Begin::AfterFullStop } else { Begin::Among(&[]) };
        if let Err(error) = self.time.take_over(self.read().clock, begin) {
            tracing::error!(%error, "this node leads by a clock that is not its peers'");
        }
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
            let tally = state.tally(map);
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
