//! Texts in few bytes: UUIDs, numbers and addresses by their value, what repeats by its number.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// An id in as few bytes as it needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Compact {
    /// A UUID as this house writes them.
    Uuid([u8; 16]),
    /// Any other text.
    Text(Box<str>),
}

impl Compact {
    /// From a text.
    pub(crate) fn of(text: &str) -> Self {
        uuid(text).map_or_else(|| Self::Text(text.into()), Self::Uuid)
    }

    /// As text again.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Uuid(bytes) => uuid_text(*bytes),
            Self::Text(text) => text.to_string(),
        }
    }

    /// Bytes beside its own fields.
    pub(crate) fn heap(&self) -> u64 {
        match self {
            Self::Uuid(_) => 0,
            Self::Text(text) => text.len() as u64,
        }
    }
}

/// How a text is packed. What kind a text is of depends on the text alone, so that every node packs alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    Uuid([u8; 16]),
    /// A decimal number without leading zeros.
    Number(u64),
    V4([u8; 4]),
    V6([u8; 16]),
    /// Short, so likely one of few.
    Shared(&'a str),
    Plain(&'a str),
}

/// Up to this length a text is taken for one of few: the name of a browser, a level, a flag.
const SHARED_MAX: usize = 24;

/// The form of a text.
pub(super) fn form(text: &str) -> Form<'_> {
    if let Some(number) = number(text) {
        return Form::Number(number);
    }
    if let Some(bytes) = uuid(text) {
        return Form::Uuid(bytes);
    }
    if let Some(address) = text.parse::<Ipv4Addr>().ok().filter(|address| address.to_string() == text) {
        return Form::V4(address.octets());
    }
    if let Some(address) = text.parse::<Ipv6Addr>().ok().filter(|address| address.to_string() == text) {
        return Form::V6(address.octets());
    }
    if text.len() <= SHARED_MAX { Form::Shared(text) } else { Form::Plain(text) }
}

/// The form of an id, which never repeats.
pub(super) fn form_of_id(text: &str) -> Form<'_> {
    uuid(text).map_or(Form::Plain(text), Form::Uuid)
}

fn number(text: &str) -> Option<u64> {
    let first = *text.as_bytes().first()?;
    let is_plain = text.len() <= 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = is_plain && (first != b'0' || text.len() == 1);
    if is_canonical { text.parse().ok() } else { None }
}

/// The value of a UUID in lower-case hexadecimal groups, 8-4-4-4-12.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let (mut uuid, mut digits) = ([0_u8; 16], 0);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        uuid[digits / 2] = (uuid[digits / 2] << 4) | digit;
        digits += 1;
    }
    Some(uuid)
}

pub(super) fn uuid_text(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
