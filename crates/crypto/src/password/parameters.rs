//! Kinds and costs of password hashes, under Keycloak's names.

use crate::Error;

/// What a stored hash may cost at most.
pub mod limits {
    /// Argon2 memory in KiB: 256 MiB.
    pub const ARGON2_MEMORY_KIB: u32 = 256 * 1024;
    /// Argon2 passes.
    pub const ARGON2_ITERATIONS: u32 = 20;
    /// Argon2 lanes.
    pub const ARGON2_PARALLELISM: u32 = 4;
    /// PBKDF2 rounds.
    pub const PBKDF2_ITERATIONS: u32 = 5_000_000;
    /// Bytes of a hash; each block of PBKDF2 costs all rounds again.
    pub const HASH_BYTES: usize = 64;
    /// Bytes of a salt.
    pub const SALT_BYTES: usize = 1_024;
}

/// Which Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(missing_docs, reason = "the names are those of RFC 9106")]
pub enum Argon2Variant {
    #[default]
    Id,
    I,
    D,
}

/// Which version of Argon2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Argon2Version {
    /// 1.0, before RFC 9106.
    V10,
    /// 1.3, RFC 9106.
    #[default]
    V13,
}

/// The digest inside PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Pbkdf2Digest {
    Sha1,
    Sha256,
    Sha512,
}

/// Kind and cost of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashParameters {
    /// Argon2 (RFC 9106).
    Argon2 {
        /// Which Argon2.
        variant: Argon2Variant,
        /// Which version.
        version: Argon2Version,
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        iterations: u32,
        /// Lanes; they are computed one after the other.
        parallelism: u32,
        /// Bytes of the hash.
        hash_length: usize,
    },
    /// PBKDF2 (RFC 8018 §5.2).
    Pbkdf2 {
        /// The digest of its HMAC.
        digest: Pbkdf2Digest,
        /// Rounds.
        iterations: u32,
        /// Bytes of the hash.
        hash_length: usize,
    },
}

impl Default for HashParameters {
    /// Keycloak's default: Argon2id 1.3, 7 MiB, 5 passes, 1 lane, 32 bytes.
    fn default() -> Self {
        Self::Argon2 {
            variant: Argon2Variant::Id,
            version: Argon2Version::V13,
            memory_kib: 7_168,
            iterations: 5,
            parallelism: 1,
            hash_length: 32,
        }
    }
}

impl HashParameters {
    /// What a realm's password policy asks for: `hashAlgorithm` and `hashIterations`, each absent or −1 for the
    /// default. An algorithm that is not known counts as the default one, as in Keycloak.
    ///
    /// # Errors
    /// `HashTooCostly` for iterations above the caps.
    pub fn from_policy(algorithm: Option<&str>, iterations: Option<i64>) -> Result<Self, Error> {
        let mut parameters = match algorithm {
            Some("pbkdf2") => Self::pbkdf2(Pbkdf2Digest::Sha1),
            Some("pbkdf2-sha256") => Self::pbkdf2(Pbkdf2Digest::Sha256),
            Some("pbkdf2-sha512") => Self::pbkdf2(Pbkdf2Digest::Sha512),
            _ => Self::default(),
        };
        if let Some(wanted) = iterations.filter(|wanted| *wanted > 0) {
            let (Self::Argon2 { iterations, .. } | Self::Pbkdf2 { iterations, .. }) = &mut parameters;
            *iterations = u32::try_from(wanted).unwrap_or(u32::MAX);
        }
        parameters.check()?;
        Ok(parameters)
    }

    /// PBKDF2 with Keycloak's default rounds and length.
    pub fn pbkdf2(digest: Pbkdf2Digest) -> Self {
        let (iterations, hash_length) = match digest {
            Pbkdf2Digest::Sha1 => (1_300_000, 64),
            Pbkdf2Digest::Sha256 => (600_000, 32),
            Pbkdf2Digest::Sha512 => (210_000, 64),
        };
        Self::Pbkdf2 { digest, iterations, hash_length }
    }

    /// Keycloak's name of the algorithm.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Argon2 { .. } => "argon2",
            Self::Pbkdf2 { digest: Pbkdf2Digest::Sha1, .. } => "pbkdf2",
            Self::Pbkdf2 { digest: Pbkdf2Digest::Sha256, .. } => "pbkdf2-sha256",
            Self::Pbkdf2 { digest: Pbkdf2Digest::Sha512, .. } => "pbkdf2-sha512",
        }
    }

    /// Passes or rounds: Keycloak's `hashIterations`.
    pub fn iterations(&self) -> u32 {
        match self {
            Self::Argon2 { iterations, .. } | Self::Pbkdf2 { iterations, .. } => *iterations,
        }
    }

    /// Bytes of the hash.
    pub fn hash_length(&self) -> usize {
        match self {
            Self::Argon2 { hash_length, .. } | Self::Pbkdf2 { hash_length, .. } => *hash_length,
        }
    }

    /// Whether the parameters are within the caps and make sense to the algorithm.
    ///
    /// # Errors
    /// `HashTooCostly` names the cap; `HashMalformed` names the parameter.
    pub fn check(&self) -> Result<(), Error> {
        within("hash bytes", self.hash_length() as u64, limits::HASH_BYTES as u64)?;
        if self.iterations() == 0 {
            return Err(Error::HashMalformed("hashIterations"));
        }
        match *self {
            Self::Argon2 { memory_kib, iterations, parallelism, hash_length, .. } => {
                within("Argon2 memory KiB", memory_kib.into(), limits::ARGON2_MEMORY_KIB.into())?;
                within("Argon2 iterations", iterations.into(), limits::ARGON2_ITERATIONS.into())?;
                within("Argon2 parallelism", parallelism.into(), limits::ARGON2_PARALLELISM.into())?;
                if parallelism == 0 || memory_kib < 8 * parallelism || hash_length < 4 {
                    return Err(Error::HashMalformed("memory, parallelism or hashLength"));
                }
            }
            Self::Pbkdf2 { iterations, hash_length, .. } => {
                within("PBKDF2 iterations", iterations.into(), limits::PBKDF2_ITERATIONS.into())?;
                // A short hash is a weak one: the empty hash would equal every password's.
                if hash_length < 16 {
                    return Err(Error::HashMalformed("value"));
                }
            }
        }
        Ok(())
    }

    /// Work in units of one KiB-pass or one round of one block, which cost about the same for one kind.
    pub(super) fn work(&self) -> u64 {
        match *self {
            Self::Argon2 { memory_kib, iterations, .. } => u64::from(memory_kib) * u64::from(iterations),
            Self::Pbkdf2 { digest, iterations, hash_length } => {
                let block = match digest {
                    Pbkdf2Digest::Sha1 => 20,
                    Pbkdf2Digest::Sha256 => 32,
                    Pbkdf2Digest::Sha512 => 64,
                };
                u64::from(iterations) * hash_length.div_ceil(block) as u64
            }
        }
    }
}

fn within(parameter: &'static str, value: u64, limit: u64) -> Result<(), Error> {
    if value > limit { Err(Error::HashTooCostly { parameter, value, limit }) } else { Ok(()) }
}
