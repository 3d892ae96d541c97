//! A circuit breaker: while the database is away, callers hear so at once instead of waiting each in turn.
//!
//! Five failures in a row open it; once a second one caller is let through to look. It is an observation,
//! never a latch: the first success closes it.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

const FAILURES_TO_OPEN: u32 = 5;
const PROBE_EVERY_MS: i64 = 1_000;

/// Counts failures and says whether to try.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: AtomicU32,
    next_probe_ms: AtomicI64,
}

impl Breaker {
    /// Whether to try now.
    pub(crate) fn may_try(&self, now_ms: i64) -> bool {
        if self.failures.load(Ordering::Relaxed) < FAILURES_TO_OPEN {
            return true;
        }
        let due = self.next_probe_ms.load(Ordering::Relaxed);
        now_ms >= due
            && self
                .next_probe_ms
                .compare_exchange(due, now_ms + PROBE_EVERY_MS, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Notes how a try went.
    pub(crate) fn note(&self, is_outage: bool, now_ms: i64) {
        if is_outage {
            if self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1) == FAILURES_TO_OPEN {
                self.next_probe_ms.store(now_ms + PROBE_EVERY_MS, Ordering::Relaxed);
            }
        } else if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// Whether it stands open.
    pub(crate) fn is_open(&self) -> bool {
        self.failures.load(Ordering::Relaxed) >= FAILURES_TO_OPEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_five_failures_and_lets_one_probe_through_a_second() {
        let breaker = Breaker::default();
        for _ in 0..FAILURES_TO_OPEN {
            assert!(breaker.may_try(0));
            breaker.note(true, 0);
        }

        assert!(breaker.is_open() && !breaker.may_try(999));
        assert!(breaker.may_try(1_000) && !breaker.may_try(1_001));
        breaker.note(false, 1_002);
        assert!(breaker.may_try(1_003) && !breaker.is_open());
    }
}
