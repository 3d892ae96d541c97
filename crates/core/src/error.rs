//! What can go wrong in an operation on identities.

use crate::{policies::password::Violation, user_profile::Fault};

/// Why an operation was not done. The public face (status, body, page) is each caller's own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing of that kind and id.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Something else holds that name, or the entity changed since it was read.
    #[error("{what} {name:?} conflicts")]
    Conflict {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The caller may not.
    #[error("denied: {0}")]
    Denied(&'static str),
    /// A member that breaks a rule.
    #[error("{field}: {rule}")]
    Invalid {
        /// The member.
        field: String,
        /// The rule, in words.
        rule: String,
    },
    /// A password that the realm's policy refuses.
    #[error("password refused: {}", .0.key)]
    Password(#[source] Violation),
    /// Attributes of a user that his profile refuses, in the order in which they are reported.
    #[error("user profile refused: {}", .0.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join(", "))]
    Profile(Vec<Fault>),
    /// Too much work in the queue; come back later (503).
    #[error("too many requests wait for a processor")]
    Busy,
    /// A store, the cluster or a key cannot be reached: nothing is known (503), which is never a "no".
    #[error("unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// We are at fault (500).
    #[error("internal: {0}")]
    Internal(String),
}

impl From<keyraft_cluster::Error> for Error {
    fn from(error: keyraft_cluster::Error) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<keyraft_store::Error> for Error {
    fn from(error: keyraft_store::Error) -> Self {
        match error {
            keyraft_store::Error::Conflict { .. } => Self::Conflict { what: "row", name: error.to_string() },
            keyraft_store::Error::Invalid(why) => Self::Invalid { field: "text".into(), rule: why.into() },
            other => Self::Unavailable(Box::new(other)),
        }
    }
}
