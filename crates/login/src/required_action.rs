//! `/login-actions/required-action`: the page of an action that is due, and its form.

use axum::response::Response;
use http::StatusCode;
use keyraft_core::Error;
use keyraft_web::Fields;

use crate::{
    actions::{self, Done, Prepared},
    arrival::{Arrived, Submitted},
    consent,
    journey::{Journey, Next},
    view::{self, Notice},
};

/// `GET`: the page of the action that is due.
pub(crate) async fn show(mut arrived: Arrived) -> Response {
    let page = page(&mut arrived.journey).await;
    arrived.answer(page).await
}

/// What is due may have changed since the address was made; the page is always of what is due now.
async fn page(journey: &mut Journey) -> Result<Option<Response>, Error> {
    if journey.step().await? != Ok(Next::Done) {
        return Ok(None);
    }
    let Some(user) = journey.user.clone().filter(|user| user.user.enabled) else { return Ok(None) };
    match actions::due(journey, &user).await? {
        Ok(Some(action)) => match actions::prepare(journey, action, &user).await? {
            Prepared::Show => Ok(Some(journey.action_page(action, &Notice::Due))),
            Prepared::NotNeeded => Ok(None),
            Prepared::Answered(response) => Ok(Some(*response)),
        },
        Ok(None) if consent::is_due(journey, &user).await? => Ok(Some(view::consent(journey, &user))),
        _ => Ok(None),
    }
}

/// `POST`: the form of the action that is due.
pub(crate) async fn submit(Submitted { mut arrived, form }: Submitted) -> Response {
    let taken = take(&mut arrived.journey, &arrived.query, &form).await;
    arrived.answer(taken).await
}

async fn take(journey: &mut Journey, query: &Fields, form: &Fields) -> Result<Option<Response>, Error> {
    let is_ours = journey.is_session_code(query.filled("session_code"));
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
        Done::Stale => Ok(Some(view::error(journey, StatusCode::BAD_REQUEST, "expiredActionMessage"))),
        Done::Answered(response) => Ok(Some(*response)),
    }
}
