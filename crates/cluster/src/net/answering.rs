//! The answering side of a connection: begins questions in the order they came, answers in any.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::poll;
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    task::unconstrained,
};

use super::{
    Serve,
    connection::Patience,
    frames::{self, Frame, Kind},
    outbox::Outbox,
    wire::{self, Hello, Refusal, Response},
};

/// Questions of one connection that may be in the works.
const MAX_REQUESTS: usize = 8_192;
/// Bytes of questions of one connection that may be in the works.
const MAX_BYTES: usize = 64 << 20;

/// Answers until the connection ends.
pub(crate) async fn answer<S>(stream: S, peer: Hello, serve: Arc<dyn Serve>, patience: Patience)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (outbox, queue) = Outbox::new();
    let (from, to) = tokio::io::split(stream);
    let reading = read_all(from, &peer, serve, outbox, patience);
    let ended = tokio::select! {
        ended = reading => ended,
        ended = queue.write_to(to, None) => ended,
    };
    tracing::debug!(peer = %peer.name, error = ?ended.err(), "a peer's connection ended");
}

async fn read_all<R: AsyncRead + Unpin>(
    from: R,
    peer: &Hello,
    serve: Arc<dyn Serve>,
    outbox: Outbox,
    patience: Patience,
) -> io::Result<()> {
    let mut from = BufReader::with_capacity(64 << 10, from);
    let load = Arc::<Load>::default();
    loop {
        let frame = frames::read(&mut from, frames::MAX, patience.silence).await?;
        let is_put = match frame.kind {
            Kind::Ping => outbox.put(Frame::bare(Kind::Pong)),
            Kind::Request => begin(frame, peer, &serve, &outbox, &load).await,
            Kind::Hello | Kind::Response | Kind::Pong => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not a question"));
            }
        };
        if !is_put {
            return Err(io::Error::other("the peer does not take its answers"));
        }
    }
}

/// Begins a question; whether the connection can go on.
async fn begin(
    frame: Frame,
    peer: &Hello,
    serve: &Arc<dyn Serve>,
    outbox: &Outbox,
    load: &Arc<Load>,
) -> bool {
    let Some(share) = Load::take(load, frame.payload.len()) else {
        return respond(outbox, frame.number, &Response::Refused(Refusal::Busy));
    };
    let Ok(request) = wire::decode(&frame.payload) else {
        return respond(outbox, frame.number, &Response::Refused(Refusal::Unknown));
    };
    // The first poll is what puts it in order; without a budget it could be put off, and overtaken.
    let mut answer = unconstrained(serve.serve(peer, request));
    match poll!(Pin::new(&mut answer)) {
        std::task::Poll::Ready(response) => respond(outbox, frame.number, &response),
        std::task::Poll::Pending => {
            let outbox = outbox.clone();
            tokio::spawn(async move {
                respond(&outbox, frame.number, &answer.await);
                drop(share);
            });
            true
        }
    }
}

fn respond(outbox: &Outbox, number: u64, response: &Response) -> bool {
    let payload = wire::encode(response).ok().filter(|payload| payload.len() <= frames::MAX);
    let payload = payload.or_else(|| wire::encode(&Response::Refused(Refusal::Unknown)).ok());
    outbox.put(Frame { kind: Kind::Response, number, payload: payload.unwrap_or_default() })
}

/// What one connection has in the works.
#[derive(Debug, Default)]
struct Load {
    requests: AtomicUsize,
    bytes: AtomicUsize,
}

impl Load {
    fn take(load: &Arc<Self>, bytes: usize) -> Option<Share> {
        let requests = load.requests.fetch_add(1, Ordering::Relaxed);
        let before = load.bytes.fetch_add(bytes, Ordering::Relaxed);
        let share = Share { load: Arc::clone(load), bytes };
        (requests < MAX_REQUESTS && before < MAX_BYTES).then_some(share)
    }
}

/// One question's share; given back when it has been answered.
struct Share {
    load: Arc<Load>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.requests.fetch_sub(1, Ordering::Relaxed);
        self.load.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
