//! Java's `MessageFormat`, as far as message bundles use it.
//!
//! `{0}` is an argument, `{0,number}` the same, `{0,choice,0#days|1#day|1<days}` a text chosen by a number.
//! `''` is an apostrophe, text between single ones is literal. What is not well formed is shown as it is.

use std::borrow::Cow;

type Escape<'a> = &'a dyn Fn(&str) -> String;

/// Whether a text has no places and no apostrophes: it says itself, whatever the arguments.
pub(super) fn is_literal(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, b'{' | b'\''))
}

/// Fills the places of a text. `plain` is applied to the text's own parts, `argument` to what is filled in.
pub(super) fn format<'a>(text: &'a str, arguments: &[&str], plain: Escape, argument: Escape) -> Cow<'a, str> {
    let mut out = String::with_capacity(text.len() + 32);
    fill(text, arguments, plain, argument, &mut out, 0);
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

fn fill(text: &str, arguments: &[&str], plain: Escape, argument: Escape, out: &mut String, depth: u8) {
    let mut literal = String::new();
    let mut quoted = false;
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if rest.starts_with("''") {
            literal.push('\'');
            rest = &rest[2..];
            continue;
        }
        let next = &rest[letter.len_utf8()..];
        match letter {
            '\'' => {
                quoted = !quoted;
                rest = next;
            }
            '{' if !quoted && let Some((inside, after)) = place(next) => {
                out.push_str(&plain(&literal));
                literal.clear();
                put(inside, arguments, plain, argument, out, depth);
                rest = after;
            }
            _ => {
                literal.push(letter);
                rest = next;
            }
        }
    }
    out.push_str(&plain(&literal));
}

/// Splits what follows a `{` into the place and the text after its `}`.
fn place(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn put(inside: &str, arguments: &[&str], plain: Escape, argument: Escape, out: &mut String, depth: u8) {
    let mut parts = inside.splitn(3, ',');
    let index = parts.next().and_then(|index| index.trim().parse::<usize>().ok());
    let value = index.and_then(|index| arguments.get(index)).copied();
    let Some(value) = value else {
        out.push_str(&plain(&format!("{{{inside}}}")));
        return;
    };
    match (parts.next().map(str::trim), parts.next()) {
        // A choice may hold places itself; three levels are more than any bundle has.
        (Some("choice"), Some(choices)) if depth < 3 => {
            fill(choose(choices, value), arguments, plain, argument, out, depth + 1);
        }
        _ => out.push_str(&argument(value)),
    }
}

/// The choice whose limit is the last one not above the value; the first one for smaller values.
fn choose<'a>(choices: &'a str, value: &str) -> &'a str {
    let value: f64 = value.parse().unwrap_or(0.0);
    let mut chosen = "";
    for (at, choice) in choices.split('|').enumerate() {
        let Some(sign) = choice.find(['#', '<', '\u{2264}']) else { continue };
        let limit: f64 = choice[..sign].trim().parse().unwrap_or(f64::NEG_INFINITY);
        let strict = choice[sign..].starts_with('<');
        let text = choice[sign..].trim_start_matches(['#', '<', '\u{2264}']);
        if at == 0 || if strict { value > limit } else { value >= limit } {
            chosen = text;
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, arguments: &[&str]) -> String {
        let same: Escape = &|text| text.to_owned();
        format(text, arguments, same, same).into_owned()
    }

    #[test]
    fn places_take_their_arguments() {
        assert_eq!(filled("{1} signs in to {0}", &["Shop", "alice"]), "alice signs in to Shop");
        assert_eq!(filled("{0,number} tries", &["3"]), "3 tries");
        assert_eq!(filled("nothing for {2} and { or {x}", &["a"]), "nothing for {2} and { or {x}");
    }

    #[test]
    fn apostrophes_quote_as_in_java() {
        assert_eq!(filled("user ''{0}''", &["alice"]), "user 'alice'");
        assert_eq!(filled("don''t '{0}' it", &["x"]), "don't {0} it");
    }

    #[test]
    fn a_choice_follows_its_number() {
        let text = "{0} {0,choice,0#days|1#day|1<days}";
        assert_eq!(["0", "1", "2"].map(|count| filled(text, &[count])), ["0 days", "1 day", "2 days"]);
        assert_eq!(filled("{0,choice,0#none|1#one {1}|1<{0} {1}s}", &["5", "key"]), "5 keys");
    }

    #[test]
    fn arguments_are_never_read_as_places() {
        assert_eq!(filled("{0} {1}", &["{1}", "b"]), "{1} b");
    }
}
