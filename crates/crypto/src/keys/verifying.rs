//! A key that verifies signatures, parsed once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::{hmac, signature::ED25519, signature::ParsedPublicKey};
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::public::PublicKey;
use crate::Error;

/// A key that verifies: public, or a shared secret. Cloning shares it.
///
/// It is bound to one algorithm when its source says so (`alg` of the JWK, the algorithm of the signing key),
/// else to the algorithms of its kind.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

enum Material {
    Public { key: PublicKey, parsed: Box<Parsed> },
    Hmac(Box<hmac::Key>),
}

/// AWS-LC's objects, one per algorithm, made when first needed: the library ties them to one algorithm.
#[derive(Default)]
struct Parsed([OnceLock<Option<ParsedPublicKey>>; Algorithm::ASYMMETRIC.len()]);

impl VerifyingKey {
    /// A public key; `algorithm` binds it to one algorithm.
    ///
    /// # Errors
    /// `KeyUnusable` when the numbers are no key (not on the curve, RSA below 2048 bits) or when the
    /// algorithm belongs to another kind of key.
    pub fn public(key: PublicKey, kid: Option<String>, algorithm: Option<Algorithm>) -> Result<Self, Error> {
        let natural = algorithm.unwrap_or(match &key {
            PublicKey::Rsa { .. } => Algorithm::RS256,
            PublicKey::Ec { curve, .. } => curve.algorithm(),
            PublicKey::Ed25519 { .. } => Algorithm::EdDSA,
        });
        let parsed = Box::<Parsed>::default();
        if parsed.get(&key, natural).is_none() {
            return Err(Error::KeyUnusable("public key does not fit its algorithm"));
        }
        Ok(Self(Arc::new(Inner { kid, algorithm, material: Material::Public { key, parsed } })))
    }

    /// A shared secret for one HMAC algorithm, as in `client_secret_jwt`.
    ///
    /// # Errors
    /// `KeyUnusable` for an empty secret and for asymmetric algorithms.
    pub fn hmac(secret: &[u8], kid: Option<String>, algorithm: Algorithm) -> Result<Self, Error> {
        let hmac = algorithm.hmac().ok_or(Error::KeyUnusable("not an HMAC algorithm"))?;
        if secret.is_empty() {
            return Err(Error::KeyUnusable("empty secret"));
        }
        let material = Material::Hmac(Box::new(hmac::Key::new(hmac, secret)));
        Ok(Self(Arc::new(Inner { kid, algorithm: Some(algorithm), material })))
    }

    /// Reads a public JWK (RFC 7517). `use` other than `sig`, symmetric keys and private parts are refused:
    /// a JWK comes from outside, and a secret that was published is none.
    ///
    /// # Errors
    /// `KeyUnusable` says why; `AlgorithmUnknown` for an `alg` that is no signature algorithm here.
    pub fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, Error> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return Err(Error::KeyUnusable("JWK is not for signatures"));
        }
        if jwk.contains_key("d") || jwk.contains_key("k") {
            return Err(Error::KeyUnusable("JWK holds private parts"));
        }
        let algorithm = text("alg").map(str::parse).transpose()?;
        Self::public(PublicKey::from_jwk(jwk)?, text("kid").map(str::to_owned), algorithm)
    }

    /// Reads the public key of an X.509 certificate, bare base64 or PEM, as client attributes hold it.
    ///
    /// # Errors
    /// `KeyUnusable` for texts that are no certificate and keys of unknown kinds.
    pub fn from_certificate(text: &str, kid: Option<String>) -> Result<Self, Error> {
        Self::public(PublicKey::from_certificate(&crate::der::from_text(text)?)?, kid, None)
    }

    /// Reads a public key, bare base64 or PEM of a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// `KeyUnusable` for texts that are no public key and keys of unknown kinds.
    pub fn from_public_key(text: &str, kid: Option<String>) -> Result<Self, Error> {
        Self::public(PublicKey::from_spki(&crate::der::from_text(text)?)?, kid, None)
    }

    /// The key id, when the source names one.
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// The one algorithm that this key is bound to, if it is.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.0.algorithm
    }

    /// The public numbers; nothing for a shared secret.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.0.material {
            Material::Public { key, .. } => Some(key),
            Material::Hmac(_) => None,
        }
    }

    /// Whether this key may verify signatures of `algorithm`.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        // A public key never fits an HMAC: its bytes are known to everyone, so anyone could sign.
        let kind = match &self.0.material {
            Material::Public { key: PublicKey::Rsa { .. }, .. } => algorithm.rsa_parameters().is_some(),
            Material::Public { key: PublicKey::Ec { curve, .. }, .. } => algorithm.curve() == Some(*curve),
            Material::Public { key: PublicKey::Ed25519 { .. }, .. } => algorithm == Algorithm::EdDSA,
            Material::Hmac(_) => algorithm.is_symmetric(),
        };
        kind && self.0.algorithm.is_none_or(|bound| bound == algorithm)
    }

    /// Whether `signature` over `message` is this key's.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match &self.0.material {
            Material::Public { key, parsed } => {
                parsed.get(key, algorithm).is_some_and(|parsed| parsed.verify_sig(message, signature).is_ok())
            }
            Material::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl Parsed {
    fn get(&self, key: &PublicKey, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        let place = Algorithm::ASYMMETRIC.iter().position(|known| *known == algorithm)?;
        self.0[place].get_or_init(|| parse(key, algorithm)).as_ref()
    }
}

fn parse(key: &PublicKey, algorithm: Algorithm) -> Option<ParsedPublicKey> {
    match key {
        PublicKey::Rsa { .. } if key.has_sound_size() => {
            ParsedPublicKey::new(algorithm.rsa_parameters()?, key.raw()).ok()
        }
        PublicKey::Ec { curve, .. } if algorithm.curve() == Some(*curve) => {
            ParsedPublicKey::new(curve.verification(), key.raw()).ok()
        }
        PublicKey::Ed25519 { .. } if algorithm == Algorithm::EdDSA => {
            ParsedPublicKey::new(&ED25519, key.raw()).ok()
        }
        PublicKey::Rsa { .. } | PublicKey::Ec { .. } | PublicKey::Ed25519 { .. } => None,
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.0.kid)
            .field("algorithm", &self.0.algorithm)
            .finish_non_exhaustive()
    }
}
