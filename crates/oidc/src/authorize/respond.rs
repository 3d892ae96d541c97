//! The way back to the client: a redirect, or a form that the browser posts.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keyraft_model::Realm;
use keyraft_web::page::redirect;
use keyraft_web::pages::FormPostPage;
use keyraft_web::{Frame, Messages, Page};
use keyraft_wire::oauth::{ErrorCode, ResponseFields, ResponseMode};
use keyraft_wire::oidc::claim_order;

/// An answer to a proven redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    redirect_uri: String,
    mode: ResponseMode,
    fields: ResponseFields,
}

impl Answer {
    /// An answer without fields.
    pub fn to(redirect_uri: &str, mode: ResponseMode) -> Self {
        Self { redirect_uri: redirect_uri.to_owned(), mode, fields: ResponseFields::default() }
    }

    /// An error (RFC 6749 section 4.1.2.1) with who says so (RFC 9207).
    pub fn error(
        issuer: &str,
        redirect_uri: &str,
        mode: ResponseMode,
        state: Option<&str>,
        code: ErrorCode,
    ) -> Self {
        Self::to(redirect_uri, mode)
            .with("error", Some(code.as_str()))
            .with("state", state)
            .with("iss", Some(issuer))
    }

    /// Appends a field if there is a value.
    #[must_use]
    pub fn with<T: AsRef<str> + ?Sized>(mut self, name: &'static str, value: Option<&T>) -> Self {
        self.fields = self.fields.with_some(name, value.map(AsRef::as_ref));
        self
    }

    /// An error with a sentence, which stands behind the code.
    #[must_use]
    pub fn described(mut self, description: Option<&str>) -> Self {
        if let Some(description) = description {
            let at = usize::from(!self.fields.0.is_empty());
            self.fields.0.insert(at, ("error_description", description.to_owned()));
        }
        self
    }

    /// As an HTTP answer, never cached: it carries a code.
    pub fn respond(&self, realm: &Realm, t: &Messages, root: &str) -> Response {
        if self.mode != ResponseMode::FormPost {
            return redirect(StatusCode::FOUND, &self.fields.address(&self.redirect_uri, self.mode));
        }
        let mut fields: Vec<(&str, &str)> =
            self.fields.0.iter().map(|(name, value)| (*name, value.as_str())).collect();
        claim_order::sort(&mut fields, |(name, _)| name);
        let frame = Frame::new(t, realm.title(), root);
        let page = FormPostPage { t, frame: &frame, action: &self.redirect_uri, fields: &fields };
        Page::new(&page, t).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_code_sentence_state_and_issuer_in_this_order() {
        let answer = Answer::error(
            "http://i",
            "http://a/cb",
            ResponseMode::Query,
            Some("st"),
            ErrorCode::InvalidScope,
        )
        .described(Some("Invalid scopes: x"));

        assert_eq!(
            answer.fields.address(&answer.redirect_uri, answer.mode),
            "http://a/cb?error=invalid_scope&error_description=Invalid+scopes%3A+x&state=st&iss=http%3A%2F%2Fi"
        );
    }
}
