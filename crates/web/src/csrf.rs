//! Tells our own forms from forms that another site made.
//!
//! A form of the account pages carries a token made from the session cookie, which no other site can read.
//! It is a digest, so that a page that leaks does not leak the session. `Origin` cannot be asked for:
//! with `Referrer-Policy: no-referrer` browsers send `null`.

use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The field that carries the token.
pub const FIELD: &str = "stateChecker";

/// The token for the forms of a session; `secret` is the value of its cookie.
pub fn token(secret: &str) -> String {
    let digest =
        Sha256::new().chain_update(b"keyraft form token\0").chain_update(secret.as_bytes()).finalize();
    format!("{:x}", Bytes::copy_from_slice(&digest[..16]))
}

/// Whether a form was made by a page of this session, in a time that tells nothing about the token.
pub fn matches(secret: &str, presented: Option<&str>) -> bool {
    let presented = presented.unwrap_or_default();
    token(secret).as_bytes().ct_eq(presented.as_bytes()).into()
}

/// Whether the browser says that another site caused the request. Browsers before 2023 say nothing.
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_session_only() {
        assert!(matches("alice", Some(&token("alice"))));
        assert!(!matches("bob", Some(&token("alice"))));
        assert!(!matches("alice", None) && !matches("alice", Some("")));
        assert!(!token("alice").contains("alice"));
    }
}
