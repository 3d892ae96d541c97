//! Placeholders of the recording as patterns.
//!
//! A recorded string is literal text with `{{name}}` between; here it is matched against what a
//! server sent. A placeholder says what kind of text stands there (a UUID, a JWT, so many
//! characters), so an answer of the wrong kind differs.

/// What the placeholders of one run stand for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) base: String,
    pub(crate) host: String,
}

enum Part<'a> {
    Text(&'a str),
    Hole(&'a str),
}

fn parts(pattern: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(start) = rest.find("{{") {
        let Some(end) = rest[start..].find("}}") else { break };
        if start > 0 {
            parts.push(Part::Text(&rest[..start]));
        }
        parts.push(Part::Hole(&rest[start + 2..start + end]));
        rest = &rest[start + end + 2..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    parts
}

impl Place {
    /// Whether `actual` is what `pattern` describes.
    pub(crate) fn matches(&self, pattern: &str, actual: &str) -> bool {
        if pattern == actual {
            return true;
        }
        if is_random_uuid(pattern) && is_uuid(actual) {
            return true; // an id that a server drew by chance, recorded as it was
        }
        pattern.contains("{{") && self.walk(&parts(pattern), actual)
    }

    fn walk(&self, parts: &[Part<'_>], actual: &str) -> bool {
        let Some((part, rest)) = parts.split_first() else { return actual.is_empty() };
        match part {
            Part::Text(text) => actual.strip_prefix(text).is_some_and(|a| self.walk(rest, a)),
            Part::Hole(name) => match self.literal(name) {
                Some(text) => actual.strip_prefix(text.as_str()).is_some_and(|a| self.walk(rest, a)),
                None => self.fill(name, rest, actual),
            },
        }
    }

    fn fill(&self, name: &str, rest: &[Part<'_>], actual: &str) -> bool {
        let allowed = actual.char_indices().take_while(|(_, c)| may_hold(name, *c)).count();
        let ends: Vec<usize> =
            actual.char_indices().map(|(at, _)| at).chain([actual.len()]).take(allowed + 1).collect();
        ends.into_iter().rev().any(|end| is_kind(name, &actual[..end]) && self.walk(rest, &actual[end..]))
    }

    /// What a placeholder stands for when it stands for one text.
    fn literal(&self, name: &str) -> Option<String> {
        match name {
            "base" => Some(self.base.clone()),
            "base%" => Some(crate::http::encode(&self.base)),
            "host" => Some(self.host.clone()),
            _ => repeated(name),
        }
    }
}

/// `s*4000` is the letter `s`, so many times.
pub(crate) fn repeated(name: &str) -> Option<String> {
    name.strip_prefix("s*").and_then(|n| n.parse().ok()).map(|n| "s".repeat(n))
}

fn may_hold(name: &str, c: char) -> bool {
    match name {
        "machine" => true,
        "public_key" | "publicKey" | "certificate" | "privateKey" | "x5c" => {
            c.is_ascii_alphanumeric() || "+/=-_".contains(c)
        }
        _ => !c.is_whitespace() && !"\"<>&?#".contains(c),
    }
}

fn is_kind(name: &str, text: &str) -> bool {
    match name {
        "machine" => true,
        "uuid" => is_uuid(text),
        "sid" => text.len() == 24 && is_base64url(text),
        "code" => {
            let parts: Vec<&str> = text.split('.').collect();
            parts.len() == 3 && parts.iter().all(|p| p.len() >= 20 && is_base64url(p))
        }
        "jwt" => dotted(text, 3) || text.matches('.').count() == 2 && text.ends_with('.'),
        "jwe" => text.split('.').count() == 5,
        "epoch" => text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit()),
        "epoch_ms" => text.len() == 13 && text.bytes().all(|b| b.is_ascii_digit()),
        _ => match name.split_once(':') {
            Some(("secret" | "b64", length)) => length.parse() == Ok(text.len()),
            _ => !text.is_empty(),
        },
    }
}

fn dotted(text: &str, count: usize) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == count && parts.iter().all(|p| !p.is_empty() && is_base64url(p))
}

fn is_base64url(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The canonical text form of a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

fn is_random_uuid(text: &str) -> bool {
    is_uuid(text) && text.as_bytes()[14] == b'4' && !text.starts_with("44444444-")
}
