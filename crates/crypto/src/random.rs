//! Random values, all from the operating system's generator by way of AWS-LC.

use aws_lc_rs::rand;

use crate::encoding;

const ALPHANUMERIC: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Fills `out` with random bytes.
///
/// # Panics
/// When the operating system gives no randomness: nothing safe can be done without it.
pub fn fill(out: &mut [u8]) {
    rand::fill(out).expect("the operating system gives randomness");
}

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// `n_bytes` random bytes as unpadded base64url text.
pub fn base64url(n_bytes: usize) -> String {
    let mut out = vec![0; n_bytes];
    fill(&mut out);
    encoding::base64url(&out)
}

/// A version 4 UUID in lower-case text form (RFC 9562 §5.4).
pub fn uuid() -> String {
    let mut raw: [u8; 16] = bytes();
    raw[6] = raw[6] & 0x0f | 0x40;
    raw[8] = raw[8] & 0x3f | 0x80;
    let hex = encoding::hex(&raw);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// `n` characters of `[A-Za-z0-9]`, each equally likely (5.95 bits each).
pub fn alphanumeric(n: usize) -> String {
    let mut out = String::with_capacity(n);
    while out.len() < n {
        let pool: [u8; 128] = bytes();
        // Six bits that name no character are dropped: a modulus would favour the first ones.
        let drawn = pool.iter().filter_map(|byte| ALPHANUMERIC.get(usize::from(byte & 63)));
        out.extend(drawn.take(n - out.len()).map(|&c| char::from(c)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_texts_have_their_forms() {
        let id = uuid();
        let secret = alphanumeric(86);

        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
        assert!(secret.len() == 86 && secret.bytes().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(base64url(32).len(), 43);
        assert_ne!(uuid(), id);
    }

    #[test]
    fn every_alphanumeric_character_is_drawn() {
        let long = alphanumeric(20_000);

        assert!(ALPHANUMERIC.iter().all(|&c| long.contains(char::from(c))));
    }
}
