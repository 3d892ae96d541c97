//! What one node does for all: jobs in the background, under a lease in the log.
//!
//! A node that is alone simply does them. Among several one lease covers them all. Its holder prolongs it while it
//! lives; when it dies another node takes it a few seconds later and goes on with the same jobs. Between the two nobody
//! works, and a holder that was slow may still be at work when the next begins: so each job may be done twice, and does
//! no harm by it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{FutureExt as _, future::BoxFuture};
use keyraft_cluster::{
    Cluster,
    command::{Command, Outcome},
};
use keyraft_model::DurationMs;
use tokio::sync::Notify;

use crate::{Core, Error};

/// The lease's name.
const LEASE: &str = "jobs";
/// How long it is taken for, and so how long after a holder's death nobody works.
const SPAN: Duration = Duration::from_secs(6);
/// How often it is prolonged, and how often the others look whether it is free.
const LOOK: Duration = Duration::from_secs(2);

/// Whether this node has the jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Duty {
    until: Arc<Mutex<Option<Instant>>>,
    hurry: Arc<Notify>,
}

impl Duty {
    /// Whether it holds the lease now, by its own clock, which ran since it asked.
    pub(crate) fn is_held(&self) -> bool {
        self.until().is_some_and(|until| Instant::now() < until)
    }

    fn until(&self) -> Option<Instant> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, until: Option<Instant>) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Core {
    /// Has the job that hurries begin at once, if it is this node's to do.
    pub fn hurry(&self) {
        self.duty.hurry.notify_one();
    }
}

/// A job that one node does for all.
pub struct Job {
    /// Its name, in logs and metrics.
    pub name: &'static str,
    /// How long after one round the next begins.
    pub every: Duration,
    /// Whether the next begins at once where [`Core::hurry`] is called.
    pub hurries: bool,
    /// One round. What it left undone the next one does.
    pub round: fn(Core) -> BoxFuture<'static, Result<(), Error>>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The jobs of this room.
pub fn own() -> Vec<Job> {
    vec![
        Job {
            name: "rows of sessions",
            every: Duration::from_secs(30),
            hurries: false,
            round: |core| Box::pin(reap(core)),
        },
        Job {
            name: "deleted realms",
            every: Duration::from_secs(10),
            hurries: false,
            round: |core| Box::pin(sweep(core)),
        },
    ]
}

/// Does the jobs while this node has the duty, until the store is closed.
pub async fn run(core: Core, jobs: Vec<Job>) {
    let holder = keyraft_crypto::random::uuid();
    let work = jobs.into_iter().map(|job| tokio::spawn(repeat(core.clone(), job))).collect::<Vec<_>>();
    while !core.store.is_closed() {
        let asked = Instant::now();
        match hold(&core.cluster, &holder).await {
            Ok(true) => core.duty.set(Some(asked + SPAN)),
            Ok(false) => core.duty.set(None),
            // Whoever cannot reach the log keeps what it has until that runs out.
            Err(error) => tracing::debug!(%error, "the lease of the jobs was not prolonged"),
        }
        tokio::time::sleep(LOOK).await;
    }
    core.duty.set(None);
    work.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Does the jobs of a node that is alone, until the store is closed: nobody else could, so nothing is written to say so.
pub async fn run_alone(core: Core, jobs: Vec<Job>) {
    let work = jobs.into_iter().map(|job| tokio::spawn(repeat(core.clone(), job))).collect::<Vec<_>>();
    while !core.store.is_closed() {
        core.duty.set(Some(Instant::now() + SPAN));
        tokio::time::sleep(LOOK).await;
    }
    core.duty.set(None);
    work.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Takes or prolongs the lease where it is free or held already; says whether it is held. A lease of another node
/// is left alone without a word to the log.
async fn hold(cluster: &Cluster, holder: &str) -> Result<bool, keyraft_cluster::Error> {
    let view = cluster.view().await?;
    if view.lease(LEASE).is_some_and(|lease| lease.holder != holder && view.now() < lease.expires) {
        return Ok(false);
    }
    let lifespan = DurationMs(i64::try_from(SPAN.as_millis()).unwrap_or(i64::MAX));
    let take = Command::TakeLease { job: LEASE.to_owned(), holder: holder.to_owned(), lifespan };
    match cluster.write(take).await? {
        Outcome::Lease(lease) => Ok(lease.holder == holder),
        _ => Ok(false),
    }
}

/// Gives the lease back early, for the next node to go on at once.
pub async fn give_back(core: &Core) {
    let Ok(view) = core.cluster.view().await else { return };
    let Some(lease) = view.lease(LEASE).filter(|_| core.duty.is_held()) else { return };
    core.duty.set(None);
    let release = Command::ReleaseLease { job: LEASE.to_owned(), holder: lease.holder };
    if let Err(error) = core.cluster.write(release).await {
        tracing::debug!(%error, "the lease of the jobs was not given back");
    }
}

async fn repeat(core: Core, job: Job) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(job.every) => {}
            () = core.duty.hurry.notified(), if job.hurries => {}
        }
        if !core.duty.is_held() {
            continue;
        }
        // One that panics is tried again like one that fails.
        let round = std::panic::AssertUnwindSafe((job.round)(core.clone())).catch_unwind().await;
        let outcome = match round {
            Ok(Ok(())) => "done",
            Ok(Err(error)) => {
                tracing::debug!(job = job.name, %error, "a job was not finished");
                "failed"
            }
            Err(_) => {
                tracing::error!(job = job.name, "a job panicked");
                "panicked"
            }
        };
        metrics::counter!("keyraft_job_rounds_total", "job" => job.name, "outcome" => outcome).increment(1);
    }
}

/// Rows of sessions deleted in one round, of each sixteenth.
const REAPED: i64 = 500;

async fn reap(core: Core) -> Result<(), Error> {
    let now = core.cluster.view().await?.now();
    let reaped = keyraft_store::sessions::reap(&core.store, now, REAPED).await?;
    metrics::counter!("keyraft_rows_reaped_total").increment(reaped.sessions);
    Ok(())
}

async fn sweep(core: Core) -> Result<(), Error> {
    for realm in keyraft_store::realms::list_doomed(&core.store).await? {
        keyraft_store::realms::sweep(&core.store, &realm).await?;
    }
    Ok(())
}
