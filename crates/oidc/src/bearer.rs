//! Access tokens presented at the server's own resources: the admin API, of whichever realm they are.
//!
//! Which realm's keys count follows from the token's issuer, which must be one of this server's; then the token
//! passes the same door as everywhere ([`Kind::Access`]) and everything behind it is looked up as it stands.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use keyraft_cluster::session::UserSession;
use keyraft_core::{ClientView, Error, RealmView, UserRecord};
use keyraft_crypto::jose;
use keyraft_web::RequestOrigin;

use crate::Oidc;
use crate::live::{self, Dead};
use crate::tokens::verify::Kind;
use crate::tokens::web_origins;

pub use crate::cors::preflight;

/// Who presents a token.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The realm that issued it.
    pub realm: Arc<RealmView>,
    /// Whom it speaks of.
    pub user: Arc<UserRecord>,
    /// The client that it was issued to.
    pub client: Arc<ClientView>,
    /// The session that it belongs to; none for a client's own token.
    pub session: Option<Arc<UserSession>>,
    /// Client scopes that were granted with it, by name.
    pub scopes: Vec<String>,
}

/// Why nobody is let in.
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// No token, or none that counts (401).
    #[error("no token that counts")]
    Unauthorized,
    /// A script of an origin that the client does not name (403).
    #[error("Invalid origin")]
    ForeignOrigin,
    /// It cannot be known now.
    #[error("something behind us failed")]
    Failure(#[from] Error),
}

/// Finds out who presents the bearer token of a request (RFC 6750 section 2.1).
///
/// # Errors
/// See [`BearerError`].
pub async fn bearer(oidc: &Oidc, origin: &RequestOrigin, headers: &HeaderMap) -> Result<Bearer, BearerError> {
    let presented = token_in(headers).ok_or(BearerError::Unauthorized)?;
    let realm = issuer_of(oidc, origin, presented).await?.ok_or(BearerError::Unauthorized)?;
    let view = oidc.core.sessions.view().await?;
    let token =
        oidc.signatures.verify(Kind::Access, &realm, &origin.issuer(&realm.realm), presented, view.now());
    let token = token.map_err(|_| BearerError::Unauthorized)?;
    let live = match live::check(oidc, &realm, &view, &token).await {
        Ok(live) => live,
        Err(Dead::Failure(error)) => return Err(error.into()),
        Err(Dead::Revoked | Dead::ClientDisabled | Dead::UserDisabled | Dead::NoSession) => {
            return Err(BearerError::Unauthorized);
        }
    };
    if let Some(asked_from) = foreign_origin(origin, headers) {
        let allowed = web_origins(&live.client, origin.realm_base(&realm.realm));
        if !allowed.iter().any(|one| *one == "*" || one.as_bytes() == asked_from.as_bytes()) {
            return Err(BearerError::ForeignOrigin);
        }
    }
    let scopes = token.text("scope").unwrap_or_default().split(' ').map(str::to_owned).collect();
    Ok(Bearer { realm, user: live.user, client: live.client, session: live.session, scopes })
}

/// The origin of a request that does not come from our own pages.
pub fn foreign_origin<'a>(own: &RequestOrigin, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let asked_from = headers.get(header::ORIGIN)?;
    let is_own = |base: &str| {
        keyraft_wire::oauth::redirect_uri::origin(base)
            .is_some_and(|own| own.as_bytes() == asked_from.as_bytes())
    };
    (!is_own(&own.base) && !is_own(&own.admin)).then_some(asked_from)
}

/// The token of the one `Authorization` header; two of them are nobody's.
fn token_in(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next()?.to_str().ok()?;
    if lines.next().is_some() {
        return None;
    }
    let (scheme, token) = line.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The realm of this server that a token says it is from; nothing of the token is believed yet.
async fn issuer_of(
    oidc: &Oidc,
    origin: &RequestOrigin,
    token: &str,
) -> Result<Option<Arc<RealmView>>, Error> {
    let Ok(unverified) = jose::decode_unverified(token) else { return Ok(None) };
    let issuer = unverified.claims.get("iss").and_then(|iss| iss.as_str()).unwrap_or_default();
    let Some((_, name)) = issuer.rsplit_once("/realms/") else { return Ok(None) };
    let name = percent_encoding::percent_decode_str(name).decode_utf8().unwrap_or_default();
    let realm = oidc.core.realm(&name).await?;
    Ok(realm.filter(|realm| origin.issuer(&realm.realm) == issuer))
}
