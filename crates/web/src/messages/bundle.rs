//! Reads `.properties` texts into tables, once.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The languages that we have texts for.
pub const LOCALES: [&str; 3] = ["en", "de", "ar"];

/// The texts of one language by key.
#[derive(Debug)]
pub struct Bundle {
    texts: HashMap<String, String>,
}

static EN: LazyLock<Bundle> =
    LazyLock::new(|| Bundle::read(include_str!("../../../../web/messages/en.properties")));
static DE: LazyLock<Bundle> =
    LazyLock::new(|| Bundle::read(include_str!("../../../../web/messages/de.properties")));
static AR: LazyLock<Bundle> =
    LazyLock::new(|| Bundle::read(include_str!("../../../../web/messages/ar.properties")));
static PSEUDO: LazyLock<Bundle> = LazyLock::new(|| EN.accented());

impl Bundle {
    /// The bundle of a language tag; English when we do not have it.
    pub fn of(tag: &str) -> &'static Self {
        if tag.eq_ignore_ascii_case("en-XA") {
            return &PSEUDO;
        }
        match tag.split(['-', '_']).next().unwrap_or(tag) {
            "de" => &DE,
            "ar" => &AR,
            _ => &EN,
        }
    }

    /// The text of a key.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// Reads Java's `.properties` format in UTF-8: comments, `=` or `:`, line continuations, `\uXXXX`.
    fn read(source: &str) -> Self {
        let mut texts = HashMap::new();
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            let mut line = line.trim_start().to_owned();
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            while line.ends_with('\\') && !line.ends_with("\\\\") {
                line.pop();
                line.push_str(lines.next().unwrap_or_default().trim_start());
            }
            if let Some((key, text)) = line.split_once(['=', ':']) {
                texts.insert(key.trim_end().to_owned(), unescaped(text.trim_start()));
            }
        }
        Self { texts }
    }

    fn accented(&self) -> Self {
        let texts = self.texts.iter().map(|(key, text)| (key.clone(), accented(text))).collect();
        Self { texts }
    }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('u') => {
                let code: String = letters.by_ref().take(4).collect();
                let code = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                plain.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

/// A text with accents on its letters and dots at its end; places for arguments stay.
fn accented(text: &str) -> String {
    let mut depth = 0_u32;
    let mut letters: String = text
        .chars()
        .map(|letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > 0 { letter } else { accent(letter) }
        })
        .collect();
    letters.extend(std::iter::repeat_n('·', text.chars().count() / 3));
    letters
}

fn accent(letter: char) -> char {
    match letter {
        'a' => 'á',
        'c' => 'ç',
        'e' => 'é',
        'i' => 'í',
        'n' => 'ñ',
        'o' => 'ö',
        's' => 'š',
        'u' => 'ü',
        'y' => 'ý',
        'A' => 'Å',
        'E' => 'É',
        'I' => 'Ï',
        'O' => 'Ø',
        'S' => 'Š',
        'U' => 'Û',
        'Y' => 'Ý',
        other => other,
    }
}
