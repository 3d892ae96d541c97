//! What the leader changes in the membership next. Pure: one change at a time, the rest is seen to later.
//!
//! Voters are 1, 3 or 5. A dead voter gives its place only to a healthy learner; a node that came back with a
//! new disk takes the place of the one that had its name, in one change. Nothing is done that those who answer
//! could not decide: a majority of the voters before and of the voters after must be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::bootstrap::ordinal;
use crate::Member;

/// Entries that a learner may be behind and still count as caught up.
pub(crate) const CAUGHT_UP: u64 = 256;

/// Times after which silence means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A voter that is silent for so long gives its place to a healthy learner, if there is one, and is removed
    /// when the replicas file says that it is not wanted. Default: 30 s.
    pub replace: Duration,
    /// A member that is silent for so long is removed where no file says how many are wanted. Default: 10 min.
    pub remove: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { replace: Duration::from_secs(30), remove: Duration::from_mins(10) }
    }
}

/// A member as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) is_voter: bool,
    /// Since it last answered the leader.
    pub(crate) silent: Duration,
    /// Entries that it is behind; `None`: not known.
    pub(crate) lag: Option<u64>,
}

/// What the leader knows.
#[derive(Clone, Debug)]
pub(crate) struct Outlook<'a> {
    /// The leader's own id.
    pub(crate) me: u64,
    /// Whether a change stopped half-way.
    pub(crate) is_joint: bool,
    pub(crate) members: &'a [Seen],
    /// Members that are to be reached elsewhere.
    pub(crate) moved: &'a BTreeMap<u64, Member>,
    /// Members that an operator wants gone.
    pub(crate) unwanted: &'a BTreeSet<u64>,
    /// How many nodes the replicas file asks for.
    pub(crate) replicas: Option<u64>,
    pub(crate) patience: Patience,
    /// Silence that counts as absence.
    pub(crate) lost: Duration,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Finish the change that stopped half-way.
    Finish,
    /// New addresses.
    Move(BTreeMap<u64, Member>),
    /// These vote from now on; whoever does no longer stays as a learner.
    Voters(BTreeSet<u64>),
    /// These learners are members no longer.
    Forget(BTreeSet<u64>),
}

/// Decides.
pub(crate) fn next(outlook: &Outlook<'_>) -> Option<Change> {
    if outlook.is_joint {
        return Some(Change::Finish);
    }
    if !outlook.moved.is_empty() {
        return Some(Change::Move(outlook.moved.clone()));
    }
    let gone = outlook.gone();
    let voters: BTreeSet<u64> = outlook.voters().map(|seen| seen.id).collect();
    let wanted = outlook.wanted(&gone);
    if wanted != voters && outlook.is_decidable(&voters, &wanted) {
        return Some(Change::Voters(wanted));
    }
    let learners: BTreeSet<u64> = gone.difference(&voters).copied().collect();
    (!learners.is_empty()).then_some(Change::Forget(learners))
}

impl Outlook<'_> {
    fn voters(&self) -> impl Iterator<Item = &Seen> {
        self.members.iter().filter(|seen| seen.is_voter)
    }

    fn answers(&self, seen: &Seen) -> bool {
        seen.id == self.me || seen.silent < self.lost
    }

    fn is_caught_up(&self, seen: &Seen) -> bool {
        self.answers(seen) && seen.lag.is_some_and(|lag| lag <= CAUGHT_UP)
    }

    /// Whether a later disk of the same name is a member and can take over: the node is the same, the earlier
    /// disk is not coming back.
    fn is_superseded(&self, seen: &Seen) -> bool {
        let later = self.members.iter().filter(|other| other.name == seen.name && other.id > seen.id);
        let mut later = later.filter(|other| !seen.is_voter || self.is_caught_up(other));
        later.next().is_some() && !(seen.is_voter && self.answers(seen))
    }

    fn is_beyond(&self, seen: &Seen) -> bool {
        match (self.replicas, ordinal(&seen.name)) {
            (Some(replicas), Some(ordinal)) => ordinal >= replicas,
            _ => false,
        }
    }

    /// Members that do not belong any more.
    fn gone(&self) -> BTreeSet<u64> {
        let voters = self.voters().count();
        let answering = self.voters().filter(|seen| self.answers(seen)).count();
        let may_forget_voters = answering * 2 > voters && answering >= 3;
        let is_gone = |seen: &&Seen| {
            let is_unwanted = self.unwanted.contains(&seen.id);
            let is_scaled_away = self.is_beyond(seen) && seen.silent >= self.patience.replace;
            let is_long_silent = seen.silent >= self.patience.remove && (!seen.is_voter || may_forget_voters);
            // Where the file says that it is wanted, it is waited for.
            let is_wanted = self.replicas.is_some() && ordinal(&seen.name).is_some() && !self.is_beyond(seen);
            let is_forgotten = is_long_silent && !is_wanted;
            is_unwanted
                || self.is_superseded(seen)
                || (seen.id != self.me && (is_scaled_away || is_forgotten))
        };
        self.members.iter().filter(is_gone).map(|seen| seen.id).collect()
    }

    /// The voters that there should be: as many as can be of 1, 3 and 5, those first that are there.
    fn wanted(&self, gone: &BTreeSet<u64>) -> BTreeSet<u64> {
        let rank = |seen: &Seen| match seen {
            seen if gone.contains(&seen.id) => None,
            seen if seen.id == self.me => Some(0),
            seen if seen.is_voter && seen.silent < self.patience.replace => Some(1),
            seen if !seen.is_voter && self.is_caught_up(seen) && !self.waits_for_its_name(seen, gone) => {
                Some(2)
            }
            seen if seen.is_voter => Some(3),
            _ => None,
        };
        let mut usable: Vec<_> = self
            .members
            .iter()
            .filter_map(|seen| Some((rank(seen)?, self.is_beyond(seen), ordinal(&seen.name), seen.id)))
            .collect();
        usable.sort_unstable();
        let count = match usable.len() {
            0 => 0,
            1 | 2 => 1,
            3 | 4 => 3,
            _ => 5,
        };
        // Two that are left of three stay three: whoever is silent keeps its place until it is replaced.
        let count = if count < self.voters().count().min(3) && gone.is_empty() { 3 } else { count };
        usable.into_iter().take(count).map(|(.., id)| id).collect()
    }

    /// A learner whose earlier disk still votes and answers: two nodes have one name.
    fn waits_for_its_name(&self, seen: &Seen, gone: &BTreeSet<u64>) -> bool {
        self.voters().any(|voter| voter.name == seen.name && voter.id != seen.id && !gone.contains(&voter.id))
    }

    /// Whether those who answer can decide on it, before and after.
    fn is_decidable(&self, before: &BTreeSet<u64>, after: &BTreeSet<u64>) -> bool {
        let has_majority = |voters: &BTreeSet<u64>| {
            let there = self.members.iter().filter(|seen| voters.contains(&seen.id) && self.answers(seen));
            there.count() * 2 > voters.len()
        };
        !after.is_empty() && has_majority(before) && has_majority(after)
    }
}

#[cfg(test)]
mod tests;
