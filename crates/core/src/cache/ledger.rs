//! What the log says of changed entities, and whether a copy may still be believed.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use keyraft_model::RealmId;
use keyraft_store::changes::Kind;

/// The changes that the log remembers: the newest 100,000, numbered as they were applied here.
pub(crate) trait Ledger: Send + Sync + fmt::Debug {
    /// The number of the last change.
    fn seq(&self) -> u64;
    /// The highest number that is remembered no more: what was read before it cannot be compared.
    fn forgotten(&self) -> u64;
    /// The last change of an entity.
    fn of(&self, kind: Kind, realm: &RealmId, entity: &str) -> Option<Changed>;
    /// Which log it is: numbers of another one mean nothing.
    fn epoch(&self) -> u64;
}

/// The last change of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// The lowest version that is right.
    pub(crate) ver: i64,
    /// The number of the change.
    pub(crate) seq: u64,
}

/// No change has this number.
const NEVER: u64 = u64::MAX;

/// A copy's own word on how new it is.
#[derive(Debug)]
pub(crate) struct Stamp {
    /// The version of the row.
    pub(crate) ver: i64,
    /// The number of the last change that was applied when its read began: it shows that one and all before,
    /// because a change is told only after COMMIT.
    pub(crate) as_of: u64,
    /// Found right at this number.
    checked: AtomicU64,
}

impl Stamp {
    pub(crate) fn new(ver: i64, as_of: u64) -> Self {
        Self { ver, as_of, checked: AtomicU64::new(as_of) }
    }

    /// Of a copy that was read before this node may have started: nothing is known of it yet.
    pub(crate) fn read_long_ago(ver: i64, as_of: u64) -> Self {
        Self { ver, as_of, checked: AtomicU64::new(NEVER) }
    }

    /// Whether no change that this node has applied makes a copy of that entity too old.
    pub(crate) fn is_current(&self, ledger: &dyn Ledger, kind: Kind, realm: &RealmId, entity: &str) -> bool {
        let seq = ledger.seq();
        if self.checked.load(Ordering::Relaxed) == seq {
            return true;
        }
        if self.as_of < ledger.forgotten() {
            return false;
        }
        let is_newer = |changed: &Changed| changed.seq <= self.as_of;
        let whole = ledger.of(Kind::Whole, realm, realm.as_str());
        let own = ledger.of(kind, realm, entity);
        let is_right = whole.is_none_or(|changed| is_newer(&changed))
            && own.is_none_or(|changed| is_newer(&changed) || changed.ver <= self.ver);
        if is_right {
            self.checked.store(seq, Ordering::Relaxed);
        }
        is_right
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use super::*;

    /// A log in a test's hands.
    #[derive(Debug, Default)]
    pub(crate) struct Paper(pub(crate) Mutex<Lines>);

    #[derive(Debug, Default)]
    pub(crate) struct Lines {
        pub(crate) seq: u64,
        pub(crate) forgotten: u64,
        of: HashMap<(Kind, String), Changed>,
    }

    impl Paper {
        pub(crate) fn note(&self, kind: Kind, entity: &str, ver: i64) {
            let mut lines = self.0.lock().expect("no test panics with it");
            lines.seq += 1;
            let seq = lines.seq;
            lines.of.insert((kind, entity.to_owned()), Changed { ver, seq });
        }
    }

    impl Ledger for Paper {
        fn seq(&self) -> u64 {
            self.0.lock().expect("no test panics with it").seq
        }

        fn forgotten(&self) -> u64 {
            self.0.lock().expect("no test panics with it").forgotten
        }

        fn of(&self, kind: Kind, _: &RealmId, entity: &str) -> Option<Changed> {
            self.0.lock().expect("no test panics with it").of.get(&(kind, entity.to_owned())).copied()
        }

        fn epoch(&self) -> u64 {
            1
        }
    }

    fn is_current(stamp: &Stamp, paper: &Paper) -> bool {
        stamp.is_current(paper, Kind::Client, &"lab".into(), "shop")
    }

    #[test]
    fn a_row_read_before_its_change_is_too_old() {
        let paper = Paper::default();
        let read_before = Stamp::new(4, paper.seq());

        paper.note(Kind::Client, "shop", 5);

        assert!(!is_current(&read_before, &paper));
        assert!(is_current(&Stamp::new(5, 0), &paper), "the new row, read before it was told");
        assert!(is_current(&Stamp::new(4, paper.seq()), &paper), "a database put back to an older state");
    }

    #[test]
    fn a_change_of_the_whole_realm_spares_what_was_read_after_it() {
        let paper = Paper::default();
        let before = Stamp::new(9, paper.seq());

        paper.note(Kind::Whole, "lab", 1);

        assert!(!is_current(&before, &paper));
        assert!(is_current(&Stamp::new(1, paper.seq()), &paper));
    }

    #[test]
    fn what_cannot_be_compared_any_more_is_dropped() {
        let paper = Paper::default();
        paper.note(Kind::User, "alice", 1);
        let (old, new) = (Stamp::new(1, 0), Stamp::new(1, paper.seq()));
        paper.note(Kind::User, "bob", 1);

        paper.0.lock().expect("no test panics with it").forgotten = 1;

        assert!(!is_current(&old, &paper));
        assert!(is_current(&new, &paper));
    }

    #[test]
    fn a_change_of_another_entity_drops_nothing() {
        let paper = Paper::default();
        let stamp = Stamp::new(1, 0);

        paper.note(Kind::Client, "blog", 7);
        paper.note(Kind::User, "shop", 7);

        assert!(is_current(&stamp, &paper));
    }
}
