//! The page that asks for a one-time code (`auth-otp-form`).

use askama::Template;
use keyraft_web::{Frame, Html, Messages, Notice, Tone};

/// An authenticator app or device that makes codes.
#[derive(Clone, Copy, Debug)]
pub struct CodeCredential<'a> {
    /// The credential's id.
    pub id: &'a str,
    /// What its owner calls it.
    pub label: &'a str,
    /// Whether it is the one to be tried.
    pub chosen: bool,
}

/// Asks for a one-time code; with several devices, also for which of them.
#[derive(Debug, Template)]
#[template(path = "login/code.html")]
pub struct CodePage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// The user's name.
    pub username: &'a str,
    /// Where somebody else starts.
    pub restart: Option<&'a str>,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// The devices that make codes; at least one.
    pub credentials: &'a [CodeCredential<'a>],
}

impl CodePage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }

    fn has_choice(&self) -> bool {
        self.credentials.len() > 1
    }
}

/// The notice for a wrong code.
pub fn wrong_code(t: &Messages) -> Notice<'_> {
    let help = Html::escaped(&t.get("invalidTotpHelp"));
    Notice::new(Tone::Error, t.get("invalidTotpMessage")).help(help).id("input-error-otp")
}
