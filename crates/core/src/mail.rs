//! Mail to people: one message at a time through the realm's own SMTP server (`smtpServer`).
//!
//! Text that others chose reaches a header only where it can break out of none; a message takes at most
//! [`DEADLINE`], and at most `AT_ONCE` are on their way. The server's password is never logged, nor is what a
//! message says: its links sign people in.

mod smtp;

use std::{fmt, sync::Arc, time::Duration};

use lettre::{
    Address, AsyncTransport as _,
    address::Envelope,
    message::{Mailbox, MultiPart},
};
pub use smtp::Smtp;
use tokio::sync::Semaphore;

use crate::{Core, RealmView};

/// How long the whole conversation about one message may take.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How many messages may be on their way from this node.
const AT_ONCE: usize = 64;

/// What a message says, in both ways.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The address that it goes to.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// For the others: whole, and escaped where it holds what others chose.
    pub html: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why a message was not sent. Its text is what the original tells an administrator.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The realm names no sender, or one that cannot be.
    #[error(
        "Invalid sender address '{0}'. If the address contains UTF-8 characters in the local part please ensure \
         the SMTP server supports the SMTPUTF8 extension and enable 'Allow UTF-8' in the email realm configuration."
    )]
    Sender(String),
    /// The receiver's address cannot be one.
    #[error(
        "Invalid recipient address. If the address contains UTF-8 characters in the local part please ensure the \
         SMTP server supports the SMTPUTF8 extension and enable 'Allow UTF-8' in the email realm configuration."
    )]
    Recipient,
    /// Text that would be a header and holds control characters.
    #[error("The {0} holds characters that a mail header may not have.")]
    Header(&'static str),
    /// A setting that this release does not have.
    #[error("{0} is not part of this release.")]
    NotBuilt(String),
    /// A setting that says nothing usable.
    #[error("The setting '{0}' of the email realm configuration is not valid.")]
    Setting(&'static str),
    /// Too many messages are on their way already.
    #[error("Too many messages are on their way.")]
    Busy,
    /// The server is not there, refuses or takes too long.
    #[error(
        "Error when attempting to send the email to the server. More information is available in the server log."
    )]
    Transport(#[source] Option<lettre::transport::smtp::Error>),
}

/// Sends messages, a bounded number at a time.
#[derive(Clone, Debug)]
pub struct Mailer {
    permits: Arc<Semaphore>,
}

impl Default for Mailer {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Mailer {
    /// Sends a message through a server.
    ///
    /// # Errors
    /// [`MailError`]; the reason of a [`MailError::Transport`] is in the log.
    pub async fn send(&self, smtp: &Smtp, message: &Message) -> Result<(), MailError> {
        let (envelope, formatted) = compose(smtp, message)?;
        let transport = smtp.transport()?;
        let _permit = self.permits.try_acquire().map_err(|_| MailError::Busy)?;
        let sent = tokio::time::timeout(DEADLINE, transport.send_raw(&envelope, &formatted)).await;
        let error = match sent {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let reason = error.as_ref().map_or_else(|| "no answer in time".to_owned(), chain);
        tracing::warn!(host = smtp.host(), port = smtp.port(), reason, "a message was not sent");
        Err(MailError::Transport(error))
    }
}

impl Core {
    /// Sends a message through the realm's server.
    ///
    /// # Errors
    /// As [`Mailer::send`].
    pub async fn send_mail(&self, realm: &RealmView, message: &Message) -> Result<(), MailError> {
        let smtp = Smtp::of(&realm.realm.smtp_server)?;
        self.mail.send(&smtp, message).await
    }
}

/// What goes over the wire: who to, and the message with its headers.
fn compose(smtp: &Smtp, message: &Message) -> Result<(Envelope, Vec<u8>), MailError> {
    header("subject", &message.subject)?;
    let to = smtp::address(&message.to, smtp.allows_utf8()).ok_or(MailError::Recipient)?;
    let id = format!("<{}@{}>", keyraft_crypto::random::uuid(), smtp.from().email.domain());
    let mut builder = lettre::Message::builder()
        .from(smtp.from().clone())
        .to(Mailbox::new(None, to.clone()))
        .message_id(Some(id))
        .subject(&message.subject);
    if let Some(reply_to) = smtp.reply_to() {
        builder = builder.reply_to(reply_to.clone());
    }
    let body = MultiPart::alternative_plain_html(message.text.clone(), message.html.clone());
    let formatted = builder.multipart(body).map_err(|_| MailError::Recipient)?.formatted();
    let sender: Address = smtp.envelope_from().clone();
    let envelope = Envelope::new(Some(sender), vec![to]).map_err(|_| MailError::Recipient)?;
    Ok((envelope, formatted))
}

/// Refuses what would end a header and begin another one (CWE-93).
fn header(name: &'static str, text: &str) -> Result<(), MailError> {
    if text.chars().any(char::is_control) { Err(MailError::Header(name)) } else { Ok(()) }
}

fn chain(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
