//! A request's body that is heard out after its answer.
//!
//! On HTTP/2 an answer that came before all of its request was read is followed by a reset of the stream
//! (RFC 9113 §8.1). The reset says "no error", and clients throw the answer away all the same. So what still
//! comes is read and dropped, within limits; then the stream ends as others do.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

/// Most bytes that are read and thrown away: as many as the largest import has.
const MOST: usize = 64 << 20;
/// Longest time of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The body; whoever is served may leave it at any point.
#[derive(Debug)]
pub(super) struct Drained {
    body: Option<Incoming>,
}

impl Drained {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body: Some(body) }
    }
}

impl Body for Drained {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tokio::time::timeout(PATIENCE, hear_out(body)));
        }
    }
}

async fn hear_out(mut body: Incoming) {
    let mut heard = 0;
    while let Some(Ok(frame)) = body.frame().await {
        heard += frame.data_ref().map_or(0, Bytes::len);
        if heard > MOST {
            break;
        }
    }
}
