//! Frames: how bytes lie on disk, so that damage is noticed and told from a write that was cut short.
//!
//! `length (4) · checksum of the length (4) · payload · checksum of the payload (4)`, big-endian, CRC-32.
//! The length has a checksum of its own: a flipped bit in it must not look like the end of the file, or the
//! entries behind it would be taken for a torn tail and dropped.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// The version of all layouts in this room; the first byte of every payload.
pub(crate) const FORMAT: u8 = 2;
/// The largest payload: a slot of a snapshot may be large, a garbled length must not be allocated.
const MAX: u32 = 1 << 30;

/// Encodes a value behind the format's version.
pub(crate) fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    postcard::to_extend(value, vec![FORMAT]).map_err(io::Error::other)
}

/// Decodes what [`encode`] made.
pub(crate) fn decode<T: DeserializeOwned>(payload: &[u8]) -> io::Result<T> {
    match payload.split_first() {
        Some((&FORMAT, rest)) => postcard::from_bytes(rest).map_err(|error| damaged(error.to_string())),
        Some((version, _)) => Err(damaged(format!("format {version} is not known to this version"))),
        None => Err(damaged("empty record")),
    }
}

/// Writes a frame and returns its size.
pub(crate) fn write<W: Write>(mut to: W, payload: &[u8]) -> io::Result<usize> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length <= MAX);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "record too large"))?;
    let length = length.to_be_bytes();
    to.write_all(&length)?;
    to.write_all(&crc32fast::hash(&length).to_be_bytes())?;
    to.write_all(payload)?;
    to.write_all(&crc32fast::hash(payload).to_be_bytes())?;
    Ok(12 + payload.len())
}

/// Reads a frame. An end of file within it is [`io::ErrorKind::UnexpectedEof`], damage is
/// [`io::ErrorKind::InvalidData`].
pub(crate) fn read<R: Read>(mut from: R) -> io::Result<Vec<u8>> {
    let length: [u8; 4] = read_bytes(&mut from)?;
    if read_bytes(&mut from)? != crc32fast::hash(&length).to_be_bytes() {
        return Err(damaged("checksum of a record's length"));
    }
    let length = u32::from_be_bytes(length);
    if length > MAX {
        return Err(damaged("record too large"));
    }
    let mut payload = Vec::new();
    if from.by_ref().take(u64::from(length)).read_to_end(&mut payload)? < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if read_bytes(&mut from)? != crc32fast::hash(&payload).to_be_bytes() {
        return Err(damaged("checksum of a record"));
    }
    Ok(payload)
}

fn read_bytes<R: Read>(from: &mut R) -> io::Result<[u8; 4]> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// An error that says what is damaged.
pub(crate) fn damaged(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_damage_and_every_cut_is_an_end() {
        let mut frame = Vec::new();
        write(&mut frame, b"payload").unwrap();

        for bit in 0..frame.len() * 8 {
            let mut flipped = frame.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(flipped.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData, "bit {bit}");
        }
        for length in 0..frame.len() {
            let cut = read(&frame[..length]).unwrap_err().kind();
            assert_eq!(cut, io::ErrorKind::UnexpectedEof, "cut at {length}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let error = decode::<u8>(&[FORMAT + 1, 0]).unwrap_err().to_string();

        assert!(error.contains("format 3"), "{error}");
    }
}
