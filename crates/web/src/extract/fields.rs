//! Form bodies and queries as an ordered list of fields.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// The most bytes that a form may have.
pub const MAX_BODY: usize = 64 * 1024;
const MAX_FIELDS: usize = 100;

/// The fields of a form or a query, in the order they came, duplicates included.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

/// The fields of a form body. A body of another type counts as a form without fields, as in Keycloak.
#[derive(Clone, Debug, Default)]
pub struct Form(pub Fields);

/// The fields of the query.
#[derive(Clone, Debug, Default)]
pub struct Query(pub Fields);

impl Fields {
    /// Reads `application/x-www-form-urlencoded` text; nothing when it has more than 100 fields.
    pub fn read(text: &[u8]) -> Option<Self> {
        let fields: Vec<_> = url::form_urlencoded::parse(text).take(MAX_FIELDS + 1).collect();
        let owned = fields.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
        let fields: Vec<_> = owned.collect();
        (fields.len() <= MAX_FIELDS).then_some(Self(fields))
    }

    /// The first value of that name. An empty value is a value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The first value of that name unless it is empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Every value of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether a field of that name came, empty or not: how a pressed button is recognised.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The first name that came more than once.
    pub fn duplicated(&self) -> Option<&str> {
        let twice = |(at, (name, _)): &(usize, &(String, String))| {
            self.0[..*at].iter().any(|(earlier, _)| earlier == name)
        };
        self.0.iter().enumerate().find(twice).map(|(_, (name, _))| name.as_str())
    }

    /// All names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// All names and values, given away.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// Whether nothing came.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields came.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<(String, String)> for Fields {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl std::fmt::Debug for Fields {
    /// Names only: values are passwords, codes and tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let is_form = is_form(request.headers());
        let body = Limited::new(request.into_body(), MAX_BODY).collect().await.map_err(|error| {
            if error.downcast_ref::<LengthLimitError>().is_some() { too_large() } else { unreadable() }
        })?;
        if !is_form {
            return Ok(Self::default());
        }
        Fields::read(&body.to_bytes()).map(Self).ok_or_else(too_large)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let query = parts.uri.query().unwrap_or_default();
        Fields::read(query.as_bytes()).map(Self).ok_or_else(too_large)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn too_large() -> Response {
    let body = r#"{"error":"HTTP 413 Request Entity Too Large"}"#;
    (StatusCode::PAYLOAD_TOO_LARGE, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn unreadable() -> Response {
    let body = r#"{"error":"HTTP 400 Bad Request"}"#;
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn form(kind: &str, body: impl Into<Body>) -> Result<Fields, StatusCode> {
        let request = Request::post("/").header("content-type", kind).body(body.into()).unwrap();
        Form::from_request(request, &()).await.map(|form| form.0).map_err(|response| response.status())
    }

    #[tokio::test]
    async fn a_form_keeps_order_and_duplicates() {
        let fields =
            form("application/x-www-form-urlencoded; charset=utf-8", "a=1&b=%C3%A4+x&a=2&c").await.unwrap();
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "ä x"), ("a", "2"), ("c", "")]);
        assert_eq!((fields.get("a"), fields.duplicated()), (Some("1"), Some("a")));
        assert!(fields.has("c") && fields.filled("c").is_none());
    }

    #[tokio::test]
    async fn a_body_of_another_type_has_no_fields() {
        assert!(form("application/json", r#"{"grant_type":"password"}"#).await.unwrap().is_empty());
        assert!(form("text/plain", "a=1").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_form_has_limits() {
        let kind = "application/x-www-form-urlencoded";
        let long = format!("a={}", "x".repeat(MAX_BODY));
        let many = "a&".repeat(101);
        assert_eq!(form(kind, long).await.unwrap_err(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(form(kind, many).await.unwrap_err(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(form(kind, "a&".repeat(100)).await.unwrap().len(), 100);
    }

    #[test]
    fn values_never_reach_a_log() {
        let fields = Fields::read(b"password=secret").unwrap();
        assert_eq!(format!("{fields:?}"), r#"["password"]"#);
    }
}
