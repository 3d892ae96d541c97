//! The asking side of a connection: many questions in flight, each with a number and a deadline.
//!
//! Two tasks, one that writes and one that reads. Whatever ends one ends the connection: everybody who waits is
//! told, and nobody is answered late. A peer that has been silent for too long, pings notwithstanding, is gone.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf},
    sync::{oneshot, watch},
    task::AbortHandle,
};

use super::{
    CallError,
    frames::{self, Frame, Kind},
    outbox::Outbox,
    wire::Hello,
};

/// How long a connection may be silent, and how often each side speaks, by the time after which it is lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Silence that ends a connection.
    pub(crate) silence: Duration,
    /// How often the asking side pings.
    pub(crate) ping: Duration,
}

impl Patience {
    /// So that a half-open connection is found within `lost`.
    pub(crate) fn new(lost: Duration) -> Self {
        Self { silence: lost * 3 / 4, ping: lost / 5 }
    }
}

/// The asking side of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Who is at the other end.
    pub(crate) peer: Hello,
    outbox: Outbox,
    waiting: Arc<Waiting>,
    next: AtomicU64,
    closed: watch::Receiver<bool>,
    tasks: [AbortHandle; 2],
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Connection {
    /// Over a stream on which both sides have said who they are.
    pub(crate) fn new<S>(stream: S, peer: Hello, patience: Patience) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (outbox, queue) = Outbox::new();
        let (close, closed) = watch::channel(false);
        let close = Arc::new(close);
        let waiting = Arc::<Waiting>::default();
        let (from, to) = tokio::io::split(stream);
        let reader = {
            let (waiting, close) = (Arc::clone(&waiting), Arc::clone(&close));
            let guard = Closing { waiting, close };
            tokio::spawn(async move {
                let ended = receive(from, &guard.waiting, patience.silence).await;
                tracing::debug!(error = ?ended.err(), "a connection ended");
            })
        };
        let writer = {
            let guard = Closing { waiting: Arc::clone(&waiting), close };
            tokio::spawn(async move {
                let ended = queue.write_to(to, Some(patience.ping)).await;
                tracing::debug!(error = ?ended.err(), "a connection cannot be written to");
                drop(guard);
            })
        };
        let tasks = [reader.abort_handle(), writer.abort_handle()];
        Self { peer, outbox, waiting, next: AtomicU64::new(1), closed, tasks }
    }

    /// Asks. The question is queued when this returns; what it returns waits for the answer.
    pub(crate) fn call(
        self: &Arc<Self>,
        payload: Vec<u8>,
        deadline: Duration,
    ) -> impl Future<Output = Result<Vec<u8>, CallError>> + Send + 'static + use<> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let asked = self.ask(number, payload);
        let slot = Slot { waiting: Arc::clone(&self.waiting), number };
        async move {
            let answer = asked?;
            let answered = tokio::time::timeout(deadline, answer).await;
            drop(slot);
            answered.ok().and_then(Result::ok).ok_or(CallError::Lost)
        }
    }

    fn ask(&self, number: u64, payload: Vec<u8>) -> Result<oneshot::Receiver<Vec<u8>>, CallError> {
        if payload.len() > frames::MAX {
            return Err(CallError::TooLarge);
        }
        let answer = self.waiting.wait(number).ok_or_else(gone)?;
        if self.outbox.put(Frame { kind: Kind::Request, number, payload }) {
            Ok(answer)
        } else {
            Err(CallError::Unreachable("too much is waiting to be sent".to_owned()))
        }
    }

    /// Waits until the connection has ended.
    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.clone();
        // A sender that has gone has closed.
        drop(closed.wait_for(|closed| *closed).await);
    }

    /// Whether it has ended.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }
}

fn gone() -> CallError {
    CallError::Unreachable("the connection has ended".to_owned())
}

async fn receive<S: AsyncRead + AsyncWrite>(
    mut from: ReadHalf<S>,
    waiting: &Waiting,
    silence: Duration,
) -> io::Result<()> {
    let mut from = tokio::io::BufReader::with_capacity(64 << 10, &mut from);
    loop {
        let frame = frames::read(&mut from, frames::MAX, silence).await?;
        match frame.kind {
            Kind::Response => waiting.answer(frame.number, frame.payload),
            Kind::Pong => {}
            Kind::Hello | Kind::Request | Kind::Ping => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not an answer"));
            }
        }
    }
}

/// Who waits for which answer; `None` once nobody can be answered any more.
#[derive(Debug)]
struct Waiting(Mutex<Option<BTreeMap<u64, oneshot::Sender<Vec<u8>>>>>);

impl Default for Waiting {
    fn default() -> Self {
        Self(Mutex::new(Some(BTreeMap::new())))
    }
}

impl Waiting {
    fn with<T>(&self, act: impl FnOnce(&mut Option<BTreeMap<u64, oneshot::Sender<Vec<u8>>>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&self, number: u64) -> Option<oneshot::Receiver<Vec<u8>>> {
        let (sender, receiver) = oneshot::channel();
        self.with(|waiting| waiting.as_mut()?.insert(number, sender).map_or(Some(()), |_| None))?;
        Some(receiver)
    }

    fn forget(&self, number: u64) {
        self.with(|waiting| waiting.as_mut().and_then(|waiting| waiting.remove(&number)));
    }

    fn answer(&self, number: u64, payload: Vec<u8>) {
        let sender = self.with(|waiting| waiting.as_mut().and_then(|waiting| waiting.remove(&number)));
        // Whoever asked may have stopped waiting.
        drop(sender.map(|sender| sender.send(payload)));
    }

    fn close(&self) {
        drop(self.with(Option::take));
    }
}

/// Forgets a question that nobody waits for any more.
struct Slot {
    waiting: Arc<Waiting>,
    number: u64,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.waiting.forget(self.number);
    }
}

/// Closes the connection, however the task ends that holds this.
struct Closing {
    waiting: Arc<Waiting>,
    close: Arc<watch::Sender<bool>>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.waiting.close();
        self.close.send_replace(true);
    }
}
