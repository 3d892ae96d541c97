//! What waits to be written on a connection: in order, and bounded in bytes.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt, BufWriter},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::frames::{self, Frame, Kind};

/// Bytes that may wait on one connection.
const MAX_QUEUED: usize = 64 << 20;
/// Bytes gathered before they are handed to TLS.
const BUFFER: usize = 64 << 10;

/// Where frames are put; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    frames: mpsc::UnboundedSender<Frame>,
    queued: Arc<AtomicUsize>,
}

/// The other end, to be written by [`Queue::write_to`].
#[derive(Debug)]
pub(crate) struct Queue {
    frames: mpsc::UnboundedReceiver<Frame>,
    queued: Arc<AtomicUsize>,
}

impl Outbox {
    /// An outbox and its queue.
    pub(crate) fn new() -> (Self, Queue) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let queued = Arc::<AtomicUsize>::default();
        (Self { frames: sender, queued: Arc::clone(&queued) }, Queue { frames: receiver, queued })
    }

    /// Puts a frame at the end of the queue, unless too much waits there or the connection has gone.
    pub(crate) fn put(&self, frame: Frame) -> bool {
        let size = frame.size();
        if self.queued.fetch_add(size, Ordering::Relaxed) > MAX_QUEUED || self.frames.send(frame).is_err() {
            self.queued.fetch_sub(size, Ordering::Relaxed);
            return false;
        }
        true
    }
}

impl Queue {
    /// Writes until the last outbox has gone or the connection fails. With `ping`, says so often that this side
    /// is there.
    pub(crate) async fn write_to<W: AsyncWrite + Unpin>(
        mut self,
        to: W,
        ping: Option<Duration>,
    ) -> io::Result<()> {
        let mut to = BufWriter::with_capacity(BUFFER, to);
        let mut next_ping = ping.map(|every| Instant::now() + every);
        loop {
            let frame = match self.frames.try_recv() {
                Ok(frame) => frame,
                Err(mpsc::error::TryRecvError::Disconnected) => return to.shutdown().await,
                Err(mpsc::error::TryRecvError::Empty) => {
                    to.flush().await?;
                    tokio::select! {
                        frame = self.frames.recv() => match frame {
                            Some(frame) => frame,
                            None => return to.shutdown().await,
                        },
                        () = until(next_ping) => Frame::bare(Kind::Ping),
                    }
                }
            };
            if frame.kind == Kind::Ping {
                next_ping = ping.map(|every| Instant::now() + every);
            } else {
                self.queued.fetch_sub(frame.size(), Ordering::Relaxed);
            }
            frames::write(&mut to, &frame, frames::MAX).await?;
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
