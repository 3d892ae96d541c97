//! The page of a new account (`registration-page-form`).

use askama::Template;
use keyraft_web::{Frame, Messages, Notice};

use super::ProfileField;

/// The password of a new account.
#[derive(Clone, Debug)]
pub struct NewPassword<'a> {
    /// What the realm's policy asks, one sentence each.
    pub rules: &'a [String],
    /// The least length, for the browser and password managers.
    pub min_length: Option<u32>,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What is wrong with the second field, which scripts send and our page does not have.
    pub confirm_error: Option<String>,
}

impl NewPassword<'_> {
    fn described_by(&self) -> Option<String> {
        let rules = (!self.rules.is_empty()).then_some("rules");
        let error = self.error.as_ref().map(|_| "input-error-password");
        let error = error.or(self.confirm_error.as_ref().map(|_| "input-error-password-confirm"));
        let ids: Vec<_> = rules.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn failed(&self) -> bool {
        self.error.is_some() || self.confirm_error.is_some()
    }
}

/// Asks for a profile and a password.
#[derive(Debug, Template)]
#[template(path = "login/registration.html")]
pub struct RegistrationPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// The language that the account begins with, where there is a choice.
    pub locale: Option<&'a str>,
    /// The profile's fields in its order.
    pub fields: &'a [ProfileField],
    /// The password, where the realm's flow asks for one.
    pub password: Option<NewPassword<'a>>,
    /// Whether the terms have to be accepted.
    pub asks_terms: bool,
    /// What is wrong with that.
    pub terms_error: Option<String>,
    /// Back to where one signs in.
    pub back: &'a str,
}

impl RegistrationPage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }

    /// The password stands behind what one signs in with.
    fn is_before_password(&self, field: &ProfileField) -> bool {
        let by_name = self.fields.iter().any(|field| field.name == "username");
        field.name == if by_name { "username" } else { "email" }
    }

    fn has_sign_in_field(&self) -> bool {
        self.fields.iter().any(|field| self.is_before_password(field))
    }
}
