//! Compact signed tokens (JWS, RFC 7515) over JSON claims (JWT, RFC 7519), and JWK Sets.
//!
//! A token is verified with the keys and the algorithms that the caller names: nothing in the token chooses
//! either. Refused: `none`, algorithms outside the caller's list, `crit`, duplicate JSON members, non-canonical
//! base64url, more than 64 KiB. `jwk`, `jku`, `x5c` and `x5u` in a header are data, never keys.

mod half_hash;
mod json;
mod jwks;
mod jws;
#[cfg(test)]
mod tests;

pub use half_hash::half_hash;
pub use json::parse_object;
pub use jwks::parse_jwks;
pub use jws::{Header, HeaderFields, MAX_TOKEN_BYTES, Unverified, Verified, decode_unverified, sign, verify};
