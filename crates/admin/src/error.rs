//! What can go wrong in the admin API, and Keycloak's two shapes of saying so.
//!
//! `{"errorMessage":…}` is what its resources answer on purpose, `{"error":…}` what its exceptions become. An
//! operation that has a sentence of its own says it; everything else is mapped here, exhaustively.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use keyraft_core::user_profile::Fault as ProfileFault;
use serde_json::{Value, json};

use crate::{json::Fault, reply};

/// An answer that is none of the good ones.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// `{"error":…}`.
    #[error("{0}: {1}")]
    Plain(StatusCode, String),
    /// `{"error":…,"error_description":…}`.
    #[error("{0}: {1}: {2}")]
    Described(StatusCode, &'static str, String),
    /// `{"errorMessage":…}`.
    #[error("{0}: {1}")]
    Message(StatusCode, String),
    /// A body that does not read.
    #[error(transparent)]
    Body(#[from] Fault),
    /// What `core` refused.
    #[error(transparent)]
    Core(#[from] keyraft_core::Error),
}

impl Error {
    /// 404 with a sentence, such as `User not found`.
    pub(crate) fn not_found(sentence: &str) -> Self {
        Self::Plain(StatusCode::NOT_FOUND, sentence.to_owned())
    }

    /// 404 of a path that leads nowhere.
    pub(crate) fn no_path() -> Self {
        Self::not_found("HTTP 404 Not Found")
    }

    /// 403.
    pub(crate) fn forbidden() -> Self {
        Self::Plain(StatusCode::FORBIDDEN, "HTTP 403 Forbidden".to_owned())
    }

    /// 401.
    pub(crate) fn unauthorized() -> Self {
        Self::Plain(StatusCode::UNAUTHORIZED, "HTTP 401 Unauthorized".to_owned())
    }

    /// 405.
    pub(crate) fn wrong_method() -> Self {
        Self::Plain(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed".to_owned())
    }

    /// 415.
    pub(crate) fn wrong_media_type() -> Self {
        let sentence = "The content-type header value did not match the value in @Consumes";
        Self::Plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence.to_owned())
    }

    /// 400 `{"errorMessage":…}`.
    pub(crate) fn message(sentence: impl Into<String>) -> Self {
        Self::Message(StatusCode::BAD_REQUEST, sentence.into())
    }

    /// 400 `{"error":…}`.
    pub(crate) fn plain(sentence: impl Into<String>) -> Self {
        Self::Plain(StatusCode::BAD_REQUEST, sentence.into())
    }

    /// 409 of an update to a taken name.
    pub(crate) fn duplicate() -> Self {
        Self::Described(StatusCode::CONFLICT, "conflict", "Duplicate resource error".to_owned())
    }

    /// What an operation says of its own when no body came.
    pub(crate) fn of_nothing(self, sentence: impl FnOnce() -> Self) -> Self {
        if matches!(self, Self::Body(Fault::Empty)) { sentence() } else { self }
    }

    /// As an HTTP response; what is our own fault is logged here.
    pub(crate) fn into_response(self) -> Response {
        let (status, body) = self.face();
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            log(&self, status);
        }
        let mut response = reply::status(status, Body::from(body.to_string()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }

    fn face(&self) -> (StatusCode, Value) {
        match self {
            Self::Plain(status, error) => (*status, json!({"error": error})),
            Self::Described(status, error, description) => {
                (*status, json!({"error": error, "error_description": description}))
            }
            Self::Message(status, sentence) => (*status, json!({"errorMessage": sentence})),
            Self::Body(fault) => (StatusCode::BAD_REQUEST, unreadable(fault)),
            Self::Core(error) => refused(error),
        }
    }
}

fn unreadable(fault: &Fault) -> Value {
    let cannot = |error: &str| json!({"error": error, "error_description": "Cannot parse the JSON"});
    match fault {
        Fault::Unrecognized { class, field, line, column } => json!({"error": format!(
            "Invalid json representation for {class}. Unrecognized field \"{field}\" at line {line} column {column}."
        )}),
        Fault::Mismatch => cannot("unknown_error"),
        Fault::Broken | Fault::Empty => cannot("invalid_request"),
    }
}

fn refused(error: &keyraft_core::Error) -> (StatusCode, Value) {
    use keyraft_core::Error as E;
    match error {
        E::NotFound(what) => (StatusCode::NOT_FOUND, json!({"error": format!("Could not find {what}")})),
        E::Conflict { what, name } => (StatusCode::CONFLICT, conflict(what, name)),
        E::Denied(_) => (StatusCode::FORBIDDEN, json!({"error": "HTTP 403 Forbidden"})),
        E::Invalid { rule, .. } => (StatusCode::BAD_REQUEST, json!({"errorMessage": rule})),
        E::Password(violation) => {
            let sentence = violation.sentence();
            (StatusCode::BAD_REQUEST, json!({"error": violation.key, "error_description": sentence}))
        }
        E::Profile(faults) => (StatusCode::BAD_REQUEST, profile(faults)),
        E::Busy | E::Unavailable(_) => {
            let again = "The server cannot answer now, try again later";
            (StatusCode::SERVICE_UNAVAILABLE, json!({"error": "unavailable", "error_description": again}))
        }
        E::Internal(_) => {
            let log = "For more on this error consult the server log.";
            (StatusCode::INTERNAL_SERVER_ERROR, json!({"error": "unknown_error", "error_description": log}))
        }
    }
}

fn conflict(what: &str, name: &str) -> Value {
    let sentence = match what {
        "username" => "User exists with same username".to_owned(),
        "email" => "User exists with same email".to_owned(),
        "user" => "User exists with same username or email".to_owned(),
        "client" => format!("Client {name} already exists"),
        "client scope" => format!("Client Scope {name} already exists"),
        "role" => format!("Role with name {name} already exists"),
        "top group" => format!("Top level group named '{name}' already exists."),
        "sibling group" => format!("Sibling group named '{name}' already exists."),
        "protocol mapper" => "Protocol mapper exists with same name".to_owned(),
        "realm" => "Realm with same name exists".to_owned(),
        "realm id" => "Duplicate resource error".to_owned(),
        "new realm" => format!("Realm {name} already exists"),
        _ => return json!({"error": "conflict", "error_description": "Duplicate resource error"}),
    };
    json!({"errorMessage": sentence})
}

fn profile(faults: &[ProfileFault]) -> Value {
    let one = |fault: &ProfileFault| {
        if fault.field.is_empty() {
            return json!({"errorMessage": fault.message});
        }
        let params: Vec<Value> =
            std::iter::once(Value::from(fault.field.clone())).chain(fault.params.iter().cloned()).collect();
        json!({"field": fault.field, "errorMessage": fault.message, "params": params})
    };
    match faults {
        [fault] => one(fault),
        faults => json!({"errors": faults.iter().map(one).collect::<Vec<_>>()}),
    }
}

fn log(error: &Error, status: StatusCode) {
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        source = cause.source();
    }
    tracing::error!(status = status.as_u16(), error = chain, "an admin operation failed");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(error: impl Into<Error>) -> (u16, Value) {
        let (status, body) = error.into().face();
        (status.as_u16(), body)
    }

    #[test]
    fn one_fault_of_a_profile_stands_alone_and_several_in_a_list() {
        let fault = |field: &str| ProfileFault {
            field: field.to_owned(),
            message: "error-invalid-length".to_owned(),
            params: vec![3.into(), 255.into()],
        };
        let one = json!({"field": "username", "errorMessage": "error-invalid-length", "params": ["username", 3, 255]});

        let alone = face(keyraft_core::Error::Profile(vec![fault("username")]));
        assert_eq!(alone, (400, one.clone()));
        let both = face(keyraft_core::Error::Profile(vec![fault("username"), fault("email")]));
        assert_eq!(both.1["errors"][0], one);
    }

    #[test]
    fn bodies_are_keycloaks() {
        assert_eq!(face(Fault::Mismatch).1["error"], "unknown_error");
        assert_eq!(face(Fault::Broken).1["error"], "invalid_request");
        let taken = keyraft_core::Error::Conflict { what: "email", name: "a@b".to_owned() };
        assert_eq!(face(taken), (409, json!({"errorMessage": "User exists with same email"})));
        assert_eq!(face(keyraft_core::Error::Denied("x")), (403, json!({"error": "HTTP 403 Forbidden"})));
    }

    #[test]
    fn what_is_not_known_is_never_a_no() {
        let error = keyraft_core::Error::Unavailable("the database is gone".into());

        assert_eq!(face(error).0, 503);
    }
}
