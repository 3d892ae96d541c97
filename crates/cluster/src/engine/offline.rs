//! Rewriting the log of a node that is stopped, so that it becomes the only member of a new epoch.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use chunked_wal::WalLock;
use openraft::RaftLogReader;

use crate::{
    Error, Member,
    engine::{
        applier::blocking,
        files::{self, Opened},
        identity::{Identity, Seat},
        log_store::LogStore,
        types::{LeaderId, LogEntry, LogId, Membership, Payload, Vote},
    },
};

/// A data folder, held.
pub(crate) struct Held {
    dir: PathBuf,
    opened: Opened,
}

/// What the rewritten log holds.
pub(crate) struct Rewritten {
    /// The last entry that the node held before.
    pub(crate) entries: u64,
}

/// Takes the folder of a stopped node.
pub(crate) fn lock(dir: &Path) -> io::Result<WalLock> {
    LogStore::lock(&dir.join("log"))
}

/// Opens the folder of a stopped node to rewrite its log.
pub(crate) async fn rewrite(dir: PathBuf) -> Result<Held, Error> {
    let opened = files::open(dir.clone()).await?;
    Ok(Held { dir, opened })
}

impl Held {
    /// Whose folder it is.
    pub(crate) fn identity(&self) -> &Identity {
        &self.opened.identity
    }

    /// Makes that member the only one, by an entry behind all others and in a term above all others. Everything
    /// before it is committed with it, as soon as the node has elected itself.
    pub(crate) async fn sole(
        self,
        cluster: &str,
        epoch: u64,
        id: u64,
        member: Member,
    ) -> Result<Rewritten, Error> {
        let Self { dir, opened } = self;
        let mut log = opened.log;
        let failed = |error: io::Error| Error::Storage(error);
        let vote = log.read_vote().await.map_err(failed)?;
        let last: Option<LogId> = log.last().or(opened.meta.last_log_id);
        let term =
            vote.map_or(0, |vote| vote.leader_id.term).max(last.map_or(0, |last| last.leader_id.term)) + 1;
        let entries = last.map_or(0, |last| last.index);
        let leader = LeaderId { term, node_id: id };
        let nodes: BTreeMap<u64, Member> = [(id, member)].into();
        let members = Membership::new(vec![[id].into()], nodes);
        let members = members.map_err(|error| failed(io::Error::other(error)))?;
        let entry = LogEntry {
            log_id: LogId::new(leader, last.map_or(0, |last| last.index + 1)),
            payload: Payload::Membership(members),
        };
        log.write_last(Vote { leader_id: leader, committed: true }, entry).await.map_err(failed)?;
        let seat = Seat { cluster: cluster.to_owned(), epoch, id, founders: [].into() };
        let identity = Identity { seat: Some(seat), ..opened.identity };
        blocking(move || {
            log.close()?;
            identity.save(&dir)
        })
        .await
        .map_err(failed)?;
        Ok(Rewritten { entries })
    }
}
