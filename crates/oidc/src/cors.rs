//! Cross-origin requests: scripts of a client's web origins may call its endpoints, others may not.
//!
//! Whether an origin is allowed depends on the client, so it is asked twice: before the client is known any
//! origin may read why it was not recognised (it learns nothing that it did not send); afterwards an
//! origin that is not the client's is refused before the grant is looked at. The origin compared is always
//! one of the *authenticated* client, never one that an unverified token names.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keyraft_core::ClientView;

use crate::asked::Asked;
use crate::refusal::json;
use crate::tokens::web_origins;

const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, X-Requested-With, Accept, Access-Control-Request-Headers, DPoP, \
     Content-Type, Authorization",
);
const TRUE: HeaderValue = HeaderValue::from_static("true");
const EXPOSED: HeaderValue = HeaderValue::from_static("Access-Control-Allow-Methods");
const EXPOSED_WITH_CHALLENGE: HeaderValue =
    HeaderValue::from_static("Access-Control-Allow-Methods, WWW-Authenticate");

/// The origin that a request came from, if it is another than our own.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origin: Option<HeaderValue>,
    exposed: Option<HeaderValue>,
}

/// The origin is none of the client's: 403, whatever else the request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid origin")]
pub(crate) struct ForeignOrigin;

impl Cors {
    /// For an endpoint whose answers say which methods there are.
    pub(crate) fn new(asked: &Asked) -> Self {
        Self { origin: foreign_origin(asked), exposed: Some(EXPOSED) }
    }

    /// For the userinfo endpoint, whose challenges scripts may read too.
    pub(crate) fn with_challenge(asked: &Asked) -> Self {
        Self { origin: foreign_origin(asked), exposed: Some(EXPOSED_WITH_CHALLENGE) }
    }

    /// For documents that are everybody's.
    pub(crate) fn public(asked: &Asked) -> Self {
        Self { origin: foreign_origin(asked), exposed: None }
    }

    /// Checks that the client lets this origin call.
    ///
    /// # Errors
    ///
    /// It does not.
    pub(crate) fn check(&self, asked: &Asked, client: &ClientView) -> Result<(), ForeignOrigin> {
        let Some(origin) = &self.origin else { return Ok(()) };
        let allowed = web_origins(client, asked.base_url());
        let is_allowed = |one: &str| one == "*" || one.as_bytes() == origin.as_bytes();
        if allowed.iter().any(|one| is_allowed(one)) { Ok(()) } else { Err(ForeignOrigin) }
    }

    /// Puts the headers on an answer that the origin may read.
    pub(crate) fn open(&self, mut response: Response) -> Response {
        let Some(origin) = &self.origin else { return response };
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        if let Some(exposed) = &self.exposed {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        response
    }
}

impl IntoResponse for ForeignOrigin {
    fn into_response(self) -> Response {
        json(StatusCode::FORBIDDEN, r#"{"error":"Invalid origin"}"#)
    }
}

/// The answer to a preflight: any origin may ask; only an allowed one will be answered.
pub fn preflight(headers: &HeaderMap, methods: &'static str) -> Response {
    let mut response = StatusCode::OK.into_response();
    let Some(origin) = headers.get(header::ORIGIN) else { return response };
    let out = response.headers_mut();
    out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    out.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    out.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
    out.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    out.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    response
}

/// The answer to `OPTIONS` where scripts have no business.
pub(crate) fn allow(methods: &'static str) -> Response {
    (StatusCode::OK, [(header::ALLOW, methods)]).into_response()
}

/// The `Origin` of a request that does not come from our own pages.
fn foreign_origin(asked: &Asked) -> Option<HeaderValue> {
    let origin = asked.headers.get(header::ORIGIN)?;
    let own = keyraft_wire::oauth::redirect_uri::origin(&asked.origin.base);
    own.is_none_or(|own| own.as_bytes() != origin.as_bytes()).then(|| origin.clone())
}

/// Methods as the preflight of each endpoint lists them.
pub(crate) const POST: &str = "POST, OPTIONS";
/// See [`POST`].
pub(crate) const GET: &str = "GET, HEAD, OPTIONS";
/// See [`POST`].
pub(crate) const READ: &str = "GET";
