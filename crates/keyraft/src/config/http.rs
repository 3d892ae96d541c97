//! Where this node listens, in clear and with TLS, and how it stops.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use super::{section::section, setting::Setting};

section! {
    /// Where this node listens.
    pub Http in "http" {
        /// Address to bind, for http and https.
        ///
        /// Default `0.0.0.0`: all. Env `KEYRAFT_HTTP_HOST`, Keycloak's `KC_HTTP_HOST`. An address that this
        /// machine does not have stops the start.
        host: IpAddr = "HTTP_HOST" / "KC_HTTP_HOST", "0.0.0.0";

        /// Port of plain http. 0 takes any free one, for tests.
        ///
        /// Default `8080`. Env `KEYRAFT_HTTP_PORT`, Keycloak's `KC_HTTP_PORT`.
        port: u16 = "HTTP_PORT" / "KC_HTTP_PORT", "8080";

        /// Whether plain http is served.
        ///
        /// Default `false` (`start-dev`: `true`). Env `KEYRAFT_HTTP_ENABLED`, Keycloak's `KC_HTTP_ENABLED`.
        /// `start` refuses it unless a proxy's headers are trusted (`proxy.headers`) or only this machine can
        /// reach it (`http.host` is loopback): passwords would cross the network in clear.
        enabled: bool = "HTTP_ENABLED" / "KC_HTTP_ENABLED", "false" dev "true";

        /// Path below which everything is served, such as `/auth` of old installations.
        ///
        /// Default `/`. Env `KEYRAFT_HTTP_RELATIVE_PATH`, Keycloak's `KC_HTTP_RELATIVE_PATH`. A full URL in
        /// `hostname.url` must carry the path that browsers see.
        relative_path: RelativePath = "HTTP_RELATIVE_PATH" / "KC_HTTP_RELATIVE_PATH", "/";

        /// Most connections that are open at once; further ones wait to be accepted.
        ///
        /// Default `16384`. Env `KEYRAFT_HTTP_MAX_CONNECTIONS`. Beyond the process's limit of open files, accepting
        /// fails instead of waiting.
        max_connections: u32 = "HTTP_MAX_CONNECTIONS", "16384";

        /// How long a node that was told to stop goes on serving as not ready, so that load balancers notice.
        ///
        /// Default `1s` (`start-dev`: `0s`). Env `KEYRAFT_SHUTDOWN_DELAY`, Keycloak's `KC_SHUTDOWN_DELAY`. Too short, and a
        /// load balancer still sends requests to a closed port.
        shutdown_delay: Duration = "SHUTDOWN_DELAY" / "KC_SHUTDOWN_DELAY", "1s" dev "0s";

        /// How long requests in progress may then take before their connections are closed.
        ///
        /// Default `10s`. Env `KEYRAFT_SHUTDOWN_TIMEOUT`, Keycloak's `KC_SHUTDOWN_TIMEOUT`.
        shutdown_timeout: Duration = "SHUTDOWN_TIMEOUT" / "KC_SHUTDOWN_TIMEOUT", "10s";
    }
}

section! {
    /// TLS of this node's own. It is on when a certificate and its key are given.
    pub Https in "https" {
        /// Port of https.
        ///
        /// Default `8443`. Env `KEYRAFT_HTTPS_PORT`, Keycloak's `KC_HTTPS_PORT`.
        port: u16 = "HTTPS_PORT" / "KC_HTTPS_PORT", "8443";

        /// PEM file with the server's certificate, followed by those in between.
        ///
        /// No default: without it https is off. Env `KEYRAFT_HTTPS_CERTIFICATE_FILE`, Keycloak's
        /// `KC_HTTPS_CERTIFICATE_FILE`. Read again when it changes.
        certificate_file: Option<PathBuf> = "HTTPS_CERTIFICATE_FILE" / "KC_HTTPS_CERTIFICATE_FILE", "";

        /// PEM file with the certificate's private key, not encrypted.
        ///
        /// No default. Env `KEYRAFT_HTTPS_CERTIFICATE_KEY_FILE`, Keycloak's `KC_HTTPS_CERTIFICATE_KEY_FILE`. A key of
        /// another certificate stops the start.
        certificate_key_file: Option<PathBuf> =
            "HTTPS_CERTIFICATE_KEY_FILE" / "KC_HTTPS_CERTIFICATE_KEY_FILE", "";
    }
}

impl Https {
    /// Whether this node speaks TLS itself.
    pub(crate) fn is_on(&self) -> bool {
        self.certificate_file.is_some() && self.certificate_key_file.is_some()
    }
}

/// A path prefix: empty, or `/` and segments without a final slash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RelativePath(String);

impl RelativePath {
    /// The prefix to put before `/realms/…`: empty at the root.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for RelativePath {
    const EXPECTS: &'static str = "a path that begins with /, such as /auth";

    fn parse(text: &str) -> Option<Self> {
        let path = text.trim_end_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let good = |part: &str| !part.is_empty() && part.chars().all(plain) && !part.starts_with('.');
        match path.strip_prefix('/') {
            None if path.is_empty() && !text.is_empty() => Some(Self::default()),
            Some(parts) if parts.split('/').all(good) => Some(Self(path.to_owned())),
            _ => None,
        }
    }

    fn text(&self) -> String {
        if self.0.is_empty() { "/".to_owned() } else { self.0.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_loses_its_last_slash_and_holds_no_tricks() {
        assert_eq!(RelativePath::parse("/auth/").map(|path| path.0).as_deref(), Some("/auth"));
        assert_eq!(RelativePath::parse("/").map(|path| path.0).as_deref(), Some(""));
        for bad in ["auth", "/a//b", "/../etc", "/a?b", "/{x}"] {
            assert_eq!(RelativePath::parse(bad), None, "{bad}");
        }
    }
}
