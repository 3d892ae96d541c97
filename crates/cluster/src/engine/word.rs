//! The leader's word: how long ago a majority is known to have followed the leader that this node follows.
//!
//! Measured in this node's own boot time, which runs on while a process is stopped or a machine sleeps, so
//! that a node that comes back knows that it knows nothing. A follower cannot date what it receives by the
//! moment it received it (it may have lain in a socket since before the sleep); so each of its answers carries
//! its boot time, the leader's next word echoes it, and the word is as old as the echo. A leader's own word is
//! a majority's answers, dated by when they were asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::net::wire;

/// Silence after which a node knows nothing for sure.
pub(crate) const SILENCE: Duration = Duration::from_millis(1_500);

/// What this node has heard. All times are boot times in microseconds.
#[derive(Debug)]
pub(crate) struct Word {
    id: u64,
    clock: fn() -> i64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// When a majority last followed the leader for certain.
    heard: Option<i64>,
    /// Entries committed by then.
    committed: u64,
    /// The term in which this node leads and what its followers answered in it.
    leads: Option<Leads>,
    /// When this node last began to wait for a leader.
    since: i64,
}

#[derive(Debug)]
struct Leads {
    term: u64,
    voters: Vec<BTreeSet<u64>>,
    peers: BTreeMap<u64, Peer>,
}

#[derive(Clone, Copy, Debug)]
struct Peer {
    /// When the newest request that it answered was sent.
    answered: i64,
    /// Its own boot time in that answer.
    echo: u64,
}

impl Word {
    /// Nothing heard so far.
    pub(crate) fn new(id: u64, clock: fn() -> i64) -> Self {
        let inner = Inner { since: clock(), ..Inner::default() };
        Self { id, clock, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The boot time now.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// This node leads from here on, or its voters have changed.
    pub(crate) fn lead(&self, term: u64, voters: &[BTreeSet<u64>]) {
        let mut inner = self.lock();
        match &mut inner.leads {
            Some(leads) if leads.term == term => voters.clone_into(&mut leads.voters),
            leads => *leads = Some(Leads { term, voters: voters.to_vec(), peers: BTreeMap::new() }),
        }
    }

    /// This node does not lead.
    pub(crate) fn follow(&self) {
        self.lock().leads = None;
    }

    /// What to tell a follower in that term.
    pub(crate) fn for_peer(&self, term: u64, peer: u64) -> Option<wire::Word> {
        let now = self.now();
        let inner = self.lock();
        let leads = inner.leads.as_ref().filter(|leads| leads.term == term)?;
        let confirmed = leads.confirmed(self.id, now)?;
        let echo = leads.peers.get(&peer)?.echo;
        Some(wire::Word { echo, age: u64::try_from(now.saturating_sub(confirmed)).unwrap_or(0) })
    }

    /// A follower answered what was sent to it `at` that time.
    pub(crate) fn answered(&self, term: u64, peer: u64, at: i64, echo: u64) {
        let mut inner = self.lock();
        let Some(leads) = inner.leads.as_mut().filter(|leads| leads.term == term) else { return };
        let known = leads.peers.entry(peer).or_insert(Peer { answered: at, echo });
        known.answered = known.answered.max(at);
        known.echo = known.echo.max(echo);
    }

    /// A leader that this node follows gave its word, with so many entries committed.
    pub(crate) fn heard(&self, word: wire::Word, committed: u64) {
        let at = i64::try_from(word.echo).unwrap_or(0).saturating_sub_unsigned(word.age);
        let mut inner = self.lock();
        // A word from the future is of an earlier boot, or made up.
        if at <= self.now() && inner.heard.is_none_or(|heard| heard <= at) {
            inner.heard = Some(at);
            inner.committed = inner.committed.max(committed);
        }
    }

    /// Age of the newest word; `None`: there never was one.
    pub(crate) fn age(&self) -> Option<Duration> {
        let now = self.now();
        let inner = self.lock();
        let own = inner.leads.as_ref().and_then(|leads| leads.confirmed(self.id, now));
        let heard = own.max(inner.heard)?;
        Some(micros(now.saturating_sub(heard)))
    }

    /// Entries that were committed by the newest word, as a follower.
    pub(crate) fn committed(&self) -> u64 {
        self.lock().committed
    }

    /// How long this node has been without a leader's word; from its start, if there never was one.
    pub(crate) fn silence(&self) -> Duration {
        let since = micros(self.now().saturating_sub(self.lock().since));
        self.age().map_or(since, |age| age.min(since))
    }

    /// Waits until the silence has lasted too long.
    pub(crate) async fn lost(&self) {
        loop {
            let silence = self.silence();
            if silence >= SILENCE {
                return;
            }
            tokio::time::sleep(SILENCE.saturating_sub(silence) + Duration::from_millis(1)).await;
        }
    }
}

impl Leads {
    /// When a majority of each set of voters last confirmed the leader.
    fn confirmed(&self, id: u64, now: i64) -> Option<i64> {
        let of_set = |set: &BTreeSet<u64>| {
            let time = |voter: &u64| {
                if *voter == id { Some(now) } else { self.peers.get(voter).map(|peer| peer.answered) }
            };
            let mut times: Vec<_> = set.iter().map(time).collect();
            times.sort_unstable_by(|one, other| other.cmp(one));
            times.get(set.len() / 2).copied().flatten()
        };
        self.voters.iter().map(of_set).min().flatten()
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn three() -> Vec<BTreeSet<u64>> {
        vec![[1, 2, 3].into()]
    }

    #[test]
    fn a_leader_is_as_sure_as_its_second_newest_vote() {
        static NOW: AtomicI64 = AtomicI64::new(10_000_000);
        let word = Word::new(1, || NOW.load(Ordering::Relaxed));
        word.lead(5, &three());
        assert_eq!(word.age(), None);

        word.answered(5, 2, 9_900_000, 77);
        assert_eq!(word.age(), Some(Duration::from_millis(100)));
        assert_eq!(word.for_peer(5, 2), Some(wire::Word { echo: 77, age: 100_000 }));
        assert_eq!(word.for_peer(5, 3), None);

        word.answered(4, 3, 10_000_000, 1);
        assert_eq!(
            word.age(),
            Some(Duration::from_millis(100)),
            "an answer of another term counts for nothing"
        );
    }

    #[test]
    fn a_joint_membership_needs_a_majority_of_both() {
        let word = Word::new(1, || 1_000_000);
        word.lead(1, &[[1, 2, 3].into(), [4, 5, 6].into()]);
        word.answered(1, 2, 900_000, 1);
        assert_eq!(word.age(), None);

        word.answered(1, 4, 800_000, 1);
        word.answered(1, 5, 700_000, 1);

        assert_eq!(word.age(), Some(Duration::from_millis(300)));
    }

    #[test]
    fn a_word_that_lay_in_a_socket_is_as_old_as_its_echo() {
        static NOW: AtomicI64 = AtomicI64::new(1_000_000);
        let word = Word::new(2, || NOW.load(Ordering::Relaxed));
        word.heard(wire::Word { echo: 900_000, age: 50_000 }, 7);
        assert_eq!(word.age(), Some(Duration::from_millis(150)));

        NOW.store(61_000_000, Ordering::Relaxed);
        word.heard(wire::Word { echo: 1_000_000, age: 0 }, 7);

        assert_eq!(word.age(), Some(Duration::from_mins(1)));
        assert!(word.silence() > SILENCE);
    }
}
