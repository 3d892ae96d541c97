//! The answer to an authorization request: fields in a query, a fragment or a form (RFC 6749 section 4.1.2).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ResponseMode;

/// Fields of an answer in the order in which they are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseFields(pub Vec<(&'static str, String)>);

/// What stays as it is in a form-urlencoded value.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

impl ResponseFields {
    /// Appends a field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// Appends a field if there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The redirect URI with the fields in its query or fragment. A form's address is the URI alone.
    pub fn address(&self, redirect_uri: &str, mode: ResponseMode) -> String {
        if self.0.is_empty() {
            return redirect_uri.to_owned();
        }
        let joint = match mode {
            ResponseMode::FormPost => return redirect_uri.to_owned(),
            ResponseMode::Fragment => '#',
            ResponseMode::Query if !redirect_uri.contains('?') => '?',
            ResponseMode::Query if redirect_uri.ends_with(['?', '&']) => {
                return format!("{redirect_uri}{self}");
            }
            ResponseMode::Query => '&',
        };
        format!("{redirect_uri}{joint}{self}")
    }
}

/// Form-urlencoded.
impl std::fmt::Display for ResponseFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("&")?;
            }
            write!(f, "{name}=")?;
            for (at, word) in value.split(' ').enumerate() {
                if at > 0 {
                    f.write_str("+")?;
                }
                write!(f, "{}", utf8_percent_encode(word, FORM))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_travel_in_query_or_fragment() {
        let fields = ResponseFields::default()
            .with("error", "login_required")
            .with_some("state", Some("<script>\"& x"))
            .with_some("code", None);

        let text = "error=login_required&state=%3Cscript%3E%22%26+x";
        assert_eq!(fields.address("http://a/cb", ResponseMode::Query), format!("http://a/cb?{text}"));
        assert_eq!(fields.address("http://a/cb?x=1", ResponseMode::Query), format!("http://a/cb?x=1&{text}"));
        assert_eq!(fields.address("http://a/cb", ResponseMode::Fragment), format!("http://a/cb#{text}"));
        assert_eq!(fields.address("http://a/cb", ResponseMode::FormPost), "http://a/cb");
    }
}
