//! A disk in memory: what is written is kept only after a sync, and a crash loses some or all of the rest.

use std::{
    collections::VecDeque,
    fmt::Debug,
    io,
    ops::RangeBounds,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chunked_wal::Callback;
use futures::{Stream, stream};
use openraft::{
    RaftLogReader,
    storage::{IOFlushed, LogState, RaftLogStorage},
};
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
};

use super::dice::Dice;
use crate::engine::{
    layout::{Entry, Record},
    types::{LogEntry, LogId, Types, Vote},
    wal::{Flushed, Index},
};

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Index>>);

/// A log on a disk, while its node runs.
#[derive(Clone, Debug)]
pub(super) struct SimLog {
    current: Arc<Mutex<Index>>,
    pending: Arc<Pending>,
}

/// Written and not synced.
#[derive(Default)]
struct Pending {
    writes: Mutex<VecDeque<(Vec<Record>, Option<Flushed>)>>,
    rung: Notify,
}

impl Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pending")
    }
}

/// Cuts a node's power.
#[derive(Debug)]
pub(super) struct Power {
    disk: Disk,
    pending: Arc<Pending>,
    syncs: AbortHandle,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Starts a node on what the disk kept. A disk that lies says that it has synced before it has.
    pub(super) fn open(&self, dice: Dice, lies: bool) -> (SimLog, Power) {
        let current = Arc::new(Mutex::new(lock(&self.0).clone()));
        let pending = Arc::<Pending>::default();
        let syncs = tokio::spawn(sync(self.clone(), Arc::clone(&pending), dice, lies)).abort_handle();
        let power = Power { disk: self.clone(), pending: Arc::clone(&pending), syncs };
        (SimLog { current, pending }, power)
    }

    fn keep(&self, records: &[Record]) {
        let mut index = lock(&self.0);
        for record in records {
            index.record(record).unwrap();
        }
    }
}

async fn sync(disk: Disk, pending: Arc<Pending>, dice: Dice, lies: bool) {
    loop {
        let waiting = lock(&pending.writes).len();
        if waiting == 0 {
            pending.rung.notified().await;
            continue;
        }
        if lies {
            for (_, flushed) in lock(&pending.writes).iter_mut() {
                if let Some(flushed) = flushed.take() {
                    flushed.send(Ok(()));
                }
            }
            tokio::time::sleep(dice.millis(100, 400)).await;
        } else {
            tokio::time::sleep(if dice.percent(3) { dice.millis(20, 120) } else { dice.millis(0, 4) }).await;
        }
        for _ in 0..waiting {
            let Some((records, flushed)) = lock(&pending.writes).pop_front() else { break };
            disk.keep(&records);
            if let Some(flushed) = flushed {
                flushed.send(Ok(()));
            }
        }
    }
}

impl Power {
    /// Of what was written and not synced, a part from the front may have reached the disk.
    pub(super) fn cut(self, dice: &Dice) {
        self.syncs.abort();
        let mut writes = lock(&self.pending.writes);
        let kept = dice.below(writes.len() as u64 + 1);
        for _ in 0..kept {
            if let Some((records, _)) = writes.pop_front() {
                self.disk.keep(&records);
            }
        }
        writes.clear();
    }
}

impl SimLog {
    fn write(&self, records: Vec<Record>, flushed: Option<Flushed>) -> io::Result<()> {
        let mut current = lock(&self.current);
        for record in &records {
            current.record(record)?;
        }
        lock(&self.pending.writes).push_back((records, flushed));
        self.pending.rung.notify_one();
        Ok(())
    }

    /// All entries that are there.
    pub(super) fn entries(&self) -> Vec<Entry> {
        lock(&self.current).entries(&(..)).cloned().collect()
    }
}

impl RaftLogReader<Types> for SimLog {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<LogEntry>> {
        let entries: Vec<_> = lock(&self.current).entries(&range).cloned().collect();
        entries.iter().map(TryInto::try_into).collect()
    }

    async fn entries_stream<R>(&mut self, range: R) -> impl Stream<Item = io::Result<LogEntry>> + Send
    where
        R: RangeBounds<u64> + Clone + Debug + Send,
    {
        let entries: Vec<_> = lock(&self.current).entries(&range).cloned().collect();
        stream::iter(entries.into_iter().map(|entry| LogEntry::try_from(&entry)))
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(lock(&self.current).vote())
    }
}

impl RaftLogStorage<Types> for SimLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let index = lock(&self.current);
        Ok(LogState { last_purged_log_id: index.purged(), last_log_id: index.last() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (flushed, done) = oneshot::channel();
        self.write(vec![Record::Vote(vote.into())], Some(Flushed::Waiter(flushed)))?;
        done.await.map_err(|_| io::Error::other("the power was cut"))?
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = LogEntry> + Send,
        I::IntoIter: Send,
    {
        let records = entries.into_iter().map(|entry| Entry::try_from(&entry).map(Record::Append));
        let records = records.collect::<io::Result<_>>()?;
        self.write(records, Some(Flushed::Entries(callback, Instant::now())))
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.write(vec![Record::TruncateAfter(last.as_ref().map(Into::into))], None)
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.write(vec![Record::Purge((&upto).into())], None)
    }
}
