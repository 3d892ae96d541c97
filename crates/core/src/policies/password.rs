//! Password policies: a realm's line such as `length(8) and digits(1)`, read once and asked for each password.
//!
//! Keycloak's names, defaults, error keys and sentences. A policy that this server cannot keep
//! (`passwordBlacklist`, a regular expression that it cannot compile) is refused when it is set, and a stored
//! one lets no password through: never weaker than the line says.

use keyraft_model::text;

use crate::{java_order::bucket, pattern::Pattern};

/// A realm's password policy.
#[derive(Clone, Debug, Default)]
pub struct PasswordPolicy {
    /// In the order in which violations are reported.
    rules: Vec<(Name, Rule)>,
}

/// What a new password is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The user name.
    pub username: &'a str,
    /// The e-mail address.
    pub email: Option<&'a str>,
}

/// A policy that a password breaks, as a message key with its arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Violation {
    /// Keycloak's message key, such as `invalidPasswordMinLengthMessage`.
    pub key: &'static str,
    /// What stands in for `{0}`.
    pub argument: Option<i64>,
}

/// Keycloak's name of a policy.
type Name = &'static str;

#[derive(Clone, Debug)]
enum Rule {
    Length(i64),
    MaxLength(i64),
    Digits(i64),
    LowerCase(i64),
    UpperCase(i64),
    SpecialChars(i64),
    NotUsername,
    NotContainsUsername,
    NotEmail,
    Pattern(Pattern),
    /// Kept elsewhere or beside the password itself: `passwordHistory`, `hashIterations`, ….
    Setting(i64),
    HashAlgorithm(String),
    /// Cannot be kept, so nothing passes.
    Unkept,
}

/// Longest policy line that is read.
const MAX_LINE: usize = 8 * 1024;

impl PasswordPolicy {
    /// Reads a policy line that is about to be stored.
    ///
    /// # Errors
    /// Keycloak's sentence about the first policy that it would refuse, or that this server cannot keep.
    pub fn parse(line: &str) -> Result<Self, String> {
        Self::read(line, |_, sentence| Err(sentence))
    }

    /// Reads a stored policy line; what cannot be kept lets no password through.
    pub fn of(line: Option<&str>) -> Self {
        let unkept = |name, _| Ok(Some((name, Rule::Unkept)));
        Self::read(line.unwrap_or_default(), unkept).unwrap_or_default()
    }

    fn read(
        line: &str,
        on_fault: impl Fn(Name, String) -> Result<Option<(Name, Rule)>, String>,
    ) -> Result<Self, String> {
        if line.len() > MAX_LINE {
            return on_fault("", "Password policy too long".to_owned())
                .map(|rule| Self { rules: rule.into_iter().collect() });
        }
        let mut rules: Vec<(Name, Rule)> = Vec::new();
        for (name, config) in entries(line) {
            let read = match NAMES.iter().find(|known| **known == name) {
                None => on_fault("", "Password policy not found".to_owned())?,
                Some(known) => match rule(known, config.map(str::trim)) {
                    Ok(rule) => Some((*known, rule)),
                    Err(sentence) => on_fault(known, format!("Invalid config for {known}: {sentence}"))?,
                },
            };
            if let Some((name, rule)) = read {
                // A policy that is named twice counts as written last, patterns alone add up.
                rules.retain(|(other, _)| *other != name || name == "regexPattern");
                rules.push((name, rule));
            }
        }
        let buckets = if rules.len() > 12 { 32 } else { 16 };
        rules.sort_by_key(|(name, _)| bucket(name, buckets));
        Ok(Self { rules })
    }

    /// A policy line as Keycloak gives it back: one blank around `and`, each policy once.
    pub fn canonical(line: &str) -> String {
        let mut kept: Vec<(&str, String)> = Vec::new();
        for (name, config) in entries(line) {
            let text = config.map_or_else(|| name.to_owned(), |config| format!("{name}({config})"));
            match kept.iter_mut().find(|(other, _)| *other == name && name != "regexPattern") {
                Some((_, earlier)) => *earlier = text,
                None => kept.push((name, text)),
            }
        }
        kept.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" and ")
    }

    /// Checks a password but for its history, which takes the stored hashes.
    ///
    /// # Errors
    /// The first policy that it breaks.
    pub fn check(&self, password: &str, subject: Subject<'_>) -> Result<(), Violation> {
        self.rules.iter().try_for_each(|(_, rule)| rule.check(password, subject))
    }

    /// How many of the last passwords, the present one included, must not be used again.
    pub fn history(&self) -> Option<usize> {
        self.setting("passwordHistory")
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0)
    }

    /// For how many days a password must not be used again.
    pub fn age_days(&self) -> Option<i64> {
        self.setting("passwordAge").filter(|days| *days > 0)
    }

    /// After how many days a password must be changed.
    pub fn expires_after_days(&self) -> Option<i64> {
        self.setting("forceExpiredPasswordChange").filter(|days| *days > 0)
    }

    /// Cost of new hashes; the algorithm's own default without.
    pub fn hash_iterations(&self) -> Option<u32> {
        self.setting("hashIterations").and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0)
    }

    /// Algorithm of new hashes, by Keycloak's name; `argon2` without.
    pub fn hash_algorithm(&self) -> Option<&str> {
        self.rules.iter().find_map(|(_, rule)| match rule {
            Rule::HashAlgorithm(algorithm) => Some(algorithm.as_str()),
            _ => None,
        })
    }

    /// Seconds since the last proof after which a password change asks for a new one; Keycloak's default 300.
    pub fn max_auth_age_secs(&self) -> i64 {
        self.setting("maxAuthAge").unwrap_or(300)
    }

    /// How many recovery codes may be left before the person is warned.
    pub fn recovery_codes_warning_threshold(&self) -> i64 {
        self.setting("recoveryCodesWarningThreshold").unwrap_or(4)
    }

    fn setting(&self, name: &str) -> Option<i64> {
        self.rules.iter().find_map(|(other, rule)| match rule {
            Rule::Setting(value) if *other == name => Some(*value),
            _ => None,
        })
    }
}

impl Violation {
    fn new(key: &'static str, argument: Option<i64>) -> Self {
        Self { key, argument }
    }

    /// A password of the last `count` ones.
    pub fn history(count: usize) -> Self {
        Self::new("invalidPasswordHistoryMessage", i64::try_from(count).ok())
    }

    /// A password used within the days that `passwordAge` names, or one that a policy refuses unsaid.
    pub fn generic() -> Self {
        Self::new("invalidPasswordGenericMessage", None)
    }

    /// Keycloak's English sentence.
    pub fn sentence(&self) -> String {
        let text = match self.key {
            "invalidPasswordMinLengthMessage" => "minimum length {0}.",
            "invalidPasswordMaxLengthMessage" => "maximum length {0}.",
            "invalidPasswordMinDigitsMessage" => "must contain at least {0} numerical digits.",
            "invalidPasswordMinLowerCaseCharsMessage" => "must contain at least {0} lower case characters.",
            "invalidPasswordMinUpperCaseCharsMessage" => "must contain at least {0} upper case characters.",
            "invalidPasswordMinSpecialCharsMessage" => "must contain at least {0} special characters.",
            "invalidPasswordNotUsernameMessage" => "must not be equal to the username.",
            "invalidPasswordNotContainsUsernameMessage" => "Can not contain the username.",
            "invalidPasswordNotEmailMessage" => "must not be equal to the email.",
            "invalidPasswordRegexPatternMessage" => "fails to match regex pattern(s).",
            "invalidPasswordHistoryMessage" => "must not be equal to any of last {0} passwords.",
            _ => "new password does not match password policies.",
        };
        let argument = self.argument.map(|number| number.to_string()).unwrap_or_default();
        format!("Invalid password: {}", text.replace("{0}", &argument))
    }
}

impl Rule {
    fn check(&self, password: &str, subject: Subject<'_>) -> Result<(), Violation> {
        let least = |is: fn(char) -> bool, least: i64| {
            i64::try_from(password.chars().filter(|c| is(*c)).count()).unwrap_or(i64::MAX) >= least
        };
        let same = |other: &str| text::lower(password) == text::lower(other);
        let (kept, key, argument) = match self {
            Self::Length(n) => (least(|_| true, *n), "invalidPasswordMinLengthMessage", Some(*n)),
            Self::MaxLength(n) => {
                (!least(|_| true, n.saturating_add(1)), "invalidPasswordMaxLengthMessage", Some(*n))
            }
            Self::Digits(n) => (least(char::is_numeric, *n), "invalidPasswordMinDigitsMessage", Some(*n)),
            Self::LowerCase(n) => {
                (least(char::is_lowercase, *n), "invalidPasswordMinLowerCaseCharsMessage", Some(*n))
            }
            Self::UpperCase(n) => {
                (least(char::is_uppercase, *n), "invalidPasswordMinUpperCaseCharsMessage", Some(*n))
            }
            Self::SpecialChars(n) => {
                (least(|c| !c.is_alphanumeric(), *n), "invalidPasswordMinSpecialCharsMessage", Some(*n))
            }
            Self::NotUsername => (!same(subject.username), "invalidPasswordNotUsernameMessage", None),
            Self::NotContainsUsername => (
                subject.username.is_empty()
                    || !text::lower(password).contains(&text::lower(subject.username)),
                "invalidPasswordNotContainsUsernameMessage",
                None,
            ),
            Self::NotEmail => (!subject.email.is_some_and(same), "invalidPasswordNotEmailMessage", None),
            Self::Pattern(pattern) => (pattern.matches(password), "invalidPasswordRegexPatternMessage", None),
            Self::Setting(_) | Self::HashAlgorithm(_) => (true, "", None),
            Self::Unkept => (false, "invalidPasswordGenericMessage", None),
        };
        if kept { Ok(()) } else { Err(Violation::new(key, argument)) }
    }
}

/// The policies of a line, by name and with what stands in their brackets.
fn entries(line: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let entries = line.split(" and ").map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| match entry.find('(') {
        None => (entry, None),
        Some(open) => {
            (entry[..open].trim(), Some(entry[open + 1..].strip_suffix(')').unwrap_or(&entry[open..])))
        }
    })
}

/// Every policy that Keycloak knows.
pub const NAMES: [Name; 18] = [
    "forceExpiredPasswordChange",
    "hashIterations",
    "passwordHistory",
    "passwordBlacklist",
    "regexPattern",
    "length",
    "notUsername",
    "notEmail",
    "passwordAge",
    "notContainsUsername",
    "specialChars",
    "recoveryCodesWarningThreshold",
    "upperCase",
    "lowerCase",
    "digits",
    "maxAuthAge",
    "hashAlgorithm",
    "maxLength",
];

/// Hash algorithms that new passwords may be given, by Keycloak's names.
const HASH_ALGORITHMS: [&str; 4] = ["argon2", "pbkdf2-sha512", "pbkdf2-sha256", "pbkdf2"];

fn rule(name: Name, config: Option<&str>) -> Result<Rule, String> {
    let number = |default: i64| match config {
        None => Ok(default),
        Some(text) => text.parse::<i32>().map(i64::from).map_err(|_| "Not a valid number".to_owned()),
    };
    Ok(match name {
        "length" => Rule::Length(number(8)?),
        "maxLength" => Rule::MaxLength(number(64)?),
        "digits" => Rule::Digits(number(1)?),
        "lowerCase" => Rule::LowerCase(number(1)?),
        "upperCase" => Rule::UpperCase(number(1)?),
        "specialChars" => Rule::SpecialChars(number(1)?),
        "notUsername" => Rule::NotUsername,
        "notContainsUsername" => Rule::NotContainsUsername,
        "notEmail" => Rule::NotEmail,
        "regexPattern" => Rule::Pattern(pattern(config)?),
        "hashAlgorithm" => hash_algorithm(config)?,
        "passwordHistory" => Rule::Setting(number(3)?),
        "passwordAge" => Rule::Setting(number(30)?),
        "forceExpiredPasswordChange" => Rule::Setting(number(365)?),
        "hashIterations" => Rule::Setting(number(-1)?),
        "maxAuthAge" => Rule::Setting(number(300)?),
        "recoveryCodesWarningThreshold" => Rule::Setting(number(4)?),
        _ => return Err("This server keeps no lists of forbidden passwords".to_owned()),
    })
}

fn pattern(config: Option<&str>) -> Result<Pattern, String> {
    let text = config.filter(|text| !text.is_empty()).ok_or("Config required")?;
    // The line is split at " and ", so that a pattern with white space could not be read back.
    let cut = text.starts_with('(') && crate::pattern::group_end(&text[1..]).is_none();
    if cut || text.contains(char::is_whitespace) {
        return Err("White space not acepted".to_owned());
    }
    Pattern::new(text).ok_or_else(|| "Not a valid regular expression".to_owned())
}

fn hash_algorithm(config: Option<&str>) -> Result<Rule, String> {
    match config.filter(|text| !text.is_empty()) {
        None => Err("Password hashing provider id must be set".to_owned()),
        Some(algorithm) if HASH_ALGORITHMS.contains(&algorithm) => {
            Ok(Rule::HashAlgorithm(algorithm.to_owned()))
        }
        Some(_) => Err("Password hashing provider not found".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "length(8) and digits(1) and upperCase(1) and lowerCase(1) and specialChars(1) and notUsername and \
        notEmail and notContainsUsername and maxLength(20) and passwordHistory(2) and regexPattern(^[^x]*$)";

    fn broken(password: &str, username: &str, email: Option<&str>) -> Option<&'static str> {
        let policy = PasswordPolicy::parse(LINE).expect("the line is right");
        policy.check(password, Subject { username, email }).err().map(|violation| violation.key)
    }

    #[test]
    fn the_first_violation_is_keycloaks() {
        assert_eq!(broken("Aa1!", "min", None), Some("invalidPasswordMinLengthMessage"));
        assert_eq!(broken("Aaaaaaa!", "min", None), Some("invalidPasswordMinDigitsMessage"));
        assert_eq!(broken("aaaaaaa1!", "min", None), Some("invalidPasswordMinUpperCaseCharsMessage"));
        assert_eq!(broken("AAAAAAA1!", "min", None), Some("invalidPasswordMinLowerCaseCharsMessage"));
        assert_eq!(broken("Aaaaaaa1", "min", None), Some("invalidPasswordMinSpecialCharsMessage"));
        assert_eq!(broken("min", "min", None), Some("invalidPasswordNotContainsUsernameMessage"));
        assert_eq!(broken("a", "polv", None), Some("invalidPasswordMinSpecialCharsMessage"));
        assert_eq!(broken("Aa1!Aa1!Aa1!Aa1!Aa1!Aa1!", "min", None), Some("invalidPasswordMaxLengthMessage"));
        assert_eq!(broken("xAaaaaa1!", "min", None), Some("invalidPasswordRegexPatternMessage"));
        assert_eq!(broken("Aaaaaa1!", "min", None), None);
    }

    #[test]
    fn sentences_are_keycloaks() {
        let policy = PasswordPolicy::parse("length").expect("a policy without a number has its default");

        let violation = policy.check("abc", Subject::default()).expect_err("it is too short");

        assert_eq!(violation.to_string(), "Invalid password: minimum length 8.");
        assert_eq!(
            Violation::history(2).sentence(),
            "Invalid password: must not be equal to any of last 2 passwords."
        );
    }

    #[test]
    fn a_bad_line_is_refused_in_keycloaks_words() {
        let refused = |line: &str| PasswordPolicy::parse(line).expect_err(line);

        assert_eq!(refused("nope(1)"), "Password policy not found");
        assert_eq!(refused("length(x)"), "Invalid config for length: Not a valid number");
        assert_eq!(refused("length(8)and digits"), "Invalid config for length: Not a valid number");
        assert_eq!(
            refused("regexPattern([)"),
            "Invalid config for regexPattern: Not a valid regular expression"
        );
        assert_eq!(refused("regexPattern"), "Invalid config for regexPattern: Config required");
        assert_eq!(
            refused("regexPattern(a and b)"),
            "Invalid config for regexPattern: White space not acepted"
        );
        assert_eq!(
            refused("hashAlgorithm(nope)"),
            "Invalid config for hashAlgorithm: Password hashing provider not found"
        );
        assert!(refused("passwordBlacklist(x.txt)").starts_with("Invalid config for passwordBlacklist"));
    }

    #[test]
    fn a_stored_policy_that_cannot_be_kept_lets_nothing_through() {
        let policy = PasswordPolicy::of(Some("passwordBlacklist(x.txt)"));

        assert_eq!(policy.check("anything", Subject::default()), Err(Violation::generic()));
        assert_eq!(PasswordPolicy::of(None).check("", Subject::default()), Ok(()));
    }

    #[test]
    fn settings_are_read() {
        let policy = PasswordPolicy::parse(
            "hashAlgorithm(pbkdf2-sha256) and hashIterations(1000) and passwordAge and passwordHistory(-1)",
        )
        .expect("the line is right");

        assert_eq!(policy.hash_algorithm(), Some("pbkdf2-sha256"));
        assert_eq!(policy.hash_iterations(), Some(1000));
        assert_eq!(policy.age_days(), Some(30));
        assert_eq!(policy.history(), None);
    }

    #[test]
    fn names_are_compared_without_case() {
        let policy = PasswordPolicy::parse("notUsername and notEmail").expect("the line is right");
        let alice = Subject { username: "alice", email: Some("alice@example.com") };

        assert_eq!(policy.check("ALICE", alice).map_err(|v| v.key), Err("invalidPasswordNotUsernameMessage"));
        assert_eq!(
            policy.check("Alice@example.com", alice).map_err(|v| v.key),
            Err("invalidPasswordNotEmailMessage")
        );
    }
}
