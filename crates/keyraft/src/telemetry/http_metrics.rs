//! Counts and times of requests, under Keycloak's names: `http_server_requests_seconds` with method, outcome,
//! status and uri, and `http_server_active_requests`.
//!
//! The `uri` is the route's pattern, never what was asked: a stranger's paths must not make new series.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{Method, StatusCode};
use metrics::{Gauge, describe_gauge, describe_histogram, gauge, histogram};

const REQUESTS: &str = "http_server_requests_seconds";
const ACTIVE: &str = "http_server_active_requests";

pub(super) fn describe() {
    describe_histogram!(REQUESTS, "Requests by route and outcome, and how long they took.");
    describe_gauge!(ACTIVE, "Requests being answered now.");
}

/// Measures what lies below it; put it around a router with `axum::middleware::from_fn`.
pub(crate) async fn measured(request: Request, next: Next) -> Response {
    let method = method_name(request.method());
    let uri = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let _active = Active::new();
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    let labels = [
        ("method", method.to_owned()),
        ("outcome", outcome(status).to_owned()),
        ("status", status.as_str().to_owned()),
        ("uri", uri.unwrap_or_else(|| "NOT_FOUND".to_owned())),
    ];
    histogram!(REQUESTS, &labels).record(began.elapsed());
    response
}

/// A request in progress; dropped also when the caller hangs up midway.
struct Active(Gauge);

impl Active {
    fn new() -> Self {
        let active = gauge!(ACTIVE);
        active.increment(1.0);
        Self(active)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A method that a stranger invented makes no series of its own.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "UNKNOWN",
    }
}

fn outcome(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "INFORMATIONAL",
        200..=299 => "SUCCESS",
        300..=399 => "REDIRECTION",
        400..=499 => "CLIENT_ERROR",
        _ => "SERVER_ERROR",
    }
}
