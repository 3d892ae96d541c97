//! The database behind the maps: writing what changed, loading what was evicted, noticing what was restored.
//!
//! Only the leader writes, in batches, and each batch that the database has taken is noted in the log: which rows are
//! clean is replicated, so a new leader goes on where the old one stopped, and writing twice changes nothing. When the
//! database is away, what is dirty waits in the state and nobody waits for it.

mod flush;
mod load;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::AbortHandle;

pub(crate) use self::load::Loader;
use crate::{Error, backing::Backing, engine::proposer::Proposer, row::Version, shared::Shared};

/// Rows of one batch.
const BATCH: usize = 500;
/// Rows that one entry of the log says are clean: it must stay below the limit for commands.
const MARKED: usize = 200;
/// How long a change may wait for others to be written with it.
const GATHER: Duration = Duration::from_millis(200);
/// How long after a failure the next try is.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a database to which nothing is written is asked for its position.
const CHECK: Duration = Duration::from_secs(5);

/// The writer and the loader of one node.
#[derive(Debug)]
pub(crate) struct Persist {
    /// Reads rows.
    pub(crate) loader: Loader,
    writer: AbortHandle,
    shared: Arc<Shared>,
    begun: AtomicBool,
}

impl Persist {
    /// Starts the writer. A node that is alone finds out first whether rows of a lost log are there; of a group the first
    /// leader does.
    ///
    /// # Errors
    /// [`Error::Away`] where that must be found out and the database does not say.
    pub(crate) async fn start(
        proposer: &Arc<Proposer>,
        shared: &Arc<Shared>,
        backing: &Arc<dyn Backing>,
        is_alone: bool,
    ) -> Result<Self, Error> {
        let writer = flush::Writer::new(Arc::clone(proposer), Arc::clone(shared), Arc::clone(backing));
        if is_alone {
            writer.prepare().await?;
        }
        let writer = tokio::spawn(writer.run()).abort_handle();
        let loader = Loader::new(Arc::clone(proposer), Arc::clone(shared), Arc::clone(backing));
        Ok(Self { loader, writer, shared: Arc::clone(shared), begun: AtomicBool::new(false) })
    }

    /// Whether it is known what rows a lost log left behind: before that nobody may be told that a session is none.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed) || {
            let has_begun = self.shared.read().persisted > Version::default();
            self.begun.store(has_begun, Ordering::Relaxed);
            has_begun
        }
    }

    /// Stops the writer; a batch under way is left to the database.
    pub(crate) fn stop(&self) {
        self.writer.abort();
    }
}

impl Drop for Persist {
    fn drop(&mut self) {
        self.stop();
    }
}
