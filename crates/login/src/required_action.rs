//! `/login-actions/required-action`: the page of an action that is due, and its form.

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::HeaderMap;
use keyraft_core::Error;
use keyraft_crypto::digest;
use keyraft_web::{Fields, Form, Query, RequestOrigin};

use crate::{
    actions::{self, Done},
    consent,
    journey::{Journey, Next},
    login::Login,
    router::Arrival,
    view::{self, Notice},
};

/// `GET`: the page of the action that is due.
pub(crate) async fn show(
    State(login): State<Login>,
    path: Path<String>,
    query: Query,
    origin: RequestOrigin,
    headers: HeaderMap,
) -> Response {
    let arrival = match Arrival::at(&login, (path, query, origin, headers)).await {
        Ok(arrival) => arrival,
        Err(response) => return *response,
    };
    let mut journey = match arrival.journey(&login).await {
        Ok(journey) => journey,
        Err(response) => return *response,
    };
    match page(&mut journey).await {
        Ok(Some(response)) => response,
        Ok(None) => journey.advance().await,
        Err(error) => view::unavailable(&journey.browser, &error),
    }
}

/// What is due may have changed since the address was made; the page is always of what is due now.
async fn page(journey: &mut Journey) -> Result<Option<Response>, Error> {
    if journey.step().await? != Ok(Next::Done) {
        return Ok(None);
    }
    let Some(user) = journey.user.clone().filter(|user| user.user.enabled) else { return Ok(None) };
    match actions::due(journey, &user).await? {
        Ok(Some(action)) => Ok(Some(journey.action_page(action, &Notice::Due))),
        Ok(None) if consent::is_due(journey, &user).await? => Ok(Some(view::consent(journey, &user))),
        _ => Ok(None),
    }
}

/// `POST`: the form of the action that is due.
pub(crate) async fn submit(
    State(login): State<Login>,
    path: Path<String>,
    query: Query,
    origin: RequestOrigin,
    headers: HeaderMap,
    Form(form): Form,
) -> Response {
    let arrival = match Arrival::at(&login, (path, query, origin, headers)).await {
        Ok(arrival) => arrival,
        Err(response) => return *response,
    };
    let mut journey = match arrival.journey(&login).await {
        Ok(journey) => journey,
        Err(response) => return *response,
    };
    match take(&mut journey, &arrival.query, &form).await {
        Ok(Some(response)) => response,
        Ok(None) => journey.advance().await,
        Err(error) => view::unavailable(&journey.browser, &error),
    }
}

async fn take(journey: &mut Journey, query: &Fields, form: &Fields) -> Result<Option<Response>, Error> {
    let code = query.filled("session_code").unwrap_or_default();
    let is_ours = digest::constant_time_eq(code.as_bytes(), journey.session_code().as_bytes());
    if !is_ours || journey.step().await? != Ok(Next::Done) {
        return Ok(None);
    }
    let Some(user) = journey.user.clone() else { return Ok(None) };
    let Ok(Some(action)) = actions::due(journey, &user).await? else { return Ok(None) };
    if query.filled("execution") != Some(action.alias()) {
        return Ok(None);
    }
    match actions::submit(journey, action, &user, form).await? {
        Done::Yes => Ok(None),
        Done::Again(notice) => Ok(Some(journey.action_page(action, &notice))),
    }
}
