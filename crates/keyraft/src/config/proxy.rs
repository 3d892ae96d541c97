//! The proxy in front of this node, and what it is believed.

use super::{
    section::section,
    setting::{Network, Setting},
};

section! {
    /// The proxy in front of this node, if there is one.
    pub Proxy in "proxy" {
        /// Which headers tell the caller's address, scheme and host: `xforwarded` (`X-Forwarded-*`) or
        /// `forwarded` (RFC 7239).
        ///
        /// No default: without it they count for nothing. Env `KEYRAFT_PROXY_HEADERS`, Keycloak's
        /// `KC_PROXY_HEADERS`. The proxy must overwrite them, or a caller writes his own address.
        headers: Option<ProxyHeaders> = "PROXY_HEADERS" / "KC_PROXY_HEADERS", "";

        /// Addresses and networks whose headers count, separated by commas.
        ///
        /// No default: with `proxy.headers` set, `start` needs it, because anybody else could forge his address
        /// and so escape brute-force limits. Env `KEYRAFT_PROXY_TRUSTED_ADDRESSES`, Keycloak's
        /// `KC_PROXY_TRUSTED_ADDRESSES`.
        trusted_addresses: Vec<Network> = "PROXY_TRUSTED_ADDRESSES" / "KC_PROXY_TRUSTED_ADDRESSES", "";
    }
}

/// Which headers a proxy sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyHeaders {
    /// RFC 7239: `Forwarded`.
    Forwarded,
    /// The older `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`.
    XForwarded,
}

impl Setting for ProxyHeaders {
    const EXPECTS: &'static str = "forwarded or xforwarded";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "forwarded" => Some(Self::Forwarded),
            "xforwarded" => Some(Self::XForwarded),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Forwarded => "forwarded",
            Self::XForwarded => "xforwarded",
        }
        .to_owned()
    }
}
