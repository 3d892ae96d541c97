//! Who is signed in on this browser: the identity cookie and the live session that it names.
//!
//! The cookie is a token of its own kind, signed with the realm's HMAC key; the session behind it is what
//! counts. `KEYCLOAK_SESSION` is its readable shadow, a digest that the session iframe of browser libraries
//! compares (OpenID Connect Session Management 1.0).

use std::sync::Arc;

use keyraft_cluster::session::{Kind, UserSession};
use keyraft_core::{Core, Error, RealmView};
use keyraft_crypto::{digest, encoding, jose, keys::Algorithm, random};
use keyraft_model::{DurationMs, UnixMs};
use keyraft_web::{
    CookieJar,
    cookies::{Cookie, Lifetime, SameSite},
};
use serde::{Deserialize, Serialize};

/// The identity cookie.
pub const IDENTITY: Cookie =
    Cookie { name: "keyraft-identity", scripts: false, same_site: SameSite::None, keycloak: false };

/// Its readable shadow; Keycloak's name, because its scripts look for it.
pub const SESSION: Cookie =
    Cookie { name: "KEYCLOAK_SESSION", scripts: true, same_site: SameSite::None, keycloak: true };

/// `typ` of the identity token: no other door accepts it, and this one accepts no other.
const TYP: &str = "Serialized-ID";

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    exp: i64,
    iat: i64,
    jti: String,
    iss: String,
    sub: String,
    typ: String,
    sid: String,
    state_checker: String,
}

/// The live session that this browser's cookie names, and the cookie's anti-forgery text.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The session.
    pub session: Arc<UserSession>,
    /// Keycloak's `state_checker`: forms of a signed-in person carry it.
    pub state_checker: String,
}

/// The session that this browser is signed in with, if it is alive.
///
/// # Errors
/// [`Error::Unavailable`] when that cannot be known now.
pub async fn find(
    core: &Core,
    realm: &RealmView,
    issuer: &str,
    cookies: &CookieJar,
) -> Result<Option<Identity>, Error> {
    let Some(claims) = cookies.get(IDENTITY).and_then(|token| verify(realm, issuer, token)) else {
        return Ok(None);
    };
    let view = core.sessions.view().await?;
    if view.now().secs() >= claims.exp {
        return Ok(None);
    }
    let session = keyraft_core::sessions::find_in(&view, realm, &claims.sid, Kind::Online)
        .filter(|session| session.user.as_str() == claims.sub);
    Ok(session.map(|session| Identity { session, state_checker: claims.state_checker }))
}

fn verify(realm: &RealmView, issuer: &str, token: &str) -> Option<Claims> {
    let verified = jose::verify(realm.keys.verifying(Algorithm::HS512), &[Algorithm::HS512], token).ok()?;
    let claims: Claims = verified.into_claims().ok()?;
    (claims.typ == TYP && claims.iss == issuer).then_some(claims)
}

/// Signs this browser in: sets the cookie and its shadow for that session.
///
/// # Errors
/// [`Error::Internal`] when the realm has no key to sign it with.
pub fn set(
    realm: &RealmView,
    issuer: &str,
    session: &UserSession,
    now: UnixMs,
    cookies: &mut CookieJar,
) -> Result<(), Error> {
    let key = realm
        .keys
        .active(Algorithm::HS512)
        .ok_or_else(|| Error::Internal("the realm has no active HS512 key".into()))?;
    let max = realm.realm.session_max(session.remember_me);
    let claims = Claims {
        exp: session.started.plus(max).secs(),
        iat: now.secs(),
        jti: random::uuid(),
        iss: issuer.to_owned(),
        sub: session.user.to_string(),
        typ: TYP.to_owned(),
        sid: session.sid.clone(),
        state_checker: random::base64url(32),
    };
    let token = jose::sign(key, jose::HeaderFields::typ("JWT"), &claims)
        .map_err(|error| Error::Internal(error.to_string()))?;
    let left = session.started.plus(max).since(now);
    let lifetime = if session.remember_me { Lifetime::For(left) } else { Lifetime::Browser };
    cookies.set(IDENTITY, &token, lifetime);
    // As in Keycloak, the shadow lives for the realm's whole maximum from now; the session behind it rules.
    cookies.set(SESSION, &shadow(&session.sid), Lifetime::For(max.max(DurationMs::from_secs(1))));
    Ok(())
}

/// Makes this browser forget who is signed in.
pub fn clear(cookies: &mut CookieJar) {
    cookies.clear(IDENTITY);
    cookies.clear(SESSION);
}

/// What `KEYCLOAK_SESSION` holds for a session: base64url of SHA-384 of its `sid`.
pub fn shadow(sid: &str) -> String {
    encoding::base64url(&digest::sha384(sid.as_bytes()))
}
