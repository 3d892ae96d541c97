//! The log and the snapshots by openraft's own suite, and layouts by golden bytes.

use std::{path::PathBuf, sync::Arc};

use keyraft_model::UnixMs;
use openraft::{
    StorageError,
    testing::log::{StoreBuilder, Suite},
};

use super::{
    applier::Applier,
    files, frame,
    layout::{Checkpoint, Entry, EntryBody, LogId, Membership, Record, Vote},
    log_store::LogStore,
    types::{LogEntry, Payload, Proposal, Types},
};
use crate::{
    command::Command,
    machine::{self, Body},
    session::Kind,
    shared::Shared,
};

struct Builder;

/// A folder that goes when the store does.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl StoreBuilder<Types, LogStore, Applier, Folder> for Builder {
    async fn build(&self) -> Result<(Folder, LogStore, Applier), StorageError<Types>> {
        let path = std::env::temp_dir().join(format!("keyraft-suite-{:032x}", rand::random::<u128>()));
        let opened = files::open(path.clone()).await.unwrap();
        let shared = Arc::new(Shared::new(opened.state, opened.skips));
        let applier = Applier::new(shared, opened.snapshots, opened.log.growth(), opened.meta);
        Ok((Folder(path), opened.log, applier))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_and_snapshots_keep_what_openraft_asks_of_them() {
    Suite::<Types, LogStore, Applier, Builder, Folder>::test_all(Builder).await.unwrap();
}

fn end_of_alice() -> machine::Entry {
    machine::Entry {
        time: UnixMs(1_764_000_000_000),
        origin: 1,
        boot: 2,
        sequence: 300,
        oldest: 299,
        body: Body::Command(Box::new(Command::EndSession { sid: "s".into(), kind: Kind::Offline })),
    }
}

fn bytes<T: serde::Serialize>(value: &T) -> String {
    frame::encode(value).unwrap().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[test]
fn records_lie_on_disk_as_they_always_did() {
    let id = LogId { term: 3, leader: 1, index: 200 };
    let entry = LogEntry { log_id: id.into(), payload: Payload::Normal(Proposal(Arc::new(end_of_alice()))) };
    let members = Membership { voters: vec![[1].into()], nodes: [(1, "a".to_owned())].into() };
    let vote = Vote { term: 3, node: 1, committed: true };

    let append = Record::Append(Entry::try_from(&entry).unwrap());
    assert_eq!(bytes(&append), "02000301c80114020180a0bfe9d6660102ac02ab02050006017301");
    assert_eq!(bytes(&EntryBody::Blank), "0200");
    assert_eq!(bytes(&EntryBody::Members(members)), "020201010101010161");
    assert_eq!(bytes(&Record::Vote(vote)), "0201030101");
    assert_eq!(bytes(&Record::TruncateAfter(None)), "020200");
    assert_eq!(bytes(&Record::Purge(id)), "02030301c801");
    assert_eq!(
        bytes(&Checkpoint { vote: Some(vote), purged: None, last: Some(id) }),
        "020103010100010301c801"
    );
}

#[test]
fn an_entry_comes_back_as_it_went() {
    let id = LogId { term: 3, leader: 1, index: 200 };
    let entry = LogEntry { log_id: id.into(), payload: Payload::Normal(Proposal(Arc::new(end_of_alice()))) };

    let stored = Entry::try_from(&entry).unwrap();

    assert_eq!(LogEntry::try_from(&stored).unwrap(), entry);
}
