//! Regular expressions that a realm sets: a text must match whole, as Java's `matches()` asks.

use regex_lite::Regex;

/// A compiled pattern. Look-aheads at its beginning (`^(?=.*\d)(?!.*x).{8,}$`), which most password patterns
/// are made of, are expressions of their own; anywhere else the engine has none and refuses the pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    ahead: Vec<(bool, Regex)>,
    whole: Regex,
}

impl Pattern {
    /// Compiles a pattern; `None` if it is none, or one that the engine cannot run in linear time.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('^').unwrap_or(text);
        let mut ahead = Vec::new();
        while let Some(inner) = rest.strip_prefix("(?=").or_else(|| rest.strip_prefix("(?!")) {
            let end = group_end(inner)?;
            ahead.push((rest.starts_with("(?="), Regex::new(&format!("^(?:{})", &inner[..end])).ok()?));
            rest = &inner[end + 1..];
        }
        Some(Self { ahead, whole: Regex::new(&format!("^(?:{rest})$")).ok()? })
    }

    /// Whether all of `text` matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.ahead.iter().all(|(wanted, regex)| regex.is_match(text) == *wanted) && self.whole.is_match(text)
    }
}

/// Where the group that was opened before `text` closes.
pub(crate) fn group_end(text: &str) -> Option<usize> {
    let (mut depth, mut in_class, mut escaped) = (0usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if !in_class => in_class = true,
            ']' if in_class => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class && depth == 0 => return Some(at),
            ')' if !in_class => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_look_aheads_hold_together() {
        let pattern = Pattern::new(r"^(?=.*[a-z])(?=.*[)\d])(?!.*zz).{3,}$").expect("it compiles");

        assert!(pattern.matches("abc1"));
        assert!(!pattern.matches("abcd"));
        assert!(!pattern.matches("1234"));
        assert!(!pattern.matches("a1zz"));
    }

    #[test]
    fn the_whole_text_must_match() {
        let pattern = Pattern::new("a|b").expect("it compiles");

        assert!(pattern.matches("b"));
        assert!(!pattern.matches("bc"));
        assert!(!pattern.matches("b\n"));
        assert!(Pattern::new("[").is_none());
    }
}
