//! The leader's time: never behind the state's clock, never jumping while it leads.
//!
//! The wall clock is read once, at the beginning of a leadership; from then on time is what has elapsed since,
//! drawn to the wall clock by at most a millisecond per second. So a clock that is stepped on a running node
//! neither ends sessions early nor gives them more time.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use keyraft_model::UnixMs;
use rustix::time::{ClockId, clock_gettime};

/// A source of the leader's time.
#[derive(Debug)]
pub(crate) struct LeaderTime(Mutex<Inner>);

/// All in microseconds.
#[derive(Debug)]
struct Inner {
    /// The leader's time when it was last asked.
    now: i64,
    /// When that was, since the machine was started.
    asked: i64,
    /// What has elapsed and has not been used for drawing yet.
    undrawn: i64,
}

impl Inner {
    fn new(clock: UnixMs) -> Self {
        let now = wall_us().max(clock.0.saturating_mul(1_000));
        Self { now, asked: boot_us(), undrawn: 0 }
    }
}

/// A clock may be drawn by one part in a thousand.
const SLEW: i64 = 1_000;

impl LeaderTime {
    /// Begins a leadership: at the wall clock, or at the state's clock if that is ahead.
    pub(crate) fn new(clock: UnixMs) -> Self {
        Self(Mutex::new(Inner::new(clock)))
    }

    /// Begins another leadership.
    pub(crate) fn restart(&self, clock: UnixMs) {
        *self.lock() = Inner::new(clock);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time now; never earlier than any time given before.
    pub(crate) fn now(&self) -> UnixMs {
        let mut inner = self.lock();
        let asked = boot_us();
        let elapsed = asked.saturating_sub(inner.asked).max(0);
        inner.asked = asked;
        let undrawn = inner.undrawn.saturating_add(elapsed);
        inner.undrawn = undrawn % SLEW;
        inner.now = drawn(inner.now.saturating_add(elapsed), undrawn, wall_us());
        UnixMs(inner.now / 1_000)
    }
}

/// A time drawn towards the wall clock, in microseconds, by no more than its share of what has elapsed.
fn drawn(now: i64, elapsed: i64, wall: i64) -> i64 {
    let most = elapsed / SLEW;
    now.saturating_add((wall.saturating_sub(now)).clamp(-most, most))
}

#[expect(clippy::disallowed_methods, reason = "the one place where this room reads the wall clock")]
pub(crate) fn wall_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

/// Elapsed time that runs on while the machine sleeps.
pub(crate) fn boot_us() -> i64 {
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000)
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_wall_clock_draws_time_slowly() {
        let hour = 3_600_000_000;

        assert_eq!(drawn(5 * hour, 1_000_000, 6 * hour), 5 * hour + 1_000);
        assert_eq!(drawn(5 * hour, 1_000_000, 4 * hour), 5 * hour - 1_000);
        assert_eq!(drawn(5 * hour, 1_000_000, 5 * hour + 10), 5 * hour + 10);
    }

    #[test]
    fn time_begins_no_earlier_than_the_state() {
        let ahead = UnixMs(wall_us() / 1_000 + 10_000_000);

        let time = LeaderTime::new(ahead);

        assert!(time.now() >= ahead);
    }
}
