//! Answers for what no handler answered: no such path, wrong method, a panic, an unusable host.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::extract::{Fields, Locales};
use crate::layout::Frame;
use crate::messages::Messages;
use crate::pages::{ErrorPage, json};
use crate::{RequestId, accept, time};

tokio::task_local! {
    /// The path before everything that is served, while a request is answered: pages of failures link to assets
    /// and are made where no handler, and so no origin, is at hand.
    pub(crate) static ROOT: Arc<str>;
}

/// For `Router::fallback`: 404, a page for those who name HTML, Keycloak's JSON for the others.
pub async fn not_found(request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().copied();
    no_page(request.headers(), id, "Unable to find matching target resource method")
}

/// For `Router::method_not_allowed_fallback`: 405 as Keycloak says it.
pub async fn wrong_method() -> Response {
    json(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "HTTP 405 Method Not Allowed" }))
}

/// 404 with that `error` in JSON, or the page that says so.
pub fn no_page(asked: &HeaderMap, id: Option<RequestId>, error: &str) -> Response {
    if accept::names_html(asked) {
        return page(asked, StatusCode::NOT_FOUND, "pageNotFound", id);
    }
    json(StatusCode::NOT_FOUND, &json!({ "error": error }))
}

/// 500: something went wrong, an id, and nothing else. The reason is in the log under the same id.
pub fn internal(asked: &HeaderMap, id: Option<RequestId>) -> Response {
    if accept::names_html(asked) {
        return page(asked, StatusCode::INTERNAL_SERVER_ERROR, "internalServerError", id);
    }
    let description = "For more on this error consult the server log.";
    let mut body = json!({ "error": "unknown_error", "error_description": description });
    if let Some(id) = id {
        body["error_id"] = id.to_string().into();
    }
    json(StatusCode::INTERNAL_SERVER_ERROR, &body)
}

/// 503: this node cannot know the answer now; another may, or this one soon.
pub(crate) fn unavailable(asked: &HeaderMap, id: RequestId) -> Response {
    let mut response = if accept::names_html(asked) {
        page(asked, StatusCode::SERVICE_UNAVAILABLE, "tryAgainLater", Some(id))
    } else {
        let description = "This node has lost touch with its cluster; try again in a moment";
        let body = json!({ "error": "temporarily_unavailable", "error_description": description });
        json(StatusCode::SERVICE_UNAVAILABLE, &body)
    };
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    response
}

/// 400 for a request whose `Host` cannot be used.
pub(crate) fn bad_host() -> Response {
    let description = "The Host header is missing or is not a host";
    json(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_request", "error_description": description }))
}

fn page(asked: &HeaderMap, status: StatusCode, key: &str, id: Option<RequestId>) -> Response {
    let t = Messages::without_realm(&Locales::read(asked, &Fields::default()));
    let root = ROOT.try_with(Arc::clone).unwrap_or_default();
    let frame = Frame::new(&t, "", &root);
    let advice = t.get("tryAgainLater");
    let page = ErrorPage {
        t: &t,
        frame: &frame,
        sentence: &t.get(key),
        advice: (status == StatusCode::INTERNAL_SERVER_ERROR).then_some(&*advice),
        id: id.unwrap_or_else(RequestId::random),
        at: time::now(),
        back: None,
        restart: None,
    };
    page.respond(&HeaderMap::new(), status)
}
