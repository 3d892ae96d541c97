//! How far a connection's requests were read, and how slowly their bodies may come.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// A body may take this long, and longer only by what it brings at [`MIN_RATE`].
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes in a second. Slower bodies are those of callers who want to occupy connections.
const MIN_RATE: usize = 500;

/// Whether everything that a connection has brought belongs to a request that was read to its end.
#[derive(Clone, Debug)]
pub(super) struct Exchange(Arc<AtomicBool>);

impl Default for Exchange {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Exchange {
    /// Bytes came.
    pub(super) fn begin(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// A request was read to its end.
    fn settle(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is left that the other side may still be sending.
    pub(super) fn is_settled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request's body that must keep coming, and that tells the exchange when it ended.
#[derive(Debug)]
pub(super) struct Paced<B> {
    body: B,
    exchange: Exchange,
    began: Instant,
    received: usize,
    patience: Option<Pin<Box<Sleep>>>,
}

/// The body came too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the body took too long")]
struct TooSlow;

impl<B: Body<Data = Bytes> + Unpin> Paced<B> {
    /// The body of a request that has just begun.
    pub(super) fn new(body: B, exchange: Exchange) -> Self {
        if body.is_end_stream() {
            exchange.settle();
        }
        Self { body, exchange, began: Instant::now(), received: 0, patience: None }
    }

    fn deadline(&self) -> Instant {
        self.began + PATIENCE + Duration::from_secs((self.received / MIN_RATE) as u64)
    }

    /// Ready once the caller took too long.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline();
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if patience.deadline() < deadline {
            patience.as_mut().reset(deadline);
        }
        patience.as_mut().poll(cx)
    }
}

impl<B> Body for Paced<B>
where
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.poll_too_slow(cx));
            return Poll::Ready(Some(Err(TooSlow.into())));
        };
        if let Some(Ok(frame)) = &frame {
            self.received += frame.data_ref().map_or(0, Bytes::len);
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.exchange.settle();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
