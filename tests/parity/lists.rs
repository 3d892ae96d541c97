//! `differences.toml`, `pending.toml` and `unreplayable.toml`: what may differ, and why.
//!
//! A rule covers facts of exchanges. It must go on covering something: a rule, or an exchange that a
//! rule names, that no longer differs is stale and fails a full run, so the lists stay true.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::compare::Difference;

/// Numbers of exchanges: `"3"`, `"5-7"`, `"9,12-14"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Numbers(Vec<(u64, u64)>);

impl Numbers {
    pub(crate) fn contains(&self, n: u64) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&n))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|(from, to)| *from..=*to)
    }
}

impl TryFrom<String> for Numbers {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let range = |part: &str| -> Result<(u64, u64)> {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let number = |t: &str| t.trim().parse().with_context(|| format!("numbers {text:?}"));
            Ok((number(from)?, number(to)?))
        };
        text.split(',').map(range).collect::<Result<_>>().map(Self)
    }
}

/// One rule of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Why: cites an RFC section or a known flaw (differences), or names a capability (pending).
    #[serde(alias = "capability")]
    pub(crate) reason: String,
    /// Exchanges by number; each of them must differ.
    n: Option<Numbers>,
    /// Areas (`token`, `tokens.jsonl`, …); without them, every area.
    #[serde(default)]
    areas: Vec<String>,
    /// Pattern of the request's method and path, `*` for any text.
    path: Option<String>,
    /// Pattern of the exchange's name.
    name: Option<String>,
    /// Patterns of facts; without them, every fact.
    #[serde(default)]
    facts: Vec<String>,
    /// Pattern of the recorded value.
    expected: Option<String>,
    /// Pattern of our value.
    got: Option<String>,
    #[serde(skip)]
    seen: RefCell<BTreeSet<u64>>,
}

/// Which exchange a difference belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) n: u64,
    pub(crate) area: String,
    pub(crate) name: String,
    /// Method and path as recorded.
    pub(crate) request: String,
}

impl Rule {
    fn speaks_of(&self, subject: &Subject) -> bool {
        self.n.as_ref().is_none_or(|n| n.contains(subject.n))
            && (self.areas.is_empty() || self.areas.contains(&subject.area))
            && self.path.as_deref().is_none_or(|p| like(p, &subject.request))
            && self.name.as_deref().is_none_or(|p| like(p, &subject.name))
    }

    fn covers(&self, subject: &Subject, difference: &Difference) -> bool {
        let covers = self.speaks_of(subject)
            && (self.facts.is_empty() || self.facts.iter().any(|f| like(f, &difference.fact)))
            && self.expected.as_deref().is_none_or(|p| like(p, &difference.expected))
            && self.got.as_deref().is_none_or(|p| like(p, &difference.got));
        if covers {
            self.seen.borrow_mut().insert(subject.n);
        }
        covers
    }
}

/// Text against a pattern in which `*` stands for any text; without `*`, equality.
fn like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    rest.is_empty() || ends.into_iter().any(|at| like(rest, &text[at..]))
}

/// A file of rules.
#[derive(Debug, Deserialize)]
pub(crate) struct List {
    #[serde(default)]
    rule: Vec<Rule>,
}

impl List {
    pub(crate) fn parse(text: &str, name: &str) -> Result<Self> {
        let list: Self = toml::from_str(text).with_context(|| name.to_owned())?;
        for rule in &list.rule {
            if rule.reason.trim().is_empty() {
                bail!("{name}: a rule without a reason");
            }
        }
        Ok(list)
    }

    /// The first rule that covers a difference.
    pub(crate) fn find(&self, subject: &Subject, difference: &Difference) -> Option<&Rule> {
        self.rule.iter().find(|rule| rule.covers(subject, difference))
    }

    /// The first rule that speaks of an exchange, whatever its facts.
    pub(crate) fn names(&self, subject: &Subject) -> Option<&Rule> {
        let rule = self.rule.iter().find(|rule| rule.speaks_of(subject))?;
        rule.seen.borrow_mut().insert(subject.n);
        Some(rule)
    }

    /// How many exchanges each reason covered.
    pub(crate) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for rule in &self.rule {
            *counts.entry(rule.reason.as_str()).or_default() += rule.seen.borrow().len();
        }
        counts
    }

    /// Rules that covered nothing, and named exchanges that no longer differ, as sentences.
    pub(crate) fn stale(&self, name: &str) -> Vec<String> {
        let mut stale = Vec::new();
        for rule in &self.rule {
            let seen = rule.seen.borrow();
            let unseen: Vec<u64> =
                rule.n.iter().flat_map(Numbers::all).filter(|n| !seen.contains(n)).collect();
            if seen.is_empty() {
                stale.push(format!("{name}: covers nothing: {} {}", rule.reason, place(rule)));
            } else if !unseen.is_empty() {
                stale.push(format!("{name}: {unseen:?} no longer differ: {}", rule.reason));
            }
        }
        stale
    }
}

fn place(rule: &Rule) -> String {
    let mut text = String::new();
    for (label, value) in
        [("path", &rule.path), ("name", &rule.name), ("expected", &rule.expected), ("got", &rule.got)]
    {
        if let Some(value) = value {
            let _ = write!(text, " {label}={value}");
        }
    }
    format!("(areas {:?}, facts {:?}{text})", rule.areas, rule.facts)
}
