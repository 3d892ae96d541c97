//! The page of the required action `VERIFY_EMAIL`.

use askama::Template;
use keyraft_model::UnixMs;
use keyraft_web::{Frame, Messages, Notice, time};

/// Says that a mail was sent, or asks whether to send one.
#[derive(Debug, Template)]
#[template(path = "login/verify_email.html")]
pub struct VerifyEmailPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// The address.
    pub email: &'a str,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// When the mail was sent, if it was.
    pub sent: Option<UnixMs>,
    /// Whether an application asked for it and the person may decline.
    pub may_cancel: bool,
}

impl VerifyEmailPage<'_> {
    /// When the mail was sent, for people.
    fn sent_readably(&self) -> String {
        self.sent.map(time::readable).unwrap_or_default()
    }

    /// When the mail was sent, for programs.
    fn sent_exactly(&self) -> String {
        self.sent.map(time::rfc3339).unwrap_or_default()
    }
}
