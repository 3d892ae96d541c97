//! A stream that closes as a conversation ends: it says that it is done, hears the other side out, then hangs up.
//!
//! A request may be refused before all of it was read. Closing then makes the kernel reset the connection over
//! the bytes that nobody read, and the reset destroys the answer on its way (RFC 9112 §9.6). So the stream ends
//! its own half first and throws away what still comes, within limits.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use super::exchange::Exchange;

/// How long the other side is heard out.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Most bytes that are read and thrown away.
    bytes: usize,
    /// Longest time of it.
    time: Duration,
    /// Longest silence in between.
    silence: Duration,
}

/// As many bytes as the largest import has.
const LIMITS: Limits =
    Limits { bytes: 64 << 20, time: Duration::from_secs(10), silence: Duration::from_secs(2) };

/// A stream whose shutdown waits for the other side's.
#[derive(Debug)]
pub(super) struct Lingering<S> {
    stream: S,
    exchange: Exchange,
    limits: Limits,
    end: End,
}

#[derive(Debug)]
enum End {
    NotYet,
    HearingOut(Box<HearingOut>),
    Over,
}

/// The other side is being heard out.
#[derive(Debug)]
struct HearingOut {
    limits: Limits,
    began: Instant,
    silence: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<S> Lingering<S> {
    /// Wraps a stream. `exchange` tells at its end whether there is anything to wait for.
    pub(super) fn new(stream: S, exchange: Exchange) -> Self {
        Self { stream, exchange, limits: LIMITS, end: End::NotYet }
    }
}

impl HearingOut {
    fn begin(limits: Limits) -> Self {
        let silence = Box::pin(tokio::time::sleep(limits.silence));
        Self { limits, began: Instant::now(), silence, bytes: 0 }
    }

    /// Ready when the other side is done, or a limit is reached.
    fn poll(&mut self, mut stream: Pin<&mut impl AsyncRead>, cx: &mut Context<'_>) -> Poll<()> {
        let mut waste = [0; 8 * 1_024];
        loop {
            let mut waste = ReadBuf::new(&mut waste);
            let Poll::Ready(read) = stream.as_mut().poll_read(cx, &mut waste) else {
                return self.silence.as_mut().poll(cx);
            };
            self.bytes += waste.filled().len();
            let is_over = read.is_err() || waste.filled().is_empty();
            if is_over || self.bytes >= self.limits.bytes || self.began.elapsed() >= self.limits.time {
                return Poll::Ready(());
            }
            let silent_at = Instant::now() + self.limits.silence;
            self.silence.as_mut().reset(silent_at.min(self.began + self.limits.time));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.exchange.begin();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.end {
                End::NotYet => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    this.end = if this.exchange.is_settled() {
                        End::Over
                    } else {
                        End::HearingOut(Box::new(HearingOut::begin(this.limits)))
                    };
                }
                End::HearingOut(other) => {
                    ready!(other.poll(Pin::new(&mut this.stream), cx));
                    this.end = End::Over;
                }
                End::Over => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const SHORT: Limits =
        Limits { bytes: 200_000, time: Duration::from_millis(400), silence: Duration::from_millis(100) };

    fn unread<S: AsyncRead + AsyncWrite + Unpin>(stream: S, limits: Limits) -> Lingering<S> {
        let exchange = Exchange::default();
        exchange.begin();
        Lingering { limits, ..Lingering::new(stream, exchange) }
    }

    #[tokio::test]
    async fn it_ends_its_own_half_first_and_hears_the_other_out() {
        let (mine, mut theirs) = duplex(64);
        let mut mine = unread(mine, LIMITS);
        let closing = tokio::spawn(async move {
            mine.write_all(b"413").await.unwrap();
            mine.shutdown().await
        });

        let mut heard = String::new();
        theirs.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "413");
        theirs.write_all(&vec![0; 100_000]).await.unwrap();
        drop(theirs);
        closing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn it_waits_for_neither_silence_nor_dripping_nor_a_flood_for_long() {
        let (mine, _theirs) = duplex(64);
        let began = Instant::now();
        unread(mine, SHORT).shutdown().await.unwrap();
        assert!((SHORT.silence..SHORT.time).contains(&began.elapsed()), "{:?}", began.elapsed());

        for (bytes, pause) in [(1, SHORT.silence / 2), (64, Duration::ZERO)] {
            let (mine, mut theirs) = duplex(64);
            let talking = tokio::spawn(async move {
                let mut sent = 0;
                while theirs.write_all(&vec![0; bytes]).await.is_ok() {
                    sent += bytes;
                    tokio::time::sleep(pause).await;
                }
                sent
            });
            let mut mine = unread(mine, SHORT);
            let began = Instant::now();
            mine.shutdown().await.unwrap();
            assert!(began.elapsed() < SHORT.time * 2, "{:?}", began.elapsed());
            drop(mine);
            assert!(talking.await.unwrap() <= SHORT.bytes + 8 * 1_024);
        }
    }

    #[tokio::test]
    async fn it_waits_for_nothing_after_a_request_that_was_read() {
        let (mine, _theirs) = duplex(64);
        let began = Instant::now();
        Lingering::new(mine, Exchange::default()).shutdown().await.unwrap();
        assert!(began.elapsed() < LIMITS.silence);
    }
}
