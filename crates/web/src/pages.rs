//! The pages that every room shares: an error, a piece of information.

use std::borrow::Cow;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use keyraft_model::UnixMs;

use crate::layout::{Frame, Html, Link, Notice};
use crate::messages::Messages;
use crate::page::Page;
use crate::{RequestId, accept, time};

/// Something went wrong and this login or call cannot go on.
///
/// `sentence` is Keycloak's where one is known, because clients and test suites look for it; `advice` says
/// what to do. The id is also in the log.
#[derive(Debug, Template)]
#[template(path = "shared/error.html")]
pub struct ErrorPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// What happened, as one sentence.
    pub sentence: &'a str,
    /// What to do about it.
    pub advice: Option<&'a str>,
    /// The request's id, in the log too.
    pub id: RequestId,
    /// When it happened.
    pub at: UnixMs,
    /// The application's own address.
    pub back: Option<&'a str>,
    /// Where the same client's request starts again.
    pub restart: Option<&'a str>,
}

impl ErrorPage<'_> {
    /// The error as a person's endpoint answers it: a page, or JSON where that is wanted most.
    pub fn respond(&self, asked: &HeaderMap, status: StatusCode) -> Response {
        if accept::prefers_json(asked) {
            return json(status, &serde_json::json!({ "error": self.sentence }));
        }
        Page::new(self, self.t).status(status).into_response()
    }

    /// What the tab says after "Error:".
    fn title(&self) -> String {
        match self.frame.client {
            Some(client) => self.t.with("errorHeadingTo", &[client]).into_owned(),
            None => self.t.get("errorHeading").into_owned(),
        }
    }

    fn heading(&self) -> Html {
        match self.frame.client {
            Some(client) => self.t.html("errorHeadingTo", &[client]),
            None => self.t.html("errorHeading", &[]),
        }
    }

    fn back_text(&self) -> Html {
        match self.frame.client {
            Some(client) => self.t.html("backTo", &[client]),
            None => self.t.html("backToApplication", &[]),
        }
    }

    fn readable(&self) -> String {
        time::readable(self.at)
    }

    fn machine(&self) -> String {
        time::rfc3339(self.at)
    }

    fn copy(&self) -> String {
        format!("{} {}", self.id, time::rfc3339(self.at))
    }
}

/// What to do about an error, by the message key of its sentence; `None` where the sentence itself says it.
///
/// `argument` is what stands in the sentence, such as the parameter that is wrong.
pub fn advice<'a>(t: &'a Messages, key: &str, argument: &str) -> Option<Cow<'a, str>> {
    let advice = match (key, argument) {
        ("invalidRedirectUriMessage", _) | ("invalidParameterMessage", "redirect_uri") => {
            "redirectNotRegistered"
        }
        ("clientNotFoundMessage", _) => "applicationUnknown",
        ("clientDisabledMessage" | "wrongClientProtocolMessage" | "bearerOnlyMessage", _) => {
            "applicationCannot"
        }
        ("realmNotEnabledMessage" | "accessDenied" | "credentialNotSupported", _) => "askAdministrator",
        ("registrationNotAllowedMessage", _) => "askForAccount",
        ("resetCredentialNotAllowedMessage", _) => "askForPassword",
        ("internalServerError", _) => "tryAgainLater",
        (
            "accountDisabledMessage"
            | "cookieNotFoundMessage"
            | "emailSendErrorMessage"
            | "invalidCodeMessage"
            | "tooManyTries"
            | "tryAgainLater",
            _,
        ) => return None,
        _ => "goBackAndStartAgain",
    };
    Some(t.get(advice))
}

/// Something that a person should know, with at most one way on.
#[derive(Debug, Template)]
#[template(path = "shared/info.html")]
pub struct InfoPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// The heading: what is so now.
    pub heading: &'a str,
    /// One more sentence.
    pub detail: Option<&'a str>,
    /// Something to know before going on.
    pub notice: Option<Notice<'a>>,
    /// The way on.
    pub next: Option<Link<'a>>,
}

/// A message for an application that the browser carries there in a form (OAuth 2.0 Form Post Response Mode).
///
/// Its script sends the form at once; without script there is a button.
#[derive(Debug, Template)]
#[template(path = "shared/form_post.html")]
pub struct FormPostPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page; its client is named on the button.
    pub frame: &'a Frame<'a>,
    /// The application's address: http, https or a scheme that its registration names, never `javascript:`.
    pub action: &'a str,
    /// The fields in order.
    pub fields: &'a [(&'a str, &'a str)],
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do_unless_its_sentence_does() {
        let t = Messages::of_tag("en");
        let said = |key, argument| advice(&t, key, argument).map(Cow::into_owned);

        assert_eq!(
            said("invalidParameterMessage", "redirect_uri"),
            Some(t.get("redirectNotRegistered").into_owned())
        );
        assert_eq!(
            said("invalidParameterMessage", "claims"),
            Some(t.get("goBackAndStartAgain").into_owned())
        );
        assert_eq!(said("accountDisabledMessage", ""), None);
        for key in ["redirectNotRegistered", "applicationCannot", "askAdministrator", "askForAccount"] {
            assert!(t.has(key), "{key}");
        }
    }
}
