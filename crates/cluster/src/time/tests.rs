//! A machine whose clocks a test turns by hand.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use super::*;

#[derive(Clone, Debug, Default)]
struct Fake(Arc<(AtomicI64, AtomicI64)>);

impl Clocks for Fake {
    fn wall_us(&self) -> i64 {
        self.0.0.load(Relaxed)
    }

    fn boot_us(&self) -> i64 {
        self.0.1.load(Relaxed)
    }
}

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const NOON: UnixMs = UnixMs(1_764_000_000_000);

impl Fake {
    fn at_noon() -> Self {
        let fake = Self::default();
        fake.0.0.store(NOON.0 * 1_000, Relaxed);
        fake
    }

    /// Both clocks run on for so many milliseconds.
    fn pass(&self, millis: i64) {
        self.0.0.fetch_add(millis * 1_000, Relaxed);
        self.0.1.fetch_add(millis * 1_000, Relaxed);
    }

    /// Somebody sets the wall clock.
    fn step(&self, millis: i64) {
        self.0.0.fetch_add(millis * 1_000, Relaxed);
    }
}

fn after(millis: i64) -> UnixMs {
    UnixMs(NOON.0 + millis)
}

#[test]
fn a_stepped_wall_clock_draws_time_by_a_millisecond_a_second() {
    for step in [HOUR, -HOUR] {
        let clocks = Fake::at_noon();
        let time = LeaderTime::with(clocks.clone(), UnixMs(0));

        clocks.step(step);
        for _ in 0..100 {
            clocks.pass(SECOND);
            time.now();
        }

        assert_eq!(time.now(), after(100 * SECOND + 100 * step.signum()));
        assert_eq!(drawn(5_000_000, 1_000_000, 5_000_010), 5_000_010, "and no further than to it");
    }
}

#[test]
fn asking_often_draws_no_less_and_no_more() {
    let clocks = Fake::at_noon();
    let time = LeaderTime::with(clocks.clone(), UnixMs(0));
    clocks.step(HOUR);

    for _ in 0..100_000 {
        clocks.0.0.fetch_add(333, Relaxed);
        clocks.0.1.fetch_add(333, Relaxed);
        time.now();
    }

    assert_eq!(time.now(), UnixMs(NOON.0 + 33_300 + 33));
}

#[test]
fn time_begins_no_earlier_than_the_state_and_waits_for_nothing() {
    let clocks = Fake::at_noon();
    let time = LeaderTime::with(clocks.clone(), after(HOUR));

    clocks.pass(1_000 * SECOND);

    assert_eq!(time.now(), after(HOUR + 999 * SECOND), "drawn back by a second");
    assert_eq!(time.take_over(after(2 * HOUR), Begin::AfterFullStop), Ok(()));
    assert_eq!(time.now(), after(2 * HOUR));
}

#[test]
fn a_machine_that_slept_knows_how_long() {
    let clocks = Fake::at_noon();
    let time = LeaderTime::with(clocks.clone(), UnixMs(0));

    clocks.pass(8 * HOUR);

    assert_eq!(time.now(), after(8 * HOUR));
}

#[test]
fn only_the_first_leader_after_a_full_stop_jumps() {
    let clocks = Fake::at_noon();
    let time = LeaderTime::with(clocks.clone(), UnixMs(0));
    time.observe(NOON);
    // All clocks of all nodes are set an hour ahead, and then another leads.
    clocks.step(HOUR);
    clocks.pass(SECOND);

    let peers = [after(HOUR + SECOND), after(HOUR + SECOND)];
    assert_eq!(time.take_over(NOON, Begin::Among(&peers)), Ok(()));
    assert_eq!(time.now(), after(SECOND + 1));

    assert_eq!(time.take_over(NOON, Begin::AfterFullStop), Ok(()));
    assert_eq!(time.now(), after(HOUR + SECOND));
}

#[test]
fn a_leader_that_never_heard_one_takes_the_clock_that_its_peers_share() {
    let clocks = Fake::at_noon();
    let time = LeaderTime::with(clocks, UnixMs(0));

    assert_eq!(time.take_over(after(-HOUR), Begin::Among(&[after(1_500), after(-1_500)])), Ok(()));

    assert_eq!(time.now(), NOON);
}

#[test]
fn a_clock_that_is_not_its_peers_does_not_lead() {
    let off = |peers: &[i64]| {
        let peers: Vec<_> = peers.iter().map(|millis| after(*millis)).collect();
        check(NOON.0 * 1_000, &peers).map_err(|off| off.millis)
    };

    assert_eq!(off(&[]), Ok(()));
    assert_eq!(off(&[2_000, 2_000]), Ok(()));
    assert_eq!(off(&[2_001]), Err(-2_001));
    assert_eq!(off(&[-5_000, -3_000]), Err(4_000));
    assert_eq!(off(&[0, 100, HOUR, HOUR]), Err(-(HOUR + 100) / 2));
    assert_eq!(off(&[0, 100, HOUR]), Ok(()), "one wrong peer decides nothing");
}

#[test]
fn a_refused_leadership_changes_nothing() {
    let clocks = Fake::at_noon();
    let time = LeaderTime::with(clocks.clone(), UnixMs(0));
    time.observe(NOON);
    clocks.step(HOUR);

    let refused = time.take_over(UnixMs(0), Begin::Among(&[NOON, NOON]));

    assert_eq!(refused, Err(ClockOff { millis: HOUR }));
    assert_eq!(time.now(), NOON);
}

#[test]
fn a_follower_keeps_the_leaders_time_when_its_own_clock_is_stepped() {
    for step in [HOUR, -HOUR] {
        let clocks = Fake::at_noon();
        let time = LeaderTime::with(clocks.clone(), UnixMs(0));
        time.observe(after(500));
        assert_eq!(time.now(), after(500));

        clocks.step(step);
        clocks.pass(SECOND);
        time.observe(after(1_500 - 100));

        assert!(time.now().0.abs_diff(NOON.0 + 1_500) <= 1, "an entry that was under way sets nothing back");
    }
}

#[test]
fn an_entry_of_before_says_nothing_of_now() {
    let clocks = Fake::at_noon();
    let time = LeaderTime::with(clocks, UnixMs(0));

    time.observe(after(-HOUR));

    assert_eq!(time.now(), NOON);
}
