//! The log: entries in memory, every change of it in the write-ahead log first.
//!
//! One thread writes and syncs; whatever is handed over while it syncs goes together with the next sync.
//! Acknowledged means synced. A failed write or sync is final: the node stops, nothing is tried again,
//! because after a failed fsync the kernel may have dropped the pages (and would report success).

use std::{
    fmt::Debug,
    io,
    ops::RangeBounds,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chunked_wal::{ChunkedWal, Config, WAL, WALRecord, WalLock};
use futures::{Stream, stream};
use openraft::{
    RaftLogReader,
    storage::{IOFlushed, LogState, RaftLogStorage},
};
use tokio::sync::{Notify, oneshot};

use crate::engine::{
    layout::{Entry, Record},
    types::{LogEntry, LogId, Types, Vote},
    wal::{Flushed, Index, Wal},
};

/// Bytes of one file of the log; what is purged goes file by file.
const FILE_BYTES: usize = 8 << 20;
/// Bytes read at once while a file is replayed.
const READ_BYTES: usize = 1 << 20;
/// How long a sync waits for company. Requests that are queued already come along without waiting; this
/// only keeps the queue from being closed before it was looked at.
const GROUP_WAIT: Duration = Duration::from_micros(20);

/// A handle of the log; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    inner: Arc<Mutex<Inner>>,
    growth: Arc<Growth>,
}

/// What whoever decides about snapshots must know.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    /// Bytes written since the last snapshot was begun.
    unsaved: AtomicU64,
    /// Rung with every write.
    grown: Notify,
}

impl Growth {
    /// Notes that a snapshot is begun.
    pub(crate) fn begin_snapshot(&self) {
        self.unsaved.store(0, Ordering::Relaxed);
    }

    fn add(&self, bytes: u64) {
        self.unsaved.fetch_add(bytes, Ordering::Relaxed);
        self.grown.notify_one();
    }
}

#[derive(Debug)]
struct Inner {
    /// Gone once the log is closed.
    wal: Option<ChunkedWal<Wal>>,
    index: Index,
}

impl Inner {
    fn wal(&mut self) -> io::Result<&mut ChunkedWal<Wal>> {
        self.wal.as_mut().ok_or_else(closed)
    }

    fn record(&mut self, record: Record) -> io::Result<()> {
        self.wal()?.append(&WALRecord::Action(record))
    }

    fn end(&mut self) -> io::Result<u64> {
        let segment = self.wal()?.last_segment();
        Ok(*codeq::OffsetSize::end(&segment))
    }

    /// Hands over what was recorded, and begins a new file where this one is full.
    fn flush(&mut self, flushed: Option<Flushed>) -> io::Result<()> {
        let wal = self.wal.as_mut().ok_or_else(closed)?;
        wal.send_pending(true, flushed)?;
        wal.try_close_full_chunk(&self.index)?;
        Ok(())
    }
}

impl LogStore {
    /// Takes the folder for this process.
    pub(crate) fn lock(dir: &Path) -> io::Result<WalLock> {
        ChunkedWal::<Wal>::acquire_lock(&config(dir)?)
    }

    /// Replays the log in a folder. Blocking.
    pub(crate) fn open(dir: &Path, lock: WalLock) -> io::Result<Self> {
        let mut index = Index::default();
        let persisted = Arc::new(|_, _| {});
        let wal = ChunkedWal::open_locked(Arc::new(config(dir)?), &mut index, persisted, lock)?;
        index.check()?;
        let growth = Arc::<Growth>::default();
        growth.add(wal.on_disk_size());
        Ok(Self { inner: Arc::new(Mutex::new(Inner { wal: Some(wal), index })), growth })
    }

    /// Whether nothing was ever written.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock_inner().index.is_empty()
    }

    /// The last entry that only a snapshot holds.
    pub(crate) fn purged(&self) -> Option<LogId> {
        self.lock_inner().index.purged()
    }

    /// The last entry, or the last that was purged.
    pub(crate) fn last(&self) -> Option<LogId> {
        self.lock_inner().index.last()
    }

    /// Writes a vote and an entry behind all others, and waits until both are on disk.
    pub(crate) async fn write_last(&self, vote: Vote, entry: LogEntry) -> io::Result<()> {
        self.write_record(Record::Vote((&vote).into()), None)?;
        let (flushed, done) = oneshot::channel();
        self.write_entries([entry], Flushed::Waiter(flushed))?;
        done.await.map_err(|_| io::Error::other("the log has stopped"))?
    }

    /// Bytes written since the last snapshot was begun.
    pub(crate) fn unsaved(&self) -> u64 {
        self.growth.unsaved.load(Ordering::Relaxed)
    }

    /// Waits until something was written since the last call.
    pub(crate) async fn grown(&self) {
        self.growth.grown.notified().await;
    }

    /// How much the log has grown.
    pub(crate) fn growth(&self) -> Arc<Growth> {
        Arc::clone(&self.growth)
    }

    /// Writes and syncs what is left, and gives the folder free. Blocking.
    pub(crate) fn close(&self) -> io::Result<()> {
        match self.lock_inner().wal.take() {
            Some(mut wal) => wal.shutdown(),
            None => Ok(()),
        }
    }

    fn lock_inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_entries(&self, entries: impl IntoIterator<Item = LogEntry>, flushed: Flushed) -> io::Result<()> {
        let mut inner = self.lock_inner();
        let before = inner.end()?;
        for entry in entries {
            let entry = Entry::try_from(&entry)?;
            inner.record(Record::Append(entry.clone()))?;
            inner.index.append(entry)?;
        }
        self.growth.add(inner.end()?.saturating_sub(before));
        inner.flush(Some(flushed))
    }

    fn write_record(&self, record: Record, flushed: Option<Flushed>) -> io::Result<()> {
        let mut inner = self.lock_inner();
        inner.index.record(&record)?;
        inner.record(record)?;
        inner.flush(flushed)
    }
}

fn closed() -> io::Error {
    io::Error::other("the log is closed")
}

fn config(dir: &Path) -> io::Result<Config> {
    let dir = dir.to_str().ok_or_else(|| io::Error::other("the data folder's name is not UTF-8"))?;
    Ok(Config {
        read_buffer_size: Some(READ_BYTES),
        chunk_max_size: Some(FILE_BYTES),
        flush_batch_wait: Some(GROUP_WAIT),
        ..Config::new(dir)
    })
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<LogEntry>> {
        // Decoded outside the lock, so that appending goes on meanwhile.
        let entries: Vec<_> = self.lock_inner().index.entries(&range).cloned().collect();
        entries.iter().map(TryInto::try_into).collect()
    }

    async fn entries_stream<R>(&mut self, range: R) -> impl Stream<Item = io::Result<LogEntry>> + Send
    where
        R: RangeBounds<u64> + Clone + Debug + Send,
    {
        // One by one: a start may have the whole log to apply, and decoded it is many times as large.
        let entries: Vec<_> = self.lock_inner().index.entries(&range).cloned().collect();
        stream::iter(entries.into_iter().map(|entry| LogEntry::try_from(&entry)))
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.lock_inner().index.vote())
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let inner = self.lock_inner();
        Ok(LogState { last_purged_log_id: inner.index.purged(), last_log_id: inner.index.last() })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (flushed, done) = oneshot::channel();
        self.write_record(Record::Vote(vote.into()), Some(Flushed::Waiter(flushed)))?;
        done.await.map_err(|_| io::Error::other("the log has stopped"))?
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = LogEntry> + Send,
        I::IntoIter: Send,
    {
        self.write_entries(entries, Flushed::Entries(callback, Instant::now()))
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.write_record(Record::TruncateAfter(last.as_ref().map(Into::into)), None)
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.write_record(Record::Purge((&upto).into()), None)?;
        let mut inner = self.lock_inner();
        let wal = inner.wal()?;
        // A file may go once everything in it is purged; the request waits behind the purge's own sync.
        let files = wal.drain_closed_chunks_while(|end| end.last.is_none_or(|last| last.index <= upto.index));
        wal.send_remove_chunks(files)
    }
}
