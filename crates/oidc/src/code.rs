//! Authorization codes: `{random}.{sid}.{client uuid}`, as Keycloak writes them.
//!
//! The middle says in which session, and so in which part of the cluster's state, the code lives; only
//! the SHA-256 of the whole is kept there, so that a leaked log or snapshot redeems nothing.

use std::fmt;

use keyraft_cluster::command::Hash;
use keyraft_crypto::{digest, random};
use keyraft_model::ClientUuid;

/// A code that a client presents.
pub(crate) struct Code<'a> {
    text: &'a str,
    /// The session that it was issued in.
    pub sid: &'a str,
}

impl<'a> Code<'a> {
    /// Reads a code; nothing for a text that none of ours can be.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('.');
        let (Some(secret), Some(sid), Some(client), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        (!secret.is_empty() && !sid.is_empty() && !client.is_empty()).then_some(Self { text, sid })
    }

    /// What the cluster knows it by.
    pub(crate) fn hash(&self) -> Hash {
        digest::sha256(self.text.as_bytes())
    }
}

impl fmt::Debug for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

/// A fresh code, with what the cluster will know it by.
pub(crate) fn new(sid: &str, client: &ClientUuid) -> (String, Hash) {
    let code = format!("{}.{sid}.{client}", random::uuid());
    let hash = digest::sha256(code.as_bytes());
    (code, hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_names_its_session_and_hides_itself() {
        let (text, hash) = new("AAAAAAAAAAAAAAAAAAAAAAAA", &"c".into());

        let code = Code::parse(&text).unwrap();

        assert_eq!((code.sid, code.hash()), ("AAAAAAAAAAAAAAAAAAAAAAAA", hash));
        assert_eq!(format!("{code:?}"), "Code(…)");
        for bad in ["", "x", "a.b", "a..c", ".b.c", "a.b.c.d"] {
            assert!(Code::parse(bad).is_none(), "{bad}");
        }
    }
}
