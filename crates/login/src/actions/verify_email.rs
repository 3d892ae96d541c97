//! `VERIFY_EMAIL`: a link is mailed to the address, and followed.
//!
//! The mail is sent when the page is first shown; shown again, it sends nothing. Who waits long enough may have
//! it sent again.

use axum::response::Response;
use http::StatusCode;
use keyraft_core::{Error, UserRecord, action_tokens::Purpose};
use keyraft_model::DurationMs;
use keyraft_web::mail::{Letter, MailedLink};

use super::Done;
use crate::{
    auth_session::Mailed,
    journey::Journey,
    mailing,
    view::{self, Notice},
};

/// How long one has to wait before the mail is sent again; Keycloak's.
const COOLDOWN: DurationMs = DurationMs::from_secs(30);

/// Sends the mail where it was not sent before; the inner error is the answer to give instead of the page.
pub(super) async fn prepare(
    journey: &mut Journey,
    user: &UserRecord,
) -> Result<Result<(), Box<Response>>, Error> {
    let address = user.user.email.clone().unwrap_or_default();
    if address.is_empty() {
        // Nothing can be sent: a profile without an address is asked for before this, where the realm wants one.
        let page = view::error(journey, StatusCode::BAD_REQUEST, "invalidEmailMessage");
        return Ok(Err(Box::new(page)));
    }
    // Who asked for it himself is asked before a mail goes out.
    let is_sent = journey.tab.mailed.as_ref().is_some_and(|mailed| mailed.to == address);
    if is_sent || super::is_cancellable(journey, super::Action::VerifyEmail, user) {
        return Ok(Ok(()));
    }
    send(journey, user, address).await
}

/// The form: send it, or send it again.
pub(super) async fn submit(journey: &mut Journey, user: &UserRecord) -> Result<Done, Error> {
    let address = user.user.email.clone().unwrap_or_default();
    if let Some(mailed) = journey.tab.mailed.as_ref().filter(|mailed| mailed.to == address) {
        let left = COOLDOWN.secs() - journey.now.since(mailed.at).secs();
        if left > 0 {
            return Ok(Done::Again(Notice::Wait(left)));
        }
    }
    match send(journey, user, address).await? {
        Ok(()) => Ok(Done::Again(Notice::Due)),
        Err(response) => Ok(Done::Answered(response)),
    }
}

async fn send(
    journey: &mut Journey,
    user: &UserRecord,
    address: String,
) -> Result<Result<(), Box<Response>>, Error> {
    let (link, lifespan) = mailing::link(journey, Purpose::VerifyEmail, user, None)?;
    let t = view::texts_for(journey, user);
    let letter =
        Letter::verify_email(&t, journey.browser.realm.realm.title(), MailedLink { href: &link, lifespan });
    if mailing::send(journey, "SEND_VERIFY_EMAIL", user, &address, letter).await.is_err() {
        let page = view::error(journey, StatusCode::INTERNAL_SERVER_ERROR, "emailSendErrorMessage");
        return Ok(Err(Box::new(page)));
    }
    journey.tab.mailed = Some(Mailed { to: address, at: journey.now });
    Ok(Ok(()))
}
