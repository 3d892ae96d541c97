//! The JSON type that a mapper gives its value (`jsonType.label`).

use keyraft_wire::oidc::claims::Claim;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum JsonType {
    /// Also where none is named.
    #[default]
    Text,
    Long,
    Int,
    Boolean,
    Json,
}

/// Deeper or longer JSON is not taken into a token.
const MAX_JSON: usize = 16 * 1024;

impl JsonType {
    pub(super) fn parse(label: Option<&str>) -> Self {
        match label {
            Some("long") => Self::Long,
            Some("int") => Self::Int,
            Some("boolean") => Self::Boolean,
            Some("JSON") => Self::Json,
            _ => Self::Text,
        }
    }

    /// The text as a value of this type; nothing if it does not read as one.
    pub(super) fn convert(self, text: &str) -> Option<Claim<'_>> {
        match self {
            Self::Text => Some(Claim::Text(text.into())),
            Self::Long => text.parse().ok().map(Claim::Number),
            Self::Int => text.parse::<i32>().ok().map(|number| Claim::Number(number.into())),
            Self::Boolean => Some(Claim::Bool(text.eq_ignore_ascii_case("true"))),
            Self::Json if text.len() > MAX_JSON => None,
            Self::Json => serde_json::from_str(text).ok().map(Claim::Json),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_read_as_its_type_is_left_out() {
        assert_eq!(JsonType::Long.convert("-3"), Some(Claim::Number(-3)));
        assert_eq!(JsonType::Long.convert("abc"), None);
        assert_eq!(JsonType::Int.convert("99999999999"), None);
        assert_eq!(JsonType::Boolean.convert("TRUE"), Some(Claim::Bool(true)));
        assert_eq!(JsonType::Boolean.convert("maybe"), Some(Claim::Bool(false)));
        assert_eq!(JsonType::Json.convert("[1,2]"), Some(Claim::Json(serde_json::json!([1, 2]))));
        assert_eq!(JsonType::Json.convert("{bad"), None);
    }
}
