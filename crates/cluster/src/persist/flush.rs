//! The leader's loop: takes what is dirty, writes it, says so in the log; evicts what is clean when memory is tight.

use std::{sync::Arc, time::Instant};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{BATCH, CHECK, GATHER, MARKED, PAUSE};
use crate::{
    Error, View,
    backing::{Backing, BackingError, Batch, Flushed},
    command::{Command, Durability, MarkPersisted, Outcome},
    engine::proposer::Proposer,
    machine::Body,
    row::{Row, RowKey, Version},
    shared::{Shared, as_f64},
};

/// Writes for as long as this node leads.
pub(super) struct Writer {
    proposer: Arc<Proposer>,
    shared: Arc<Shared>,
    backing: Arc<dyn Backing>,
    checked: Option<Instant>,
    /// Since when there has been something to write.
    behind: Option<Instant>,
    evicted_to: u16,
}

/// Why a round ended early; the next one tries again.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Database(#[from] BackingError),
    #[error(transparent)]
    Log(#[from] Error),
}

/// What the state says that a round needs.
struct Due {
    rows: Vec<Row>,
    version: Version,
    flushed: Version,
    is_redoing: bool,
}

impl Writer {
    pub(super) fn new(proposer: Arc<Proposer>, shared: Arc<Shared>, backing: Arc<dyn Backing>) -> Self {
        Self { proposer, shared, backing, checked: None, behind: None, evicted_to: 0 }
    }

    /// Before the first session is asked for: a log that never wrote anything finds out whether there are rows of a lost
    /// one, or it would say "no" where it cannot tell.
    ///
    /// # Errors
    /// [`Error::Away`]: the database does not say.
    pub(super) async fn prepare(&self) -> Result<(), Error> {
        if self.view().persisted() > Version::default() {
            return Ok(());
        }
        self.say_what_is_durable().await?;
        self.begin().await.map_err(|stopped| match stopped {
            Stopped::Database(error) => Error::Away(error),
            Stopped::Log(error) => error,
        })
    }

    pub(super) async fn run(mut self) {
        let mut is_away = false;
        let mut applied = self.proposer.applied.clone();
        loop {
            if !self.proposer.leads() {
                // Whoever leads next looks first; leading begins with an entry.
                (self.checked, self.behind) = (None, None);
                metrics::gauge!("keyraft_cluster_flush_lag_seconds").set(0.0);
                rest(&mut applied).await;
                continue;
            }
            match self.round().await {
                Ok(written) => {
                    if is_away {
                        tracing::info!("the database is back");
                    }
                    is_away = false;
                    if written < BATCH {
                        rest(&mut applied).await;
                    }
                }
                Err(stopped) => {
                    if !is_away {
                        tracing::warn!(error = %stopped, "rows of sessions wait to be written");
                    }
                    is_away = true;
                    sleep(PAUSE).await;
                }
            }
            self.tell();
        }
    }

    /// How much waits, and for how long something has.
    fn tell(&mut self) {
        let waiting = self.view().dirty_count();
        self.behind = (waiting > 0).then(|| self.behind.unwrap_or_else(Instant::now));
        let lag = self.behind.map(|since| since.elapsed()).unwrap_or_default();
        metrics::gauge!("keyraft_cluster_dirty").set(as_f64(waiting));
        metrics::gauge!("keyraft_cluster_flush_lag_seconds").set(lag.as_secs_f64());
    }

    /// One batch, if there is anything to write; says how many rows it had.
    async fn round(&mut self) -> Result<usize, Stopped> {
        self.say_what_is_durable().await?;
        if self.view().persisted() == Version::default() {
            self.begin().await?;
        }
        self.evict().await?;
        let mut due = self.due();
        if due.rows.is_empty() && self.checked.is_some_and(|at| at.elapsed() < CHECK) {
            return Ok(0);
        }
        let keys: Vec<_> = due.rows.iter().map(|row| (row.key.clone(), row.version)).collect();
        if let Some(found) = self.write(&mut due).await? {
            self.restored(found, due.flushed).await?;
            return Ok(BATCH);
        }
        self.checked = Some(Instant::now());
        self.mark(&keys, due.version).await?;
        Ok(keys.len())
    }

    /// Writes what is due, or only looks where nothing is; the position where the database is behind it.
    async fn write(&self, due: &mut Due) -> Result<Option<Version>, Stopped> {
        // While everything is written again, the position is known to be behind.
        let flushed = if due.is_redoing { Version::default() } else { due.flushed };
        if due.rows.is_empty() {
            let found = self.backing.position().await?.unwrap_or_default();
            return Ok((found < flushed).then_some(found));
        }
        let batch = Batch { rows: std::mem::take(&mut due.rows), position: due.version, flushed };
        Ok(match self.backing.flush(batch).await? {
            Flushed::Done => None,
            Flushed::Behind(found) => Some(found),
        })
    }

    fn due(&self) -> Due {
        let view = self.view();
        Due {
            rows: view.dirty(BATCH),
            version: view.position(),
            flushed: view.persisted(),
            is_redoing: view.loads_held(),
        }
    }

    /// Has everything be durable, where the state does not say so yet.
    async fn say_what_is_durable(&self) -> Result<(), Error> {
        let all = Durability { online: true, offline: true, outbox: true };
        if self.view().durability() == all {
            return Ok(());
        }
        self.propose(Command::Durable(all)).await.map(drop)
    }

    /// Before this log's first batch: rows that are there are of a log that is lost, so a new epoch begins over them.
    /// That the log has begun to write is noted before it does: a position row then always is this log's own.
    async fn begin(&self) -> Result<(), Stopped> {
        let (epoch, version) = (self.view().epoch(), self.view().position());
        if let Some(found) = self.backing.position().await?
            && found.epoch >= epoch
        {
            tracing::warn!(epoch = found.epoch + 1, "rows of a lost log were found; a new epoch begins");
            self.propose(Command::NewEpoch { epoch: found.epoch + 1, over_rows: true }).await?;
            return Box::pin(self.begin()).await;
        }
        self.mark(&[], version).await?;
        let batch = Batch { position: version, ..Batch::default() };
        self.backing.flush(batch).await?;
        Ok(())
    }

    /// An older copy of the database was put back.
    async fn restored(&self, found: Version, flushed: Version) -> Result<(), Stopped> {
        tracing::error!(
            ?found,
            ?flushed,
            "the database is older than what was written to it; all is written again"
        );
        metrics::counter!("keyraft_cluster_database_restored_total").increment(1);
        self.propose(Command::Restored { position: found }).await?;
        let position = self.view().position();
        self.backing.flush(Batch { position, ..Batch::default() }).await?;
        Ok(())
    }

    async fn mark(&self, keys: &[(RowKey, Version)], position: Version) -> Result<(), Error> {
        if keys.is_empty() && self.view().persisted() > Version::default() {
            return Ok(());
        }
        let mut rest = keys;
        loop {
            let (rows, behind) = rest.split_at(rest.len().min(MARKED));
            let mark = MarkPersisted { rows: rows.to_vec(), position };
            self.propose(Command::MarkPersisted(mark)).await?;
            rest = behind;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Drops what nobody used lately and the database has, while memory is tight.
    async fn evict(&mut self) -> Result<(), Error> {
        let view = self.view();
        if !view.is_tight() {
            return Ok(());
        }
        let (keys, next) = view.evictable(self.evicted_to, MARKED);
        self.evicted_to = next;
        if keys.is_empty() {
            return Ok(());
        }
        if let Outcome::Evicted(count) = self.propose(Command::Evict { keys }).await? {
            metrics::counter!("keyraft_cluster_evicted_total").increment(count);
        }
        Ok(())
    }

    fn view(&self) -> View {
        View::new(Arc::clone(&self.shared))
    }

    async fn propose(&self, command: Command) -> Result<Outcome, Error> {
        self.proposer.propose(Body::Command(Box::new(command))).await
    }
}

/// Waits until something was applied, and then for others to come along; after a while in any case.
async fn rest(applied: &mut watch::Receiver<u64>) {
    if matches!(timeout(CHECK, applied.changed()).await, Ok(Err(_))) {
        // The engine has stopped, and this task is about to be.
        sleep(PAUSE).await;
    }
    sleep(GATHER).await;
}
