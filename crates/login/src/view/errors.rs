//! Pages for what cannot go on, each with a way out where there is one.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keyraft_core::{ClientView, Error};
use keyraft_model::UnixMs;
use keyraft_web::{
    Frame, Messages, Page, RequestId,
    extract::Locales,
    failure,
    pages::{ErrorPage, advice},
};

use super::{client_name, frame, texts};
use crate::{arrival::Arrival, journey::Journey, login::Login, pages::ExpiredPage, protocol::Browser};

/// An error of a login in progress. The restart link keeps the client's request.
pub(crate) fn error(journey: &Journey, status: StatusCode, key: &str) -> Response {
    let t = texts(journey);
    let sentence = t.get(key).into_owned();
    // There is a button that starts again: what remains to be said is only what that would not cure.
    let advice = advice(&t, key, "").filter(|advice| *advice != t.get("goBackAndStartAgain"));
    page(journey, &t, status, &sentence, advice.as_deref())
}

/// The login asks for a step that cannot be taken here: which one, and whom to tell.
pub(crate) fn step_not_available(journey: &Journey, name: &str) -> Response {
    let t = texts(journey);
    let sentence = t.with("stepNotAvailable", &[name]).into_owned();
    let advice = t.get("stepNotAvailableHelp").into_owned();
    page(journey, &t, StatusCode::BAD_REQUEST, &sentence, Some(&advice))
}

/// Somebody else is signed in on this browser.
pub(crate) fn other_user(journey: &Journey, name: &str) -> Response {
    let t = texts(journey);
    let sentence = t.with("differentUserAuthenticated", &[name]).into_owned();
    journey.with_cookies(page(journey, &t, StatusCode::BAD_REQUEST, &sentence, None))
}

fn page(
    journey: &Journey,
    t: &Messages,
    status: StatusCode,
    sentence: &str,
    advice: Option<&str>,
) -> Response {
    let client = client_name(&journey.browser, t);
    let frame = frame(journey, t, &client);
    let restart = journey.url("restart", None, false);
    let page = ErrorPage {
        t,
        frame: &frame,
        sentence,
        advice,
        id: RequestId::random(),
        at: journey.now,
        back: home(&journey.browser.client),
        restart: Some(&restart),
    };
    Page::new(&page, t).status(status).into_response()
}

/// The form was of another step: two ways on, both with the same client's request.
pub(crate) fn page_expired(journey: &Journey, execution: &str) -> Response {
    let t = texts(journey);
    let client = client_name(&journey.browser, &t);
    let frame = frame(journey, &t, &client);
    let restart = format!("{}&skip_logout=false", journey.url("restart", None, false));
    let next = journey.url(journey.endpoint(), Some(execution), false);
    let page = ExpiredPage { t: &t, frame: &frame, next: &next, restart: &restart };
    journey.with_cookies(Page::new(&page, &t).into_response())
}

/// What cannot be known now: 503, with when to come back. Never a "no".
pub(crate) fn unavailable(browser: &Browser, error: &Error) -> Response {
    let t = super::messages(browser, None);
    let client = client_name(browser, &t);
    let frame = Frame::new(&t, browser.realm.realm.title(), &browser.origin.root).to(Some(&client));
    fail(&t, &frame, browser.origin.at, error)
}

/// The same where no realm could be read.
pub(crate) fn unavailable_without_realm(headers: &HeaderMap, at: UnixMs, error: &Error) -> Response {
    let t = Messages::without_realm(&Locales::read(headers, &keyraft_web::Fields::default()));
    fail(&t, &Frame::new(&t, "", ""), at, error)
}

fn fail(t: &Messages, frame: &Frame<'_>, at: UnixMs, error: &Error) -> Response {
    let id = RequestId::random();
    let (status, key) = match error {
        Error::Busy => (StatusCode::SERVICE_UNAVAILABLE, "tooManyTries"),
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "tryAgainLater"),
        Error::NotFound(_)
        | Error::Conflict { .. }
        | Error::Denied(_)
        | Error::Invalid { .. }
        | Error::Password(_)
        | Error::Profile(_)
        | Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internalServerError"),
    };
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%id, %error, source, "a login could not go on");
    let (sentence, advice) = (t.get(key), advice(t, key, ""));
    let advice = advice.as_deref();
    let page = ErrorPage { t, frame, sentence: &sentence, advice, id, at, back: None, restart: None };
    let mut response = Page::new(&page, t).status(status).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

/// No such realm.
pub(crate) fn no_realm(headers: &HeaderMap) -> Response {
    failure::no_page(headers, None, "Realm does not exist")
}

/// The browser lost its cookies, or never had any. Where the request can still be read, it starts again.
pub(crate) async fn cookies_missing(arrival: &Arrival, login: &Login) -> Response {
    let client_id = arrival.query.filled("client_id").unwrap_or_default();
    let client = login.parts().core.client(&arrival.realm, client_id).await.ok().flatten();
    let restart = arrival.request(login, client_id).map(|_| {
        let base = arrival.origin.issuer(&arrival.realm.realm);
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in ["client_id", "tab_id", "client_data"] {
            query.append_pair(name, arrival.query.get(name).unwrap_or_default());
        }
        format!("{base}/login-actions/restart?{}", query.finish())
    });
    let ways = Ways { restart: restart.as_deref(), back: client.as_deref().and_then(home) };
    plain(arrival, StatusCode::BAD_REQUEST, "cookieNotFoundMessage", ways)
}

/// The realm or the client was switched off meanwhile.
pub(crate) fn disabled(arrival: &Arrival, client: &ClientView) -> Response {
    let key = if client.client.enabled { "realmNotEnabledMessage" } else { "clientDisabledMessage" };
    plain(arrival, StatusCode::BAD_REQUEST, key, Ways { restart: None, back: home(client) })
}

/// An error where there is no login in progress.
pub(crate) fn error_at(arrival: &Arrival, status: StatusCode, key: &str) -> Response {
    plain(arrival, status, key, Ways::default())
}

/// The same, with the way back to an application.
pub(crate) fn error_with_way_back(
    arrival: &Arrival,
    status: StatusCode,
    key: &str,
    client: Option<&ClientView>,
) -> Response {
    plain(arrival, status, key, Ways { restart: None, back: client.and_then(home) })
}

/// The ways out of a page.
#[derive(Clone, Copy, Debug, Default)]
struct Ways<'a> {
    restart: Option<&'a str>,
    back: Option<&'a str>,
}

/// Where an application lives, if it says so.
pub(super) fn home(client: &ClientView) -> Option<&str> {
    client.client.base_url.as_deref().filter(|url| url.starts_with("http"))
}

fn plain(arrival: &Arrival, status: StatusCode, key: &str, ways: Ways<'_>) -> Response {
    let t = Messages::for_locale(&arrival.realm.realm, &Locales::read(&arrival.headers, &arrival.query));
    let frame = Frame::new(&t, arrival.realm.realm.title(), &arrival.origin.root);
    let (sentence, advice) = (t.get(key), advice(&t, key, ""));
    let page = ErrorPage {
        t: &t,
        frame: &frame,
        sentence: &sentence,
        advice: advice.as_deref(),
        id: RequestId::random(),
        at: arrival.origin.at,
        back: ways.back,
        restart: ways.restart,
    };
    page.respond(&arrival.headers, status)
}
