//! Mail of a login: the links that it sends, and sending them now or after the answer.

use std::sync::Arc;

use keyraft_core::{
    Error, UserRecord,
    action_tokens::{ActionToken, Purpose},
    mail::{MailError, Message},
};
use keyraft_model::{DurationMs, Event};
use keyraft_web::{extract::query_value, mail::Letter};

use crate::journey::Journey;

/// The address of a link for this login, and how long it works.
pub(crate) fn link(
    journey: &Journey,
    purpose: Purpose,
    user: &UserRecord,
    execution: Option<&str>,
) -> Result<(String, DurationMs), Error> {
    let realm = &journey.browser.realm;
    let lifespan = purpose.lifespan(&realm.realm);
    let issuer = journey.browser.origin.issuer(&realm.realm);
    let client_id = &journey.request.client_id;
    let mut token = ActionToken::new(purpose, &issuer, &user.user, client_id, journey.now, lifespan);
    token.asid = Some(journey.asid());
    Ok((address(journey, &token, execution)?, lifespan))
}

/// The address of a link with what continues this login.
pub(crate) fn address(
    journey: &Journey,
    token: &ActionToken,
    execution: Option<&str>,
) -> Result<String, Error> {
    let key = token.sign(&journey.browser.realm)?;
    let url = journey.url("action-token", execution, false);
    Ok(url.replacen('?', &format!("?key={}&", query_value(&key)), 1))
}

/// Sends a letter now.
pub(crate) async fn send(
    journey: &Journey,
    kind: &str,
    user: &UserRecord,
    to: &str,
    letter: Letter,
) -> Result<(), MailError> {
    let message = message(to.to_owned(), letter);
    let sent = journey.core().send_mail(&journey.browser.realm, &message).await;
    journey.core().events.emit(&event(journey, kind, user, sent.is_ok()));
    sent
}

/// Sends a letter after the answer: how long it takes must not tell that there is somebody to send it to.
pub(crate) fn send_later(journey: &Journey, kind: &str, user: &UserRecord, to: String, letter: Letter) {
    let (core, realm) = (journey.core().clone(), Arc::clone(&journey.browser.realm));
    let (sent_event, failed_event) = (event(journey, kind, user, true), event(journey, kind, user, false));
    tokio::spawn(async move {
        let sent = core.send_mail(&realm, &message(to, letter)).await;
        if let Err(error) = &sent {
            tracing::warn!(%error, realm = realm.realm.realm, "a mail was not sent");
        }
        core.events.emit(if sent.is_ok() { &sent_event } else { &failed_event });
    });
}

fn message(to: String, letter: Letter) -> Message {
    Message { to, subject: letter.subject, text: letter.text, html: letter.html }
}

fn event(journey: &Journey, kind: &str, user: &UserRecord, is_sent: bool) -> Event {
    let kind = if is_sent { kind.to_owned() } else { format!("{kind}_ERROR") };
    Event {
        time: journey.now,
        kind,
        realm_id: journey.browser.realm.realm.id.clone(),
        client_id: Some(journey.request.client_id.clone()),
        user_id: Some(user.user.id.to_string()),
        ip_address: Some(journey.browser.origin.client_ip.to_string()),
        error: (!is_sent).then(|| "email_send_failed".to_owned()),
        ..Event::default()
    }
}
