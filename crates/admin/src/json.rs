//! Reads request bodies as strictly as Keycloak does, and says where they are wrong.
//!
//! A body is read once, against the class that the operation takes (`json/shapes.txt`): an unknown member, a
//! wrong type or broken text ends the reading at that byte. Scalars are coerced the way Jackson coerces them
//! (`"true"` to a boolean, `5` to text). Nesting is limited, so that a body cannot exhaust the stack.

mod scan;
mod shape;

use serde_json::{Map, Value};

/// A JSON object that was read against a class.
pub(crate) type Object = Map<String, Value>;

/// Why a body was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// A member that its class does not have. Columns count bytes from 1, as Jackson does.
    #[error("unknown member {field:?} of {class} at line {line} column {column}")]
    Unrecognized { class: String, field: String, line: usize, column: usize },
    /// JSON, but not what the class takes.
    #[error("a value of the wrong type")]
    Mismatch,
    /// Not JSON, or nested too deeply.
    #[error("not JSON")]
    Broken,
    /// Nothing, or `null`, where an object is needed.
    #[error("no body")]
    Empty,
}

/// Reads an object of `class`, a name in `json/shapes.txt`.
///
/// # Errors
/// The first fault in reading order.
pub(crate) fn object(bytes: &[u8], class: &str) -> Result<Object, Fault> {
    match read(bytes, class)? {
        Value::Object(members) => Ok(members),
        Value::Null => Err(Fault::Empty),
        _ => Err(Fault::Mismatch),
    }
}

/// Reads a list of `element`s: a class name, or a type such as `t`.
///
/// # Errors
/// The first fault in reading order.
pub(crate) fn list(bytes: &[u8], element: &str) -> Result<Vec<Value>, Fault> {
    match read(bytes, &format!("[{element}]"))? {
        Value::Array(elements) => Ok(elements),
        Value::Null => Err(Fault::Empty),
        _ => Err(Fault::Mismatch),
    }
}

/// Reads an object of `class` whose unknown members are dropped: Keycloak's `POST client-scopes` takes them.
///
/// # Errors
/// The first fault in reading order.
pub(crate) fn lenient_object(bytes: &[u8], class: &str) -> Result<Object, Fault> {
    match scan::Scanner::lenient(bytes).document(&shape::parse(class).ok_or(Fault::Mismatch)?)? {
        Value::Object(members) => Ok(members),
        Value::Null => Err(Fault::Empty),
        _ => Err(Fault::Mismatch),
    }
}

fn read(bytes: &[u8], shape: &str) -> Result<Value, Fault> {
    scan::Scanner::strict(bytes).document(&shape::parse(shape).ok_or(Fault::Mismatch)?)
}

/// The text member of that name.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unrecognized(class: &str, field: &str, column: usize) -> Fault {
        Fault::Unrecognized { class: class.to_owned(), field: field.to_owned(), line: 1, column }
    }

    #[test]
    fn an_unknown_member_is_named_with_its_place() {
        let cases: [(&str, &str, &str, usize); 5] = [
            (r#"{"username": "unk", "nope": 1}"#, "UserRepresentation", "nope", 30),
            (r#"{"nope": 1}"#, "RealmRepresentation", "nope", 11),
            (r#"{"name": "g9", "x": 1}"#, "GroupRepresentation", "x", 22),
            (r#"{"clientId": "cx", "nope": 1}"#, "ClientRepresentation", "nope", 29),
            (r#"{"type": "password", "value": "x", "nope": 1}"#, "CredentialRepresentation", "nope", 45),
        ];

        for (body, class, field, column) in cases {
            assert_eq!(object(body.as_bytes(), class), Err(unrecognized(class, field, column)), "{body}");
        }
    }

    #[test]
    fn a_nested_unknown_member_names_its_own_class() {
        let body = br#"{"username":"u","credentials":[{"nope":1}]}"#;

        let fault = object(body, "UserRepresentation");

        assert!(
            matches!(fault, Err(Fault::Unrecognized { class, .. }) if class == "CredentialRepresentation")
        );
    }

    #[test]
    fn wrong_types_and_broken_text_are_told_apart() {
        let read = |body: &str| object(body.as_bytes(), "UserRepresentation");

        assert_eq!(read(r#"{"username": "unk", "enabled": "maybe"}"#), Err(Fault::Mismatch));
        assert_eq!(read(r#"{"username": {"a": 1}}"#), Err(Fault::Mismatch));
        assert_eq!(read("[]"), Err(Fault::Mismatch));
        assert_eq!(read("null"), Err(Fault::Empty));
        assert_eq!(read(""), Err(Fault::Empty));
        assert_eq!(read(r#"{"username":"#), Err(Fault::Broken));
        assert_eq!(read("{"), Err(Fault::Broken));
        assert!(read(r#"{"username":"a"} x"#).is_ok(), "what stands behind the value is not looked at");
    }

    #[test]
    fn scalars_are_coerced_as_jackson_does() {
        let body =
            br#"{"username":5,"enabled":"true","createdTimestamp":"7","attributes":{"a":"b","c":["d"]}}"#;

        let user = object(body, "UserRepresentation").expect("it reads");

        let expected = serde_json::json!({"username":"5","enabled":true,"createdTimestamp":7,"attributes":{"a":["b"],"c":["d"]}});
        assert_eq!(Value::Object(user), expected);
    }

    #[test]
    fn nesting_has_an_end() {
        let body = format!("{{\"config\":{{\"a\":{}1{}}}}}", "[".repeat(5000), "]".repeat(5000));

        assert_eq!(object(body.as_bytes(), "CredentialRepresentation"), Err(Fault::Broken));
    }

    #[test]
    fn escapes_and_pairs_decode() {
        let body = br#"{"username":"\u00fc\ud83d\ude00\n\"\/"}"#;

        let user = object(body, "UserRepresentation").expect("it reads");

        assert_eq!(text(&user, "username"), Some("ü😀\n\"/"));
        assert_eq!(object(br#"{"username":"\ud83d"}"#, "UserRepresentation"), Err(Fault::Broken));
    }
}
