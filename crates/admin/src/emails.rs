//! Mail that an administrator has sent: links for a user, and a trial of the realm's settings.

use http::StatusCode;
use keyraft_core::{
    ClientView, UserRecord,
    action_tokens::{ActionToken, Purpose},
    mail::{Message, Smtp},
    required_actions::Action,
};
use keyraft_model::{Attributes, DurationMs};
use keyraft_oidc::authorize::gates;
use keyraft_web::{
    Fields, Locales, Messages,
    extract::query_value,
    mail::{Letter, MailedLink},
};

use crate::{context::Context, error::Error, json::Fault, reply::Reply};

/// The client that links lead back to where none is named.
const ACCOUNT: &str = "account";

/// What a representation shows in the place of a stored secret.
const MASK: &str = "**********";

/// `PUT users/{id}/execute-actions-email`: asks the user to do something, by a link.
pub(crate) async fn execute_actions(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let asked = Asked::read(&cx, &record).await?;
    let listed = match cx.list("t") {
        Ok(listed) => listed,
        Err(Error::Body(Fault::Empty)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let actions: Vec<String> =
        listed.iter().filter_map(|action| action.as_str().map(str::to_owned)).collect();
    let is_known = |alias: &String| cx.realm.required_actions.iter().any(|known| known.alias == *alias);
    if !actions.iter().all(is_known) {
        return Err(Error::message("Provided invalid required actions"));
    }
    asked.send_actions(&cx, &record, actions).await
}

/// `PUT users/{id}/reset-password-email`: the same, for a new password.
pub(crate) async fn reset_password(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let asked = Asked::read(&cx, &record).await?;
    asked.send_actions(&cx, &record, vec![Action::UpdatePassword.alias().to_owned()]).await
}

/// `PUT users/{id}/send-verify-email`: asks the user to confirm his address.
pub(crate) async fn verify(cx: Context) -> Result<Reply, Error> {
    let record = cx.user().await?;
    let asked = Asked::read(&cx, &record).await?;
    let (href, lifespan) = asked.link(&cx, &record, Purpose::VerifyEmail, None).await?;
    let t = texts(&cx, &record);
    let link = MailedLink { href: &href, lifespan };
    let letter = Letter::verify_email(&t, cx.realm.realm.title(), link);
    match cx.core.send_mail(&cx.realm, &message(&asked.address, letter)).await {
        Ok(()) => Ok(Reply::Nothing),
        Err(_) => Err(failed("Failed to send verify email".to_owned())),
    }
}

/// `POST testSMTPConnection`: sends the administrator a message by the settings in the body.
pub(crate) async fn test_connection(cx: Context) -> Result<Reply, Error> {
    let given = cx.object("{t}")?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let settings: Attributes = given.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    let settings = unmasked(settings, &cx.realm.realm.smtp_server);
    let not_sent = || failed("Failed to send email".to_owned());
    let Some(address) = cx.asker.user.user.email.clone().filter(|address| !address.is_empty()) else {
        return Err(not_sent());
    };
    let letter = Letter::test(&texts(&cx, &cx.asker.user));
    let smtp = Smtp::of(&settings).map_err(|_| not_sent())?;
    cx.core.mail.send(&smtp, &message(&address, letter)).await.map_err(|_| not_sent())?;
    Ok(Reply::Nothing)
}

/// The settings with the stored password in the place of its mask, if they are of the stored server and user.
///
/// Another server would be sent a password that the administrator does not have to know (CVE-2024-5967 of directories).
fn unmasked(mut settings: Attributes, stored: &Attributes) -> Attributes {
    let is_same = ["host", "port", "user", "ssl", "starttls"].iter().all(|name| {
        settings.get(*name).map(String::as_str).unwrap_or_default()
            == stored.get(*name).map(String::as_str).unwrap_or_default()
    });
    if settings.get("password").is_some_and(|password| password == MASK) {
        let kept = stored.get("password").filter(|_| is_same).cloned();
        settings.insert("password".to_owned(), kept.unwrap_or_default());
    }
    settings
}

/// What the query asks of a link, and whom it goes to.
struct Asked {
    address: String,
    client_id: String,
    redirect_uri: Option<String>,
    lifespan: DurationMs,
}

impl Asked {
    /// # Errors
    /// Keycloak's sentences, in its order.
    async fn read(cx: &Context, record: &UserRecord) -> Result<Self, Error> {
        let query = &cx.query;
        let default = cx.realm.realm.action_token_generated_by_admin_lifespan;
        let lifespan = DurationMs::from_secs(query.number("lifespan")?.unwrap_or(default).max(0));
        let address = record.user.email.clone().filter(|address| !address.is_empty());
        let address = address.ok_or_else(|| Error::message("User email missing"))?;
        if !record.user.enabled {
            return Err(Error::message("User is disabled"));
        }
        let (client_id, redirect_uri) = (query.get("client_id"), query.get("redirect_uri"));
        if redirect_uri.is_some() && client_id.is_none() {
            return Err(Error::message("Client id missing"));
        }
        let client_id = client_id.unwrap_or(ACCOUNT);
        let client = cx.core.client(&cx.realm, client_id).await?;
        let client: &ClientView = client.as_deref().ok_or_else(|| Error::message("Client doesn't exist"))?;
        if !client.client.enabled {
            return Err(Error::message("Client is not enabled"));
        }
        let base = cx.origin.realm_base(&cx.realm.realm);
        if redirect_uri.is_some_and(|uri| !gates::is_redirect_uri(&client.client, base, uri)) {
            return Err(Error::message("Invalid redirect uri."));
        }
        Ok(Self {
            address,
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.map(str::to_owned),
            lifespan,
        })
    }

    async fn link(
        &self,
        cx: &Context,
        record: &UserRecord,
        purpose: Purpose,
        actions: Option<Vec<String>>,
    ) -> Result<(String, DurationMs), Error> {
        let now = cx.core.sessions.view().await?.now();
        let issuer = cx.origin.issuer(&cx.realm.realm);
        let mut token = ActionToken::new(purpose, &issuer, &record.user, &self.client_id, now, self.lifespan);
        token.rqac = actions;
        token.reduri.clone_from(&self.redirect_uri);
        let key = token.sign(&cx.realm)?;
        let href = format!("{issuer}/login-actions/action-token?key={}", query_value(&key));
        Ok((href, self.lifespan))
    }

    async fn send_actions(
        &self,
        cx: &Context,
        record: &UserRecord,
        actions: Vec<String>,
    ) -> Result<Reply, Error> {
        let (href, lifespan) = self.link(cx, record, Purpose::ExecuteActions, Some(actions.clone())).await?;
        let t = texts(cx, record);
        let link = MailedLink { href: &href, lifespan };
        let letter = Letter::execute_actions(&t, cx.realm.realm.title(), &actions, link);
        match cx.core.send_mail(&cx.realm, &message(&self.address, letter)).await {
            Ok(()) => Ok(Reply::Nothing),
            Err(error) => Err(failed(format!("Failed to send execute actions email: {error}"))),
        }
    }
}

/// The language of a mail is its reader's: his profile's, else the realm's.
fn texts(cx: &Context, record: &UserRecord) -> Messages {
    let mut wishes = Locales::read(&cx.headers, &Fields::default());
    wishes.cookie = None;
    wishes.user = record.user.attribute("locale").map(str::to_owned);
    Messages::for_locale(&cx.realm.realm, &wishes)
}

fn message(to: &str, letter: Letter) -> Message {
    Message { to: to.to_owned(), subject: letter.subject, text: letter.text, html: letter.html }
}

fn failed(sentence: String) -> Error {
    Error::Message(StatusCode::INTERNAL_SERVER_ERROR, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_stored_password_goes_to_its_own_server_alone() {
        let stored = settings(&[("host", "mail.example"), ("user", "u"), ("password", "s3cret")]);
        let given = |host| settings(&[("host", host), ("user", "u"), ("password", MASK)]);

        assert_eq!(unmasked(given("mail.example"), &stored)["password"], "s3cret");
        assert_eq!(unmasked(given("evil.example"), &stored)["password"], "");
    }
}
