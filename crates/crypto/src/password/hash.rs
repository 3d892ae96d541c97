//! One stored password hash, in Keycloak's form.

use std::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::parameters::{Argon2Variant, Argon2Version, HashParameters, Pbkdf2Digest, limits};
use crate::secret::Secret;
use crate::{Error, digest, encoding, random};

const SALT_BYTES: usize = 16;

/// Memory blocks above this many KiB are given back after use.
const KEPT_KIB: usize = 64 * 1024;

/// A stored password hash: parameters, salt and value.
#[derive(Clone)]
pub struct Hash {
    parameters: HashParameters,
    salt: Vec<u8>,
    value: Zeroizing<Vec<u8>>,
}

/// Working memory of Argon2, kept between hashes of one thread: fresh pages would cost a fifth more.
#[derive(Default)]
pub struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.resize(count, Block::default());
        }
        &mut self.0[..count]
    }

    /// Overwrites what the last password left, and gives back what is more than usual.
    pub fn wipe(&mut self) {
        self.0.truncate(KEPT_KIB);
        self.0.shrink_to(KEPT_KIB);
        self.0.fill(Block::default());
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    hash_iterations: i64,
    algorithm: String,
    #[serde(default)]
    additional_parameters: AdditionalParameters,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AdditionalParameters {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hash_length: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    memory: Vec<String>,
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    variant: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    version: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parallelism: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretData {
    value: Zeroizing<String>,
    salt: String,
    #[serde(default)]
    additional_parameters: serde_json::Map<String, serde_json::Value>,
}

impl Hash {
    /// Hashes a new password with a random 16-byte salt. Blocks for as long as the parameters ask.
    ///
    /// # Errors
    /// As [`HashParameters::check`].
    pub fn create(parameters: HashParameters, password: &Secret, memory: &mut Memory) -> Result<Self, Error> {
        let mut hash = Self::salted(parameters);
        hash.value = hash.derive(password, memory)?;
        Ok(hash)
    }

    /// Whether `password` is the one. Blocks for as long as the parameters ask.
    ///
    /// # Errors
    /// As [`HashParameters::check`].
    pub fn verify(&self, password: &Secret, memory: &mut Memory) -> Result<bool, Error> {
        Ok(self.is_value(&self.derive(password, memory)?))
    }

    /// Reads Keycloak's `credentialData` and `secretData`.
    ///
    /// # Errors
    /// `HashMalformed` names the member; `HashAlgorithmUnknown`; `HashTooCostly` names the cap.
    pub fn from_keycloak(credential_data: &str, secret_data: &str) -> Result<Self, Error> {
        let credential: CredentialData =
            serde_json::from_str(credential_data).map_err(|_| Error::HashMalformed("credentialData"))?;
        let secret: SecretData =
            serde_json::from_str(secret_data).map_err(|_| Error::HashMalformed("secretData"))?;
        let value = encoding::from_base64(&secret.value).ok_or(Error::HashMalformed("value"))?;
        let salt = encoding::from_base64(&secret.salt).ok_or(Error::HashMalformed("salt"))?;
        let parameters = credential.parameters(value.len())?;
        parameters.check()?;
        let least =
            if matches!(parameters, HashParameters::Argon2 { .. }) { argon2::MIN_SALT_LEN } else { 1 };
        if !(least..=limits::SALT_BYTES).contains(&salt.len()) {
            return Err(Error::HashMalformed("salt"));
        }
        if value.len() != parameters.hash_length() {
            return Err(Error::HashMalformed("value"));
        }
        Ok(Self { parameters, salt, value: Zeroizing::new(value) })
    }

    /// Keycloak's `credentialData`.
    ///
    /// # Panics
    /// Never: plain members always serialise.
    pub fn credential_data(&self) -> String {
        serde_json::to_string(&CredentialData::of(&self.parameters)).expect("plain members always serialise")
    }

    /// Keycloak's `secretData`.
    ///
    /// # Panics
    /// Never: plain members always serialise.
    pub fn secret_data(&self) -> String {
        let data = SecretData {
            value: Zeroizing::new(encoding::base64(&self.value)),
            salt: encoding::base64(&self.salt),
            additional_parameters: serde_json::Map::new(),
        };
        serde_json::to_string(&data).expect("plain members always serialise")
    }

    /// Kind and cost.
    pub fn parameters(&self) -> &HashParameters {
        &self.parameters
    }

    /// Whether the realm's policy asks for another kind or cost: then hash anew at the next login.
    pub fn needs_rehash(&self, policy: &HashParameters) -> bool {
        self.parameters != *policy
    }

    /// A hash that has its salt and not yet its value.
    pub(super) fn salted(parameters: HashParameters) -> Self {
        let salt = random::bytes::<SALT_BYTES>().to_vec();
        Self { parameters, salt, value: Zeroizing::default() }
    }

    pub(super) fn from_parts(parameters: HashParameters, salt: Vec<u8>, value: Vec<u8>) -> Self {
        Self { parameters, salt, value: Zeroizing::new(value) }
    }

    pub(super) fn with_value(self, value: Zeroizing<Vec<u8>>) -> Self {
        Self { value, ..self }
    }

    pub(super) fn is_value(&self, derived: &[u8]) -> bool {
        // An empty value would match an empty derivation: a hash without one matches nothing.
        !self.value.is_empty() && digest::constant_time_eq(derived, &self.value)
    }

    /// The value that `password` has under this hash's parameters and salt.
    pub(super) fn derive(&self, password: &Secret, memory: &mut Memory) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.parameters.check()?;
        let password = password.expose().as_bytes();
        let mut out = Zeroizing::new(vec![0; self.parameters.hash_length()]);
        match self.parameters {
            HashParameters::Argon2 { variant, version, memory_kib, iterations, parallelism, hash_length } => {
                let params = Params::new(memory_kib, iterations, parallelism, Some(hash_length))
                    .map_err(|_| Error::HashMalformed("Argon2 parameters"))?;
                let blocks = params.block_count();
                Argon2::new(variant.into(), version.into(), params)
                    .hash_password_into_with_memory(password, &self.salt, &mut out, memory.blocks(blocks))
                    .map_err(|_| Error::HashMalformed("Argon2 parameters"))?;
            }
            HashParameters::Pbkdf2 { digest, iterations, .. } => match digest {
                Pbkdf2Digest::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, &self.salt, iterations, &mut out),
                Pbkdf2Digest::Sha256 => {
                    pbkdf2::pbkdf2_hmac::<Sha256>(password, &self.salt, iterations, &mut out);
                }
                Pbkdf2Digest::Sha512 => {
                    pbkdf2::pbkdf2_hmac::<Sha512>(password, &self.salt, iterations, &mut out);
                }
            },
        }
        Ok(out)
    }
}

impl CredentialData {
    fn of(parameters: &HashParameters) -> Self {
        let additional_parameters = match *parameters {
            HashParameters::Argon2 { variant, version, memory_kib, parallelism, hash_length, .. } => {
                let variant = match variant {
                    Argon2Variant::Id => "id",
                    Argon2Variant::I => "i",
                    Argon2Variant::D => "d",
                };
                let version = if version == Argon2Version::V10 { "1.0" } else { "1.3" };
                AdditionalParameters {
                    hash_length: vec![hash_length.to_string()],
                    memory: vec![memory_kib.to_string()],
                    variant: vec![variant.to_owned()],
                    version: vec![version.to_owned()],
                    parallelism: vec![parallelism.to_string()],
                }
            }
            HashParameters::Pbkdf2 { .. } => AdditionalParameters::default(),
        };
        Self {
            hash_iterations: parameters.iterations().into(),
            algorithm: parameters.algorithm().to_owned(),
            additional_parameters,
        }
    }

    fn parameters(&self, value_length: usize) -> Result<HashParameters, Error> {
        let iterations = match u32::try_from(self.hash_iterations) {
            Ok(iterations) => iterations,
            Err(_) if self.hash_iterations < 0 => return Err(Error::HashMalformed("hashIterations")),
            Err(_) => u32::MAX,
        };
        let digest = match self.algorithm.as_str() {
            "argon2" => return self.additional_parameters.argon2(iterations, value_length),
            "pbkdf2" => Pbkdf2Digest::Sha1,
            "pbkdf2-sha256" => Pbkdf2Digest::Sha256,
            "pbkdf2-sha512" => Pbkdf2Digest::Sha512,
            other => return Err(Error::HashAlgorithmUnknown(other.chars().take(64).collect())),
        };
        Ok(HashParameters::Pbkdf2 { digest, iterations, hash_length: value_length })
    }
}

impl AdditionalParameters {
    fn argon2(&self, iterations: u32, value_length: usize) -> Result<HashParameters, Error> {
        let number = |values: &[String], name, default: u32| match values.first() {
            Some(text) => text.parse().map_err(|_| Error::HashMalformed(name)),
            None => Ok(default),
        };
        let default_length = u32::try_from(value_length).unwrap_or(u32::MAX);
        Ok(HashParameters::Argon2 {
            variant: match self.variant.first().map(String::as_str) {
                Some("id") | None => Argon2Variant::Id,
                Some("i") => Argon2Variant::I,
                Some("d") => Argon2Variant::D,
                Some(_) => return Err(Error::HashMalformed("type")),
            },
            version: match self.version.first().map(String::as_str) {
                Some("1.3") | None => Argon2Version::V13,
                Some("1.0") => Argon2Version::V10,
                Some(_) => return Err(Error::HashMalformed("version")),
            },
            memory_kib: number(&self.memory, "memory", 7_168)?,
            iterations,
            parallelism: number(&self.parallelism, "parallelism", 1)?,
            hash_length: number(&self.hash_length, "hashLength", default_length)? as usize,
        })
    }
}

impl From<Argon2Variant> for Algorithm {
    fn from(variant: Argon2Variant) -> Self {
        match variant {
            Argon2Variant::Id => Self::Argon2id,
            Argon2Variant::I => Self::Argon2i,
            Argon2Variant::D => Self::Argon2d,
        }
    }
}

impl From<Argon2Version> for Version {
    fn from(version: Argon2Version) -> Self {
        match version {
            Argon2Version::V10 => Self::V0x10,
            Argon2Version::V13 => Self::V0x13,
        }
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hash")
            .field("parameters", &self.parameters)
            .field("value", &format_args!("…"))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} KiB)", self.0.len())
    }
}
