//! Error codes (RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750, RFC 7009, OpenID Connect Core 3.1.2.6) and their body.

use serde::Serialize;

/// The `error` of a protocol's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the codes of the RFCs by name")]
pub enum ErrorCode {
    AccessDenied,
    ConsentRequired,
    InsufficientScope,
    InteractionRequired,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    LoginRequired,
    NotAllowed,
    RequestNotSupported,
    RequestUriNotSupported,
    ServerError,
    TemporarilyUnavailable,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    UnsupportedTokenType,
}

impl ErrorCode {
    /// The code as it stands in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::ConsentRequired => "consent_required",
            Self::InsufficientScope => "insufficient_scope",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::NotAllowed => "not_allowed",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }
}

/// The JSON body of an error: `{"error":…,"error_description":…}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorBody<'a> {
    /// Code, or a sentence where Keycloak sends one.
    pub error: &'a str,
    /// A sentence for the client's developer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<&'a str>,
}

impl<'a> ErrorBody<'a> {
    /// A code with its sentence.
    pub fn new(code: ErrorCode, description: &'a str) -> Self {
        Self { error: code.as_str(), error_description: Some(description) }
    }

    /// The body as JSON text.
    ///
    /// # Panics
    ///
    /// Never: two strings always serialise.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("two strings always serialise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_description_only_if_there_is_one() {
        assert_eq!(
            ErrorBody::new(ErrorCode::InvalidGrant, "Code not valid").to_json(),
            r#"{"error":"invalid_grant","error_description":"Code not valid"}"#
        );
        let bare = ErrorBody { error: "Invalid origin", error_description: None };
        assert_eq!(bare.to_json(), r#"{"error":"Invalid origin"}"#);
    }
}
