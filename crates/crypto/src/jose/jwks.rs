//! JWK Sets of others.

use serde_json::Value;

use super::json;
use crate::Error;
use crate::keys::VerifyingKey;

/// Keys taken from one set; what comes after them is ignored.
const MAX_KEYS: usize = 64;

/// Reads the signature keys of a JWK Set (RFC 7517 §5). Entries of unknown kinds, uses or algorithms are
/// skipped, as the RFC asks; so are entries that hold private parts.
///
/// # Errors
/// `JwksMalformed` when the text is no JSON object with an array `keys`.
pub fn parse_jwks(text: &str) -> Result<Vec<VerifyingKey>, Error> {
    let set = json::parse_object(text.as_bytes()).ok_or(Error::JwksMalformed)?;
    let entries = set.get("keys").and_then(Value::as_array).ok_or(Error::JwksMalformed)?;
    let readable =
        entries.iter().filter_map(Value::as_object).filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok());
    Ok(readable.take(MAX_KEYS).collect())
}
