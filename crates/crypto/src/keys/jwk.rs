//! JWKs as Keyraft publishes them.

use serde::Serialize;

use super::public::PublicKey;
use crate::{digest, encoding};

/// One entry of the published JWK Set, its members in Keycloak's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the members are those of RFC 7517 and RFC 7518")]
pub struct Jwk {
    pub kid: String,
    pub kty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x5c: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x5t: Option<String>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub x5t_s256: Option<String>,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Numbers {
    Rsa { n: String, e: String },
    Ec { crv: &'static str, x: String, y: String },
    Okp { crv: &'static str, x: String },
}

impl Jwk {
    /// Renders a public key with its certificate (DER); `purpose` is the `use` member.
    pub fn render(
        key: &PublicKey,
        kid: &str,
        alg: Option<&str>,
        purpose: Option<&str>,
        certificate: Option<&[u8]>,
    ) -> Self {
        let (kty, numbers) = match key {
            PublicKey::Rsa { n, e } => {
                ("RSA", Numbers::Rsa { n: encoding::base64url(n), e: encoding::base64url(e) })
            }
            PublicKey::Ec { curve, x, y } => {
                let (x, y) = (encoding::base64url(x), encoding::base64url(y));
                ("EC", Numbers::Ec { crv: curve.as_str(), x, y })
            }
            PublicKey::Ed25519 { x } => ("OKP", Numbers::Okp { crv: "Ed25519", x: encoding::base64url(x) }),
        };
        Self {
            kid: kid.to_owned(),
            kty,
            alg: alg.map(str::to_owned),
            purpose: purpose.map(str::to_owned),
            x5c: certificate.map(|der| vec![encoding::base64(der)]),
            x5t: certificate.map(|der| encoding::base64url(&digest::sha1(der))),
            x5t_s256: certificate.map(digest::sha256_base64url),
            numbers,
        }
    }
}
