//! The cluster's log as the caches know it: which entities changed, numbered.

use std::time::Duration;

use keyraft_cluster::{
    Cluster,
    command::{ChangedEntity, Command},
};
use keyraft_model::RealmId;
use keyraft_store::{Change, changes::Kind};

use crate::cache::ledger::{Changed, Ledger};

/// Changes of one entry of the log.
const AT_ONCE: usize = 200;
/// A member that says nothing for so long serves nothing either.
const SILENT: Duration = Duration::from_millis(1_500);

/// See the head of this file.
#[derive(Clone, Debug)]
pub(crate) struct Log(Cluster);

impl Log {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self(cluster)
    }

    /// Tells what changed; answers when the log has it and this node has applied it.
    pub(crate) async fn tell(&self, changes: &[Change]) -> Result<(), keyraft_cluster::Error> {
        for changes in changes.chunks(AT_ONCE) {
            let entries = changes.iter().map(entry).collect();
            self.0.write(Command::Changed { entries }).await?;
        }
        Ok(())
    }

    /// Whether that change or a later one of the same entity was told and is applied here.
    pub(crate) fn knows(&self, change: &Change) -> bool {
        let told = self.0.change_of(change.kind.as_str(), &change.realm.as_str().into(), &change.entity);
        told.is_some_and(|told| told.ver >= change.ver)
    }

    /// Waits until each member has applied what was told before this call, or has been silent for 1.5 s.
    pub(crate) async fn applied_everywhere(&self) {
        self.0.applied_everywhere(SILENT).await;
    }
}

fn entry(change: &Change) -> ChangedEntity {
    ChangedEntity {
        kind: change.kind.as_str().to_owned(),
        realm: change.realm.as_str().into(),
        entity: change.entity.clone(),
        ver: change.ver,
    }
}

impl Ledger for Log {
    fn seq(&self) -> u64 {
        self.0.changes_seq()
    }

    fn forgotten(&self) -> u64 {
        self.0.changes_forgotten()
    }

    fn of(&self, kind: Kind, realm: &RealmId, entity: &str) -> Option<Changed> {
        let record = self.0.change_of(kind.as_str(), realm, entity)?;
        Some(Changed { ver: record.ver, seq: record.seq })
    }

    fn epoch(&self) -> u64 {
        self.0.epoch()
    }
}
