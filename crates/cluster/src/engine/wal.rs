//! The write-ahead log's types, and the log in memory as its records say.
//!
//! `chunked-wal` gives files of bounded size, one thread that writes and syncs in groups, and recovery that
//! cuts a torn tail. What it replays is checked here: no gap, no entry that does not follow its predecessor,
//! and every file begins where the one before it ended.

use std::{
    collections::VecDeque,
    io,
    ops::{Bound, RangeBounds},
    time::Instant,
};

use chunked_wal::{ChunkId, Segment, StateMachine, WALRecord, WalTypes};
use codeq::{Decode, Encode};
use openraft::storage::IOFlushed;
use tokio::sync::oneshot;

use crate::engine::{
    frame::{self, damaged},
    layout::{Checkpoint, Entry, LogId, Record, Vote},
    types::{self, Types},
};

/// The number before each of our records. Three bits away from the 5 of a checkpoint, so that one flipped bit
/// cannot turn one into the other.
const RECORD_TYPE: u32 = 2;

/// See `chunked-wal`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wal;

impl WalTypes for Wal {
    type Action = Record;
    type Checkpoint = Checkpoint;
    type Callback = Flushed;
}

impl Encode for Record {
    fn encode<W: io::Write>(&self, mut to: W) -> io::Result<usize> {
        to.write_all(&RECORD_TYPE.to_be_bytes())?;
        Ok(4 + frame::write(to, &frame::encode(self)?)?)
    }

    fn type_id(&self) -> Option<u32> {
        Some(RECORD_TYPE)
    }
}

impl Decode for Record {
    fn decode<R: io::Read>(mut from: R) -> io::Result<Self> {
        let mut kind = [0; 4];
        from.read_exact(&mut kind)?;
        if u32::from_be_bytes(kind) != RECORD_TYPE {
            return Err(damaged("kind of a record"));
        }
        frame::decode(&frame::read(from)?)
    }
}

impl Encode for Checkpoint {
    fn encode<W: io::Write>(&self, to: W) -> io::Result<usize> {
        frame::write(to, &frame::encode(self)?)
    }
}

impl Decode for Checkpoint {
    fn decode<R: io::Read>(from: R) -> io::Result<Self> {
        frame::decode(&frame::read(from)?)
    }
}

/// Whom to tell that a write is on disk.
pub(crate) enum Flushed {
    /// openraft, of entries; with the moment they were handed over.
    Entries(IOFlushed<Types>, Instant),
    /// Someone who waits.
    Waiter(oneshot::Sender<io::Result<()>>),
}

impl chunked_wal::Callback for Flushed {
    fn send(self, result: io::Result<()>) {
        match self {
            Self::Entries(flushed, since) => {
                metrics::histogram!("keyraft_cluster_append_seconds").record(since.elapsed());
                flushed.io_completed(result);
            }
            // Whoever waited may have gone; the write stands.
            Self::Waiter(waiter) => drop(waiter.send(result)),
        }
    }
}

/// The log in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    vote: Option<Vote>,
    purged: Option<LogId>,
    /// Without gaps.
    entries: VecDeque<Entry>,
    /// The last entry before the first file that is left, as its checkpoint says.
    before: Option<LogId>,
    has_records: bool,
}

impl Index {
    pub(crate) fn vote(&self) -> Option<types::Vote> {
        self.vote.map(Into::into)
    }

    pub(crate) fn purged(&self) -> Option<types::LogId> {
        self.purged.map(Into::into)
    }

    /// The last entry, or the last that was purged.
    pub(crate) fn last(&self) -> Option<types::LogId> {
        self.last_id().map(Into::into)
    }

    fn last_id(&self) -> Option<LogId> {
        self.entries.back().map(|entry| entry.id).or_else(|| later(self.before, self.purged))
    }

    /// The entries of a range that are there.
    pub(crate) fn entries(&self, range: &impl RangeBounds<u64>) -> impl Iterator<Item = &Entry> {
        let first = self.first();
        let offset = |index: u64| usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX);
        let from = match range.start_bound() {
            Bound::Included(index) => offset(*index),
            Bound::Excluded(index) => offset(index.saturating_add(1)),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(index) => offset(index.saturating_add(1)),
            Bound::Excluded(index) => offset(*index),
            Bound::Unbounded => usize::MAX,
        };
        self.entries.range(from.min(to).min(self.entries.len())..to.min(self.entries.len()))
    }

    /// The index of the first entry, or 0.
    fn first(&self) -> u64 {
        self.entries.front().map_or(0, |entry| entry.id.index)
    }

    /// Whether nothing was ever written.
    pub(crate) fn is_empty(&self) -> bool {
        self.vote.is_none() && self.last_id().is_none()
    }

    /// Applies a record.
    pub(crate) fn record(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Append(entry) => self.append(entry.clone()),
            Record::Vote(vote) => {
                self.vote = Some(*vote);
                Ok(())
            }
            Record::TruncateAfter(last) => {
                let from = last.map_or(0, |last| last.index + 1);
                let kept = usize::try_from(from.saturating_sub(self.first())).unwrap_or(usize::MAX);
                self.entries.truncate(kept);
                self.before = self.before.filter(|before| before.index < from);
                Ok(())
            }
            Record::Purge(upto) => {
                self.purged = Some(*upto);
                while self.entries.front().is_some_and(|entry| entry.id.index <= upto.index) {
                    self.entries.pop_front();
                }
                self.entries.shrink_to(2 * self.entries.len());
                self.before = self.before.filter(|before| before.index > upto.index);
                Ok(())
            }
        }
    }

    /// Appends an entry that follows the last.
    pub(crate) fn append(&mut self, entry: Entry) -> io::Result<()> {
        let index = entry.id.index;
        // An empty log may begin anywhere: openraft begins at 0, a log behind a snapshot behind it.
        if self.last_id().is_some_and(|last| last.index + 1 != index) {
            return Err(damaged(format!("entry {index} does not follow the one before it")));
        }
        self.entries.push_back(entry);
        Ok(())
    }

    /// Checks that the log is whole once all of it has been replayed.
    pub(crate) fn check(&self) -> io::Result<()> {
        let first = self.entries.front().map(|entry| entry.id.index);
        let is_whole = match (self.purged, first) {
            (Some(purged), Some(first)) => purged.index + 1 == first,
            (None, Some(first)) => first == 0,
            (_, None) => self.before.is_none(),
        };
        if is_whole { Ok(()) } else { Err(damaged("entries are missing between snapshot and log")) }
    }

    fn as_checkpoint(&self) -> Checkpoint {
        Checkpoint { vote: self.vote, purged: self.purged, last: self.last_id() }
    }
}

fn later(one: Option<LogId>, other: Option<LogId>) -> Option<LogId> {
    let index = |id: Option<LogId>| id.map(|id| id.index);
    if index(one) > index(other) { one } else { other }
}

impl StateMachine<Wal> for Index {
    type Error = io::Error;

    fn apply(&mut self, record: &WALRecord<Wal>, _: ChunkId, _: Segment) -> io::Result<()> {
        match record {
            WALRecord::Action(record) => self.record(record)?,
            WALRecord::Checkpoint(checkpoint) if self.has_records => {
                if *checkpoint != self.as_checkpoint() {
                    return Err(damaged("a file does not begin where the one before it ended"));
                }
            }
            WALRecord::Checkpoint(checkpoint) => {
                self.vote = checkpoint.vote;
                self.purged = checkpoint.purged;
                self.before = checkpoint.last.filter(|last| later(Some(*last), self.purged) != self.purged);
            }
        }
        self.has_records = true;
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        self.as_checkpoint()
    }
}
