//! The page that asks before a mailed link does something.

use askama::Template;
use keyraft_web::{Frame, Messages};

/// Asks whether to go on with what a link is for: programs follow links too, people press buttons.
#[derive(Debug, Template)]
#[template(path = "login/confirm_link.html")]
pub struct ConfirmLinkPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// What it is about.
    pub heading: &'a str,
    /// One more sentence.
    pub detail: Option<&'a str>,
    /// What there is to do, in the person's language.
    pub actions: &'a [String],
    /// The way on.
    pub href: &'a str,
}
