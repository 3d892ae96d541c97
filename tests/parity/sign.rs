//! What a client of the recording made with its own keys: assertions, request objects, codes.

use anyhow::{Context, Result};
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::KeyPair as _;
use aws_lc_rs::{digest, hmac, rand, signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The RSA key of the clients that sign.
pub(crate) struct Signer {
    key: KeyPair,
}

impl Signer {
    pub(crate) fn generate() -> Result<Self> {
        Ok(Self { key: KeyPair::generate(KeySize::Rsa2048).context("making a key")? })
    }

    /// The public key as a JWKS; its only key is called `k1`.
    pub(crate) fn jwks(&self) -> Value {
        let parts: PublicKeyComponents<Vec<u8>> = self.key.public_key().into();
        json!({"keys": [{
            "kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(&parts.n), "e": URL_SAFE_NO_PAD.encode(&parts.e),
        }]})
    }

    /// A JWT; `alg` is RS256, HS256, HS512 (both with `secret`) or none.
    pub(crate) fn jwt(&self, header: &Value, claims: &Value, secret: &str) -> Result<String> {
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mac = |algorithm| {
            hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), input.as_bytes()).as_ref().to_vec()
        };
        let signature = match header["alg"].as_str() {
            Some("HS256") => mac(hmac::HMAC_SHA256),
            Some("HS512") => mac(hmac::HMAC_SHA512),
            Some("none") => Vec::new(),
            _ => {
                let mut out = vec![0; self.key.public_modulus_len()];
                self.key
                    .sign(
                        &signature::RSA_PKCS1_SHA256,
                        &rand::SystemRandom::new(),
                        input.as_bytes(),
                        &mut out,
                    )
                    .context("signing")?;
                out
            }
        };
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The same JWT with another signature.
pub(crate) fn tampered(jwt: &str) -> String {
    let (input, signature) = jwt.rsplit_once('.').unwrap_or((jwt, ""));
    let mut signature = signature.to_owned();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    signature.replace_range(..1.min(signature.len()), first);
    format!("{input}.{signature}")
}

/// RFC 6238: six digits, HMAC-SHA1, 30 seconds. Keycloak keys it with the text of the secret.
pub(crate) fn totp(secret: &str, seconds: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let mac = hmac::sign(&key, &(seconds / 30).to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac[mac.len() - 1] & 15);
    let number = u32::from_be_bytes([mac[at] & 0x7f, mac[at + 1], mac[at + 2], mac[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// RFC 7636 §4.2, method S256.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// A random id in the form of a UUID.
pub(crate) fn uuid() -> String {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).expect("the system has randomness");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The claims of a JWT, unverified.
pub(crate) fn decoded(jwt: &str) -> Option<(Value, Value)> {
    let mut parts = jwt.split('.');
    let mut next = || {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    Some((next()?, next()?))
}
