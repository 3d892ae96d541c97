//! Sends a snapshot: its file in pieces, each with a checksum, the next when the one before it is kept.

use std::{
    fs::File,
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use super::{
    applier::blocking,
    snapshot::SnapshotFile,
    types::{self, Vote},
};
use crate::net::{
    CallError, Lane, Net, Target,
    wire::{Chunk, Received, Request, Response},
};

/// Bytes of one piece.
const PIECE: usize = 1 << 20;
/// How much longer than silence the last piece may take: the peer checks and installs the whole.
const INSTALL: u32 = 30;

/// Sends a file and waits until it is installed; the peer's vote, which may be higher than ours.
pub(crate) async fn send(
    net: Net,
    to: Target,
    vote: Vote,
    snapshot: SnapshotFile,
    patience: Duration,
) -> Result<types::Vote, CallError> {
    // An open file stays what it is, even when the next snapshot takes its name.
    let opened = blocking(move || {
        let file = File::open(&snapshot.0)?;
        let total = file.metadata()?.len();
        Ok((Arc::new(file), total))
    });
    let (file, total) = opened.await.map_err(|error| unreadable(&error))?;
    let transfer = rand::random();
    let mut offset = 0;
    loop {
        let reading = Arc::clone(&file);
        let bytes = blocking(move || read_piece(&reading)).await.map_err(|error| unreadable(&error))?;
        let next = offset + bytes.len() as u64;
        let checksum = crc32fast::hash(&bytes);
        let chunk = Chunk { vote: (&vote).into(), transfer, offset, total, checksum, bytes };
        let patience = if next == total { patience * INSTALL } else { patience };
        match net.call(&to, Lane::Bulk, &Request::Snapshot(chunk), patience).await? {
            Response::Snapshot(Received::Next(at)) if at == next && next < total => offset = next,
            Response::Snapshot(Received::Whole(vote)) => return Ok(vote.into()),
            Response::Snapshot(_) => return Err(CallError::Lost),
            _ => return Err(CallError::Garbled),
        }
    }
}

fn read_piece(mut file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(PIECE);
    Read::by_ref(&mut file).take(PIECE as u64).read_to_end(&mut bytes)?;
    if bytes.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
}

fn unreadable(error: &io::Error) -> CallError {
    CallError::Unreachable(format!("the snapshot cannot be read: {error}"))
}
