//! The pages for a login that another one overtook. None of them is a dead end.

use askama::Template;
use keyraft_web::{Frame, Messages};

/// A form came from a page that is out of date: it can be gone on with, or begun again.
#[derive(Debug, Template)]
#[template(path = "login/expired.html")]
pub struct ExpiredPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// The step that the login is at.
    pub next: &'a str,
    /// The beginning of the same client's request.
    pub restart: &'a str,
}

/// Another tab finished signing in.
#[derive(Debug, Template)]
#[template(path = "login/already_signed_in.html")]
pub struct AlreadySignedInPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// The way on to the application.
    pub next: Option<&'a str>,
    /// The way out, for somebody else.
    pub sign_out: Option<&'a str>,
}
