//! Numbers for commands, and which of them still wait for an answer.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::Error;

/// Commands of one node that may wait for an answer at the same time; answers are kept for that many.
const MAX: usize = 16_384;

/// The commands in flight.
#[derive(Debug, Default)]
pub(crate) struct Inflight(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    next: u64,
    waiting: BTreeSet<u64>,
}

/// One command in flight; dropping it says that its answer arrived, or that nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    of: &'a Inflight,
    /// The command's number.
    pub(crate) sequence: u64,
    /// The oldest number that waits.
    pub(crate) oldest: u64,
}

impl Inflight {
    /// A number for a command.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many wait.
    pub(crate) fn begin(&self) -> Result<Ticket<'_>, Error> {
        let mut numbers = self.lock();
        if numbers.waiting.len() >= MAX {
            return Err(Error::Busy);
        }
        let sequence = numbers.next;
        numbers.next += 1;
        numbers.waiting.insert(sequence);
        let oldest = numbers.waiting.first().copied().unwrap_or(sequence);
        Ok(Ticket { of: self, sequence, oldest })
    }

    fn lock(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.of.lock().waiting.remove(&self.sequence);
    }
}
