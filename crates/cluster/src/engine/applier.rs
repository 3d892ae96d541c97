//! openraft's view of the state machine: applies what is committed, makes and installs snapshots.

use std::{io, sync::Arc};

use futures::{Stream, TryStreamExt};
use openraft::{
    RaftSnapshotBuilder,
    storage::{EntryResponder, RaftStateMachine},
};

use tokio::sync::watch;

use crate::{
    command::Outcome,
    engine::{
        frame::damaged,
        log_store::Growth,
        serve::entries,
        snapshot::{Head, SnapshotFile, Snapshots},
        types::{LogId, Payload, Reply, Snapshot, SnapshotMeta, StoredMembership, Types},
    },
    machine::image::Image,
    shared::Shared,
};

/// Applies entries to the shared state.
#[derive(Debug)]
pub(crate) struct Applier {
    shared: Arc<Shared>,
    snapshots: Snapshots,
    growth: Arc<Growth>,
    applied: Option<LogId>,
    members: StoredMembership,
    /// Told how many entries have been applied.
    progress: watch::Sender<u64>,
}

impl Applier {
    /// Over a state that stands where `meta` says.
    pub(crate) fn new(
        shared: Arc<Shared>,
        snapshots: Snapshots,
        growth: Arc<Growth>,
        meta: SnapshotMeta,
    ) -> Self {
        let SnapshotMeta { last_log_id: applied, last_membership: members } = meta;
        let (progress, _) = watch::channel(entries(applied.as_ref()));
        Self { shared, snapshots, growth, applied, members, progress }
    }

    /// How many entries have been applied, now and later.
    pub(crate) fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }

    fn publish(&self) {
        self.progress.send_replace(entries(self.applied.as_ref()));
    }

    fn apply_payload(&mut self, at: &LogId, payload: Payload) -> io::Result<Arc<Outcome>> {
        match payload {
            Payload::Normal(proposal) => self.shared.apply(at.index, &proposal.0),
            Payload::Blank => Ok(self.done()),
            Payload::Membership(members) => {
                self.members = StoredMembership::new(Some(*at), members);
                Ok(self.done())
            }
        }
    }

    fn done(&self) -> Arc<Outcome> {
        Arc::new(Outcome::Done { now: self.shared.read().clock })
    }

    fn meta(&self) -> SnapshotMeta {
        SnapshotMeta { last_log_id: self.applied, last_membership: self.members.clone() }
    }
}

impl RaftStateMachine<Types> for Applier {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.members.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + Send,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let outcome = self.apply_payload(&entry.log_id, entry.payload)?;
            self.applied = Some(entry.log_id);
            self.publish();
            if let Some(responder) = responder {
                responder.send(Reply(outcome));
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        self.growth.begin_snapshot();
        let image = self.shared.read().image();
        Builder { meta: self.meta(), image, snapshots: self.snapshots.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, file: SnapshotFile) -> io::Result<()> {
        let snapshots = self.snapshots.clone();
        let (head, state) = blocking(move || snapshots.adopt(&file)?.load()).await?;
        if head != Head::of(meta) {
            return Err(damaged("the snapshot is another than was announced"));
        }
        self.shared.install(state);
        self.applied = meta.last_log_id;
        self.members = meta.last_membership.clone();
        self.publish();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let Some(file) = self.snapshots.current() else { return Ok(None) };
        let snapshot = file.clone();
        let meta = blocking(move || file.head()).await?.meta()?;
        Ok(Some(Snapshot { meta, snapshot }))
    }
}

/// Writes a state down while it moves on.
#[derive(Debug)]
pub(crate) struct Builder {
    meta: SnapshotMeta,
    image: Image,
    snapshots: Snapshots,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = SnapshotFile;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let (snapshots, image, head) = (self.snapshots.clone(), self.image.clone(), Head::of(&self.meta));
        let snapshot = blocking(move || snapshots.save(&head, &image)).await?;
        Ok(Snapshot { meta: self.meta.clone(), snapshot })
    }
}

/// Runs file work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
