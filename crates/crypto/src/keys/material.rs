//! What a realm stores of a key: the private part, its certificate and its id.

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Curve};
use super::certificate;
use super::jwk::Jwk;
use super::public::PublicKey;
use super::signing::SigningKey;
use crate::{Error, der, encoding, random};

/// Sizes of RSA keys that may be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub enum RsaBits {
    #[default]
    B2048,
    B3072,
    B4096,
}

impl RsaBits {
    /// Reads Keycloak's `keySize`.
    ///
    /// # Errors
    /// `KeyUnusable` for sizes other than 2048, 3072 and 4096.
    pub fn from_bits(bits: u32) -> Result<Self, Error> {
        match bits {
            2048 => Ok(Self::B2048),
            3072 => Ok(Self::B3072),
            4096 => Ok(Self::B4096),
            _ => Err(Error::KeyUnusable("RSA keys have 2048, 3072 or 4096 bits")),
        }
    }
}

/// A private key or secret as a realm's key component holds it.
///
/// Read and written as Keycloak's component config; turned into a [`SigningKey`] to be used.
#[derive(Clone)]
pub struct KeyMaterial {
    pub(super) kid: String,
    pub(super) kind: Kind,
    pub(super) certificate: Option<Vec<u8>>,
}

#[derive(Clone)]
pub(super) enum Kind {
    /// PKCS#1.
    Rsa(Zeroizing<Vec<u8>>),
    /// PKCS#8.
    Ec { curve: Curve, pkcs8: Zeroizing<Vec<u8>>, agreement: bool },
    /// PKCS#8.
    Ed25519(Zeroizing<Vec<u8>>),
    /// Bytes of an HMAC or AES key.
    Secret(Zeroizing<Vec<u8>>),
}

const GENERATION_FAILED: Error = Error::KeyUnusable("it could not be generated");

impl KeyMaterial {
    /// A new RSA key with a self-signed certificate `CN=<name>` that starts at `now_secs` (Unix seconds).
    ///
    /// Takes 40 to 80 ms and more for larger keys: keep it off the async threads.
    ///
    /// # Errors
    /// `KeyUnusable` when the library fails.
    pub fn generate_rsa(bits: RsaBits, name: &str, now_secs: u64) -> Result<Self, Error> {
        let size = match bits {
            RsaBits::B2048 => KeySize::Rsa2048,
            RsaBits::B3072 => KeySize::Rsa3072,
            RsaBits::B4096 => KeySize::Rsa4096,
        };
        let pair = RsaKeyPair::generate(size).map_err(|_| GENERATION_FAILED)?;
        let pkcs8 = pair.as_der().map_err(|_| GENERATION_FAILED)?;
        let certificate = certificate::self_signed(pkcs8.as_ref(), name, now_secs)?;
        Self::rsa(pkcs8.as_ref(), Some(certificate), None)
    }

    /// A new key on a NIST curve, for signatures.
    ///
    /// # Errors
    /// `KeyUnusable` when the library fails.
    pub fn generate_ec(curve: Curve) -> Result<Self, Error> {
        Self::generate_on(curve, false)
    }

    /// A new key on a NIST curve, for key agreement (`ECDH-ES`).
    ///
    /// # Errors
    /// `KeyUnusable` when the library fails.
    pub fn generate_ecdh(curve: Curve) -> Result<Self, Error> {
        Self::generate_on(curve, true)
    }

    fn generate_on(curve: Curve, agreement: bool) -> Result<Self, Error> {
        let pair = EcdsaKeyPair::generate(curve.signing()).map_err(|_| GENERATION_FAILED)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| GENERATION_FAILED)?;
        Self::ec(curve, pkcs8.as_ref(), agreement, None)
    }

    /// A new Ed25519 key.
    ///
    /// # Errors
    /// `KeyUnusable` when the library fails.
    pub fn generate_ed25519() -> Result<Self, Error> {
        let pair = Ed25519KeyPair::generate().map_err(|_| GENERATION_FAILED)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| GENERATION_FAILED)?;
        Self::ed25519(pkcs8.as_ref())
    }

    /// A new random secret of `n_bytes` for HMAC or AES, its id a UUID.
    pub fn generate_secret(n_bytes: usize) -> Self {
        let mut secret = Zeroizing::new(vec![0; n_bytes]);
        random::fill(&mut secret);
        Self { kid: random::uuid(), kind: Kind::Secret(secret), certificate: None }
    }

    /// An RSA key from PKCS#8 or PKCS#1.
    pub(super) fn rsa(der: &[u8], certificate: Option<Vec<u8>>, kid: Option<String>) -> Result<Self, Error> {
        let pkcs1 = Zeroizing::new(der::inside_pkcs8(der).unwrap_or(der).to_vec());
        let pair = rsa_pair(&pkcs1)?;
        let public = PublicKey::from_pkcs1(pair.public_key().as_ref())?;
        if !public.has_sound_size() {
            return Err(Error::KeyUnusable("an RSA key has 2048 to 8192 bits"));
        }
        let kid = kid.unwrap_or_else(|| public.keycloak_kid());
        Ok(Self { kid, kind: Kind::Rsa(pkcs1), certificate })
    }

    pub(super) fn ec(
        curve: Curve,
        pkcs8: &[u8],
        agreement: bool,
        certificate: Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        let public = PublicKey::from_point(curve, ec_pair(curve, pkcs8)?.public_key().as_ref())?;
        let kind = Kind::Ec { curve, pkcs8: Zeroizing::new(pkcs8.to_vec()), agreement };
        Ok(Self { kid: public.keycloak_kid(), kind, certificate })
    }

    pub(super) fn ed25519(pkcs8: &[u8]) -> Result<Self, Error> {
        let public = PublicKey::from_ed25519(ed25519_pair(pkcs8)?.public_key().as_ref())?;
        let kind = Kind::Ed25519(Zeroizing::new(pkcs8.to_vec()));
        Ok(Self { kid: public.keycloak_kid(), kind, certificate: None })
    }

    /// The key id, as Keycloak computes it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The X.509 certificate in DER, if there is one.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// When the certificate ends, in Unix seconds; nothing without one that reads.
    pub fn certificate_end(&self) -> Option<i64> {
        der::end_of_certificate(self.certificate.as_deref()?).ok()
    }

    /// The public numbers; nothing for a secret.
    ///
    /// # Errors
    /// `KeyUnusable` when the library refuses the key.
    pub fn public_key(&self) -> Result<Option<PublicKey>, Error> {
        match &self.kind {
            Kind::Rsa(pkcs1) => PublicKey::from_pkcs1(rsa_pair(pkcs1)?.public_key().as_ref()).map(Some),
            Kind::Ec { curve, pkcs8, .. } => {
                PublicKey::from_point(*curve, ec_pair(*curve, pkcs8)?.public_key().as_ref()).map(Some)
            }
            Kind::Ed25519(pkcs8) => {
                PublicKey::from_ed25519(ed25519_pair(pkcs8)?.public_key().as_ref()).map(Some)
            }
            Kind::Secret(_) => Ok(None),
        }
    }

    /// The public key in base64 DER, as the admin API's key list shows it; nothing for a secret.
    ///
    /// # Errors
    /// As [`KeyMaterial::public_key`].
    pub fn public_key_base64(&self) -> Result<Option<String>, Error> {
        Ok(self.public_key()?.map(|key| encoding::base64(&key.to_spki())))
    }

    /// The bytes of an HMAC or AES secret; nothing for a key pair.
    pub fn secret(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Secret(secret) => Some(secret),
            Kind::Rsa(_) | Kind::Ec { .. } | Kind::Ed25519(_) => None,
        }
    }

    /// The signature algorithm that follows from the kind of key alone; RSA and secrets have several.
    pub fn natural_algorithm(&self) -> Option<Algorithm> {
        match &self.kind {
            Kind::Ec { curve, agreement: false, .. } => Some(curve.algorithm()),
            Kind::Ed25519(_) => Some(Algorithm::EdDSA),
            Kind::Ec { .. } | Kind::Rsa(_) | Kind::Secret(_) => None,
        }
    }

    /// Parses the key for signing with `algorithm`.
    ///
    /// # Errors
    /// `KeyUnusable` when the algorithm does not belong to this kind of key.
    pub fn signing_key(&self, algorithm: Algorithm) -> Result<SigningKey, Error> {
        let (kid, certificate) = (Some(self.kid.clone()), self.certificate.clone());
        match &self.kind {
            Kind::Rsa(pkcs1) => SigningKey::rsa(rsa_pair(pkcs1)?, kid, algorithm, certificate),
            Kind::Ec { curve, pkcs8, agreement: false } if algorithm == curve.algorithm() => {
                SigningKey::ec(ec_pair(*curve, pkcs8)?, *curve, kid, certificate)
            }
            Kind::Ed25519(pkcs8) if algorithm == Algorithm::EdDSA => {
                SigningKey::ed25519(ed25519_pair(pkcs8)?, kid)
            }
            Kind::Secret(secret) => SigningKey::hmac(secret, &self.kid, algorithm),
            Kind::Ec { .. } | Kind::Ed25519(_) => {
                Err(Error::KeyUnusable("algorithm does not belong to this kind of key"))
            }
        }
    }

    /// The entry that an encryption key has in the published JWK Set (`use` is `enc`); `alg` is its JWE algorithm.
    ///
    /// # Errors
    /// As [`KeyMaterial::public_key`].
    pub fn encryption_jwk(&self, alg: &str) -> Result<Option<Jwk>, Error> {
        let jwk = |key: PublicKey| Jwk::render(&key, &self.kid, Some(alg), Some("enc"), self.certificate());
        Ok(self.public_key()?.map(jwk))
    }
}

pub(super) fn rsa_pair(pkcs1: &[u8]) -> Result<RsaKeyPair, Error> {
    RsaKeyPair::from_der(pkcs1).map_err(|_| Error::KeyUnusable("not an RSA private key"))
}

pub(super) fn ec_pair(curve: Curve, pkcs8: &[u8]) -> Result<EcdsaKeyPair, Error> {
    EcdsaKeyPair::from_private_key_der(curve.signing(), pkcs8)
        .map_err(|_| Error::KeyUnusable("not a private key of its curve"))
}

pub(super) fn ed25519_pair(pkcs8: &[u8]) -> Result<Ed25519KeyPair, Error> {
    Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| Error::KeyUnusable("not an Ed25519 private key"))
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyMaterial")
            .field("kid", &self.kid)
            .field("private", &format_args!("…"))
            .finish_non_exhaustive()
    }
}
