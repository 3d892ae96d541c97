//! Refuses addresses that two readers could read differently.
//!
//! `..`, `//` and `;` are how rules for `/admin` or a redirect's path have been walked around: a proxy
//! judges one path and the server serves another. Encoded dots count as dots. Control characters in a query are
//! what injections are made of, and nobody's value. The answers are Keycloak's.

use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, Uri, header};
use percent_encoding::percent_decode_str;

/// The refusal for an address, or nothing when it is as plain as it should be.
pub fn refuse(uri: &Uri) -> Option<Response> {
    let path = uri.path();
    let json = "application/json; charset=UTF-8";
    let (kind, body) = if path.contains("//") || path.split('/').any(is_dots) {
        (json, NOT_NORMAL)
    } else if path.contains(';') {
        (json, INVALID)
    } else if uri.query().is_some_and(has_control) {
        ("application/json", BLOCKED)
    } else {
        return None;
    };
    Some((StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, kind)], body).into_response())
}

const NOT_NORMAL: &str =
    r#"{"error":"missingNormalization","error_description":"Request path not normalized"}"#;
const INVALID: &str =
    r#"{"error":"invalidCharacter","error_description":"Request path contains invalid character ';'"}"#;

const BLOCKED: &str = r#"{"error":"Blocking invalid query parameter value"}"#;

/// Whether a value holds a control character other than blanks and ends of lines.
fn has_control(query: &str) -> bool {
    let values = query.split('&').filter_map(|pair| pair.split_once('=').map(|(_, value)| value));
    values.flat_map(percent_decode_str).any(|byte| byte < b' ' && !b"\t\n\r".contains(&byte))
}

/// Whether a segment means "here" or "above": plainly, or encoded with or without parameters.
fn is_dots(segment: &str) -> bool {
    let is_dots = |name: &str| name == "." || name == "..";
    if !segment.contains('%') {
        return is_dots(segment);
    }
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    is_dots(plain.split(';').next().unwrap_or(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error(path: &str) -> Option<String> {
        let response = refuse(&path.parse().unwrap())?;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        Some(json["error"].as_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_path_that_reads_two_ways_is_refused() {
        for path in [
            "/realms/../x",
            "//realms",
            "/realms/x//",
            "/realms/x/.",
            "/a/%2e%2E/b",
            "/a;b/..",
            "/a/%2E%2E;/x",
        ] {
            assert_eq!(error(path).await.as_deref(), Some("missingNormalization"), "{path}");
        }
        for path in ["/realms/x;y", "/realms/..;/x"] {
            assert_eq!(error(path).await.as_deref(), Some("invalidCharacter"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_query_has_no_control_characters() {
        for query in ["a=%00", "a=b&c=d%1Be", "=%07"] {
            let said = error(&format!("/realms/x?{query}")).await;
            assert_eq!(said.as_deref(), Some("Blocking invalid query parameter value"), "{query}");
        }
        for query in ["a=%09%0a%0d", "a%00=b", "a=%7F", "a=%25%30%30", "a=%", "a"] {
            assert_eq!(error(&format!("/realms/x?{query}")).await, None, "{query}");
        }
    }

    #[tokio::test]
    async fn a_plain_path_passes() {
        for path in
            ["/", "/realms/a.b", "/realms/a..b/c", "/realms/.well-known/x", "/realms/a%3By", "/realms/a%2Fb"]
        {
            assert_eq!(error(path).await, None, "{path}");
        }
    }
}
