//! The page where the code of a device is typed (RFC 8628 section 3.3).

use askama::Template;
use keyraft_web::{Frame, Messages, Notice};

/// Asks for the code that a device shows.
#[derive(Debug, Template)]
#[template(path = "login/device.html")]
pub struct DevicePage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// The code so far: from the link that the device shows. It is never taken without being confirmed.
    pub code: &'a str,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
}

impl DevicePage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }
}
