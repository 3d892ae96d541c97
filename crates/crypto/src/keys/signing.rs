//! A key that signs, parsed once.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};

use super::algorithm::{Algorithm, Curve};
use super::jwk::Jwk;
use super::public::PublicKey;
use super::verifying::VerifyingKey;
use crate::Error;

/// A private key or shared secret bound to one algorithm. Cloning shares it.
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    kid: String,
    algorithm: Algorithm,
    private: Private,
    certificate: Option<Vec<u8>>,
    verifying: VerifyingKey,
}

enum Private {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(Box<hmac::Key>),
}

impl SigningKey {
    /// A shared secret for an HMAC algorithm.
    ///
    /// # Errors
    /// `KeyUnusable` for an empty secret and for asymmetric algorithms.
    pub fn hmac(secret: &[u8], kid: &str, algorithm: Algorithm) -> Result<Self, Error> {
        let hmac = algorithm.hmac().ok_or(Error::KeyUnusable("not an HMAC algorithm"))?;
        let verifying = VerifyingKey::hmac(secret, Some(kid.to_owned()), algorithm)?;
        let private = Private::Hmac(Box::new(hmac::Key::new(hmac, secret)));
        Ok(Self(Arc::new(Inner { kid: kid.to_owned(), algorithm, private, certificate: None, verifying })))
    }

    pub(super) fn rsa(
        pair: RsaKeyPair,
        kid: Option<String>,
        algorithm: Algorithm,
        certificate: Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        if algorithm.rsa_encoding().is_none() {
            return Err(Error::KeyUnusable("algorithm is not for RSA keys"));
        }
        let public = PublicKey::from_pkcs1(pair.public_key().as_ref())?;
        Self::asymmetric(Private::Rsa(pair), public, kid, algorithm, certificate)
    }

    pub(super) fn ec(
        pair: EcdsaKeyPair,
        curve: Curve,
        kid: Option<String>,
        certificate: Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        let public = PublicKey::from_point(curve, pair.public_key().as_ref())?;
        Self::asymmetric(Private::Ec(pair), public, kid, curve.algorithm(), certificate)
    }

    pub(super) fn ed25519(pair: Ed25519KeyPair, kid: Option<String>) -> Result<Self, Error> {
        let public = PublicKey::from_ed25519(pair.public_key().as_ref())?;
        Self::asymmetric(Private::Ed25519(pair), public, kid, Algorithm::EdDSA, None)
    }

    fn asymmetric(
        private: Private,
        public: PublicKey,
        kid: Option<String>,
        algorithm: Algorithm,
        certificate: Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        let kid = kid.unwrap_or_else(|| public.keycloak_kid());
        let verifying = VerifyingKey::public(public, Some(kid.clone()), Some(algorithm))?;
        Ok(Self(Arc::new(Inner { kid, algorithm, private, certificate, verifying })))
    }

    /// The key id that goes into token headers.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The algorithm it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The X.509 certificate in DER, if it has one.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.0.certificate.as_deref()
    }

    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.0.verifying
    }

    /// The entry in the published JWK Set; nothing for a shared secret.
    pub fn jwk(&self) -> Option<Jwk> {
        let public = self.0.verifying.public_key()?;
        let certificate = self.0.certificate.as_deref();
        Some(Jwk::render(public, &self.0.kid, Some(self.0.algorithm.as_str()), Some("sig"), certificate))
    }

    /// The signature over `message`, in the form of RFC 7518 §3.
    ///
    /// # Errors
    /// `SigningFailed` when the library refuses.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.0.private {
            Private::Rsa(pair) => {
                let encoding = self.0.algorithm.rsa_encoding().ok_or(Error::SigningFailed)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| Error::SigningFailed)?;
                Ok(signature)
            }
            Private::Ec(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| Error::SigningFailed)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(|_| Error::SigningFailed)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::Hmac(key) => Ok(hmac::sign(key, message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.0.kid)
            .field("algorithm", &self.0.algorithm)
            .field("private", &format_args!("…"))
            .finish_non_exhaustive()
    }
}
