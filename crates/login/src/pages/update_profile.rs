//! The page of the required actions `UPDATE_PROFILE` and `VERIFY_PROFILE`.

use askama::Template;
use keyraft_web::{Frame, Messages, Notice};

/// One value that a field may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldOption {
    /// What is posted.
    pub value: String,
    /// What is read.
    pub label: String,
}

/// One attribute of the user profile as a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileField {
    /// The attribute's name, which is also the field's.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// The value now, or what was typed.
    pub value: String,
    /// The input's type: `text`, `email`, `tel`, `url`, `number` or `date`.
    pub kind: &'static str,
    /// Whether it must be filled.
    pub required: bool,
    /// Whether only others may change it.
    pub read_only: bool,
    /// One sentence of help.
    pub hint: Option<String>,
    /// What is wrong with the value.
    pub error: Option<String>,
    /// The values it may take; empty when any text may be typed.
    pub options: Vec<FieldOption>,
}

impl ProfileField {
    /// A text field of that attribute.
    pub fn text(name: &str, label: &str, value: &str) -> Self {
        let kind = if name == "email" { "email" } else { "text" };
        Self { name: name.into(), label: label.into(), value: value.into(), kind, ..Self::default() }
    }

    /// What the browser may fill in by itself (HTML `autocomplete`).
    pub(super) fn purpose(&self) -> Option<&'static str> {
        Some(match self.name.as_str() {
            "username" => "username",
            "email" => "email",
            "firstName" => "given-name",
            "lastName" => "family-name",
            "phoneNumber" => "tel",
            "locality" => "address-level2",
            "postal_code" => "postal-code",
            "country" => "country-name",
            _ => return None,
        })
    }

    pub(super) fn described_by(&self) -> Option<String> {
        let hint = (self.hint.is_some() || self.read_only).then(|| format!("{}-hint", self.name));
        let error = self.error.is_some().then(|| format!("input-error-{}", self.name));
        match (hint, error) {
            (Some(hint), Some(error)) => Some(format!("{hint} {error}")),
            (hint, error) => hint.or(error),
        }
    }
}

/// Asks for what the profile lacks, or shows it to be checked.
#[derive(Debug, Template)]
#[template(path = "login/update_profile.html")]
pub struct UpdateProfilePage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// The fields in the profile's order.
    pub fields: &'a [ProfileField],
    /// Whether an application asked for it and the person may decline.
    pub may_cancel: bool,
}

impl UpdateProfilePage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
            || self.fields.iter().any(|field| field.error.is_some())
    }
}
