//! The management port: `/health`, `/health/live`, `/health/ready`, `/health/started` and `/metrics`.
//!
//! Paths, shapes and the names of the checks are Keycloak's, so that probes and monitors written for it work
//! unchanged. One difference is meant: a database that is away shows as `DOWN` in its check and does not take
//! the node out of rotation (see `readiness`).

use axum::{
    Json, Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use serde::Serialize;

use crate::{
    config::Management,
    readiness::{Phase, Probe, Readiness},
    telemetry::Metrics,
};

/// What the management port serves.
pub(crate) fn router(config: &Management, readiness: Readiness, metrics: Metrics) -> Router {
    let mut router = Router::new();
    if config.health_enabled {
        let health = Router::new()
            .route("/health", get(ready))
            .route("/health/ready", get(ready))
            .route("/health/live", get(live))
            .route("/health/started", get(started))
            .with_state(readiness);
        router = router.merge(health);
    }
    if config.metrics_enabled {
        router = router.route("/metrics", get(scrape).with_state(metrics));
    }
    router.fallback(not_found)
}

/// The body of a health answer (`MicroProfile` Health).
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Health {
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
struct Check {
    name: &'static str,
    status: &'static str,
    /// What is wrong, where there is more to say than that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
struct Data {
    reason: String,
}

impl Check {
    fn new(name: &'static str, up: bool) -> Self {
        Self { name, status: word(up), data: None }
    }
}

impl Health {
    fn new(up: bool, checks: Vec<Check>) -> Self {
        Self { status: word(up), checks }
    }
}

impl IntoResponse for Health {
    fn into_response(self) -> Response {
        let status = if self.status == "UP" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let headers =
            [(header::CONTENT_TYPE, "application/json; charset=UTF-8"), (header::CACHE_CONTROL, "no-store")];
        (status, headers, Json(self)).into_response()
    }
}

fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

async fn ready(State(readiness): State<Readiness>) -> Health {
    let phase = readiness.phase();
    let probe = readiness.probe();
    let unready = match probe {
        Some(probe) => probe.unready(),
        None => Some(readiness.waits_for().unwrap_or_else(|| "starting".to_owned())),
    };
    let stays = phase != Phase::Stopping;
    let initialized = phase != Phase::Starting;
    let is_well = unready.is_none();
    let mut checks = vec![
        Check::new("Graceful Shutdown", stays),
        Check::new("Keycloak database connections async health check", probe.is_some_and(Probe::database)),
        Check::new("Keycloak Initialized", initialized),
    ];
    if readiness.is_clustered() {
        let data = unready.map(|reason| Data { reason });
        checks.push(Check { data, ..Check::new("Cluster", is_well) });
    }
    Health::new(stays && initialized && is_well, checks)
}

async fn live(State(readiness): State<Readiness>) -> Health {
    Health::new(readiness.probe().is_none_or(Probe::alive), Vec::new())
}

async fn started(State(readiness): State<Readiness>) -> Health {
    Health::new(readiness.phase() != Phase::Starting, Vec::new())
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, Html("<html><body><h1>Resource not found</h1></body></html>"))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use keyraft_cluster::Operators;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{
        config::{Config, Mode, Sources},
        readiness::Probe,
    };

    struct Rooms {
        database: bool,
        sessions: bool,
    }

    impl Probe for Rooms {
        fn database(&self) -> bool {
            self.database
        }

        fn unready(&self) -> Option<String> {
            (!self.sessions).then(|| "no leader is known".to_owned())
        }

        fn alive(&self) -> bool {
            true
        }
    }

    async fn ask(readiness: &Readiness, path: &str) -> (u16, serde_json::Value) {
        let config = Config::read(Mode::Dev, &Sources::default()).config.management;
        let router = router(&config, readiness.clone(), Metrics::detached());
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router.oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 65_536).await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn health_answers_as_keycloak_does() {
        let readiness = Readiness::starting(None);
        readiness.serving(Box::new(Rooms { database: true, sessions: true }));

        let (status, body) = ask(&readiness, "/health").await;
        let checks = [
            ("Graceful Shutdown", "UP"),
            ("Keycloak database connections async health check", "UP"),
            ("Keycloak Initialized", "UP"),
        ];
        let checks: Vec<_> =
            checks.iter().map(|(name, status)| serde_json::json!({"name": name, "status": status})).collect();
        assert_eq!((status, body), (200, serde_json::json!({"status": "UP", "checks": checks})));
        for path in ["/health/live", "/health/started"] {
            assert_eq!(ask(&readiness, path).await, (200, serde_json::json!({"status": "UP", "checks": []})));
        }
        assert_eq!(ask(&readiness, "/nope").await.0, 404);
    }

    #[tokio::test]
    async fn a_node_that_starts_or_stops_is_alive_but_not_ready() {
        let readiness = Readiness::starting(None);
        assert_eq!(
            (ask(&readiness, "/health/ready").await.0, ask(&readiness, "/health/live").await.0),
            (503, 200)
        );
        assert_eq!(ask(&readiness, "/health/started").await.0, 503);

        readiness.serving(Box::new(Rooms { database: true, sessions: true }));
        readiness.stopping();
        assert_eq!(
            (ask(&readiness, "/health/ready").await.0, ask(&readiness, "/health/live").await.0),
            (503, 200)
        );
    }

    #[tokio::test]
    async fn a_database_that_is_away_leaves_the_node_ready_and_shows() {
        let readiness = Readiness::starting(None);
        readiness.serving(Box::new(Rooms { database: false, sessions: true }));

        let (status, body) = ask(&readiness, "/health/ready").await;

        assert_eq!((status, &body["checks"][1]["status"]), (200, &"DOWN".into()));
    }

    #[tokio::test]
    async fn a_node_without_its_cluster_is_not_ready() {
        let readiness = Readiness::starting(Some(Operators::default()));
        readiness.serving(Box::new(Rooms { database: true, sessions: false }));

        let (status, body) = ask(&readiness, "/health/ready").await;

        let check = serde_json::json!({
            "name": "Cluster", "status": "DOWN", "data": { "reason": "no leader is known" },
        });
        assert_eq!((status, &body["checks"][3]), (503, &check));
    }
}
