//! The port for probes and metrics.

use std::net::IpAddr;

use super::section::section;

section! {
    /// The port for probes and metrics, apart from the one that users reach. It speaks plain http.
    pub Management in "management" {
        /// Address to bind.
        ///
        /// Default: the same as `http.host`. Env `KEYRAFT_HTTP_MANAGEMENT_HOST`, Keycloak's
        /// `KC_HTTP_MANAGEMENT_HOST`. Metrics tell names of realms and clients: keep it off the internet.
        host: Option<IpAddr> = "HTTP_MANAGEMENT_HOST" / "KC_HTTP_MANAGEMENT_HOST", "";

        /// Port of `/health` and `/metrics`. 0 takes any free one, for tests.
        ///
        /// Default `9000`. Env `KEYRAFT_HTTP_MANAGEMENT_PORT`, Keycloak's `KC_HTTP_MANAGEMENT_PORT`.
        port: u16 = "HTTP_MANAGEMENT_PORT" / "KC_HTTP_MANAGEMENT_PORT", "9000";

        /// Whether `/health`, `/health/live`, `/health/ready` and `/health/started` answer.
        ///
        /// Default `true`. Env `KEYRAFT_HEALTH_ENABLED`, Keycloak's `KC_HEALTH_ENABLED`. Without them a load balancer
        /// cannot tell when this node starts or stops.
        health_enabled: bool = "HEALTH_ENABLED" / "KC_HEALTH_ENABLED", "true";

        /// Whether `/metrics` answers, in Prometheus's text format.
        ///
        /// Default `true`. Env `KEYRAFT_METRICS_ENABLED`, Keycloak's `KC_METRICS_ENABLED`.
        metrics_enabled: bool = "METRICS_ENABLED" / "KC_METRICS_ENABLED", "true";
    }
}

impl Management {
    /// Whether anything is served there at all.
    pub(crate) fn is_on(&self) -> bool {
        self.health_enabled || self.metrics_enabled
    }
}
