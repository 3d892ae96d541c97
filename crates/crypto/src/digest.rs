//! Digests and keyed digests of byte strings.

use aws_lc_rs::{digest, hmac};

use crate::encoding;

fn sized<const N: usize>(algorithm: &'static digest::Algorithm, data: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(digest::digest(algorithm, data).as_ref());
    out
}

/// SHA-1, for `x5t` only (RFC 7515 §4.1.7).
pub(crate) fn sha1(data: &[u8]) -> [u8; 20] {
    sized(&digest::SHA1_FOR_LEGACY_USE_ONLY, data)
}

/// SHA-256.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    sized(&digest::SHA256, data)
}

/// SHA-384.
pub fn sha384(data: &[u8]) -> [u8; 48] {
    sized(&digest::SHA384, data)
}

/// SHA-512.
pub fn sha512(data: &[u8]) -> [u8; 64] {
    sized(&digest::SHA512, data)
}

/// SHA-256 as base64url text: PKCE's S256, key ids, `ath`.
pub fn sha256_base64url(data: &[u8]) -> String {
    encoding::base64url(&sha256(data))
}

/// HMAC-SHA-256, for keyed hashes of names and addresses.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref());
    out
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pkce_s256_matches_rfc_7636_appendix_b() {
        assert_eq!(
            sha256_base64url(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn hmac_matches_rfc_4231_case_2() {
        assert_eq!(
            encoding::hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
