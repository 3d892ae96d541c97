//! The token request (RFC 6749 section 3.2): which grant, and what it brings.

use super::Params;

/// A grant that this server redeems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the grants of RFC 6749 by name")]
pub enum GrantType {
    AuthorizationCode,
    ClientCredentials,
    Password,
    RefreshToken,
}

impl GrantType {
    /// Every grant, in the order of the discovery document.
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::ClientCredentials, Self::Password, Self::RefreshToken];

    /// The grant of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }

    /// The name as it stands in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The two letters that name the grant in the `jti` of access tokens.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "ac",
            Self::ClientCredentials => "cc",
            Self::Password => "ro",
            Self::RefreshToken => "rt",
        }
    }
}

/// Why a token request is refused before anybody is asked who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is no `grant_type` at all.
    #[error("Missing form parameter: grant_type")]
    GrantTypeMissing,
    /// A grant that is not served.
    #[error("Unsupported grant_type")]
    GrantTypeUnsupported,
    /// Some parameter comes twice.
    #[error("duplicated parameter")]
    Duplicated,
}

/// Reads which grant is asked for. In this order: present, served.
///
/// # Errors
///
/// See [`Unreadable`].
pub fn grant_type(params: &Params) -> Result<GrantType, Unreadable> {
    let grant = params.get("grant_type").ok_or(Unreadable::GrantTypeMissing)?;
    GrantType::parse(grant).ok_or(Unreadable::GrantTypeUnsupported)
}

/// Refuses a request that says something twice (RFC 6749 §3.2): one half of the system must not read one value and
/// the other half another. Keycloak looks at it when the client is known.
///
/// # Errors
///
/// [`Unreadable::Duplicated`].
pub fn is_unambiguous(params: &Params) -> Result<(), Unreadable> {
    if params.has_duplicates() { Err(Unreadable::Duplicated) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GrantType, Unreadable> {
        let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.replace('+', " ")));
        let params = Params::new(pairs.collect());
        let grant = grant_type(&params)?;
        is_unambiguous(&params).map(|()| grant)
    }

    #[test]
    fn a_grant_is_named_once_among_parameters_that_come_once() {
        assert_eq!(read("grant_type=password&username=a"), Ok(GrantType::Password));
        assert_eq!(read("client_id=web"), Err(Unreadable::GrantTypeMissing));
        assert_eq!(read("grant_type="), Err(Unreadable::GrantTypeUnsupported));
        assert_eq!(read("grant_type=implicit"), Err(Unreadable::GrantTypeUnsupported));
        assert_eq!(read("grant_type=password&foo=a&foo=b"), Err(Unreadable::Duplicated));
    }
}
