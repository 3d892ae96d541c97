//! Which key signs: the algorithm that the client asks for, else the realm's, with the realm's active key.

use keyraft_core::{Error, RealmView};
use keyraft_crypto::jose::{self, HeaderFields};
use keyraft_crypto::keys::{Algorithm, SigningKey};
use keyraft_model::Client;
use serde::Serialize;

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// An access token.
    AccessToken,
    /// An ID token.
    IdToken,
    /// A refresh token: always the realm's HMAC key, nobody else reads it.
    RefreshToken,
    /// A signed userinfo answer.
    UserInfo,
    /// A logout token.
    LogoutToken,
}

impl Use {
    /// The client's attribute that names the algorithm.
    const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::AccessToken => Some("access.token.signed.response.alg"),
            // Logout tokens are signed as ID tokens are (OpenID Connect Back-Channel Logout 1.0 section 2.6).
            Self::IdToken | Self::LogoutToken => Some("id.token.signed.response.alg"),
            Self::UserInfo => Some("user.info.response.signature.alg"),
            Self::RefreshToken => None,
        }
    }

    /// `typ` of the header.
    fn typ(self, client: &Client) -> &'static str {
        match self {
            Self::AccessToken if client.is_attribute("access.token.header.type.rfc9068") => "at+jwt",
            Self::LogoutToken => "logout+jwt",
            Self::AccessToken | Self::IdToken | Self::RefreshToken | Self::UserInfo => "JWT",
        }
    }

    /// The algorithm: the client's, else the realm's, else RS256.
    pub fn algorithm(self, realm: &RealmView, client: &Client) -> Algorithm {
        let Some(attribute) = self.attribute() else { return Algorithm::HS512 };
        let named = client.attribute(attribute).and_then(|name| name.parse().ok());
        named.or_else(|| realm.realm.default_signature_algorithm.parse().ok()).unwrap_or(Algorithm::RS256)
    }

    /// The key that signs.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when the realm has no active key for the algorithm. Another algorithm is never
    /// taken instead: the client would refuse the token or, worse, check less than it was told to.
    pub fn key<'r>(self, realm: &'r RealmView, client: &Client) -> Result<&'r SigningKey, Error> {
        let algorithm = self.algorithm(realm, client);
        realm.keys.active(algorithm).ok_or_else(|| {
            Error::Internal(format!("realm {:?} has no active key for {algorithm}", realm.realm.realm))
        })
    }
}

/// Signs claims.
///
/// # Errors
///
/// As [`Use::key`]; [`Error::Internal`] when signing fails.
pub fn sign(kind: Use, realm: &RealmView, client: &Client, claims: &impl Serialize) -> Result<String, Error> {
    let key = kind.key(realm, client)?;
    jose::sign(key, HeaderFields::typ(kind.typ(client)), claims)
        .map_err(|error| Error::Internal(error.to_string()))
}
