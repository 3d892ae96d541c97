//! Signing and verifying compact JWS.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::json;
use crate::keys::{Algorithm, SigningKey, VerifyingKey};
use crate::{Error, encoding};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// The most signature checks that one token may cost.
const MAX_TRIES: usize = 8;

/// What goes into a token's header beside `alg`.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeaderFields<'a> {
    /// Media type of the token (`JWT`, `at+jwt`, `logout+jwt`); left out when `None`.
    pub typ: Option<&'a str>,
    /// Another `kid` than the key's own.
    pub kid: Option<&'a str>,
    /// Further members, in order.
    pub extra: &'a [(&'a str, Value)],
}

impl<'a> HeaderFields<'a> {
    /// A header with this `typ` and the key's own `kid`.
    pub fn typ(typ: &'a str) -> Self {
        Self { typ: Some(typ), ..Self::default() }
    }
}

/// Signs `claims` as a compact JWS with the header `{"alg","typ","kid",…}`, in Keycloak's order.
///
/// # Errors
/// `ClaimsNotSerialisable`; `SigningFailed`.
pub fn sign(key: &SigningKey, header: HeaderFields<'_>, claims: &impl Serialize) -> Result<String, Error> {
    let members = Members { alg: key.algorithm(), kid: header.kid.unwrap_or(key.kid()), header };
    let members = serde_json::to_vec(&members).map_err(Error::ClaimsNotSerialisable)?;
    let claims = serde_json::to_vec(claims).map_err(Error::ClaimsNotSerialisable)?;
    let mut token = String::with_capacity((members.len() + claims.len()) * 4 / 3 + MAX_SIGNATURE_CHARS);
    encoding::push_base64url(&members, &mut token);
    token.push('.');
    encoding::push_base64url(&claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    encoding::push_base64url(&signature, &mut token);
    Ok(token)
}

/// A signature of RSA with 4096 bits as text, and what parts the parts.
const MAX_SIGNATURE_CHARS: usize = 700;

/// The header that is signed.
struct Members<'a> {
    alg: Algorithm,
    kid: &'a str,
    header: HeaderFields<'a>,
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("alg", self.alg.as_str())?;
        if let Some(typ) = self.header.typ {
            map.serialize_entry("typ", typ)?;
        }
        map.serialize_entry("kid", self.kid)?;
        self.header.extra.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

/// A token's header: every member as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Header(Map<String, Value>);

impl Header {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The `alg` member; empty when absent.
    pub fn alg(&self) -> &str {
        self.text("alg").unwrap_or_default()
    }

    /// The `kid` member.
    pub fn kid(&self) -> Option<&str> {
        self.text("kid")
    }

    /// The `typ` member.
    pub fn typ(&self) -> Option<&str> {
        self.text("typ")
    }

    /// Any member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// A token taken apart and not verified: good for finding out whose key to verify with, for nothing else.
pub struct Unverified<'a> {
    /// The header.
    pub header: Header,
    /// The claims.
    pub claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified").field("header", &self.header).finish_non_exhaustive()
    }
}

/// A token whose signature holds. Times, issuer and audience are the caller's to check.
#[derive(Clone)]
pub struct Verified {
    /// The header, its signature checked.
    pub header: Header,
    /// The algorithm that was used.
    pub algorithm: Algorithm,
    /// The claims.
    pub claims: Map<String, Value>,
}

impl Verified {
    /// The claims as a type of the caller's.
    ///
    /// # Errors
    /// `ClaimsUnexpected` when they have another shape.
    pub fn into_claims<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_value(Value::Object(self.claims)).map_err(Error::ClaimsUnexpected)
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Takes a compact JWS apart without verifying it.
///
/// # Errors
/// `TokenTooLarge`; `TokenMalformed`.
pub fn decode_unverified(token: &str) -> Result<Unverified<'_>, Error> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(Error::TokenTooLarge { size: token.len(), limit: MAX_TOKEN_BYTES });
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Error::TokenMalformed("not three parts"))?;
    let (header, claims) = signed.split_once('.').ok_or(Error::TokenMalformed("not three parts"))?;
    let decode = |part: &str, refusal| encoding::from_base64url(part).ok_or(Error::TokenMalformed(refusal));
    let header = decode(header, "header is not base64url")?;
    let claims = decode(claims, "claims are not base64url")?;
    let signature = decode(signature, "signature is not base64url")?;
    let header =
        json::parse_object(&header).ok_or(Error::TokenMalformed("header is no plain JSON object"))?;
    let claims =
        json::parse_object(&claims).ok_or(Error::TokenMalformed("claims are no plain JSON object"))?;
    Ok(Unverified { header: Header(header), claims, signed, signature })
}

/// Verifies a compact JWS against the caller's keys and algorithms.
///
/// A `kid` in the header narrows the candidates to keys of that id and keys that have none; `jwk`, `jku` and
/// their like are ignored: a token must not bring its own key.
///
/// # Errors
/// `TokenTooLarge`, `TokenMalformed`; `AlgorithmNotAllowed` (which `none` always is); `CriticalExtension`;
/// `NoKeyFits`; `SignatureInvalid`.
pub fn verify<'k>(
    keys: impl IntoIterator<Item = &'k VerifyingKey>,
    allowed: &[Algorithm],
    token: &str,
) -> Result<Verified, Error> {
    let Unverified { header, claims, signed, signature } = decode_unverified(token)?;
    let algorithm = allowed
        .iter()
        .copied()
        .find(|algorithm| algorithm.as_str() == header.alg())
        .ok_or_else(|| Error::AlgorithmNotAllowed(header.alg().chars().take(32).collect()))?;
    // RFC 7515 §4.1.11: an extension that is not understood must not be passed over. `b64` (RFC 7797) changes
    // what is signed, so it counts even when the token forgets to call it critical.
    if header.get("crit").is_some() || header.get("b64").is_some() {
        return Err(Error::CriticalExtension);
    }
    let named = |key: &VerifyingKey| match (header.kid(), key.kid()) {
        (Some(wanted), Some(kid)) => wanted == kid,
        (None, _) | (_, None) => true,
    };
    let fitting = keys.into_iter().filter(|key| key.fits(algorithm) && named(key));
    let mut refusal = Error::NoKeyFits;
    for key in fitting.take(MAX_TRIES) {
        if key.verifies(algorithm, signed.as_bytes(), &signature) {
            return Ok(Verified { header, algorithm, claims });
        }
        refusal = Error::SignatureInvalid;
    }
    Err(refusal)
}
