//! Receives a snapshot: piece by piece into a file of its own, checked as a whole before anything uses it.

use std::{
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use super::{
    applier::blocking,
    frame::damaged,
    snapshot::{SnapshotFile, Snapshots},
};
use crate::net::wire::{Chunk, Received};

/// The snapshot that is on its way; one at a time, a newer transfer replaces an older.
#[derive(Debug)]
pub(crate) struct Incoming {
    path: PathBuf,
    current: Option<Transfer>,
}

#[derive(Debug)]
struct Transfer {
    number: u64,
    total: u64,
    next: u64,
    file: File,
}

/// What a piece led to.
#[derive(Debug)]
pub(crate) enum Step {
    /// The answer.
    Answer(Received),
    /// All pieces are here, and the file is sound.
    Whole(SnapshotFile),
}

impl Incoming {
    /// Receives into the folder of snapshots.
    pub(crate) fn new(snapshots: &Snapshots) -> Self {
        Self { path: snapshots.incoming(), current: None }
    }

    /// Takes a piece.
    ///
    /// # Errors
    /// When the disk fails, or a piece or the whole is damaged: the transfer is forgotten.
    pub(crate) async fn take(&mut self, chunk: Chunk) -> io::Result<Step> {
        let (path, mut transfer) = (self.path.clone(), self.current.take());
        let (transfer, step) = blocking(move || {
            let is_begun = transfer.as_ref().is_some_and(|transfer| transfer.number == chunk.transfer);
            if !is_begun && chunk.offset == 0 {
                let file = File::create(&path)?;
                transfer = Some(Transfer { number: chunk.transfer, total: chunk.total, next: 0, file });
            }
            let Some(mut transfer) = transfer.filter(|transfer| transfer.number == chunk.transfer) else {
                return Ok((None, Step::Answer(Received::Restart)));
            };
            let step = transfer.take(&chunk, path)?;
            Ok((matches!(step, Step::Answer(Received::Next(_))).then_some(transfer), step))
        })
        .await?;
        self.current = transfer;
        Ok(step)
    }
}

impl Transfer {
    fn take(&mut self, chunk: &Chunk, path: PathBuf) -> io::Result<Step> {
        let is_next = chunk.offset == self.next && chunk.total == self.total;
        let next = chunk.offset.saturating_add(chunk.bytes.len() as u64);
        if !is_next || next > self.total || chunk.bytes.is_empty() {
            return Ok(Step::Answer(Received::Restart));
        }
        if crc32fast::hash(&chunk.bytes) != chunk.checksum {
            return Err(damaged("checksum of a piece of a snapshot"));
        }
        self.file.write_all(&chunk.bytes)?;
        self.next = next;
        if next < self.total {
            return Ok(Step::Answer(Received::Next(next)));
        }
        self.file.sync_all()?;
        let file = SnapshotFile(path);
        file.check()?;
        Ok(Step::Whole(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(transfer: u64, offset: u64, bytes: &[u8]) -> Chunk {
        let vote = crate::engine::layout::Vote { term: 1, node: 1, committed: true };
        let checksum = crc32fast::hash(bytes);
        Chunk { vote, transfer, offset, total: 100, checksum, bytes: bytes.to_vec() }
    }

    #[expect(clippy::needless_pass_by_value, reason = "made for what a call gives")]
    fn answer(step: Step) -> Received {
        match step {
            Step::Answer(received) => received,
            Step::Whole(_) => panic!("whole"),
        }
    }

    #[tokio::test]
    async fn pieces_come_in_order_and_damage_is_never_kept() {
        let dir = std::env::temp_dir().join(format!("keyraft-incoming-{:032x}", rand::random::<u128>()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut incoming = Incoming::new(&Snapshots::new(dir.clone()));

        assert_eq!(answer(incoming.take(chunk(1, 10, b"later")).await.unwrap()), Received::Restart);
        assert_eq!(answer(incoming.take(chunk(1, 0, b"first")).await.unwrap()), Received::Next(5));
        assert_eq!(answer(incoming.take(chunk(1, 5, b"next")).await.unwrap()), Received::Next(9));
        assert_eq!(answer(incoming.take(chunk(1, 5, b"next")).await.unwrap()), Received::Restart);
        let flipped = Chunk { checksum: 0, ..chunk(2, 0, b"first") };
        assert_eq!(incoming.take(flipped).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        let garbage = Chunk { bytes: vec![7; 100], checksum: crc32fast::hash(&[7; 100]), ..chunk(3, 0, b"") };
        assert_eq!(incoming.take(garbage).await.unwrap_err().kind(), io::ErrorKind::InvalidData);

        std::fs::remove_dir_all(dir).unwrap();
    }
}
