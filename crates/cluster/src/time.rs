//! The leader's time: never behind the state's clock, never jumping while anybody leads.
//!
//! The wall clock is read once, when a leadership begins after a full stop; from then on time is what has
//! elapsed since, drawn to the wall clock by at most a millisecond per second. Followers keep the leader's time
//! as they hear it, so that the next leader goes on where the last one was: a clock that is stepped on any node
//! neither ends sessions early nor gives them more time. Whose wall clock is not its peers' may not lead.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use keyraft_model::UnixMs;
use rustix::time::{ClockId, clock_gettime};

/// A source of the leader's time.
#[derive(Debug)]
pub(crate) struct LeaderTime<C = System> {
    clocks: C,
    inner: Mutex<Inner>,
}

/// All in microseconds.
#[derive(Debug)]
struct Inner {
    /// The leader's time when it was last asked.
    now: i64,
    /// When that was, since the machine was started.
    asked: i64,
    /// What has elapsed and has not been used for drawing yet.
    undrawn: i64,
    /// Whether it is a leader's time, not merely this node's wall clock.
    is_heard: bool,
}

/// The clocks of a machine.
pub(crate) trait Clocks {
    /// The wall clock, in microseconds since 1970.
    fn wall_us(&self) -> i64;
    /// Elapsed time in microseconds that runs on while the machine sleeps.
    fn boot_us(&self) -> i64;
}

/// Clocks that functions read: this machine's, or those of a simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct System {
    /// As [`Clocks::wall_us`].
    pub(crate) wall: fn() -> i64,
    /// As [`Clocks::boot_us`].
    pub(crate) boot: fn() -> i64,
}

/// How a leadership begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin<'a> {
    /// Nobody has led since all nodes were started: time jumps to the wall clock.
    AfterFullStop,
    /// Others were there before; these are their wall clocks now.
    Among(&'a [UnixMs]),
}

/// A wall clock is not its peers': its node must not lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the wall clock is {millis} ms off the median of its peers")]
pub(crate) struct ClockOff {
    /// How far it is ahead; negative: behind.
    pub(crate) millis: i64,
}

/// A clock may be drawn by one part in a thousand.
const SLEW: i64 = 1_000;
/// How far apart clocks may be.
const APART: i64 = 2_000_000;

impl LeaderTime {
    /// This node's wall clock, or the state's clock if that is ahead, until it hears of a leader or leads.
    pub(crate) fn new(clock: UnixMs) -> Self {
        Self::with(System { wall: wall_us, boot: boot_us }, clock)
    }
}

impl<C: Clocks> LeaderTime<C> {
    /// As [`LeaderTime::new`], on other clocks.
    pub(crate) fn with(clocks: C, clock: UnixMs) -> Self {
        let inner = Inner { now: 0, asked: 0, undrawn: 0, is_heard: false };
        let time = Self { clocks, inner: Mutex::new(inner) };
        time.set(time.clocks.wall_us().max(micros_of(clock)), false);
        time
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, now: i64, is_heard: bool) {
        *self.lock() = Inner { now, asked: self.clocks.boot_us(), undrawn: 0, is_heard };
    }

    /// Begins a leadership after a full stop: at the wall clock, or at the state's clock if that is ahead.
    fn restart(&self, clock: UnixMs) {
        self.set(self.clocks.wall_us().max(micros_of(clock)), true);
    }

    /// Begins a leadership, never before the state's clock.
    ///
    /// # Errors
    /// [`ClockOff`], and nothing is changed: this node must not lead.
    pub(crate) fn take_over(&self, clock: UnixMs, begin: Begin<'_>) -> Result<(), ClockOff> {
        let Begin::Among(peers) = begin else {
            self.restart(clock);
            return Ok(());
        };
        check(self.clocks.wall_us(), peers)?;
        let heard = self.now();
        let is_heard = self.lock().is_heard;
        // The leader's time goes on; only a node that never heard it takes its wall clock, which its peers share.
        let from = if is_heard { micros_of(heard) } else { self.clocks.wall_us() };
        self.set(from.max(micros_of(clock)), true);
        Ok(())
    }

    /// Notes the time of an entry that was applied. A leader that speaks now is no more than moments behind this
    /// node's idea of its time; an older entry is one that is caught up on, and says nothing of now.
    pub(crate) fn observe(&self, entry: UnixMs) {
        let own = micros_of(self.now());
        let entry = micros_of(entry);
        let mut inner = self.lock();
        if own.saturating_sub(entry).abs() <= APART {
            inner.now = inner.now.max(entry);
            inner.is_heard = true;
        }
    }

    /// The time now. Of a leader: never earlier than any time given before.
    pub(crate) fn now(&self) -> UnixMs {
        let mut inner = self.lock();
        let asked = self.clocks.boot_us();
        let elapsed = asked.saturating_sub(inner.asked).max(0);
        inner.asked = asked;
        let undrawn = inner.undrawn.saturating_add(elapsed);
        inner.undrawn = undrawn % SLEW;
        inner.now = drawn(inner.now.saturating_add(elapsed), undrawn, self.clocks.wall_us());
        UnixMs(inner.now / 1_000)
    }
}

/// A time drawn towards the wall clock, in microseconds, by no more than its share of what has elapsed.
fn drawn(now: i64, elapsed: i64, wall: i64) -> i64 {
    let most = elapsed / SLEW;
    now.saturating_add((wall.saturating_sub(now)).clamp(-most, most))
}

/// Whether a wall clock is within two seconds of the median of others; alone it is right.
fn check(wall: i64, peers: &[UnixMs]) -> Result<(), ClockOff> {
    let mut peers = peers.to_vec();
    peers.sort_unstable();
    let median = match peers.len() {
        0 => return Ok(()),
        count if count % 2 == 1 => micros_of(peers[count / 2]),
        // Between the two in the middle.
        count => {
            let (low, high) = (micros_of(peers[count / 2 - 1]), micros_of(peers[count / 2]));
            low.saturating_add(high.saturating_sub(low) / 2)
        }
    };
    let off = wall.saturating_sub(median);
    if off.abs() <= APART { Ok(()) } else { Err(ClockOff { millis: off / 1_000 }) }
}

fn micros_of(time: UnixMs) -> i64 {
    time.0.saturating_mul(1_000)
}

impl Clocks for System {
    fn wall_us(&self) -> i64 {
        (self.wall)()
    }

    fn boot_us(&self) -> i64 {
        (self.boot)()
    }
}

/// This machine's wall clock, in microseconds since 1970.
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
mod tests;
