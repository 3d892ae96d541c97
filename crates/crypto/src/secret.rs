//! Secret text: a password or client secret on its way through the program.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::digest;

/// Text that wipes itself on drop and never shows in logs.
///
/// There is no `Display`, no `Serialize` and no `==`: whoever needs the text says [`Secret::expose`].
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes `text` in; the caller's copy, if there is one, stays the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both texts are equal, in a time that tells nothing about where or how long they differ.
    pub fn matches(&self, other: &str) -> bool {
        // Digests have one length: comparing the texts would stop early at different lengths.
        digest::constant_time_eq(&digest::sha256(self.0.as_bytes()), &digest::sha256(other.as_bytes()))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_itself_alone_and_never_prints() {
        let secret = Secret::new("swordfish");

        assert!(secret.matches("swordfish"));
        assert!(!secret.matches("swordfis") && !secret.matches("") && !secret.matches("Swordfish"));
        assert_eq!(format!("{secret:?}"), "…");
    }
}
