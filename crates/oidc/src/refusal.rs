//! How a refusal reaches the caller: JSON with a code and a sentence (RFC 6749 section 5.2).

use std::borrow::Cow;
use std::error::Error as _;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_wire::oauth::{ErrorBody, ErrorCode};

/// The public face of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// `error`.
    pub code: ErrorCode,
    /// `error_description`; none where Keycloak sends none.
    pub description: Option<Cow<'static, str>>,
}

impl Refusal {
    /// A code with a sentence.
    pub fn new(status: StatusCode, code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, description: Some(description.into()) }
    }

    /// 400 with a sentence.
    pub fn bad_request(code: ErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, description)
    }

    /// 403 for a request that had to come over https.
    pub fn https_required() -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::InvalidRequest, "HTTPS required")
    }

    /// 403 for a disabled realm.
    pub fn realm_disabled() -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::AccessDenied, "Realm not enabled")
    }

    /// What callers hear when something behind us failed; the reason goes to the log, here.
    ///
    /// Busy and unavailable are 503: nothing is known, so the answer is neither yes nor no.
    pub fn failure(error: &keyraft_core::Error) -> Self {
        log(error);
        match error {
            keyraft_core::Error::Busy | keyraft_core::Error::Unavailable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::TemporarilyUnavailable,
                "The server cannot answer now, try again later",
            ),
            keyraft_core::Error::NotFound(_)
            | keyraft_core::Error::Conflict { .. }
            | keyraft_core::Error::Password(_)
            | keyraft_core::Error::Profile(_)
            | keyraft_core::Error::Denied(_)
            | keyraft_core::Error::Invalid { .. }
            | keyraft_core::Error::Internal(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::ServerError,
                "For more on this error consult the server log.",
            ),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: self.code.as_str(), error_description: self.description.as_deref() };
        json(self.status, body.to_json())
    }
}

/// An answer of JSON text.
pub(crate) fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Forbids every cache to keep an answer with credentials in it (RFC 6749 section 5.1).
pub(crate) fn no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Logs an error of ours with its whole chain of causes.
pub(crate) fn log(error: &keyraft_core::Error) {
    let mut chain = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        next = cause.source();
    }
    tracing::error!(error = chain, "a request could not be answered");
}
