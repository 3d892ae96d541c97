//! What the account pages show.

use askama::Template;
use keyraft_web::{Frame, Messages, Notice};

/// One of the account's pages in the bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tab {
    /// What it is called.
    pub text: String,
    /// Where it is.
    pub href: String,
    /// Whether it is the one that is shown.
    pub current: bool,
}

/// The bar above every account page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Who is signed in.
    pub person: String,
    /// Where to sign out: a page that asks first.
    pub sign_out: String,
    /// The pages.
    pub tabs: Vec<Tab>,
}

/// How sure a fact is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// In words.
    pub text: String,
    /// Whether all is well with it.
    pub good: bool,
}

/// Something that is known about the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Its value; empty when it is not known.
    pub value: String,
    /// How sure it is, where that matters.
    pub state: Option<State>,
}

/// Who am I.
#[derive(Debug, Template)]
#[template(path = "account/profile.html")]
pub struct ProfilePage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// The bar.
    pub bar: &'a Bar,
    /// What is known, in the order of the realm's user profile.
    pub facts: &'a [Fact],
}

/// One session of the person, as the device it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// A digest of the session's handle: enough to name it, useless to anyone who reads it.
    pub id: String,
    /// Browser and system, as far as they said what they are.
    pub name: String,
    /// The address it signed in from.
    pub address: String,
    /// When it signed in.
    pub since: String,
    /// When it was last used.
    pub used: String,
    /// The applications that it uses.
    pub applications: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Where am I signed in.
#[derive(Debug, Template)]
#[template(path = "account/devices.html")]
pub struct DevicesPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// The bar.
    pub bar: &'a Bar,
    /// What was just done.
    pub notice: Option<Notice<'a>>,
    /// The devices, this one first.
    pub devices: &'a [Device],
    /// The token that every form carries.
    pub token: &'a str,
}

impl DevicesPage<'_> {
    fn count(&self) -> String {
        self.devices.len().to_string()
    }
}

/// The page at `/` of a server in development.
#[derive(Debug, Template)]
#[template(path = "account/welcome.html")]
pub struct WelcomePage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page; its realm is the one that is spoken of.
    pub frame: &'a Frame<'a>,
    /// The realm's issuer.
    pub issuer: &'a str,
    /// Where the account pages are.
    pub account: &'a str,
}

#[cfg(test)]
mod tests;
