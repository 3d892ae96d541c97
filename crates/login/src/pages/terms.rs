//! The page of the required action `TERMS_AND_CONDITIONS`.

use askama::Template;
use keyraft_web::{Frame, Messages};

/// Asks whether the terms are accepted; a realm sets their text by its own `termsText`.
#[derive(Debug, Template)]
#[template(path = "login/terms.html")]
pub struct TermsPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
}
