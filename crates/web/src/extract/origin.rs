//! Who asked, and by which name: settled once per request by the layers, read by handlers.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use keyraft_model::{Realm, UnixMs};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// The address of the caller: the peer, or what trusted proxies say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

/// The names that hold in one request. No text ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestOrigin {
    /// Who asked.
    pub client_ip: IpAddr,
    /// Whether people reach us by https: decides cookie names and their `Secure`.
    pub https: bool,
    /// What people and the issuer use, such as `https://id.example.com`.
    pub base: String,
    /// What servers use in discovery; equals `base` unless it may follow the request.
    pub backchannel: String,
    /// Where the admin console and the admin API are named.
    pub admin: String,
    /// The path before `/realms` and `/resources`: usually empty.
    pub root: String,
    /// When the request came by this node's clock: for pages. Sessions live by the log's clock.
    pub at: UnixMs,
    /// What the caller's browser calls itself ([`crate::device`]); empty when it says nothing.
    pub device: String,
}

/// What a path segment may hold unescaped (RFC 3986 section 3.3).
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b';');

/// A name as a path segment of a URL.
pub fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// A text as the value of a query's parameter: everything but letters, digits and `-._~` is escaped.
pub fn query_value(text: &str) -> String {
    utf8_percent_encode(text, VALUE).to_string()
}

/// RFC 3986 section 2.3: what never needs an escape.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl RequestOrigin {
    /// The base URL of a realm for people: its own `frontendUrl` before the server's.
    pub fn realm_base<'a>(&'a self, realm: &'a Realm) -> &'a str {
        realm.frontend_url().map_or(&self.base, |url| url.trim_end_matches('/'))
    }

    /// The issuer of a realm: `{base}/realms/{realm}`.
    pub fn issuer(&self, realm: &Realm) -> String {
        format!("{}/realms/{}", self.realm_base(realm), segment(&realm.realm))
    }

    /// Where servers reach a realm: the issuer, unless back-channel names follow the request.
    pub fn backchannel_issuer(&self, realm: &Realm) -> String {
        if self.backchannel == self.base {
            return self.issuer(realm);
        }
        format!("{}/realms/{}", self.backchannel, segment(&realm.realm))
    }

    /// The path of a realm on this server, for cookies and relative links: `/realms/{realm}`.
    pub fn realm_path(&self, realm: &Realm) -> String {
        format!("{}/realms/{}", self.root, segment(&realm.realm))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestOrigin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        settled(parts).map(|origin| Self::clone(&origin)).map_err(|response| *response)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientIp {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        settled(parts).map(|origin| Self(origin.client_ip)).map_err(|response| *response)
    }
}

fn settled(parts: &Parts) -> Result<Arc<RequestOrigin>, Box<Response>> {
    parts.extensions.get::<Arc<RequestOrigin>>().cloned().ok_or_else(|| {
        tracing::error!("a route is served without the layers that settle the origin");
        let mut response = Response::default();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Box::new(response)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realms_own_address_is_its_issuer() {
        let origin = RequestOrigin {
            client_ip: IpAddr::from([127, 0, 0, 1]),
            https: true,
            base: "https://id.example".into(),
            backchannel: "http://inner:8080".into(),
            admin: "https://id.example".into(),
            root: String::new(),
            at: UnixMs(0),
            device: String::new(),
        };
        let mut realm = Realm { realm: "a b/ü".into(), ..Realm::default() };
        assert_eq!(origin.issuer(&realm), "https://id.example/realms/a%20b%2F%C3%BC");
        realm.attributes.insert("frontendUrl".into(), "https://shop.example/".into());
        assert_eq!(origin.issuer(&realm), "https://shop.example/realms/a%20b%2F%C3%BC");
        assert_eq!(origin.backchannel_issuer(&realm), "http://inner:8080/realms/a%20b%2F%C3%BC");
    }
}
