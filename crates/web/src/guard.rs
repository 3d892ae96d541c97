//! Refuses request paths that two readers could read differently.
//!
//! `..`, `//` and `;` are how rules for `/admin` or a redirect's path have been walked around: a proxy
//! judges one path and the server serves another. Encoded dots count as dots. The answers are Keycloak's.

use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

/// The refusal for a path, or nothing when it is as plain as it should be.
pub fn refuse(path: &str) -> Option<Response> {
    let body = if path.contains("//") || path.split('/').any(is_dots) {
        NOT_NORMAL
    } else if path.contains(';') {
        INVALID
    } else {
        return None;
    };
    let kind = [(header::CONTENT_TYPE, "application/json; charset=UTF-8")];
    Some((StatusCode::BAD_REQUEST, kind, body).into_response())
}

const NOT_NORMAL: &str =
    r#"{"error":"missingNormalization","error_description":"Request path not normalized"}"#;
const INVALID: &str =
    r#"{"error":"invalidCharacter","error_description":"Request path contains invalid character ';'"}"#;

/// Whether a segment means "here" or "above": plainly, or encoded with or without parameters.
fn is_dots(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    let name = if segment.contains('%') { plain.split(';').next().unwrap_or(&plain) } else { &plain };
    name == "." || name == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn error(path: &str) -> Option<String> {
        let response = refuse(path)?;
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
    async fn a_plain_path_passes() {
        for path in
            ["/", "/realms/a.b", "/realms/a..b/c", "/realms/.well-known/x", "/realms/a%3By", "/realms/a%2Fb"]
        {
            assert_eq!(error(path).await, None, "{path}");
        }
    }
}
