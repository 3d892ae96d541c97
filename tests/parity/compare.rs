//! Where an answer differs from the recorded one, fact by fact.
//!
//! Values are compared as patterns. The order of keys counts only where it is documented (token
//! answers, discovery); scopes are sets of words; lists of names are sets; lists of objects inside
//! a representation are sets, at the top of a body they are lists. Life spans may be a second off.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::pattern::Place;

/// One fact in which an answer and its recording differ.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    /// `status`, `header:NAME`, `cookie:NAME`, `body.PATH`, `page.PATH`.
    pub(crate) fact: String,
    pub(crate) expected: String,
    pub(crate) got: String,
    /// Soft facts are reported and never fail.
    pub(crate) soft: bool,
}

/// Collects differences below one place in an answer.
pub(crate) struct Comparison<'a> {
    pub(crate) place: &'a Place,
    /// Whether the order of keys in objects counts.
    pub(crate) ordered: bool,
    /// Only these keys keep an order, if it counts at all.
    pub(crate) order_of: Option<&'a [&'a str]>,
    /// Whether a body that is a list of objects is a set.
    pub(crate) set: bool,
    pub(crate) found: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(place: &'a Place, ordered: bool) -> Self {
        Self { place, ordered, set: false, order_of: None, found: Vec::new() }
    }

    pub(crate) fn differ(&mut self, fact: &str, expected: impl Display, got: impl Display) {
        self.push(fact, format!("{expected}"), format!("{got}"), false);
    }

    pub(crate) fn soft(&mut self, fact: &str, expected: impl Display, got: impl Display) {
        self.push(fact, format!("{expected}"), format!("{got}"), true);
    }

    fn push(&mut self, fact: &str, expected: String, got: String, soft: bool) {
        self.found.push(Difference { fact: fact.to_owned(), expected: cut(expected), got: cut(got), soft });
    }

    /// Compares two JSON values at `path`.
    pub(crate) fn value(&mut self, path: &str, expected: &Value, got: &Value) {
        match (expected, got) {
            (Value::Object(e), Value::Object(g)) => {
                self.object(path, e, g);
            }
            (Value::Array(e), Value::Array(g)) => self.array(path, e, g),
            _ if self.scalar(expected, got) => {}
            _ => self.differ(path, short(expected), short(got)),
        }
    }

    fn object(&mut self, path: &str, expected: &Map<String, Value>, got: &Map<String, Value>) {
        let mut known: Vec<&str> = Vec::new();
        for (key, value) in expected {
            let found = got.get_key_value(key).or_else(|| {
                let drawn = key.contains("{{");
                got.iter().find(|(k, v)| {
                    drawn
                        && !known.contains(&k.as_str())
                        && self.place.matches(key, k)
                        && self.equal(value, v)
                })
            });
            let path = format!("{path}.{key}");
            match found {
                Some((name, got)) => {
                    known.push(name);
                    self.member(&path, key, value, got);
                }
                None => self.differ(&path, short(value), "(missing)"),
            }
        }
        // Ids that were drawn became one key in the recording, however many there were.
        let folded = |key: &str| expected.keys().any(|e| e.contains("{{") && self.place.matches(e, key));
        let extra: Vec<(&String, &Value)> =
            got.iter().filter(|(key, _)| !known.contains(&key.as_str()) && !folded(key)).collect();
        for (key, value) in extra {
            self.differ(&format!("{path}.{key}"), "(none)", short(value));
        }
        let mut order: Vec<&str> = got.keys().map(String::as_str).filter(|k| known.contains(k)).collect();
        if let Some(keys) = self.order_of {
            order.retain(|k| keys.contains(k));
            known.retain(|k| keys.contains(k));
        }
        if self.ordered && order != known {
            self.differ(&format!("{path}(order)"), format!("{known:?}"), format!("{order:?}"));
        }
    }

    fn member(&mut self, path: &str, key: &str, expected: &Value, got: &Value) {
        let near =
            |a: Option<i64>, b: Option<i64>| matches!((a, b), (Some(a), Some(b)) if (a - b).abs() <= 1);
        match key {
            "expires_in" | "refresh_expires_in" if near(expected.as_i64(), got.as_i64()) => {}
            "x" | "y" if expected.as_str().is_some_and(|e| e.len() == 43) && got.is_string() => {}
            "scope" if words(expected).is_some() && words(expected) == words(got) => {}
            _ => self.value(path, expected, got),
        }
    }

    fn array(&mut self, path: &str, expected: &[Value], got: &[Value]) {
        if expected.len() != got.len() {
            self.differ(
                &format!("{path}(length)"),
                format!("{} {}", expected.len(), names(expected)),
                format!("{} {}", got.len(), names(got)),
            );
            return;
        }
        let top = path == "body" && !self.set;
        let objects = expected.iter().any(Value::is_object);
        if !(top && objects) && self.same_set(expected, got) {
            return;
        }
        for (at, (expected, got)) in expected.iter().zip(aligned(expected, got, top)).enumerate() {
            self.value(&format!("{path}[{at}]"), expected, got);
        }
    }

    fn same_set(&self, expected: &[Value], got: &[Value]) -> bool {
        let mut left: Vec<&Value> = got.iter().collect();
        expected.iter().all(|e| {
            let found = left.iter().position(|g| self.equal(e, g));
            found.map(|at| left.remove(at)).is_some()
        })
    }

    fn equal(&self, expected: &Value, got: &Value) -> bool {
        let mut inner = Comparison::new(self.place, false);
        inner.value("", expected, got);
        inner.found.is_empty()
    }

    fn scalar(&self, expected: &Value, got: &Value) -> bool {
        match (expected, got) {
            (Value::String(e), Value::String(g)) => self.place.matches(e, g),
            (Value::String(e), Value::Number(g)) if e == "{{epoch}}" || e == "{{epoch_ms}}" => {
                self.place.matches(e, &g.to_string())
            }
            (Value::String(e), _) if e == "..." => true, // the recording left it out
            // A time of the recording that was left as it was.
            (Value::Number(e), Value::Number(g)) if is_ms(e) && is_ms(g) => true,
            _ => expected == got,
        }
    }
}

fn is_ms(number: &serde_json::Number) -> bool {
    number.as_u64().is_some_and(|n| (1_000_000_000_000..10_000_000_000_000).contains(&n))
}

fn words(value: &Value) -> Option<Vec<&str>> {
    let mut words: Vec<&str> = value.as_str()?.split(' ').collect();
    words.sort_unstable();
    Some(words)
}

fn name(value: &Value) -> Option<&Value> {
    let keys =
        ["name", "mapperName", "clientId", "alias", "username", "realm", "algorithm", "alg", "providerId"];
    // A name that the recording did not keep tells nothing apart.
    let tells = |value: &&Value| !value.as_str().is_some_and(|text| text.contains("{{"));
    keys.iter().find_map(|key| value.get(key).filter(tells))
}

fn names(values: &[Value]) -> String {
    let list: Vec<String> =
        values.iter().take(40).map(|v| name(v).unwrap_or(v).to_string().chars().take(40).collect()).collect();
    format!("[{}]", list.join(", "))
}

fn short(value: &Value) -> String {
    value.to_string()
}

fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(600) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// Elements of `got` in the order of those of `expected` that they equal, or else are named like.
fn aligned<'v>(expected: &[Value], got: &'v [Value], top: bool) -> Vec<&'v Value> {
    let mut left: Vec<&Value> = got.iter().collect();
    if top {
        return left;
    }
    let mut chosen = vec![None; expected.len()];
    for (slot, expected) in chosen.iter_mut().zip(expected) {
        if let Some(at) = left.iter().position(|g| name(expected).is_some() && name(g) == name(expected)) {
            *slot = Some(left.remove(at));
        }
    }
    let mut left = left.into_iter();
    chosen.into_iter().map(|c| c.or_else(|| left.next()).unwrap_or(&Value::Null)).collect()
}
