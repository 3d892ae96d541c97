//! Counts and times of requests, under Keycloak's names: `http_server_requests_seconds` with method, outcome,
//! status and uri, and `http_server_active_requests`.
//!
//! The `uri` is the route's pattern, never what was asked: a stranger's paths must not make new series.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    response::Response,
    routing::Route,
};
use futures::future::BoxFuture;
use http::{Method, StatusCode};
use metrics::{Gauge, Label, describe_gauge, describe_histogram, gauge, histogram};
use tower::Service;

const REQUESTS: &str = "http_server_requests_seconds";
const ACTIVE: &str = "http_server_active_requests";

pub(super) fn describe() {
    describe_histogram!(REQUESTS, "Requests by route and outcome, and how long they took.");
    describe_gauge!(ACTIVE, "Requests being answered now.");
}

/// Measures what lies below it; put it around a router with `tower::layer::layer_fn`.
#[derive(Clone)]
pub(crate) struct Measured(Route);

impl Measured {
    pub(crate) fn new(below: Route) -> Self {
        Self(below)
    }
}

impl Service<Request> for Measured {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Route as Service<Request>>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let method = method_name(request.method());
        let uri = request.extensions().get::<MatchedPath>().cloned();
        let (active, began) = (Active::new(), Instant::now());
        let below = self.0.call(request);
        Box::pin(async move {
            let response = below.await?;
            let uri = uri.as_ref().map_or("NOT_FOUND", MatchedPath::as_str);
            record(method, uri, response.status(), began);
            drop(active);
            Ok(response)
        })
    }
}

fn record(method: &'static str, uri: &str, status: StatusCode, began: Instant) {
    let labels = vec![
        Label::from_static_parts("method", method),
        Label::from_static_parts("outcome", outcome(status)),
        Label::new("status", status.as_str().to_owned()),
        Label::new("uri", uri.to_owned()),
    ];
    histogram!(REQUESTS, labels).record(began.elapsed());
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
