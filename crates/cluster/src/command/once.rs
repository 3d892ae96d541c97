//! Things that may be taken once.

use keyraft_model::RealmId;
use serde::{Deserialize, Serialize};

use super::Hash;

/// What may be taken once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OnceKey {
    /// In which key space.
    pub kind: OnceKind,
    /// The realm it belongs to.
    pub realm: RealmId,
    /// User id, client uuid: whoever the thing belongs to; also decides the slot.
    pub owner: String,
    /// SHA-256 of its id.
    pub id: Hash,
}

/// Kinds of things that may be taken once; each has a key space of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OnceKind {
    /// A step or counter of a one-time code.
    OtpStep,
    /// A login in progress.
    Login,
    /// An action token.
    ActionToken,
    /// The `jti` of a client assertion.
    ClientAssertion,
    /// An action of a login that changes a credential.
    CredentialAction,
    /// The `jti` of a `DPoP` proof (RFC 9449); its owner is the key's thumbprint.
    DpopProof,
}
