//! The pages that ask who someone is and for his password.

use askama::Template;
use keyraft_model::DurationMs;
use keyraft_web::{Frame, Html, Messages, Notice, Tone};

/// The offer to stay signed in, off by default; its label names the term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remember {
    /// Whether the box is ticked.
    pub checked: bool,
    /// How long the realm keeps a remembered session.
    pub span: DurationMs,
}

impl Remember {
    /// The label: "… for 30 days", in the largest unit that says it in whole numbers of 2 or more.
    pub fn label(&self, t: &Messages) -> String {
        let minutes = (self.span.secs() / 60).max(1);
        let (key, count) = match minutes {
            2880.. if minutes % 1440 < 60 => ("rememberMeDays", minutes / 1440),
            1440 => ("rememberMeDays", 1),
            120.. => ("rememberMeHours", minutes / 60),
            _ => ("rememberMeMinutes", minutes),
        };
        t.with(key, &[&count.to_string()]).into_owned()
    }
}

/// User name and password together (`auth-username-password-form`).
#[derive(Debug, Template)]
#[template(path = "login/username_password.html")]
pub struct UsernamePasswordPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// What was typed before; the password is never given back.
    pub username: &'a str,
    /// What to say first. Never which of user name and password was wrong.
    pub notice: Option<Notice<'a>>,
    /// The offer to stay signed in, where the realm allows it.
    pub remember: Option<Remember>,
    /// Where a forgotten password is reset, where the realm allows it.
    pub reset: Option<&'a str>,
    /// Where an account is made, where the realm allows it.
    pub register: Option<&'a str>,
}

impl UsernamePasswordPage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }

    fn username_first(&self) -> bool {
        !self.failed() && self.username.is_empty()
    }

    fn password_first(&self) -> bool {
        !self.failed() && !self.username.is_empty()
    }
}

/// The user name alone (`auth-username-form`).
#[derive(Debug, Template)]
#[template(path = "login/username.html")]
pub struct UsernamePage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// What was typed before.
    pub username: &'a str,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// The offer to stay signed in, where the realm allows it.
    pub remember: Option<Remember>,
    /// Where an account is made, where the realm allows it.
    pub register: Option<&'a str>,
}

impl UsernamePage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }
}

/// The password of a user who is known (`auth-password-form`, and every proof asked for again).
///
/// The name stays in the form for password managers; what is posted for it counts for nothing.
#[derive(Debug, Template)]
#[template(path = "login/password.html")]
pub struct PasswordPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// The user's name as he typed it, or as it is stored when he is signed in already.
    pub username: &'a str,
    /// Where somebody else starts.
    pub restart: Option<&'a str>,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// The offer to stay signed in, where it was not made before.
    pub remember: Option<Remember>,
    /// Where a forgotten password is reset, where the realm allows it.
    pub reset: Option<&'a str>,
}

impl PasswordPage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }

    fn password_first(&self) -> bool {
        !self.failed()
    }
}

/// The notice for a wrong user name or a wrong password: the same words for both.
///
/// `reset` is where a password is reset, if the realm allows it.
pub fn wrong_credentials<'a>(t: &'a Messages, reset: Option<&str>) -> Notice<'a> {
    let help = reset.map_or_else(
        || Html::escaped(&t.get("tryAgain")),
        |href| t.with_link("invalidUserHelp", "resetYourPassword", href),
    );
    Notice::new(Tone::Error, t.get("invalidUserMessage")).help(help).id("input-error-username")
}
