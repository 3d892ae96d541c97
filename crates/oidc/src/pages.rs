//! Error pages of this room: what a person sees where nobody may be redirected.

use axum::response::Response;
use http::StatusCode;
use keyraft_web::pages::{ErrorPage, advice};
use keyraft_web::{Fields, Frame, Locales, Messages, RequestId};

use crate::asked::Asked;

/// What an error page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Status of the answer.
    pub status: StatusCode,
    /// Message key.
    pub key: &'static str,
    /// What stands in the message.
    pub argument: &'static str,
}

impl Sentence {
    /// 400 with a message.
    pub const fn bad_request(key: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, key, argument: "" }
    }

    /// 400 with a message about something.
    pub const fn about(key: &'static str, argument: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, key, argument }
    }
}

/// The texts for whoever asked; `query` may name languages.
pub(crate) fn texts(asked: &Asked, query: &Fields) -> Messages {
    Messages::for_locale(&asked.realm.realm, &Locales::read(&asked.headers, query))
}

/// The page, or JSON for who wants that more.
pub(crate) fn error(asked: &Asked, query: &Fields, sentence: Sentence) -> Response {
    error_with_way_back(asked, query, sentence, None)
}

/// The page with a link to where the application lives; `back` comes from the client's own settings, never
/// from the request.
pub(crate) fn error_with_way_back(
    asked: &Asked,
    query: &Fields,
    sentence: Sentence,
    back: Option<&str>,
) -> Response {
    let t = texts(asked, query);
    let frame = Frame::new(&t, asked.realm.realm.title(), &asked.origin.root);
    let text = t.with(sentence.key, &[sentence.argument]);
    let advice = advice(&t, sentence.key, sentence.argument);
    let page = ErrorPage {
        t: &t,
        frame: &frame,
        sentence: &text,
        advice: advice.as_deref(),
        id: asked.id.unwrap_or_else(RequestId::random),
        at: asked.origin.at,
        back,
        restart: None,
    };
    page.respond(&asked.headers, sentence.status)
}

/// The page for what cannot be answered now; the reason goes to the log.
pub(crate) fn failure(asked: &Asked, query: &Fields, error_: &keyraft_core::Error) -> Response {
    let refusal = crate::refusal::Refusal::failure(error_);
    let key = if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        "tryAgainLater"
    } else {
        "internalServerError"
    };
    let sentence = Sentence { status: refusal.status, key, argument: "" };
    error(asked, query, sentence)
}
