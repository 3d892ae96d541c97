//! The other side of one-time codes: an authenticator app (RFC 6238, SHA-1, 6 digits, 30 seconds).

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Seconds for which one code is valid.
const STEP: u64 = 30;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The code of a base32 secret at `unix` seconds since 1970.
///
/// # Panics
/// The secret is not base32.
pub fn code_at(secret: &str, unix: u64) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(&from_base32(secret)).expect("HMAC takes keys of every length");
    mac.update(&(unix / STEP).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 15);
    let word =
        u32::from_be_bytes([digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]]);
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The code of a base32 secret at this moment.
///
/// # Panics
/// The secret is not base32, or the clock stands before 1970.
pub fn code_now(secret: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    code_at(secret, now.as_secs())
}

/// Base32 without padding (RFC 4648), as authenticator apps take secrets.
pub fn base32(bytes: &[u8]) -> String {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1)).collect::<Vec<_>>();
    bits.chunks(5)
        .map(|chunk| {
            let value = chunk.iter().fold(0, |value, bit| value << 1 | bit) << (5 - chunk.len());
            char::from(ALPHABET[usize::from(value)])
        })
        .collect()
}

fn from_base32(text: &str) -> Vec<u8> {
    let letters = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=');
    let bits = letters
        .flat_map(|letter| {
            let value = ALPHABET.iter().position(|known| known.eq_ignore_ascii_case(&letter));
            let value = value.expect("a secret is written in base32");
            (0..5).rev().map(move |i| u8::from(value >> i & 1 == 1))
        })
        .collect::<Vec<_>>();
    bits.chunks_exact(8).map(|chunk| chunk.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = base32(b"12345678901234567890");

        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(code_at(&secret, 59), "287082");
        assert_eq!(code_at(&secret, 1_111_111_109), "081804");
    }
}
