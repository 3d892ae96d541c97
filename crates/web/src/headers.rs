//! Security headers: a realm's own, as Keycloak sends them, and our stricter content policy on pages.
//!
//! Keycloak decides by media types: JSON asked or answered gets everything but the content policy, a form
//! asked or HTML answered gets that too, anything else neither policy nor `X-Frame-Options`. Our pages
//! replace the realm's content policy by one that allows nothing but our own files, keeping only who may frame
//! them. A realm's value that cannot be a header is replaced by the default, never dropped: a line break in it
//! must not turn a protection off.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use keyraft_model::{Attributes, Realm};

/// What a page needs of the content policy beyond our own files. Put into an answer's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ContentPolicy {
    /// One of our pages whose forms may end at a client. It has no `form-action`: browsers apply that to the
    /// whole chain of redirects after a POST, which would stop the way back to the client.
    #[default]
    Page,
    /// One of our pages whose forms stay with us: account and console.
    StaysHere,
    /// A page that loads frames of these origins, such as front-channel logout.
    Frames(Vec<String>),
    /// A page that any site may frame, with our files and inline script: the session iframe.
    SessionFrame,
}

/// The security headers of one realm (`browserSecurityHeaders`).
#[derive(Clone, Debug)]
pub struct BrowserHeaders {
    always: Vec<(HeaderName, HeaderValue)>,
    frame_options: Option<HeaderValue>,
    policy: Option<HeaderValue>,
    report_only: Option<HeaderValue>,
    frame_ancestors: String,
}

const POLICY: &str = "frame-src 'self'; frame-ancestors 'self'; object-src 'none';";
const CSP_REPORT_ONLY: HeaderName = header::CONTENT_SECURITY_POLICY_REPORT_ONLY;
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

impl Default for BrowserHeaders {
    fn default() -> Self {
        Self::read(&Attributes::default())
    }
}

impl From<&Realm> for BrowserHeaders {
    fn from(realm: &Realm) -> Self {
        Self::read(&realm.browser_security_headers)
    }
}

impl BrowserHeaders {
    /// Reads the member `browserSecurityHeaders` of a realm; a missing key means Keycloak's default, an
    /// empty value that the header is not sent.
    pub fn read(map: &Attributes) -> Self {
        let value = |key: &str, default: &'static str| match map.get(key).map(|text| text.trim()) {
            Some("") => None,
            Some(text) => {
                Some(HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(default)))
            }
            None if default.is_empty() => None,
            None => Some(HeaderValue::from_static(default)),
        };
        let policy = value("contentSecurityPolicy", POLICY);
        let hsts = value("strictTransportSecurity", "max-age=31536000; includeSubDomains");
        let always = [
            (header::REFERRER_POLICY, value("referrerPolicy", "no-referrer")),
            (header::STRICT_TRANSPORT_SECURITY, hsts),
            (header::X_CONTENT_TYPE_OPTIONS, value("xContentTypeOptions", "nosniff")),
            (ROBOTS, value("xRobotsTag", "none")),
        ];
        Self {
            always: always.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect(),
            frame_options: value("xFrameOptions", "SAMEORIGIN"),
            frame_ancestors: frame_ancestors(policy.as_ref()),
            report_only: value("contentSecurityPolicyReportOnly", ""),
            policy,
        }
    }

    /// Puts the headers on an answer. `asked` are the headers of the request.
    ///
    /// A header that the answer has already is left alone.
    pub fn apply(&self, asked: &HeaderMap, response: &mut Response) {
        let policy = response.extensions().get::<ContentPolicy>().cloned();
        let kind = Kind::of(asked, response.headers());
        let headers = response.headers_mut();
        for (name, value) in &self.always {
            set(headers, name.clone(), value);
        }
        if policy == Some(ContentPolicy::SessionFrame) {
            set(headers, header::CONTENT_SECURITY_POLICY, &SESSION_FRAME);
            return;
        }
        if let (Kind::Json | Kind::Html, Some(value)) = (kind, &self.frame_options) {
            set(headers, header::X_FRAME_OPTIONS, value);
        }
        if kind == Kind::Html {
            let ours = is(headers, "text/html").then(|| self.page_policy(&policy.unwrap_or_default()));
            if let Some(value) = ours.as_ref().or(self.policy.as_ref()) {
                set(headers, header::CONTENT_SECURITY_POLICY, value);
            }
            if let Some(value) = &self.report_only {
                set(headers, CSP_REPORT_ONLY, value);
            }
        }
    }

    /// The content policy of one of our pages. Inline script and style never run, so markup that slips
    /// into a page does nothing.
    fn page_policy(&self, policy: &ContentPolicy) -> HeaderValue {
        let extra = match policy {
            ContentPolicy::StaysHere => " form-action 'self';".to_owned(),
            ContentPolicy::Frames(origins) => format!(" frame-src 'self' {};", origins.join(" ")),
            ContentPolicy::Page | ContentPolicy::SessionFrame => String::new(),
        };
        let ancestors = &self.frame_ancestors;
        let text = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none';\
             {extra} frame-ancestors {ancestors};"
        );
        HeaderValue::try_from(text).unwrap_or(STRICTEST)
    }
}

/// Nothing but our own styles and scripts: for the case that an origin to frame is no header text.
const STRICTEST: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; frame-ancestors 'self';",
);
const SESSION_FRAME: HeaderValue = HeaderValue::from_static("frame-src 'self'; object-src 'none';");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Html,
    Other,
}

impl Kind {
    fn of(asked: &HeaderMap, answered: &HeaderMap) -> Self {
        let form = is(asked, "application/x-www-form-urlencoded") || is(asked, "multipart/form-data");
        if is(answered, "application/json") || (is(asked, "application/json") && !is(answered, "text/html")) {
            Self::Json
        } else if is(answered, "text/html") || form {
            Self::Html
        } else {
            Self::Other
        }
    }
}

fn is(headers: &HeaderMap, kind: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.split(';').next().unwrap_or(value).trim().eq_ignore_ascii_case(kind))
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &HeaderValue) {
    headers.entry(name).or_insert_with(|| value.clone());
}

fn frame_ancestors(policy: Option<&HeaderValue>) -> String {
    let text = policy.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = text.split(';').find_map(|part| part.trim().strip_prefix("frame-ancestors "));
    found.map(str::trim).filter(|hosts| !hosts.is_empty()).unwrap_or("'self'").to_owned()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn answer(kind: &'static str, asked: &'static str, policy: Option<ContentPolicy>) -> HeaderMap {
        let mut response = Response::new(Body::empty());
        if !kind.is_empty() {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Some(policy) = policy {
            response.extensions_mut().insert(policy);
        }
        let asked = [(header::CONTENT_TYPE, HeaderValue::from_static(asked))].into_iter().collect();
        BrowserHeaders::default().apply(&asked, &mut response);
        std::mem::take(response.headers_mut())
    }

    #[test]
    fn json_has_everything_but_the_content_policy() {
        let headers = answer("application/json", "application/x-www-form-urlencoded", None);
        for (name, value) in [
            ("x-frame-options", "SAMEORIGIN"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "none"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ] {
            assert_eq!(headers[name], value);
        }
        assert!(headers.get("content-security-policy").is_none());
    }

    #[test]
    fn an_answer_to_a_form_has_the_realms_policy_and_an_empty_one_to_a_get_has_none() {
        let form = answer("", "application/x-www-form-urlencoded", None);
        let get = answer("", "", None);
        assert_eq!(form["content-security-policy"], POLICY);
        assert!(get.get("content-security-policy").is_none() && get.get("x-frame-options").is_none());
        assert_eq!(get["x-robots-tag"], "none");
    }

    #[test]
    fn a_page_allows_only_our_files_and_names_no_form_action() {
        let page = answer("text/html;charset=utf-8", "", None);
        let here = answer("text/html", "", Some(ContentPolicy::StaysHere));
        let policy = page["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"));
        assert!(policy.contains("frame-ancestors 'self';") && !policy.contains("form-action"));
        assert!(here["content-security-policy"].to_str().unwrap().contains("form-action 'self'"));
    }

    #[test]
    fn a_realm_says_who_may_frame_it_and_may_drop_a_header() {
        let map: Attributes = [
            ("contentSecurityPolicy", "frame-ancestors 'self' https://portal.example; script-src *"),
            ("xFrameOptions", ""),
            ("referrerPolicy", "a\r\nb: c"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        BrowserHeaders::read(&map).apply(&HeaderMap::new(), &mut response);

        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.ends_with("frame-ancestors 'self' https://portal.example;") && !policy.contains('*'));
        assert!(response.headers().get("x-frame-options").is_none());
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    }

    #[test]
    fn the_session_frame_may_be_framed_by_anyone() {
        let headers = answer("text/html", "", Some(ContentPolicy::SessionFrame));
        assert_eq!(headers["content-security-policy"], "frame-src 'self'; object-src 'none';");
        assert!(headers.get("x-frame-options").is_none());
    }
}
