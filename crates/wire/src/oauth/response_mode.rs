//! The parameter `response_mode` (OAuth 2.0 Multiple Response Types, Form Post Response Mode).

use super::ResponseType;

/// How the answer of an authorization request travels back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// As a form that the browser posts to it.
    FormPost,
}

impl ResponseMode {
    /// Reads the parameter; absent, it follows from the response type. `None` for an unknown or empty value.
    pub fn parse(text: Option<&str>, kind: ResponseType) -> Option<Self> {
        match text {
            None if kind.is_front_channel() => Some(Self::Fragment),
            None => Some(Self::Query),
            Some(text) => Self::named(text),
        }
    }

    /// The mode of that name.
    pub fn named(text: &str) -> Option<Self> {
        match text {
            "query" => Some(Self::Query),
            "fragment" => Some(Self::Fragment),
            "form_post" => Some(Self::FormPost),
            _ => None,
        }
    }

    /// The name as it stands in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_keeps_tokens_out_of_queries() {
        let code = ResponseType::parse("code").unwrap();
        let token = ResponseType::parse("code token").unwrap();

        assert_eq!(ResponseMode::parse(None, code), Some(ResponseMode::Query));
        assert_eq!(ResponseMode::parse(None, token), Some(ResponseMode::Fragment));
        assert_eq!(ResponseMode::parse(Some("form_post"), code), Some(ResponseMode::FormPost));
        assert_eq!(ResponseMode::parse(Some(""), code), None);
        assert_eq!(ResponseMode::parse(Some("query.jwt"), code), None);
    }
}
