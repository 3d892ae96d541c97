//! A shared secret, by HTTP Basic or in the body (RFC 6749 section 2.3.1).

use keyraft_crypto::{Secret, encoding};
use keyraft_model::Client;

use super::{ClientAuthError, Presented};

/// Longer headers are not looked at.
const MAX_BASIC: usize = 8 * 1024;

/// Credentials of an `Authorization: Basic` header.
pub(super) struct Basic {
    pub(super) client_id: String,
    pub(super) secret: Secret,
}

impl Basic {
    /// Reads the header; both parts are form-urlencoded inside the Base64 (RFC 6749 section 2.3.1).
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, credentials) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || credentials.len() > MAX_BASIC {
            return None;
        }
        let text = String::from_utf8(encoding::from_base64(credentials.trim())?).ok()?;
        let (client_id, secret) = text.split_once(':')?;
        Some(Self { client_id: decode(client_id)?, secret: Secret::new(decode(secret)?) })
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Compares the secret in constant time, so that its beginning cannot be guessed by the clock.
pub(super) fn prove(client: &Client, presented: &Presented<'_>) -> Result<(), ClientAuthError> {
    let allowed = match client.attribute("client.secret.authentication.allowed.method") {
        Some("client_secret_basic") => Some("client_secret_basic"),
        Some("client_secret_post") => Some("client_secret_post"),
        _ => None,
    };
    if let Some(allowed) = allowed.filter(|allowed| *allowed != presented.method) {
        return Err(ClientAuthError::WrongMethod(allowed));
    }
    let stored = client.secret.as_deref().filter(|secret| !secret.is_empty());
    match (stored, presented.secret) {
        (Some(stored), Some(secret)) if Secret::new(stored).matches(secret) => Ok(()),
        _ => Err(ClientAuthError::WrongProof),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &str) -> Option<(String, String)> {
        let basic = Basic::parse(text)?;
        Some((basic.client_id, basic.secret.expose().to_owned()))
    }

    #[test]
    fn basic_is_read_with_its_inner_encoding() {
        let header = format!("basic {}", encoding::base64(b"web:web%2Dsecret"));
        assert_eq!(basic(&header), Some(("web".into(), "web-secret".into())));
        for bad in ["Basic %%%", "Basic d2Vi", "Bearer x", "Basic", ""] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_client_held_to_one_way_is_refused_the_other() {
        let mut client = Client { secret: Some("s".into()), ..Client::default() };
        let presented = |secret, method| Presented { client_id: "web", secret, method };
        assert!(prove(&client, &presented(Some("s"), "client_secret_post")).is_ok());
        for wrong in [None, Some(""), Some("S")] {
            assert!(prove(&client, &presented(wrong, "client_secret_post")).is_err());
        }

        client
            .attributes
            .insert("client.secret.authentication.allowed.method".into(), "client_secret_basic".into());

        let refused = prove(&client, &presented(Some("s"), "client_secret_post"));
        assert!(matches!(refused, Err(ClientAuthError::WrongMethod("client_secret_basic"))));
        assert!(prove(&client, &presented(Some("s"), "client_secret_basic")).is_ok());
    }

    #[test]
    fn a_client_without_a_secret_is_nobody() {
        let client = Client { secret: Some(String::new()), ..Client::default() };
        let presented = Presented { client_id: "web", secret: Some(""), method: "client_secret_post" };
        assert!(prove(&client, &presented).is_err());
    }
}
