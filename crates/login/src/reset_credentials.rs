//! `/login-actions/reset-credentials`: whoever forgot his password says who he is, and gets a link by mail.
//!
//! The answer is the same whether or not somebody has that name or address, and so is the time that it takes: the
//! mail is written and sent after the answer, as in Keycloak. The link leads on in [`crate::action_link`].

use axum::{extract::State, response::Response};
use http::StatusCode;
use keyraft_core::{Error, action_tokens::Purpose};
use keyraft_web::{Fields, mail::Letter, page::redirect};

use crate::{
    arrival::{Arrival, Submitted},
    auth_session::Door,
    authenticate::{find, prove},
    authenticator::Authenticator,
    flow::Refusal,
    journey::{Journey, Next},
    login::Login,
    mailing,
    view::{self, Notice},
};

/// `GET`: the page that asks who it is. Somebody who comes without a login in progress begins one.
pub(crate) async fn show(State(login): State<Login>, arrival: Arrival) -> Response {
    match arrival.asked(&login).await {
        Ok(Some((client, request))) => {
            login.begin_at(Door::ResetCredentials, arrival.browser(client), request).await
        }
        Ok(None) => match arrival.account(&login).await {
            Ok(Some(browser)) => {
                let request = login.parts().protocol.unasked(&browser);
                login.begin_at(Door::ResetCredentials, browser, request).await
            }
            Ok(None) => view::error_at(&arrival, StatusCode::BAD_REQUEST, "invalidRequestMessage"),
            Err(response) => *response,
        },
        Err(response) => *response,
    }
}

/// `POST`: the form of that page.
pub(crate) async fn submit(Submitted { mut arrived, form }: Submitted) -> Response {
    arrived.journey.enter(Door::ResetCredentials);
    let taken = take(&mut arrived.journey, &arrived.query, &form).await;
    arrived.answer(taken).await
}

async fn take(journey: &mut Journey, query: &Fields, form: &Fields) -> Result<Option<Response>, Error> {
    if !journey.is_open() {
        return Ok(None);
    }
    if !journey.is_session_code(query.filled("session_code")) {
        let url = journey.url("reset-credentials", None, false);
        return Ok(Some(redirect(StatusCode::FOUND, &url)));
    }
    let Ok(Next::Ask(execution, Authenticator::ResetChooseUser)) = journey.step().await? else {
        return Ok(None);
    };
    let name = form.get("username").unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        journey.event("RESET_PASSWORD_ERROR", Some("username_missing"), &[]);
        let page = journey.page(&execution, Authenticator::ResetChooseUser, Notice::NoUsername);
        return page.await.map(Some);
    }
    // What the flow asks next must not depend on who it is: it is walked for nobody.
    prove(journey, &execution, None, "").await?;
    let mailing_execution = match journey.step().await? {
        Ok(Next::Ask(execution, Authenticator::ResetEmail)) => execution,
        Ok(Next::Ask(..) | Next::Done) => return Ok(Some(journey.refuse(&Refusal::NoWay))),
        Err(refusal) => return Ok(Some(journey.refuse(&refusal))),
    };
    send(journey, &name, mailing_execution).await?;
    journey.enter_new_tab(Door::SignIn);
    journey.tab.attempted = name;
    journey.next_saying(Notice::MailSent).await.map(Some)
}

/// Mails the link, if somebody is called so and can be written to; after the answer.
async fn send(journey: &mut Journey, name: &str, execution: String) -> Result<(), Error> {
    journey.tab.attempted.clear();
    let Some(user) = find(journey, name).await?.filter(|user| user.user.enabled) else {
        journey.event("RESET_PASSWORD_ERROR", Some("user_not_found"), &[("username", name)]);
        return Ok(());
    };
    let Some(address) = user.user.email.clone().filter(|address| !address.is_empty()) else {
        journey.event("RESET_PASSWORD_ERROR", Some("invalid_email"), &[("username", name)]);
        return Ok(());
    };
    let (link, lifespan) = mailing::link(journey, Purpose::ResetCredentials, &user, Some(&execution))?;
    let t = view::texts_for(journey, &user);
    let mailed = keyraft_web::mail::MailedLink { href: &link, lifespan };
    let letter = Letter::reset_password(&t, journey.browser.realm.realm.title(), mailed);
    mailing::send_later(journey, "SEND_RESET_PASSWORD", &user, address, letter);
    Ok(())
}
