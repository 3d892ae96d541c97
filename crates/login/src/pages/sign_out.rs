//! The pages on the way out.

use askama::Template;
use keyraft_web::layout::Link;
use keyraft_web::pages::InfoPage;
use keyraft_web::{Frame, Messages};

/// Asks whether to sign out: nobody may be signed out by a link alone.
#[derive(Debug, Template)]
#[template(path = "login/sign_out.html")]
pub struct SignOutPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// The value that binds the answer to this question.
    pub session_code: &'a str,
    /// Who is signed in, if anybody is.
    pub username: Option<&'a str>,
    /// Where somebody goes who stays.
    pub stay: Option<&'a str>,
}

/// An application that is told in a hidden frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFrame {
    /// What people call it.
    pub name: String,
    /// Its front-channel logout address with `sid` and `iss`.
    pub href: String,
}

/// Tells applications through the browser (OpenID Connect Front-Channel Logout 1.0).
///
/// Answer with `ContentPolicy::Frames` and the origins of the addresses, or the browser loads none of them.
#[derive(Debug, Template)]
#[template(path = "login/signing_out.html")]
pub struct SigningOutPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Whom to tell.
    pub clients: &'a [ClientFrame],
    /// Where to go then.
    pub next: Option<&'a str>,
}

/// Says that the person is signed out. `next` leads back to the application, if it may.
pub fn signed_out<'a>(
    t: &'a Messages,
    frame: &'a Frame<'a>,
    heading: &'a str,
    next: Option<Link<'a>>,
) -> InfoPage<'a> {
    InfoPage { t, frame, heading, detail: None, notice: None, next }
}
