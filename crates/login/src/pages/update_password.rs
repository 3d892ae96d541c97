//! The page of the required action `UPDATE_PASSWORD`.

use askama::Template;
use keyraft_web::{Frame, Messages, Notice};

/// Asks for a new password: once, because it can be shown. Scripts that post `password-confirm` too may.
#[derive(Debug, Template)]
#[template(path = "login/update_password.html")]
pub struct UpdatePasswordPage<'a> {
    /// The texts.
    pub t: &'a Messages,
    /// What stands around the page.
    pub frame: &'a Frame<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// The user's name, for password managers.
    pub username: &'a str,
    /// What to say first.
    pub notice: Option<Notice<'a>>,
    /// What the realm's policy asks, one sentence each ([`password_rules`]).
    pub rules: &'a [String],
    /// The least length, for the browser and password managers.
    pub min_length: Option<u32>,
    /// Whether the box "Sign out of my other devices" is ticked.
    pub logout_others: bool,
    /// Whether an application asked for it and the person may decline.
    pub may_cancel: bool,
}

impl UpdatePasswordPage<'_> {
    fn failed(&self) -> bool {
        self.notice.as_ref().is_some_and(Notice::is_error)
    }
}

/// What a realm's `passwordPolicy` asks of a person, in words, and the least length.
///
/// Parts that do not concern what is typed (hashing, expiry) are left out.
pub fn password_rules(t: &Messages, policy: &str) -> (Vec<String>, Option<u32>) {
    let mut rules = Vec::new();
    let mut min_length = None;
    for part in policy.split(" and ").map(str::trim).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('(').unwrap_or((part, ""));
        let value = value.trim_end_matches(')').trim();
        let (key, default) = match name.trim() {
            "length" => ("passwordRuleLength", "8"),
            "maxLength" => ("passwordRuleMaxLength", "64"),
            "digits" => ("passwordRuleDigits", "1"),
            "lowerCase" => ("passwordRuleLowerCase", "1"),
            "upperCase" => ("passwordRuleUpperCase", "1"),
            "specialChars" => ("passwordRuleSpecialChars", "1"),
            "notUsername" => ("passwordRuleNotUsername", ""),
            "notContainsUsername" => ("passwordRuleNotContainsUsername", ""),
            "notEmail" => ("passwordRuleNotEmail", ""),
            "passwordHistory" => ("passwordRuleHistory", "3"),
            "passwordBlacklist" => ("passwordRuleBlacklist", ""),
            "regexPattern" => ("passwordRuleRegex", ""),
            _ => continue,
        };
        let number = if value.parse::<u32>().is_ok() { value } else { default };
        if name.trim() == "length" {
            min_length = number.parse().ok();
        }
        rules.push(t.with(key, &[number]).into_owned());
    }
    (rules, min_length)
}
