//! The rules that an attribute may carry: Keycloak's validators by name.

use serde_json::Value;

use super::{Attribute, Fault, email};
use crate::pattern::Pattern;
use keyraft_model::Rest;

/// Every validator that a profile may name.
pub(super) const NAMES: [&str; 14] = [
    "length",
    "integer",
    "double",
    "email",
    "uri",
    "pattern",
    "options",
    "local-date",
    "iso-date",
    "multivalued",
    "person-name-prohibited-characters",
    "username-prohibited-characters",
    "up-username-not-idn-homograph",
    "not-blank",
];

/// What the values of an attribute break.
pub(super) fn faults(attribute: &Attribute, required: bool, values: &[String]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = count(attribute, required, values).into_iter().collect();
    for (name, rules) in &attribute.validations {
        let broken =
            values.iter().filter(|value| !value.is_empty()).find_map(|value| broken(name, rules, value));
        faults.extend(broken.map(|(message, params)| {
            let configured =
                rules.get("error-message").and_then(Value::as_str).filter(|text| !text.is_empty());
            Fault {
                field: attribute.name.clone(),
                message: configured.map_or(message, str::to_owned),
                params,
            }
        }));
    }
    faults
}

fn count(attribute: &Attribute, required: bool, values: &[String]) -> Option<Fault> {
    let rules = attribute.validations.get("multivalued");
    let (least, most) = match (attribute.multivalued, rules) {
        (true, None) => return None,
        (true, Some(rules)) => {
            (number(rules, "min").unwrap_or(0.0), number(rules, "max").unwrap_or(f64::MAX))
        }
        (false, _) => (if required && attribute.name != "username" { 1.0 } else { 0.0 }, 1.0),
    };
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let fits = (least..=most).contains(&f64::from(count)) || (!attribute.multivalued && count == 0);
    (!fits).then(|| {
        Fault::new(&attribute.name, "error-invalid-multivalued-size", vec![plain(least), plain(most)])
    })
}

type Broken = (String, Vec<Value>);

fn broken(validator: &str, rules: &Rest, value: &str) -> Option<Broken> {
    let say = |fits: bool, message: &str| (!fits).then(|| (message.to_owned(), vec![]));
    match validator {
        "length" => length(rules, value),
        "integer" => integer(rules, value),
        "double" => double(rules, value),
        "email" => {
            let max = number(rules, "max-local-length").map_or(email::MAX_LOCAL, as_size);
            (!email::is_email_within(value, max))
                .then(|| ("error-invalid-email".to_owned(), vec![value.into()]))
        }
        "uri" => uri(rules, value),
        "pattern" => {
            let pattern = rules.get("pattern").and_then(Value::as_str).unwrap_or_default();
            let fits = Pattern::new(pattern).is_some_and(|pattern| pattern.matches(value));
            (!fits).then(|| ("error-pattern-no-match".to_owned(), vec![pattern.into()]))
        }
        "options" => {
            let options = rules.get("options").and_then(Value::as_array);
            say(
                options.is_some_and(|options| options.iter().any(|option| option == value)),
                "error-invalid-value",
            )
        }
        "local-date" => say(is_local_date(value), "error-invalid-date"),
        "iso-date" => (!is_iso_date(value)).then(|| ("error-invalid-date".to_owned(), vec![value.into()])),
        "person-name-prohibited-characters" => {
            say(is_person_name(value), "error-person-name-invalid-character")
        }
        "username-prohibited-characters" => say(is_username(value), "error-username-invalid-character"),
        "up-username-not-idn-homograph" => say(is_latin(value), "error-username-invalid-character"),
        "not-blank" => say(!value.trim().is_empty(), "error-invalid-blank"),
        _ => None,
    }
}

/// A configured number: JSON number or text.
pub(super) fn number(rules: &Rest, name: &str) -> Option<f64> {
    match rules.get(name)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Whether a configured switch is on, as boolean or as text.
fn is_on(rules: &Rest, name: &str) -> bool {
    rules.get(name).is_some_and(|value| value.as_bool().unwrap_or(false) || value.as_str() == Some("true"))
}

/// A number as Keycloak prints it among parameters: whole without a point.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers of a range that i64 holds are cast")]
fn plain(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9.0e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast of a configured bound is what is wanted"
)]
fn as_size(number: f64) -> usize {
    number as usize
}

/// A broken range: which of the three messages depends on the bounds that are configured.
fn out_of_range(
    (least, most): (Option<f64>, Option<f64>),
    messages: [&str; 3],
    print: fn(f64) -> Value,
) -> Broken {
    let message = match (least, most) {
        (Some(_), Some(_)) => messages[0],
        (Some(_), None) => messages[1],
        _ => messages[2],
    };
    let bound = |bound: Option<f64>| bound.map_or(Value::Null, print);
    (message.to_owned(), vec![bound(least), bound(most)])
}

fn within((least, most): (Option<f64>, Option<f64>), number: f64) -> bool {
    least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
}

fn length(rules: &Rest, value: &str) -> Option<Broken> {
    let bounds = (number(rules, "min"), number(rules, "max"));
    let text = if is_on(rules, "trim-disabled") { value } else { value.trim() };
    let length = u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX);
    let messages =
        ["error-invalid-length", "error-invalid-length-too-short", "error-invalid-length-too-long"];
    (!within(bounds, f64::from(length))).then(|| out_of_range(bounds, messages, plain))
}

const RANGE: [&str; 3] =
    ["error-number-out-of-range", "error-number-out-of-range-too-small", "error-number-out-of-range-too-big"];

fn integer(rules: &Rest, value: &str) -> Option<Broken> {
    let Ok(whole) = value.parse::<i64>() else { return Some(("error-invalid-number".to_owned(), vec![])) };
    let bounds = (number(rules, "min"), number(rules, "max"));
    #[expect(clippy::cast_precision_loss, reason = "bounds are compared as the numbers that JSON has")]
    let whole = whole as f64;
    (!within(bounds, whole)).then(|| out_of_range(bounds, RANGE, plain))
}

fn double(rules: &Rest, value: &str) -> Option<Broken> {
    let Some(number_given) = value.parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return Some(("error-invalid-number".to_owned(), vec![]));
    };
    let bounds = (number(rules, "min"), number(rules, "max"));
    (!within(bounds, number_given)).then(|| out_of_range(bounds, RANGE, Value::from))
}

fn uri(rules: &Rest, value: &str) -> Option<Broken> {
    let wrong = |why: &str| Some(("error-invalid-uri".to_owned(), vec![value.into(), why.into()]));
    let scheme = match url::Url::parse(value) {
        Err(url::ParseError::RelativeUrlWithoutBase) => return wrong("URI is not absolute"),
        Err(error) => return wrong(&error.to_string()),
        Ok(url) => url.scheme().to_owned(),
    };
    if value.contains(char::is_whitespace) {
        return wrong("Illegal character");
    }
    let allowed = match rules.get("allowedSchemes").and_then(Value::as_array) {
        Some(schemes) => schemes.iter().any(|allowed| allowed == scheme.as_str()),
        None => scheme == "http" || scheme == "https",
    };
    (!allowed).then(|| ("error-invalid-uri-scheme".to_owned(), vec![value.into(), scheme.into()]))
}

/// Month, day and year with slashes, as Keycloak reads dates in English.
fn is_local_date(value: &str) -> bool {
    let mut parts = value.split('/').map(str::parse::<u16>);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(month)), Some(Ok(day)), Some(Ok(year)), None) => is_date(year, month, day),
        _ => false,
    }
}

fn is_iso_date(value: &str) -> bool {
    let mut parts = value.split('-');
    let part =
        |part: Option<&str>, width: usize| part.filter(|text| text.len() == width)?.parse::<u16>().ok();
    let (year, month, day) = (part(parts.next(), 4), part(parts.next(), 2), part(parts.next(), 2));
    matches!((year, month, day), (Some(y), Some(m), Some(d)) if is_date(y, m, d)) && parts.next().is_none()
}

fn is_date(year: u16, month: u16, day: u16) -> bool {
    let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Characters that neither a user name nor a person's name has: they mean something in HTML, LDAP, paths or SQL.
const PROHIBITED: &str = "<>&\"$%!#?§;*~/\\|^=[]{}()";

fn is_person_name(value: &str) -> bool {
    let vertical =
        |c: char| matches!(c, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    !value.chars().any(|c| PROHIBITED.contains(c) || c.is_ascii_control() || vertical(c))
}

fn is_username(value: &str) -> bool {
    !value
        .chars()
        .any(|c| PROHIBITED.contains(c) || "',:`".contains(c) || c.is_whitespace() || c.is_control())
}

/// Whether all letters are Latin: a user name of look-alikes from other scripts could pass for another's.
fn is_latin(value: &str) -> bool {
    value.chars().all(|c| match c {
        '\0'..='\u{2af}'
        | '\u{1e00}'..='\u{1eff}'
        | '\u{2c60}'..='\u{2c7f}'
        | '\u{a720}'..='\u{a7ff}'
        | '\u{ff21}'..='\u{ff3a}'
        | '\u{ff41}'..='\u{ff5a}' => true,
        '\u{300}'..='\u{36f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' => false,
        _ => !c.is_alphanumeric(),
    })
}
