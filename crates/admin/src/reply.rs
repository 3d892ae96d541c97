//! What an operation answers when all is well.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

/// An answer.
#[derive(Debug)]
pub(crate) enum Reply {
    /// 200 with JSON.
    Json(Value),
    /// 200 with JSON, its encoding not named: Keycloak does so here and there.
    PlainJson(Value),
    /// 201 with the address of what was made.
    Created(String),
    /// 201 with the address of what was made, and itself.
    CreatedWith(String, Value),
    /// 204.
    Nothing,
}

impl Reply {
    /// As an HTTP response.
    pub(crate) fn into_response(self) -> Response {
        match self {
            Self::Json(value) => readable(value.to_string(), "application/json;charset=UTF-8"),
            Self::PlainJson(value) => readable(value.to_string(), "application/json"),
            Self::Created(location) => created(&location, Body::empty()),
            Self::CreatedWith(location, value) => {
                let mut response = created(&location, value.to_string().into());
                set(&mut response, header::CONTENT_TYPE, "application/json");
                response
            }
            Self::Nothing => status(StatusCode::NO_CONTENT, Body::empty()),
        }
    }
}

/// A response of that status.
pub(crate) fn status(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn readable(text: String, kind: &'static str) -> Response {
    let mut response = status(StatusCode::OK, text.into());
    set(&mut response, header::CONTENT_TYPE, kind);
    response
}

fn created(location: &str, body: Body) -> Response {
    let mut response = status(StatusCode::CREATED, body);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}
