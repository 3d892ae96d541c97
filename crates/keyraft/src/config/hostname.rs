//! What the world calls this server.

use url::Url;

use super::{Config, Mode, proxy::ProxyHeaders, section::section, setting::Setting};

section! {
    /// What the world calls this server. Issuers, links in pages and mails come from here, never from a
    /// request, except under `start-dev`.
    pub Hostname in "hostname" {
        /// Public base URL, such as `https://sso.example.com`, or a bare host name, which means https. A path
        /// belongs to it when a proxy serves the server below one.
        ///
        /// No default: guessing it from the `Host` header would let a request choose the issuer. Env
        /// `KEYRAFT_HOSTNAME`, Keycloak's `KC_HOSTNAME`. If it is wrong, sign-in ends at an address that does not
        /// answer and tokens carry an issuer that clients refuse.
        url: Option<PublicUrl> = "HOSTNAME" / "KC_HOSTNAME", "";

        /// Base URL of the admin console and the admin API, if it differs from `hostname.url`.
        ///
        /// Default: the same as `hostname.url`. Env `KEYRAFT_HOSTNAME_ADMIN`, Keycloak's `KC_HOSTNAME_ADMIN`.
        admin: Option<Url> = "HOSTNAME_ADMIN" / "KC_HOSTNAME_ADMIN", "";

        /// Whether `hostname.url` must be set. `false` changes nothing once it is.
        ///
        /// Default `true` (`start-dev`: `false`). Env `KEYRAFT_HOSTNAME_STRICT`, Keycloak's `KC_HOSTNAME_STRICT`.
        /// `start` refuses `false` without a host name: any visitor could then choose the issuer.
        strict: bool = "HOSTNAME_STRICT" / "KC_HOSTNAME_STRICT", "true" dev "false";

        /// Whether back-channel addresses in discovery (token, keys, introspection, userinfo) follow the
        /// request's own host, for clients in the same private network.
        ///
        /// Default `false`. Env `KEYRAFT_HOSTNAME_BACKCHANNEL_DYNAMIC`, Keycloak's
        /// `KC_HOSTNAME_BACKCHANNEL_DYNAMIC`. Needs a full URL in `hostname.url`.
        backchannel_dynamic: bool = "HOSTNAME_BACKCHANNEL_DYNAMIC" / "KC_HOSTNAME_BACKCHANNEL_DYNAMIC", "false";
    }
}

/// A public base URL, or a bare host name that stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublicUrl {
    /// A full URL: scheme, host, port and path are fixed.
    Full(Url),
    /// A host name: https, on the port that this server or its proxy answers on.
    Host(String),
}

impl Setting for PublicUrl {
    const EXPECTS: &'static str = "a URL such as https://sso.example.com, or a host name";

    fn parse(text: &str) -> Option<Self> {
        if text.contains("://") {
            return <Url as Setting>::parse(text).map(Self::Full);
        }
        // Only what is nothing but a host: a port or a path would be dropped silently.
        let url = Url::parse(&format!("https://{text}")).ok()?;
        let bare = url.port().is_none() && url.path() == "/" && !text.ends_with(['/', ':']);
        (bare && url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(text)))
            .then(|| Self::Host(text.to_ascii_lowercase()))
    }

    fn text(&self) -> String {
        match self {
            Self::Full(url) => url.text(),
            Self::Host(host) => host.clone(),
        }
    }
}

impl Config {
    /// The public base URL without a final slash, or `None` when requests decide (`start-dev` without a name).
    pub(crate) fn public_url(&self) -> Option<String> {
        let url = self.frontend()?;
        let path = if url.path() == "/" { self.http.relative_path.as_str() } else { "" };
        Some(format!("{}{path}", url.text()))
    }

    /// What decides the names that pages, tokens and links carry.
    pub(crate) fn names(&self) -> keyraft_web::Hostname {
        let proxy_headers = match self.proxy.headers {
            None => keyraft_web::ProxyHeaders::Off,
            Some(ProxyHeaders::XForwarded) => keyraft_web::ProxyHeaders::XForwarded,
            Some(ProxyHeaders::Forwarded) => keyraft_web::ProxyHeaders::Forwarded,
        };
        keyraft_web::Hostname {
            frontend: self.frontend(),
            admin: self.hostname.admin.clone(),
            follow_host: self.mode == Mode::Dev,
            backchannel_dynamic: self.hostname.backchannel_dynamic,
            proxy_headers,
            trusted: self.proxy.trusted_addresses.iter().map(|network| network.range).collect(),
            relative_path: self.http.relative_path.as_str().to_owned(),
        }
    }

    /// A bare host name gets the scheme and port that this server answers on; behind a proxy whose headers
    /// count, `https` on the usual port.
    fn frontend(&self) -> Option<Url> {
        let host = match self.hostname.url.as_ref()? {
            PublicUrl::Full(url) => return Some(url.clone()),
            PublicUrl::Host(host) => host,
        };
        let (scheme, port) = if self.proxy.headers.is_some() {
            ("https", 443)
        } else if self.https.is_on() {
            ("https", self.https.port)
        } else {
            ("http", self.http.port)
        };
        Url::parse(&format!("{scheme}://{host}:{port}")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_host_is_a_host_and_nothing_else() {
        assert_eq!(PublicUrl::parse("SSO.example.com"), Some(PublicUrl::Host("sso.example.com".into())));
        assert!(matches!(PublicUrl::parse("https://sso.example.com:8443/auth"), Some(PublicUrl::Full(_))));
        assert_eq!(PublicUrl::parse("sso.example.com/auth"), None);
        assert_eq!(PublicUrl::parse("sso.example.com:8443"), None);
        assert_eq!(PublicUrl::parse("evil@sso.example.com"), None);
    }
}
