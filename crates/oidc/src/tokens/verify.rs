//! The one door for tokens that somebody presents.
//!
//! The *kind* that is expected fixes everything that makes a token good: key, algorithms, `typ` of header and
//! claims, issuer and lifetime. Nothing of that is taken from the token. Whoever needs another kind asks
//! for it by name; there is no "any token". A signature that was found good is remembered for a while
//! (by SHA-256 of the whole token, for the very realm view whose keys it was checked with), times are compared
//! every time.

use std::sync::{Arc, Weak};

use keyraft_core::RealmView;
use keyraft_crypto::keys::{Algorithm, VerifyingKey};
use keyraft_crypto::{digest, jose};
use keyraft_model::UnixMs;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};

/// What a token is presented as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bearer token at a resource of this server (RFC 6750).
    Access,
    /// ID token.
    Id,
    /// ID token as a hint: who was signed in, however long ago (OpenID Connect RP-Initiated Logout 1.0).
    IdHint,
    /// Refresh token, online or offline.
    Refresh,
    /// Refresh token of a session that is to end, expired or not.
    RefreshHint,
}

const REALM_KEYS: [Algorithm; 13] = Algorithm::ALL;
const HMAC: [Algorithm; 1] = [Algorithm::HS512];

impl Kind {
    const fn algorithms(self) -> &'static [Algorithm] {
        match self {
            Self::Access | Self::Id | Self::IdHint => &REALM_KEYS,
            Self::Refresh | Self::RefreshHint => &HMAC,
        }
    }

    const fn header_types(self) -> &'static [&'static str] {
        match self {
            Self::Access => &["JWT", "at+jwt"],
            Self::Id | Self::IdHint | Self::Refresh | Self::RefreshHint => &["JWT"],
        }
    }

    const fn types(self) -> &'static [&'static str] {
        match self {
            Self::Access => &["Bearer"],
            Self::Id | Self::IdHint => &["ID"],
            Self::Refresh | Self::RefreshHint => &["Refresh", "Offline"],
        }
    }

    const fn lives(self) -> bool {
        !matches!(self, Self::IdHint | Self::RefreshHint)
    }
}

/// Why a token is not what it is presented as.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// No token, or no signature of this realm's.
    #[error("signature")]
    Signature(#[source] keyraft_crypto::Error),
    /// Signed by this realm, but for something else.
    #[error("typ is not one of the expected kind")]
    Type,
    /// Another issuer.
    #[error("issuer is another")]
    Issuer,
    /// Past its end, or before its beginning.
    #[error("not active")]
    NotActive,
}

/// A token whose signature and kind were found good.
#[derive(Debug)]
pub struct Token {
    /// Its claims.
    pub claims: Map<String, Value>,
}

/// Signatures that were found good. Droppable.
#[derive(Debug)]
pub struct Signatures(Cache<[u8; 32], (Weak<RealmView>, Arc<Token>)>);

/// Bounded, so that a flood of tokens costs time but no memory.
const MAX_SIGNATURES: usize = 4096;

impl Default for Signatures {
    fn default() -> Self {
        Self(Cache::new(MAX_SIGNATURES))
    }
}

impl Signatures {
    /// Verifies a token as one of `kind`.
    ///
    /// # Errors
    ///
    /// See [`Invalid`].
    pub fn verify(
        &self,
        kind: Kind,
        realm: &Arc<RealmView>,
        issuer: &str,
        token: &str,
        now: UnixMs,
    ) -> Result<Arc<Token>, Invalid> {
        let token = self.signed(kind, realm, token)?;
        if token.text("iss") != Some(issuer) {
            return Err(Invalid::Issuer);
        }
        if kind.lives() && !token.is_active(now) {
            return Err(Invalid::NotActive);
        }
        Ok(token)
    }

    fn signed(&self, kind: Kind, realm: &Arc<RealmView>, token: &str) -> Result<Arc<Token>, Invalid> {
        // Kinds have verdicts of their own: what is good as one is not therefore good as another.
        let key = digest::sha256(&[&[kind as u8], token.as_bytes()].concat());
        if let Some((known, token)) = self.0.get(&key)
            && Weak::ptr_eq(&known, &Arc::downgrade(realm))
        {
            return Ok(token);
        }
        let token = Arc::new(check(kind, realm, token)?);
        self.0.insert(key, (Arc::downgrade(realm), Arc::clone(&token)));
        Ok(token)
    }
}

fn check(kind: Kind, realm: &RealmView, token: &str) -> Result<Token, Invalid> {
    let keys: Vec<&VerifyingKey> = match kind {
        Kind::Refresh | Kind::RefreshHint => realm.keys.verifying(Algorithm::HS512).collect(),
        Kind::Access | Kind::Id | Kind::IdHint => realm.keys.all_verifying().collect(),
    };
    let verified = jose::verify(keys, kind.algorithms(), token).map_err(Invalid::Signature)?;
    let token = Token { claims: verified.claims };
    let is_header = verified.header.typ().is_some_and(|typ| kind.header_types().contains(&typ));
    let is_claim = token.text("typ").is_some_and(|typ| kind.types().contains(&typ));
    if is_header && is_claim { Ok(token) } else { Err(Invalid::Type) }
}

impl Token {
    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// A claim that is a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.claims.get(name)?.as_i64()
    }

    /// A claim that is one text or a list of them.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        match self.claims.get(name) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// When it was issued; a token that does not say was issued before everything.
    pub fn issued(&self) -> i64 {
        self.number("iat").unwrap_or(i64::MIN)
    }

    /// Whether it is an offline one.
    pub fn is_offline(&self) -> bool {
        self.text("typ") == Some("Offline") || self.text("jti").is_some_and(|jti| jti.starts_with("of"))
    }

    /// Only refresh tokens of offline sessions have no end.
    fn is_active(&self, now: UnixMs) -> bool {
        let has_begun = self.number("nbf").is_none_or(|nbf| nbf <= now.secs());
        let lives = match self.claims.get("exp") {
            None => self.text("typ") == Some("Offline"),
            Some(exp) => exp.as_i64().is_some_and(|exp| now.secs() < exp),
        };
        has_begun && lives
    }
}
