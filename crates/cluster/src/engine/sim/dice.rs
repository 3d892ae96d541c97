//! Chance that a seed decides.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A source of chance; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Less than `bound`.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&self, share: u64) -> bool {
        self.below(100) < share
    }

    /// Between the two, in milliseconds.
    pub(super) fn millis(&self, from: u64, to: u64) -> Duration {
        Duration::from_micros(1_000 * from + self.below(1_000 * (to - from) + 1))
    }

    /// One of them.
    pub(super) fn pick<T: Clone>(&self, from: &[T]) -> Option<T> {
        let index = usize::try_from(self.below(from.len() as u64)).ok()?;
        from.get(index).cloned()
    }
}
