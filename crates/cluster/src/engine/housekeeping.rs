//! What goes on beside commands: letting time pass, making snapshots, publishing numbers.
//!
//! A quiet node writes nothing: a tick is proposed only while something is due.

use std::{sync::Arc, time::Duration};

use openraft::async_runtime::WatchReceiver;
use tokio::task::AbortHandle;

use crate::{
    Error, Settings,
    engine::{log_store::LogStore, proposer::Proposer, snapshot::Snapshots},
    machine::Body,
    shared::as_f64,
};

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_millis(500);
/// How often numbers are published.
const PUBLISH: Duration = Duration::from_secs(5);

/// Starts the tasks; each ends with its handle.
pub(crate) fn start(
    proposer: &Arc<Proposer>,
    log: &LogStore,
    snapshots: Snapshots,
    settings: &Settings,
) -> Vec<AbortHandle> {
    let least = settings.snapshot_after_bytes;
    vec![
        tokio::spawn(tick(Arc::clone(proposer), settings.max_state_bytes)).abort_handle(),
        tokio::spawn(save(Arc::clone(proposer), log.clone(), snapshots, least)).abort_handle(),
        tokio::spawn(publish(Arc::clone(proposer))).abort_handle(),
    ]
}

/// Lets time pass while anything is due, one entry after the other; and, as the leader, sees to it that the
/// state's bound is as configured here.
async fn tick(proposer: Arc<Proposer>, bound: u64) {
    loop {
        tokio::time::sleep(TICK).await;
        if proposer.leads() && proposer.shared.read().bound != bound {
            drop(proposer.propose(Body::Bound(bound)).await);
        }
        while is_due(&proposer) {
            if let Err(error) = proposer.propose(Body::Tick).await {
                tracing::debug!(%error, "a tick was not answered");
                break;
            }
        }
    }
}

fn is_due(proposer: &Proposer) -> bool {
    let now = proposer.shared.time.now();
    proposer.leads() && proposer.shared.read().is_due(now)
}

/// Makes a snapshot when the log has grown by `least` bytes, or by the size of the last snapshot where that is
/// more: so a large state is not written again and again.
async fn save(proposer: Arc<Proposer>, log: LogStore, snapshots: Snapshots, least: u64) {
    // A log that was found large at the start is due as well.
    let mut saved = size(&snapshots);
    loop {
        if log.unsaved() > least.max(saved) {
            if let Err(error) = make_snapshot(&proposer).await {
                tracing::error!(%error, "no snapshot was made; the log keeps growing");
            }
            saved = size(&snapshots);
        }
        log.grown().await;
    }
}

fn size(snapshots: &Snapshots) -> u64 {
    snapshots.current().and_then(|file| file.size().ok()).unwrap_or(0)
}

/// Has a snapshot made and waits until it is whole.
pub(crate) async fn make_snapshot(proposer: &Proposer) -> Result<(), Error> {
    let mut metrics = proposer.raft.metrics();
    let wanted = metrics.borrow_watched().last_applied;
    proposer.raft.trigger().snapshot().await.map_err(|_| Error::Stopped)?;
    while metrics.borrow_watched().snapshot < wanted {
        metrics.changed().await.map_err(|_| Error::Stopped)?;
    }
    Ok(())
}

/// Publishes sizes and how far applying is behind.
async fn publish(proposer: Arc<Proposer>) {
    loop {
        proposer.shared.publish_usage();
        let lag = {
            let metrics = proposer.raft.metrics();
            let metrics = metrics.borrow_watched();
            let applied = metrics.last_applied.as_ref().map_or(0, |id| id.index);
            metrics.last_log_index.unwrap_or(0).saturating_sub(applied)
        };
        metrics::gauge!("keyraft_cluster_commit_lag").set(as_f64(lag));
        tokio::time::sleep(PUBLISH).await;
    }
}
