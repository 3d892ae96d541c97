//! Signing and verifying keys, parsed once and shared by cheap clones.
//!
//! [`KeyMaterial`] is what a realm stores (Keycloak's key components); it gives a [`SigningKey`], which gives
//! a [`VerifyingKey`] and a [`Jwk`]. Keys of others come in as JWK, certificate or client secret and become
//! `VerifyingKey`s. Everything sits on AWS-LC key objects held parsed: parsing an RSA key at every signature
//! costs more than the signature.
//!
//! It refuses RSA below 2048 bits, curves that do not belong to the algorithm, and HMAC keys made from public
//! keys. Private parts never show in `Debug`.

mod algorithm;
mod certificate;
mod component;
mod jwk;
mod material;
mod public;
mod signing;
#[cfg(test)]
mod tests;
mod verifying;

pub use algorithm::{Algorithm, Curve, HashFunction};
pub use jwk::Jwk;
pub use material::{KeyMaterial, RsaBits};
pub use public::PublicKey;
pub use signing::SigningKey;
pub use verifying::VerifyingKey;
