//! Frames on a connection: `length (4) · kind (1) · number (8) · payload`, big-endian.
//!
//! TLS has checked every byte; what is left to guard is memory. A length beyond the limit ends the connection,
//! and no more is set aside than has arrived.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// The largest payload of a frame.
pub(crate) const MAX: usize = 8 << 20;
/// The largest payload before both sides know each other.
pub(crate) const MAX_HELLO: usize = 4 << 10;

const HEAD: usize = 13;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first frame of each side.
    Hello,
    /// A question, numbered by its sender.
    Request,
    /// The answer to the question of that number.
    Response,
    /// Is anybody there?
    Ping,
    /// Yes.
    Pong,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Hello, Self::Request, Self::Response, Self::Ping, Self::Pong];
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// A frame without a payload.
    pub(crate) fn bare(kind: Kind) -> Self {
        Self { kind, number: 0, payload: Vec::new() }
    }

    /// Bytes on the wire.
    pub(crate) fn size(&self) -> usize {
        HEAD + self.payload.len()
    }
}

/// Writes a frame; not flushed.
pub(crate) async fn write<W: AsyncWrite + Unpin>(to: &mut W, frame: &Frame, max: usize) -> io::Result<()> {
    if frame.payload.len() > max {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "frame too large"));
    }
    let mut head = [0; HEAD];
    let length = u32::try_from(frame.payload.len()).map_err(io::Error::other)?;
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4] = frame.kind as u8;
    head[5..].copy_from_slice(&frame.number.to_be_bytes());
    to.write_all(&head).await?;
    to.write_all(&frame.payload).await
}

/// Reads a frame of at most `max` bytes of payload; not cancel-safe. A silence of `patience` is an end.
pub(crate) async fn read<R: AsyncRead + Unpin>(
    from: &mut R,
    max: usize,
    patience: Duration,
) -> io::Result<Frame> {
    let refused = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut head = [0; HEAD];
    timeout(patience, from.read_exact(&mut head)).await??;
    let (length, rest) = head.split_at(4);
    let length = length.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    let kind = *Kind::ALL.get(usize::from(rest[0])).ok_or_else(|| refused("unknown kind of frame"))?;
    let number = rest[1..].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    if length > max {
        return Err(refused("frame too large"));
    }
    let mut payload = Vec::with_capacity(length.min(64 << 10));
    while payload.len() < length {
        let mut left = from.take((length - payload.len()) as u64);
        if timeout(patience, left.read_buf(&mut payload)).await?? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Frame { kind, number, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_frame_comes_back_as_it_went_and_a_larger_one_is_refused() {
        let frame = Frame { kind: Kind::Request, number: 7, payload: vec![1; 100] };
        let mut bytes = Vec::new();
        write(&mut bytes, &frame, 100).await.unwrap();

        assert_eq!(read(&mut bytes.as_slice(), 100, SECOND).await.unwrap(), frame);
        let refused = read(&mut bytes.as_slice(), 99, SECOND).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert!(write(&mut Vec::new(), &frame, 99).await.is_err());
    }

    #[tokio::test]
    async fn no_bytes_panic_and_a_promised_length_sets_nothing_aside() {
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut next = || {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 56) as u8
            };
            let bytes: Vec<u8> = (0..usize::from(next()) % 40).map(|_| next()).collect();
            if let Ok(frame) = read(&mut bytes.as_slice(), MAX, SECOND).await {
                assert!(frame.payload.capacity() <= 64 << 10);
            }
        }
    }
}
