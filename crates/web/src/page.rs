//! A page as an answer.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::headers::ContentPolicy;
use crate::messages::Messages;

/// A rendered page with its status and what its content policy must allow.
///
/// It is never stored: a page holds a form that is good for one person and a short time.
#[derive(Clone, Debug)]
pub struct Page {
    status: StatusCode,
    html: Option<String>,
    language: String,
    policy: ContentPolicy,
}

impl Page {
    /// Renders a page, status 200.
    pub fn new(template: &impl Template, t: &Messages) -> Self {
        let html =
            template.render().inspect_err(|error| tracing::error!(%error, "a page was not rendered")).ok();
        Self { status: StatusCode::OK, html, language: t.lang().to_owned(), policy: ContentPolicy::Page }
    }

    /// The same page with another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same page with another content policy.
    #[must_use]
    pub fn policy(mut self, policy: ContentPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The markup, for tests of weight and words.
    pub fn html(&self) -> &str {
        self.html.as_deref().unwrap_or_default()
    }
}

/// What Keycloak sends with pages and redirects of a login.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store, must-revalidate, max-age=0");

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let Some(html) = self.html else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = (self.status, html).into_response();
        response.extensions_mut().insert(self.policy);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html;charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, NO_STORE);
        if let Ok(language) = HeaderValue::try_from(self.language) {
            headers.insert(header::CONTENT_LANGUAGE, language);
        }
        response
    }
}

/// A redirect of a login, never stored. `status` is 302 or 303; a location that is no header text is a 500.
pub fn redirect(status: StatusCode, location: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        tracing::error!("a redirect's location is no header text");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    (status, [(header::LOCATION, location), (header::CACHE_CONTROL, NO_STORE)]).into_response()
}
