//! The cluster's row in the database: who formed it, who is in it, how often each disk was started.

use std::fmt;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::Member;

/// What the members ask of the database. Needed to form a cluster and to notice a disk that was rolled back;
/// a member that is back, or a node that joins, does without while the database is away.
pub trait Registry: fmt::Debug + Send + Sync + 'static {
    /// The newest epoch's row; `None`: no cluster was ever formed over this database.
    fn read(&self) -> BoxFuture<'_, Result<Option<ClusterRow>, RegistryError>>;

    /// Writes the row of an epoch unless there is one, and answers the newest, which may be another's.
    fn form(&self, row: ClusterRow) -> BoxFuture<'_, Result<ClusterRow, RegistryError>>;

    /// Notes the members' names as the log entry at `at` says; older news than what stands is left aside.
    fn set_members(
        &self,
        epoch: u64,
        at: u64,
        members: Vec<String>,
    ) -> BoxFuture<'_, Result<(), RegistryError>>;

    /// Notes a start of a member's disk; `false` when that start, or a later one, was noted before.
    fn note_boot(&self, epoch: u64, id: u64, boot: u64) -> BoxFuture<'_, Result<bool, RegistryError>>;
}

/// Why the database gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// It cannot be reached now.
    #[error("the database is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Its row cannot be read by this version.
    #[error("the cluster's row cannot be read: {0}")]
    Unreadable(String),
}

/// The row of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRow {
    /// From 1; a higher one fences the lower ones.
    pub epoch: u64,
    /// The cluster's name.
    pub cluster: String,
    /// Who initialises the group, and with whom; never changes.
    pub founders: Vec<Founder>,
    /// The members' names now.
    pub members: Vec<String>,
}

/// One of those who form a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founder {
    /// The Raft id that it gets.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where its peers reached it then.
    pub addr: String,
    /// Its disk's incarnation, in hexadecimal.
    pub incarnation: String,
}

impl Founder {
    /// As the group is initialised with it.
    pub(crate) fn member(&self) -> Member {
        Member::new(self.name.clone(), self.addr.clone())
    }
}

/// An incarnation as the row has it.
pub(crate) fn hex(incarnation: &[u8; 16]) -> String {
    incarnation.iter().fold(String::with_capacity(32), |text, byte| text + &format!("{byte:02x}"))
}

/// The id of the founder with that place, from 0, in an epoch.
pub(crate) fn founder_id(epoch: u64, place: usize) -> u64 {
    base(epoch) + 1 + place as u64
}

/// The id of a node that was let in by the committed entry at `index`.
pub(crate) fn joiner_id(epoch: u64, index: u64) -> u64 {
    base(epoch) + FOUNDERS_MAX + index
}

/// Ids of an epoch are above those of the epochs before it: what a group assigned that was fenced off is never
/// assigned again. 2^40 entries are 500 days at 25,000 a second; a group that has more goes on with the ids it has.
fn base(epoch: u64) -> u64 {
    epoch.saturating_sub(1) << 40
}

/// Founders have the ids below.
const FOUNDERS_MAX: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_is_ever_assigned_twice() {
        let founders = (1..4).flat_map(|epoch| (0..5).map(move |place| founder_id(epoch, place)));
        let joiners = (1..4).flat_map(|epoch| [0, 1, 2, 1 << 39].map(|index| joiner_id(epoch, index)));
        let mut ids: Vec<u64> = founders.chain(joiners).collect();
        let count = ids.len();

        ids.sort_unstable();
        ids.dedup();

        assert_eq!(ids.len(), count);
        assert_eq!(founder_id(1, 0), 1);
    }
}
