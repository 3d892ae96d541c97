//! The page that asks what an application may do.

use askama::Template;
use keyraft_web::{Frame, Messages};

/// One thing that an application asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentScope {
    /// What it is, resolved ([`Messages::resolve`]).
    pub text: String,
    /// What exactly it would see.
    pub detail: Option<String>,
}

/// Asks whether an application may have what it asks for.
#[derive(Debug, Template)]
#[template(path = "login/consent.html")]
pub struct ConsentPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page; its client is who asks.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// The value that binds the answer to this question.
    pub code: &'a str,
    /// Whose account it is.
    pub username: &'a str,
    /// The host that the person will be returned to, which an application cannot choose freely as it can its name.
    pub client_host: Option<&'a str>,
    /// What is asked for.
    pub scopes: &'a [ConsentScope],
    /// The application's privacy policy: an http or https address.
    pub policy: Option<&'a str>,
    /// The application's terms of service: an http or https address.
    pub terms: Option<&'a str>,
}
