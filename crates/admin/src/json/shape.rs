//! What a request body may hold: classes and their members, from `shapes.txt`.

use std::{collections::HashMap, sync::LazyLock};

/// The type of a JSON value that an operation takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Anything.
    Any,
    /// Text; numbers and booleans become text.
    Text,
    /// `true` or `false`, in quotes too.
    Bool,
    /// A whole number, in quotes too.
    Int,
    /// Any number.
    Number,
    /// One of a few words.
    Word(Vec<&'static str>),
    /// A list.
    List(Box<Shape>),
    /// A list, or a single element that becomes one.
    OneOrMany(Box<Shape>),
    /// An object with free names.
    Map(Box<Shape>),
    /// An object of a class.
    Class(&'static str),
}

/// The members of a class.
pub(super) type Members = HashMap<&'static str, Shape>;

static CLASSES: LazyLock<HashMap<&'static str, Members>> = LazyLock::new(|| {
    let mut classes: HashMap<&str, Members> = HashMap::new();
    let mut class = "";
    for line in include_str!("shapes.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if !line.starts_with(' ') {
            class = words.next().unwrap_or_default();
        }
        let members = words.filter_map(|word| word.split_once(':')).filter_map(|(n, t)| Some((n, parse(t)?)));
        classes.entry(class).or_default().extend(members);
    }
    classes
});

/// The members of the class of that name.
pub(super) fn members(class: &str) -> Option<&'static Members> {
    CLASSES.get(class)
}

/// Reads a type as `shapes.txt` writes it; `None` if it is none.
pub(super) fn parse(text: &str) -> Option<Shape> {
    let inner = |open: char, close: char| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    Some(match text {
        "*" => Shape::Any,
        "t" => Shape::Text,
        "b" => Shape::Bool,
        "i" => Shape::Int,
        "n" => Shape::Number,
        _ => {
            if let Some(element) = inner('[', ']') {
                Shape::List(Box::new(parse(element)?))
            } else if let Some(value) = inner('{', '}') {
                Shape::Map(Box::new(parse(value)?))
            } else if let Some(element) = text.strip_prefix('~') {
                Shape::OneOrMany(Box::new(parse(element)?))
            } else if let Some(words) = inner('(', ')') {
                Shape::Word(words.split('|').map(leak).collect())
            } else {
                Shape::Class(leak(text))
            }
        }
    })
}

/// Types are written in `shapes.txt` and at the call sites only, never by a caller: the set of names is
/// closed, and each is kept once.
fn leak(name: &str) -> &'static str {
    static NAMES: LazyLock<std::sync::Mutex<HashMap<String, &'static str>>> = LazyLock::new(Default::default);
    let mut names = NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(name.to_owned(), kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes_in(shape: &Shape) -> Vec<&'static str> {
        match shape {
            Shape::List(inner) | Shape::OneOrMany(inner) | Shape::Map(inner) => classes_in(inner),
            Shape::Class(name) => vec![name],
            Shape::Any | Shape::Text | Shape::Bool | Shape::Int | Shape::Number | Shape::Word(_) => vec![],
        }
    }

    #[test]
    fn every_member_is_of_a_type_that_is_there() {
        assert!(CLASSES.len() > 50);
        for (class, members) in CLASSES.iter() {
            assert!(!members.is_empty(), "{class}");
            for (member, shape) in members {
                for inner in classes_in(shape) {
                    assert!(CLASSES.contains_key(inner), "{class}.{member}: {inner}");
                }
            }
        }
    }
}
