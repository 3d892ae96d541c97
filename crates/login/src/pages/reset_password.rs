//! The page for who forgot his password (`reset-credentials-choose-user`).

use askama::Template;
use keyraft_web::{Frame, Messages, Notice};

/// Asks whose password it is.
#[derive(Debug, Template)]
#[template(path = "login/reset_password.html")]
pub struct ResetPasswordPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// What was typed before.
    pub username: &'a str,
    /// What to say first. Never whether somebody is called so.
    pub notice: Option<Notice<'a>>,
    /// Back to where one signs in.
    pub back: &'a str,
}

impl ResetPasswordPage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }
}
