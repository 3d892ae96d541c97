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
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// The identity cookie.
pub const IDENTITY: Cookie =
    Cookie { name: "keyraft-identity", scripts: false, same_site: SameSite::None, keycloak: false };

/// Its readable shadow; Keycloak's name, because its scripts look for it.
pub const SESSION: Cookie =
    Cookie { name: "KEYCLOAK_SESSION", scripts: true, same_site: SameSite::None, keycloak: true };

/// The name to fill in for people who asked to stay signed in; Keycloak's name, it outlives sessions.
pub const REMEMBER_ME: Cookie =
    Cookie { name: "KEYCLOAK_REMEMBER_ME", scripts: false, same_site: SameSite::None, keycloak: true };

/// `KEYCLOAK_REMEMBER_ME` lives a year, as Keycloak's.
const REMEMBER_NAME: DurationMs = DurationMs::from_secs(31_536_000);

/// What a cookie's text cannot hold as it is (RFC 6265 section 4.1.1), and `%` itself.
const COOKIE_UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

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
    let view = core.sessions.view_of(&claims.sid, Kind::Online).await?;
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

/// The person signs out: the browser forgets his name as well.
pub fn sign_out(cookies: &mut CookieJar) {
    clear(cookies);
    if cookies.get(REMEMBER_ME).is_some() {
        cookies.clear(REMEMBER_ME);
    }
}

/// Remembers a user name for the next form, as Keycloak does for people who stay signed in.
pub(crate) fn remember_name(name: &str, cookies: &mut CookieJar) {
    let name = utf8_percent_encode(name, COOKIE_UNSAFE);
    cookies.set(REMEMBER_ME, &format!("\"username:{name}\""), Lifetime::For(REMEMBER_NAME));
}

/// The user name that this browser remembers.
pub(crate) fn remembered_name(cookies: &CookieJar) -> Option<String> {
    let name = cookies.get(REMEMBER_ME)?.strip_prefix("username:")?;
    percent_decode_str(name).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// What `KEYCLOAK_SESSION` holds for a session: base64url of SHA-384 of its `sid`.
pub fn shadow(sid: &str) -> String {
    encoding::base64url(&digest::sha384(sid.as_bytes()))
}
