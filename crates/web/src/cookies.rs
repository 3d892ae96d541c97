//! Cookies of one realm: read strictly, written safely.
//!
//! Over https a cookie of ours is `__Host-{name}.{realm}`: the prefix keeps other hosts of the domain and plain
//! http from planting it, the realm in the name keeps realms apart. Over plain http, where browsers refuse that
//! prefix, it is `{name}.{realm}` on the realm's path. Keycloak's own names are kept where scripts read them.
//! A name that arrives twice counts as absent: one of the two was planted, and we cannot tell which.

use axum::response::{IntoResponseParts, ResponseParts};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use keyraft_model::{DurationMs, Realm};
use sha2::{Digest as _, Sha256};

use crate::extract::RequestOrigin;

/// When a browser sends a cookie along with requests that other sites cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Only when the person navigates here.
    Lax,
    /// Always; needs https, over plain http it becomes `Lax`.
    None,
}

/// What a cookie is called and who may read it. One constant for each cookie.
#[derive(Clone, Copy, Debug)]
pub struct Cookie {
    /// The name without prefix and realm.
    pub name: &'static str,
    /// Whether scripts of our pages may read it.
    pub scripts: bool,
    /// Whether other sites' requests bring it.
    pub same_site: SameSite,
    /// Whether Keycloak's name and path are kept as they are, because its scripts look for them.
    pub keycloak: bool,
}

/// How long a browser keeps a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the browser closes.
    Browser,
    /// That long, in whole seconds.
    For(DurationMs),
}

/// The language that a person chose; Keycloak's name, since its pages set it too.
pub const LOCALE: Cookie =
    Cookie { name: "KEYCLOAK_LOCALE", scripts: false, same_site: SameSite::None, keycloak: true };

/// The cookies that a request brought for one realm, and those that the answer will set.
#[derive(Clone)]
pub struct CookieJar {
    came: Vec<(String, String)>,
    secure: bool,
    realm: String,
    path: String,
    changes: Vec<HeaderValue>,
}

/// The most cookies that are read from one request.
const MAX_COOKIES: usize = 100;

impl CookieJar {
    /// Reads the cookies of a request to that realm.
    pub fn read(headers: &HeaderMap, origin: &RequestOrigin, realm: &Realm) -> Self {
        let path = format!("{}/", origin.realm_path(realm));
        Self {
            came: pairs(headers),
            secure: origin.https,
            realm: in_name(&realm.realm),
            path,
            changes: Vec::new(),
        }
    }

    /// The value of a cookie; nothing when it is absent or came twice.
    pub fn get(&self, cookie: Cookie) -> Option<&str> {
        self.only(&self.name(cookie, ""))
    }

    /// The value of one of a family of cookies, told apart by `part`.
    pub fn get_part(&self, cookie: Cookie, part: &str) -> Option<&str> {
        self.only(&self.name(cookie, part))
    }

    /// The parts of all cookies of a family that came, each once.
    pub fn parts(&self, cookie: Cookie) -> Vec<String> {
        let prefix = format!("{}.", self.name(cookie, ""));
        let parts = self.came.iter().filter_map(|(name, _)| name.strip_prefix(&prefix));
        let mut parts: Vec<_> = parts.map(str::to_owned).collect();
        parts.sort();
        parts.dedup();
        parts
    }

    /// Sets a cookie. A value that is no cookie text is not sent and said so in the log.
    pub fn set(&mut self, cookie: Cookie, value: &str, lifetime: Lifetime) {
        self.set_part(cookie, "", value, lifetime);
    }

    /// Sets one of a family of cookies. `part` is letters, digits, `-` and `_`.
    pub fn set_part(&mut self, cookie: Cookie, part: &str, value: &str, lifetime: Lifetime) {
        let name = self.name(cookie, part);
        let age = match lifetime {
            Lifetime::Browser => String::new(),
            Lifetime::For(span) => format!("; Max-Age={}", span.secs()),
        };
        self.change(cookie, &name, value, &age);
    }

    /// Makes the browser forget a cookie.
    pub fn clear(&mut self, cookie: Cookie) {
        self.clear_part(cookie, "");
    }

    /// Makes the browser forget one of a family of cookies.
    pub fn clear_part(&mut self, cookie: Cookie, part: &str) {
        let name = self.name(cookie, part);
        self.change(cookie, &name, "", "; Max-Age=0");
    }

    /// Puts the changes on an answer.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for change in &self.changes {
            headers.append(header::SET_COOKIE, change.clone());
        }
    }

    fn change(&mut self, cookie: Cookie, name: &str, value: &str, age: &str) {
        let host_wide = self.secure && !cookie.keycloak;
        let path = if host_wide { "/" } else { &self.path };
        let same_site = match cookie.same_site {
            SameSite::None if self.secure => "None",
            SameSite::None | SameSite::Lax => "Lax",
        };
        let secure = if self.secure { "; Secure" } else { "" };
        let readable = if cookie.scripts { "" } else { "; HttpOnly" };
        let line = format!("{name}={value}; Path={path}{age}{secure}{readable}; SameSite={same_site}");
        match HeaderValue::try_from(line) {
            Ok(line) if value.bytes().all(is_octet) => self.changes.push(line),
            _ => tracing::error!(cookie = cookie.name, "a value that is no cookie text was not sent"),
        }
    }

    fn name(&self, cookie: Cookie, part: &str) -> String {
        let dot = if part.is_empty() { "" } else { "." };
        if cookie.keycloak {
            return format!("{}{dot}{part}", cookie.name);
        }
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}{}.{}{dot}{part}", cookie.name, self.realm)
    }

    fn only(&self, name: &str) -> Option<&str> {
        let mut found = self.came.iter().filter(|(came, _)| came == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }
}

impl IntoResponseParts for CookieJar {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        self.apply(parts.headers_mut());
        Ok(parts)
    }
}

impl std::fmt::Debug for CookieJar {
    /// Names only: the values are sessions.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.came.iter().map(|(name, _)| name)).finish()
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let owned = pairs.map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned()));
    owned.take(MAX_COOKIES).collect()
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

/// RFC 6265 section 4.1.1, `cookie-octet`, and the quotes that Keycloak puts around some values.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b',' | b';' | b'\\')
}

/// A realm's name as part of a cookie's name: plain characters stay, the rest is `%XX`; a long one is a digest.
fn in_name(realm: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let name: String = realm
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if name.len() <= 48 {
        return name;
    }
    format!("{:x}", Bytes::copy_from_slice(&Sha256::digest(realm.as_bytes())[..16]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Cookie =
        Cookie { name: "keyraft-session", scripts: false, same_site: SameSite::None, keycloak: false };
    const STATUS: Cookie =
        Cookie { name: "KEYCLOAK_SESSION", scripts: true, same_site: SameSite::None, keycloak: true };

    fn jar(https: bool, cookies: &'static str) -> CookieJar {
        let headers = [(header::COOKIE, HeaderValue::from_static(cookies))].into_iter().collect();
        let origin = RequestOrigin {
            client_ip: [127, 0, 0, 1].into(),
            https,
            base: String::new(),
            backchannel: String::new(),
            admin: String::new(),
            root: String::new(),
            at: keyraft_model::UnixMs(0),
            device: String::new(),
        };
        CookieJar::read(&headers, &origin, &Realm { realm: "shop & co".into(), ..Realm::default() })
    }

    fn lines(jar: &CookieJar) -> Vec<&str> {
        jar.changes.iter().map(|line| line.to_str().unwrap()).collect()
    }

    #[test]
    fn over_https_a_cookie_is_bound_to_the_host_and_the_realm() {
        let mut jar =
            jar(true, "__Host-keyraft-session.shop%20%26%20co=abc; __Host-keyraft-session.other=def");
        assert_eq!(jar.get(SESSION), Some("abc"));
        jar.set(SESSION, "new", Lifetime::For(DurationMs::from_secs(60)));
        jar.set(STATUS, "h", Lifetime::Browser);
        assert_eq!(
            lines(&jar),
            [
                "__Host-keyraft-session.shop%20%26%20co=new; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=None",
                "KEYCLOAK_SESSION=h; Path=/realms/shop%20&%20co/; Secure; SameSite=None",
            ]
        );
    }

    #[test]
    fn over_plain_http_the_name_is_plain_and_the_path_is_the_realms() {
        let mut jar = jar(false, "keyraft-session.shop%20%26%20co=abc");
        assert_eq!(jar.get(SESSION), Some("abc"));
        jar.clear(SESSION);
        assert_eq!(
            lines(&jar),
            [
                "keyraft-session.shop%20%26%20co=; Path=/realms/shop%20&%20co/; Max-Age=0; HttpOnly; SameSite=Lax",
            ]
        );
    }

    #[test]
    fn a_name_that_arrives_twice_counts_as_absent() {
        let jar = jar(true, "KEYCLOAK_SESSION=a; x=y; KEYCLOAK_SESSION=a");
        assert_eq!(jar.get(STATUS), None);
    }

    #[test]
    fn a_family_lists_its_parts() {
        let jar = jar(false, "keyraft-session.shop%20%26%20co.t2=b; keyraft-session.shop%20%26%20co.t1=a");
        assert_eq!(jar.parts(SESSION), ["t1", "t2"]);
        assert_eq!(jar.get_part(SESSION, "t2"), Some("b"));
        assert_eq!(jar.get(SESSION), None);
    }

    #[test]
    fn a_value_cannot_add_attributes_or_lines() {
        let mut jar = jar(false, "");
        jar.set(SESSION, "a; Domain=evil.example", Lifetime::Browser);
        jar.set(SESSION, "a\r\nSet-Cookie: b=c", Lifetime::Browser);
        assert!(lines(&jar).is_empty());
    }

    #[test]
    fn a_long_realm_name_becomes_a_digest() {
        assert_eq!(in_name(&"r".repeat(200)).len(), 32);
        assert_ne!(in_name(&"r".repeat(200)), in_name(&"r".repeat(201)));
    }
}
