//! What goes wrong in this room.

/// Everything that cryptography refuses, said for the log; callers decide what the world hears.
///
/// No text holds key material, passwords or token contents.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key cannot be used; the text says why.
    #[error("key is not usable: {0}")]
    KeyUnusable(&'static str),
    /// An algorithm name that this build does not know.
    #[error("algorithm {0:?} is not supported")]
    AlgorithmUnknown(String),
    /// The library refused to sign.
    #[error("signing failed")]
    SigningFailed,
    /// Claims could not be written as JSON.
    #[error("claims are not serialisable")]
    ClaimsNotSerialisable(#[source] serde_json::Error),
    /// A token that is no compact JWS of JSON objects; the text says where it breaks.
    #[error("token is malformed: {0}")]
    TokenMalformed(&'static str),
    /// A token above the size limit.
    #[error("token of {size} bytes exceeds the limit of {limit}")]
    TokenTooLarge {
        /// Bytes that came.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The token's `alg` is not among those that the caller allows.
    #[error("token algorithm {0:?} is not allowed here")]
    AlgorithmNotAllowed(String),
    /// The token demands an extension (`crit`, RFC 7515 §4.1.11); none is understood.
    #[error("token demands a critical extension")]
    CriticalExtension,
    /// No candidate key fits the token's `kid` and `alg`.
    #[error("no key fits the token")]
    NoKeyFits,
    /// A key fits, the signature does not.
    #[error("signature is invalid")]
    SignatureInvalid,
    /// The verified claims do not have the expected shape.
    #[error("claims do not have the expected shape")]
    ClaimsUnexpected(#[source] serde_json::Error),
    /// A JWK Set that is no JSON object with `keys`.
    #[error("JWK Set is malformed")]
    JwksMalformed,
    /// A stored password hash that cannot be read; the text names the member.
    #[error("password hash is malformed: {0}")]
    HashMalformed(&'static str),
    /// A password hash algorithm that this build does not know.
    #[error("password hash algorithm {0:?} is not supported")]
    HashAlgorithmUnknown(String),
    /// A password hash whose check would cost more than is allowed.
    #[error("password hash asks for {parameter} {value}, the limit is {limit}")]
    HashTooCostly {
        /// The parameter, with its unit.
        parameter: &'static str,
        /// What the hash asks for.
        value: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Too much hashing is waiting; try again later (HTTP 503).
    #[error("password hashing is busy")]
    Busy,
    /// The hashing threads are gone.
    #[error("password hashing stopped")]
    HasherStopped,
    /// A stored one-time-password credential that cannot be read; the text names the member.
    #[error("one-time-password credential is malformed: {0}")]
    OtpMalformed(&'static str),
    /// A master key that is neither 32 bytes in hex or base64 nor a passphrase of 32 characters.
    #[error(
        "master key is too weak: give 32 random bytes in base64 or hex, or a passphrase of at least 32 characters"
    )]
    MasterKeyWeak,
    /// No key to seal with.
    #[error("no sealing key is configured")]
    NoSealingKey,
    /// Sealed text that is not of the known form.
    #[error("sealed text is malformed")]
    SealMalformed,
    /// Sealed with a key that is not at hand.
    #[error("sealed with the unknown key {0:?}")]
    SealKeyUnknown(String),
    /// Sealed data that was changed, or belongs to another place.
    #[error("seal is broken")]
    SealBroken,
}
