//! Which redirect URIs a client may name (RFC 6749 section 3.1.2.2), by Keycloak's patterns.
//!
//! A pattern is a whole URI, or a prefix when it ends in `*`; one that starts with `/` stands below the client's
//! root URL. The URI is compared as text, exactly as it will be sent to the browser: no normalising, for every
//! normaliser differs from some browser. What text comparison cannot see is refused before it: user
//! information and encoded or incomplete hosts (`https://good@evil`, `https://good.evil`), dot segments however
//! often they are encoded and whatever parameters they have, backslashes, fragments, escapes that are none, and
//! schemes that run script.

use percent_encoding::percent_decode_str;

/// Schemes whose URIs are programs or documents, never a place to go back to; refused even if registered.
const REFUSED_SCHEMES: [&str; 6] = ["javascript", "data", "vbscript", "blob", "file", "about"];

/// A path that still changes after so many decodings is an attack on somebody's decoder.
const MAX_DECODINGS: usize = 5;

/// The redirect URIs of one client.
#[derive(Clone, Debug)]
pub struct RedirectUris<'a> {
    /// Its registered patterns.
    pub patterns: &'a [String],
    /// What relative patterns stand below; see [`resolve_root_url`].
    pub root_url: &'a str,
}

impl RedirectUris<'_> {
    /// Whether the client may be answered at `uri`.
    pub fn allow(&self, uri: &str) -> bool {
        let Some(parts) = Parts::read(uri) else { return false };
        let portless = parts.without_loopback_port(uri);
        self.resolved().any(|pattern| {
            matches(&pattern, uri, &parts)
                || portless.as_deref().is_some_and(|uri| matches(&pattern, uri, &parts))
        })
    }

    /// The one URI that a request without `redirect_uri` means: there must be one pattern, and a wildcard is
    /// cut off it.
    pub fn only(&self) -> Option<String> {
        let [_] = self.patterns else { return None };
        let pattern = self.resolved().next()?;
        let uri = pattern.find("/*").map_or(pattern.as_str(), |at| &pattern[..at]).to_owned();
        let whole = Parts::read(&uri).is_some() && !uri.contains('*');
        whole.then_some(uri)
    }

    /// The patterns with relative ones made absolute.
    fn resolved(&self) -> impl Iterator<Item = String> {
        self.patterns.iter().map(|pattern| {
            if pattern.starts_with('/') { format!("{}{pattern}", self.root_url) } else { pattern.clone() }
        })
    }

    /// The origins of the patterns that are web addresses, each once: what `+` among web origins means.
    pub fn origins(&self) -> Vec<String> {
        let mut origins = Vec::new();
        for origin in self.resolved().filter_map(|pattern| origin(&pattern).map(str::to_owned)) {
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }
}

/// The URL that a client's relative addresses stand below: its root URL with Keycloak's placeholders
/// `${authBaseUrl}` and `${authAdminUrl}` filled in, or the server's origin.
pub fn resolve_root_url(root_url: Option<&str>, server: &str) -> String {
    let server = server.trim_end_matches('/');
    match root_url.filter(|url| !url.is_empty()) {
        None => origin(server).unwrap_or(server).to_owned(),
        Some(url) => url
            .replace("${authBaseUrl}", server)
            .replace("${authAdminUrl}", server)
            .trim_end_matches('/')
            .to_owned(),
    }
}

/// The origin of a web address, `scheme://host[:port]`, as it is written.
pub fn origin(url: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| url.starts_with(scheme))?;
    let end = url[scheme.len()..].find(['/', '?', '#']).map_or(url.len(), |at| scheme.len() + at);
    Some(&url[..end]).filter(|origin| origin.len() > scheme.len())
}

/// Names that an answer brings; a client that finds one twice may believe the wrong one.
const ANSWERS: [&str; 13] = [
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "session_state",
    "id_token",
    "access_token",
    "token_type",
    "expires_in",
    "response",
    "kc_action",
    "kc_action_status",
];

/// Whether the query of a redirect URI holds what only an answer may: whoever made the request would answer in
/// the server's place (CVE-2026-9689).
pub fn holds_an_answer(uri: &str) -> bool {
    let Some((_, query)) = uri.split_once('?') else { return false };
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    names
        .map(|name| percent_decode_str(name).decode_utf8_lossy())
        .any(|name| ANSWERS.iter().any(|answer| name.eq_ignore_ascii_case(answer)))
}

/// A URI cut at its joints; only a URI without any of the known tricks has parts.
struct Parts<'a> {
    scheme: &'a str,
    /// Host and port; `None` without `//`.
    authority: Option<&'a str>,
    /// Up to the query.
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn read(uri: &'a str) -> Option<Self> {
        let is_odd = |byte: u8| !byte.is_ascii_graphic() || b"\\#\"<>^`{|}".contains(&byte);
        if uri.bytes().any(is_odd) || !super::is_well_escaped(uri) {
            return None;
        }
        let (scheme, rest) = uri.split_once(':')?;
        let mut letters = scheme.bytes();
        if !letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
            || !letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            || REFUSED_SCHEMES.iter().any(|refused| scheme.eq_ignore_ascii_case(refused))
        {
            return None;
        }
        let (authority, rest) = match rest.strip_prefix("//") {
            Some(rest) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                (Some(&rest[..end]), &rest[end..])
            }
            None => (None, rest),
        };
        // `https:host` and `https://user@host` are read differently by different programs.
        let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        if authority.is_some_and(|authority| authority.contains(['@', '%']))
            || (web
                && !authority.is_some_and(|authority| !authority.is_empty() && !authority.starts_with(':')))
        {
            return None;
        }
        let path = &rest[..rest.find('?').unwrap_or(rest.len())];
        if path.contains(['[', ']']) {
            return None;
        }
        Some(Self { scheme, authority, path })
    }

    /// The URI without its port, if it is one of a native application that listens on its own machine
    /// (RFC 8252 section 7.3): any port of the same literal host, over http.
    fn without_loopback_port(&self, uri: &str) -> Option<String> {
        let (host, port) = self.authority?.rsplit_once(':')?;
        let loopback = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        (loopback && digits && self.scheme == "http")
            .then(|| uri.replacen(&format!("{host}:{port}"), host, 1))
    }

    /// Whether the path stays where it says: no dot segments, not even with path parameters, and no backslashes,
    /// not even behind several layers of encoding.
    fn is_plain(&self) -> bool {
        let mut path = self.path.to_owned();
        for _ in 0..MAX_DECODINGS {
            let odd = path.bytes().any(|byte| byte < b' ' || b"\\\x7f".contains(&byte));
            // Some servers cut parameters off before they look for dots.
            let mut names = path.split('/').filter_map(|segment| segment.split(';').next());
            if odd || names.any(|name| name == "." || name == "..") {
                return false;
            }
            let decoded = percent_decode_str(&path).decode_utf8_lossy().into_owned();
            if decoded == path {
                return true;
            }
            path = decoded;
        }
        false
    }
}

fn matches(pattern: &str, uri: &str, parts: &Parts<'_>) -> bool {
    let Some(prefix) = pattern.strip_suffix('*') else { return pattern == uri };
    if !parts.is_plain() {
        return false;
    }
    if prefix.is_empty() {
        return parts.scheme == "http" || parts.scheme == "https";
    }
    match uri.strip_prefix(prefix) {
        Some(rest) => is_host_whole(prefix, rest),
        None => prefix.strip_suffix('/') == Some(uri),
    }
}

/// Whether the star of a pattern leaves the host alone: `https://shop.example*` must not match
/// `https://shop.example.evil`. A port may follow a whole host.
fn is_host_whole(prefix: &str, rest: &str) -> bool {
    let Some((_, after)) = prefix.split_once("://") else { return true };
    if after.is_empty() || after.contains(['/', '?']) {
        return true;
    }
    let rest = match after.strip_suffix(':') {
        Some(_) => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => match rest.strip_prefix(':') {
            Some(port) if port.starts_with(|c: char| c.is_ascii_digit()) => {
                port.trim_start_matches(|c: char| c.is_ascii_digit())
            }
            _ => rest,
        },
    };
    rest.is_empty() || rest.starts_with(['/', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(patterns: &[&str], uri: &str) -> bool {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        RedirectUris { patterns: &patterns, root_url: "http://app.test" }.allow(uri)
    }

    const WEB: [&str; 4] =
        ["http://app.test/cb", "http://app.test/wild/*", "http://localhost/lo/*", "/relative/*"];

    #[test]
    fn what_is_registered_is_allowed() {
        for good in [
            "http://app.test/cb",
            "http://app.test/wild/a/b",
            "http://app.test/wild",
            "http://app.test/wild/",
            "http://app.test/wild/a?b=c",
            "http://app.test/wild/a%2Fb",
            "http://app.test/wild/a?next=../x;y",
            "http://app.test/wild/..a/b..",
            "http://app.test/wild/a;b/c",
            "http://app.test/wild/a%3Bb",
            "http://localhost:1234/lo/x",
            "http://localhost/lo/x",
            "http://app.test/relative/x",
        ] {
            assert!(allow(&WEB, good), "{good}");
        }
    }

    #[test]
    fn every_known_trick_is_refused() {
        for bad in [
            "",
            "::::",
            "/relative/x",
            "//app.test/cb",
            "http://evil.test/cb",
            "http://app.test/cb2",
            "http://app.test/cb?x=1",
            "http://app.test/cb/",
            "http://app.test/cb#f",
            "http://APP.TEST/cb",
            "https://app.test/cb",
            "http://app.test:80/cb",
            "http://app.test:8080/cb",
            "http://app.test@evil.test/cb",
            "http://evil@app.test/wild/x",
            "http://app.test%40evil.test/cb",
            "http://app.test\\@evil.test/cb",
            "http:app.test/cb",
            "http:///app.test/cb",
            "http://app.test/wildcard",
            "http://app.test/wild/a#f",
            "http://app.test/wild/../cb2",
            "http://app.test/wild/./cb2",
            "http://app.test/wild/..",
            "http://app.test/wild/%2e%2e/cb2",
            "http://app.test/wild/%2E%2e%2fcb2",
            "http://app.test/wild/%252e%252e/cb2",
            "http://app.test/wild/%25252e%25252e/cb2",
            "http://app.test/wild/%2525252525252e./cb2",
            "http://app.test/wild/..;/x",
            "http://app.test/wild/..%3b/x",
            "http://app.test/wild/.;a=b/x",
            "http://app.test/wild/%",
            "http://app.test/wild/%zz",
            "http://app.test/wild/a?b=%2",
            "http://app.test/wild/[a]",
            "http://app.test/wild/a%5c..%5cb",
            "http://app.test/wild/a\\b",
            "http://app.test/wild/a b",
            "http://app.test/wild/a\r\nb",
            "http://app.test/wild/%0d%0a",
            "http://app.test/wild/%00",
            "http://127.0.0.1:99/lo/x",
            "http://localhost.evil.test/lo/x",
            "http://localhost:1@evil.test/lo/x",
            "http://localhost:x/lo/x",
            "http://localhost:/lo/x",
            "https://localhost:1234/lo/x",
            "javascript:alert(1)",
            "data:text/html,x",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            assert!(!allow(&WEB, bad), "{bad}");
        }
    }

    #[test]
    fn a_loopback_pattern_without_a_port_takes_any_port_of_the_same_host() {
        let patterns = ["http://127.0.0.1/cb", "http://[::1]/cb"];
        assert!(allow(&patterns, "http://127.0.0.1:4711/cb") && allow(&patterns, "http://[::1]:4711/cb"));
        assert!(!allow(&patterns, "http://localhost:4711/cb"));
        assert!(!allow(&["http://app.test/cb"], "http://app.test:4711/cb"));
        assert!(!allow(&["http://localhost:3000/cb"], "http://localhost:3001/cb"));
    }

    #[test]
    fn a_star_in_the_host_never_lengthens_the_host() {
        for good in ["https://a.test", "https://a.test/x", "https://a.test?x", "https://a.test:8443/x"] {
            assert!(allow(&["https://a.test*"], good), "{good}");
        }
        for bad in
            ["https://a.test.evil", "https://a.test@evil", "https://a.test:x@evil", "https://a.test-evil/"]
        {
            assert!(!allow(&["https://a.test*"], bad), "{bad}");
        }
        assert!(allow(&["http://localhost:*"], "http://localhost:5000/x"));
        assert!(!allow(&["http://localhost:*"], "http://localhost:5000.evil/x"));
        assert!(allow(&["*"], "https://any.test/x") && allow(&["https://*"], "https://any.test/x"));
        assert!(!allow(&["*"], "app:x") && !allow(&["https://*"], "https://any@evil/x"));
    }

    #[test]
    fn applications_schemes_work_and_script_never_does() {
        assert!(allow(&["com.example.app:/cb"], "com.example.app:/cb"));
        assert!(allow(&["myapp://*"], "myapp://signed-in?x=y"));
        for script in ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "VBSCRIPT:x"] {
            assert!(!allow(&[script, "*", "javascript:*", "data:*"], script), "{script}");
        }
    }

    #[test]
    fn one_pattern_is_enough_where_none_is_named() {
        let only = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            RedirectUris { patterns: &patterns, root_url: "http://app.test" }.only()
        };
        assert_eq!(only(&["http://app.test/cb"]).as_deref(), Some("http://app.test/cb"));
        assert_eq!(only(&["/wild/*"]).as_deref(), Some("http://app.test/wild"));
        assert_eq!(only(&["http://app.test/cb", "http://app.test/cb2"]), None);
        assert_eq!((only(&["*"]), only(&["http://a.test*"])), (None, None));
    }

    #[test]
    fn what_only_an_answer_may_hold_is_found_however_it_is_written() {
        for bad in ["code=1", "mine=1&state=x", "CODE=1", "co%64e=1", "code", "error=", "a=b&iss=x"] {
            assert!(holds_an_answer(&format!("https://a.test/cb?{bad}")), "{bad}");
        }
        for good in ["", "mine=1&mine=2", "a=code", "codes=1", "nonce=1", "a=b%26code=1"] {
            assert!(!holds_an_answer(&format!("https://a.test/cb?{good}")), "{good}");
        }
        assert!(!holds_an_answer("https://a.test/code"));
    }

    #[test]
    fn origins_and_roots() {
        assert_eq!(origin("https://a.test:1/x?y"), Some("https://a.test:1"));
        assert_eq!((origin("https://"), origin("app:/x")), (None, None));
        assert_eq!(resolve_root_url(None, "https://id.test/auth"), "https://id.test");
        assert_eq!(resolve_root_url(Some("${authBaseUrl}"), "https://id.test/auth/"), "https://id.test/auth");
        assert_eq!(resolve_root_url(Some("https://shop.test/"), "https://id.test"), "https://shop.test");
    }
}
