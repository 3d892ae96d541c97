//! `at_hash`, `c_hash` and `s_hash` of ID tokens.

use aws_lc_rs::digest;

use crate::encoding;
use crate::keys::Algorithm;

/// The left half of `value`'s hash as base64url, by the hash function of the ID token's algorithm
/// (`OpenID` Connect Core §3.1.3.6 and §3.3.2.11).
pub fn half_hash(algorithm: Algorithm, value: &str) -> String {
    let hash = digest::digest(algorithm.hash_function().digest(), value.as_bytes());
    let bytes = hash.as_ref();
    encoding::base64url(&bytes[..bytes.len() / 2])
}
