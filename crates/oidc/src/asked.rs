//! What every endpoint reads of a request first: which realm, by which name, and what the caller sent along.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use keyraft_core::RealmView;
use keyraft_web::{RequestId, RequestOrigin, failure};

use crate::Oidc;

/// A request below `/realms/{realm}`; an unknown realm is answered before any handler.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The realm.
    pub realm: Arc<RealmView>,
    /// The names that hold, and who asks.
    pub origin: RequestOrigin,
    /// The realm's issuer.
    pub issuer: String,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The request's id, for pages and the log.
    pub id: Option<RequestId>,
}

impl Asked {
    /// The caller's address as text.
    pub fn ip(&self) -> String {
        self.origin.client_ip.to_string()
    }

    /// The server's base URL for this realm.
    pub fn base_url(&self) -> &str {
        self.origin.realm_base(&self.realm.realm)
    }

    /// Whether the realm is content with how the request came: over https, or from where it need not.
    pub fn is_secure_enough(&self) -> bool {
        if self.origin.https {
            return true;
        }
        let required = |what| self.realm.realm.ssl_required.eq_ignore_ascii_case(what);
        required("none") || !required("all") && is_local(self.origin.client_ip)
    }

    /// The value of a header that comes at most once; two of it count as unreadable.
    ///
    /// # Errors
    ///
    /// It comes twice, or is no text.
    pub fn header(&self, name: http::HeaderName) -> Result<Option<&str>, AmbiguousHeader> {
        let mut lines = self.headers.get_all(name).iter();
        let first = lines.next().map(|line| line.to_str().map_err(|_| AmbiguousHeader)).transpose()?;
        if lines.next().is_some() { Err(AmbiguousHeader) } else { Ok(first) }
    }
}

/// A header of which nobody can say what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header comes twice or is no text")]
pub struct AmbiguousHeader;

impl FromRequestParts<Oidc> for Asked {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, oidc: &Oidc) -> Result<Self, Response> {
        let origin = RequestOrigin::from_request_parts(parts, oidc).await?;
        let id = parts.extensions.get::<RequestId>().copied();
        let path = RawPathParams::from_request_parts(parts, oidc).await.ok();
        let name = path.as_ref().and_then(|path| path.iter().find(|(name, _)| *name == "realm"));
        let found = match name {
            Some((_, name)) => oidc.core.realm(name).await.map_err(|error| unavailable(&error, parts, id))?,
            None => None,
        };
        let realm = found.ok_or_else(|| failure::no_page(&parts.headers, id, "Realm does not exist"))?;
        let issuer = origin.issuer(&realm.realm);
        Ok(Self { realm, issuer, origin, headers: parts.headers.clone(), id })
    }
}

/// Logs why nothing can be said and answers that.
fn unavailable(error: &keyraft_core::Error, parts: &Parts, id: Option<RequestId>) -> Response {
    crate::refusal::log(error);
    let mut response = failure::internal(&parts.headers, id);
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}

/// Addresses from which `external` does not ask for https: the machine itself and private networks.
fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
